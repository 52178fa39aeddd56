"""What a process does when it ends: functions of `atexit`, finalizers of what still lives.

A run that is no session is a process to its snippet. The instance is dropped without winding down, so it is done here, and only
where there is something to do: most snippets leave nothing behind that would tell, and to see that costs them next to nothing.
"""

import atexit
import builtins
import decimal
import gc
import sys
import types
from importlib.machinery import SourceFileLoader
from itertools import islice

from _ringfence import files, sealed

__builtins__ = sealed.OWN

from _ringfence_world.imports import control  # noqa: E402

# Code without any of these brings no finalizer along, but by an object that is no plain one.
WORDS = ("__del__", "yield", "weakref", "tempfile", "zipfile", "gzip", "shelve", "dbm", "Handler", "FileIO", "Buffered", "TextIO")
# What neither has a finalizer nor holds what may have one. It is there until finalizers are done, as in CPython: they use it.
# By their places: to look up a class of the snippet's would ask its own class for a hash.
_ATOMS = {int, float, complex, str, bytes, bytearray, bool, range, type(None), decimal.Decimal}
_ATOMS = {*map(id, _ATOMS | {type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType})}
_SIFTED, _DROPPED = {*map(id, (list, dict, set))}, {*map(id, (tuple, frozenset))}
_PLAIN = _ATOMS | _SIFTED | _DROPPED | {id(types.MethodType)}
# How many things are looked at for what they hold. What is beyond is left as it is.
MOST = 50_000
_callbacks, _run_callbacks, _collect, _stats, _first = atexit._ncallbacks, atexit._run_exitfuncs, gc.collect, gc.get_stats, islice
_modules = sys.modules


class Endings:
    def begin(self):
        """What is there now is of the image, and not the snippet's to finish."""
        self.callbacks = _callbacks()
        self.keep({})

    def keep(self, namespace):
        """That is true of what a set-up leaves as well, but for its functions for the exit. Its places alone are kept: what a run lets
        go of is gone."""
        self.kept = {name: id(value) for name, value in namespace.items()}
        self.modules, self.looked = len(_modules), _looked()

    def are_due(self, code, namespace):
        if _callbacks() > self.callbacks or len(_modules) > self.modules and self._own_modules():
            return control.last()
        for word in WORDS:
            if word in code:
                return control.last()
        for value in namespace.values():
            if id(type(value)) not in _PLAIN:
                return control.last()
        return False

    def finish(self, session):
        _run_callbacks()
        vars(builtins).pop("_", None)
        for name in ("last_exc", "last_type", "last_value", "last_traceback"):
            vars(sys).pop(name, None)
        own = self._own_modules()
        if self.kept:
            self._let_go([vars(session.main), *map(vars, own)])
        else:
            # Nobody else holds the namespace, so what is in it is found to be left by all, and finalizers find the rest there.
            kept, places = files.still_open(), {*map(id, own)}  # noqa: F841
            for name in [name for name, module in _modules.items() if id(module) in places]:
                del _modules[name]
            _modules.pop("__main__", None)
            session.main = own = None
        # Those that hold each other. Where the interpreter has not looked for such yet, all are young.
        _collect(2 if _looked() > self.looked else 0)

    def _let_go(self, spaces):
        """One by one: a namespace that is of the image is never found to be left."""
        for space in spaces:
            for name in self._names(space, lambda value: id(type(value)) not in _PLAIN):
                space[name] = None
        look = _Look()
        for space in spaces:
            for name in self._names(space, look.holds):
                # A finalizer may have taken it away.
                if name in space:
                    space[name] = look.sifted(space[name])

    def _own_modules(self):
        """Those that the snippet imported from its files; the library's are read from memory."""
        added = [*_first(reversed(_modules.values()), max(len(_modules) - self.modules, 0))]
        return [module for module in added if type(getattr(module, "__loader__", None)) is SourceFileLoader]

    def _names(self, space, wanted):
        """Names alone: what they stand for is to go when it is let go of."""
        kept = self.kept
        return [name for name, value in space.items() if (name[:2] != "__" or name[-2:] != "__") and kept.get(name) != id(value) and wanted(value)]


# What is warned of here (a coroutine that nobody waited for) has no place in the snippet, and comes from none of ours.
Endings.finish.__code__ = Endings.finish.__code__.replace(co_filename="<sys>")


class _Look:
    """Looks for what is not plain in lists and dicts, however deep, and no longer than it is worth."""

    def __init__(self):
        self.left, self.plain = MOST, set()

    def holds(self, value):
        seen, open_ = set(), [iter((value,))]
        while open_:
            for thing in open_[-1]:
                self.left -= 1
                if self.left < 0:
                    return False
                kind = id(type(thing))
                if kind in _ATOMS or id(thing) in seen or id(thing) in self.plain:
                    continue
                if kind not in _SIFTED and kind not in _DROPPED:
                    return True
                seen.add(id(thing))
                open_.append(iter(thing.values() if type(thing) is dict else thing))
                break
            else:
                open_.pop()
        # All of it, and nobody need look there again.
        self.plain |= seen
        return False

    def sifted(self, value):
        """Another one, of what is plain: finalizers may still look there by its name, and whoever holds the old one has it whole."""
        kind = type(value)
        if kind is dict:
            return {key: inner for key, inner in value.items() if not self.holds(inner)}
        return kind(inner for inner in value if not self.holds(inner)) if id(kind) in _SIFTED else None


def _looked():
    return sum([kind["collections"] for kind in _stats()])
