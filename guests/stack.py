"""Lets Python's own count of its C stack see how much stack its deep recursions take, so that they end in RecursionError.

CPython tells how deep it is from the address of its frame. In WebAssembly that is the stack in memory, where only those variables are
of which somebody takes the address. What returns, and most variables, are on another stack that no program sees (`stack_bytes`), and
in many recursions that one is full first. So each function that asks how deep it is takes some more of the stack in memory: at least a
quarter of what it and those around it take of the other, since by default one has 1 MiB and the other 4 MiB.
"""

from merged import FUNCTION, GLOBAL, Reader, imports, many, number, section

# Who calls one of these asks how deep it is. What asks without a call is named below.
ASKING = {"_Py_CheckRecursiveCall", "_Py_EnterRecursiveCall", "Py_EnterRecursiveCall"}
# Called for nearly everything: each is around again only through the interpreter's own loop, which has a frame in memory.
AS_THEY_ARE = ("cfunction_vectorcall_", "method_vectorcall_")
BY_NAME = {"_Py_Dealloc"}
TAKEN = 256

CONST, GET, SET, ADD, SUB, BLOCK, RETURN, BR, END = 0x41, 0x23, 0x24, 0x6A, 0x6B, 0x02, 0x0F, 0x0C, 0x0B
CALL, NOTHING = 0x10, 0x40


def deepened(module):
    """The core module of Python, of which some functions take more of the stack in memory."""
    names = functions(module)
    place = {called: index for index, called in names.items()}
    asking = {place[called] for called in ASKING}
    inside = sum(rest[0] == FUNCTION for _, _, rest in imports(module))
    globals_ = [field for _, field, rest in imports(module) if rest[0] == GLOBAL]
    pointer = globals_.index("__stack_pointer")
    types, kinds = [], []
    out = bytearray(module[:8])
    changed = set()
    for kind, body in Reader(module).sections():
        if kind == 1:
            types = Reader(body.data, body.at, body.end).many(results)
        elif kind == 3:
            kinds = Reader(body.data, body.at, body.end).many(Reader.number)
        elif kind == 10:
            bodies = body.many(code)
            for at, old in enumerate(bodies):
                called = names.get(inside + at, "")
                asks = called not in ASKING and not called.startswith(AS_THEY_ARE) and calls(old) & asking
                if asks or called in BY_NAME:
                    changed.add(called)
                    bodies[at] = taking(old, TAKEN, pointer, types[kinds[at]])
            out += section(10, many([number(len(new)) + new for new in bodies]))
            continue
        out += section(kind, body.rest())
    if not BY_NAME < changed:
        raise ValueError(f"only these were found to ask how deep they are: {', '.join(sorted(changed))}")
    return bytes(out)


def functions(module):
    """Names that the linker left, by number."""
    for kind, body in Reader(module).sections():
        if kind == 0 and body.name() == "name":
            while body.at < body.end:
                part, length = body.byte(), body.number()
                if part == 1:
                    return dict(body.many(lambda reader: (reader.number(), reader.name())))
                body.at += length
    raise ValueError("the module has no names")


def results(reader):
    """What a function of a type gives back, as a block that gives the same says it."""
    if reader.byte() != 0x60:
        raise ValueError("a type that is no function")
    reader.many(Reader.byte)
    given = reader.many(Reader.byte)
    if len(given) > 1:
        return None
    return given[0] if given else NOTHING


def code(reader):
    length = reader.number()
    reader.at += length
    return reader.data[reader.at - length:reader.at]


def calls(body):
    """The functions that one calls directly, by number."""
    return {reader.number() for opcode, reader in instructions(body) if opcode == CALL}


def instructions(body):
    """Each opcode, and a reader behind it; the place of the opcode is `reader.start`."""
    reader = Reader(body)
    reader.many(lambda pair: (pair.number(), pair.byte()))
    while reader.at < reader.end:
        reader.start = reader.at
        opcode = reader.byte()
        operands = reader.at
        yield opcode, reader
        reader.at = operands
        skip(opcode, reader)


def skip(opcode, reader):
    """Past what belongs to an instruction."""
    if opcode == 0xFC:
        which = reader.number()
        count = 0 if which < 8 else 2 if which in (8, 10, 12, 14) else 1
    elif 0x28 <= opcode <= 0x3E or opcode == 0x11:
        count = 2
    elif opcode in (0x02, 0x03, 0x04, BR, 0x0D, CALL, 0x3F, 0x40, CONST, 0x42, 0xD0, 0xD2) or 0x20 <= opcode <= 0x26:
        count = 1
    elif opcode == 0x0E:
        count = reader.number() + 1
    elif opcode in (0x43, 0x44):
        reader.at += 4 if opcode == 0x43 else 8
        count = 0
    elif opcode in (0x00, 0x01, 0x05, END, RETURN, 0x1A, 0x1B) or 0x45 <= opcode <= 0xC4 or opcode == 0xD1:
        count = 0
    else:
        raise ValueError(f"an instruction {opcode:#x}")
    for _ in range(count):
        reader.number()


def taking(body, much, pointer, result):
    """A function with a larger frame in memory; where it returns it leaves a block, behind which the frame is given back."""
    if result is None:
        raise ValueError("a function with several results")
    first = next(reader.start for _, reader in instructions(body))
    out = bytearray(body[:first]) + moved(SUB, much, pointer) + bytes([BLOCK, result])
    depth, copied = 0, first
    for opcode, reader in instructions(body):
        if opcode in (0x02, 0x03, 0x04):
            depth += 1
        elif opcode == END:
            depth -= 1
        elif opcode == RETURN:
            out += body[copied:reader.start] + bytes([BR]) + number(depth)
            copied = reader.start + 1
    return bytes(out + body[copied:] + moved(ADD, much, pointer) + bytes([END]))


def moved(how, much, pointer):
    return bytes([GET]) + number(pointer) + bytes([CONST]) + signed(much) + bytes([how, SET]) + number(pointer)


def signed(value):
    """A number of which the highest bit in the last byte is no sign."""
    out = number(value)
    return out if out[-1] < 64 else out[:-1] + bytes([out[-1] | 128, 0])
