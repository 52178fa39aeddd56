"""What is in the image lives for ever, so nobody need count who holds it.

Each count that a run changes makes a page of the image its own: a copy, and later its undoing. CPython leaves the counts alone
of what it knows to be immortal, and has no way to say so from Python. So this lists where all that lives is, and the build
writes the counts into the image (guests/lasting.py), which takes the list out.
"""

import array
import gc
import sys
import types

# Read backwards in the image, so that this line is not found there.
MARK = b"]gnitsal:ecnefgnir["
PARTS = [
    f"co_{part}"
    for part in "consts names varnames freevars cellvars filename name qualname linetable exceptiontable".split()
]

# They stay, or their places would be others' by the time that the list is read.
EVERYTHING = []
LIST = None


def write_down():
    global LIST
    gc.collect()
    seen = {id(EVERYTHING), id(globals())}
    EVERYTHING.extend(_new([*gc.get_objects(), sys.modules], seen))
    for thing in EVERYTHING:
        # The list grows while it is read.
        EVERYTHING.extend(_new(_held(thing), seen))
    ids = array.array("I", map(id, EVERYTHING))
    ids.append(id(EVERYTHING))
    LIST = MARK[::-1] + array.array("I", [len(ids), sum(ids) & 0xFFFFFFFF]).tobytes() + ids.tobytes()
    gc.collect()
    gc.freeze()


def _new(things, seen):
    for thing in things:
        if id(thing) not in seen and thing is not seen and thing is not things:
            seen.add(id(thing))
            yield thing


def _held(thing):
    # A class that is part of the interpreter itself is not named by its instances.
    held = [type(thing), *gc.get_referents(thing)]
    if isinstance(thing, types.CodeType):
        held += [getattr(thing, part) for part in PARTS]
    if isinstance(thing, type):
        # What a class holds that is part of the interpreter is told to nobody who asks for it as above.
        held += [vars(thing), thing.__mro__, thing.__bases__]
    return held
