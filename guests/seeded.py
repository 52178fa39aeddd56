"""Gives Python's hashes a key of their own in each start, though the image that starts are made from is full of hashes.

A key that is new for all would have to write each hash and each table of the image anew, which is most of its memory. So the
function that hashes texts and bytes becomes another (runtimes/python/hash.wat): what the image knows keeps its hash, all else has the
key of the start. Which hashes the image knows is a table in memory that nobody else has.
"""

import pathlib
import struct
import tempfile

from lasting import loaded, signed as read_signed
from merged import FUNCTION, GLOBAL, Reader, binaryen, exports, imports, many, number, section
from stack import CALL, END, code, functions, instructions, signed

SOURCE = pathlib.Path(__file__).resolve().parent / "runtimes" / "python" / "hash.wat"
HASHES = "Py_HashBuffer"
# What Python calls `_imp.source_hash`: the driver tells the key by it.
TOLD = "_Py_KeyedHash"
# Tables of CPython's own, of C's texts that no object has: as they are, since an image shows nobody what is in them.
AS_THEY_ARE = {"hashtable_hash_str", "py_hmac_hinfo_ht_hash"}
# What else asks for it: an image keeps no hash of these but in an object that has what was hashed, or the build ends.
OF_OBJECTS = {"bytes_hash", "memory_hash", "unicode_hash", "hashtable_unicode_hash", "date_hash", "time_hash", "datetime_hash", "pattern_hash"}
UNREACHABLE = 0x00
PAGE = 1 << 16
SLOTS = 1 << 17
STATE = struct.Struct("<4I2QI")
ENTRY = struct.Struct("<QII")

# As CPython has them where a pointer has 32 bits.
TYPE, LENGTH, HASH, ASCII, LETTERS, BYTES, DATE_HASH = 4, 8, 12, 20, 28, 16, 8
TYPE_NAME, TYPE_FLAGS, IS_BYTES, IS_TEXT, IS_TYPE = 12, 84, 1 << 27, 1 << 28, 1 << 31
DATED = {b"datetime.date", b"datetime.datetime", b"datetime.time"}
# Of the parser of XML, in the secret.
SALT = 16
NO_HASH = 0xFFFFFFFF
# Where a type is named there may be no object of it. What is in no list is a word of the interpreter's own.
LONGEST, LONGEST_ELSEWHERE = 1 << 24, 1 << 12


def from_the_first(module):
    """A Python that is one module and has not begun."""
    module, place = room(module, {})
    return hashing(module, place, begun=False)


def room(module, known, salt=0):
    """The core module with the memory, and in that the state of the function and its table; and the place of it."""
    place = 0
    out = bytearray(module[:8])
    for kind, body in Reader(module).sections():
        if kind == 5:
            count, flags, pages = body.number(), body.byte(), body.number()
            if count != 1 or flags & ~1:
                raise ValueError("a memory of another kind")
            place = pages * PAGE
            taken = 1 + SLOTS * ENTRY.size // PAGE
            out += section(5, number(1) + bytes([flags]) + number(pages + taken) + body.rest())
        elif kind == 11:
            state = STATE.pack(0, place + PAGE, SLOTS - 1, len(known), 0, 0, salt)
            pieces = [(place, state), *([(place + PAGE, table(known))] if known else [])]
            new = [b"\x00\x41" + signed(at) + b"\x0b" + number(len(data)) + data for at, data in pieces]
            out += section(11, number(body.number() + len(new)) + body.rest() + b"".join(new))
        else:
            out += section(kind, body.rest())
    if not place:
        raise ValueError("the module has no memory of its own")
    return bytes(out), place


def table(known):
    if len(known) * 4 >= SLOTS * 3:
        raise ValueError(f"{len(known)} hashes are too many for a table of {SLOTS}")
    slots = [(0, 0)] * SLOTS
    for whole, noted in known.items():
        at = whole & SLOTS - 1
        while slots[at][0]:
            at = at + 1 & SLOTS - 1
        slots[at] = whole, noted
    return b"".join(ENTRY.pack(whole, noted, 0) for whole, noted in slots)


def hashing(module, place, begun):
    """The core module that is Python, with the other function. Where it has begun already, what hashes things that no object has
    goes on with the old one."""
    names = functions(module)
    inside = sum(rest[0] == FUNCTION for _, _, rest in imports(module))
    old, told = (next(index for index, called in names.items() if called == wanted) for wanted in (HASHES, TOLD))
    out = bytearray(module[:8])
    for kind, body in Reader(module).sections():
        if kind == 3 and begun:
            kinds = body.many(Reader.number)
            out += section(3, many([number(of) for of in [*kinds, kinds[old - inside]]]))
        elif kind == 10:
            bodies = body.many(code)
            if begun:
                asking = {names.get(inside + at): at for at, one in enumerate(bodies) if calling(one, old)}
                if set(asking) != AS_THEY_ARE | OF_OBJECTS:
                    raise ValueError(f"others ask for hashes than are known here: {', '.join(sorted(map(str, asking)))}")
                for called in AS_THEY_ARE:
                    bodies[asking[called]] = redirected(bodies[asking[called]], old, inside + len(bodies))
                bodies.append(bodies[old - inside])
            bodies[old - inside], first = made(place)
            bodies[told - inside] = behind(first, bodies[told - inside])
            out += section(10, many([number(len(new)) + new for new in bodies]))
        else:
            out += section(kind, body.rest())
    return bytes(out)


def calling(body, index):
    return [reader.start for opcode, reader in instructions(body) if opcode == CALL and reader.number() == index]


def redirected(body, old, new):
    out, copied = bytearray(), 0
    for start in calling(body, old):
        end = Reader(body, start + 1)
        end.number()
        out += body[copied:start] + bytes([CALL]) + number(new)
        copied = end.at
    return bytes(out + body[copied:])


def behind(first, body):
    """A body that begins with what the other does. That has nothing of its own but parameters, and ends where it is not to."""
    start = next(reader.start for _, reader in instructions(body))
    if first[0] != 0 or first[-2:] != bytes([UNREACHABLE, END]):
        raise ValueError("the first part is no such body")
    return body[:start] + first[1:-2] + body[start:]


def made(place):
    """Both functions."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = pathlib.Path(folder) / "hash.wat", pathlib.Path(folder) / "hash.wasm"
        source.write_text(SOURCE.read_text().replace("0x5eed", hex(place)))
        binaryen("wasm-as", str(source), "-o", str(result))
        return next(body.many(code) for kind, body in Reader(result.read_bytes()).sections() if kind == 10)


# What an image knows.


class Image:
    """The memory of a Python that has begun, and where all that lives in it is."""

    def __init__(self, module):
        self.memory, self.listed = loaded(module)
        values = constants(module)
        places = {field.rpartition(":")[2]: values[index] for field, kind, index in exports(module) if kind == GLOBAL}
        secret = places["_Py_HashSecret"]
        self.prefix, self.suffix = struct.unpack_from("<2I", self.memory, secret)
        self.salt = secret + SALT
        self.text, self.bytes = places["PyUnicode_Type"], places["PyBytes_Type"]

    def word(self, at):
        return struct.unpack_from("<I", self.memory, at)[0]

    def known(self):
        """What the table has of each text and each row of bytes that has been hashed: found by its type, also where it is part of
        the interpreter and in no list, and held to what CPython noted."""
        kinds = self.kinds()
        found, must = {}, set(self.listed)
        for kind, flags in kinds.items():
            pattern, at = struct.pack("<I", kind), -1
            while (at := self.memory.find(pattern, at + 1)) >= 0:
                thing = at - 4
                noted = self.word(thing + HASH)
                length = self.word(thing + LENGTH)
                if at % 4 or noted == NO_HASH or not 0 < length <= (LONGEST if thing in must else LONGEST_ELSEWHERE):
                    continue
                content = next((one for one in self.contents(thing, flags) if self.fnv(one) == noted), None)
                if content is not None:
                    found[siphash(0, 0, content)] = noted
                elif thing in must:
                    raise ValueError(f"what is at {thing} has a hash that cannot be told")
        return found

    def kinds(self):
        """Types of texts and of bytes; and no date may have a hash, since it would not say of what."""
        kinds, dated = {self.text: IS_TEXT, self.bytes: IS_BYTES}, set()
        for address in self.listed:
            if self.word(self.word(address + TYPE) + TYPE_FLAGS) & IS_TYPE:
                flags, name = self.word(address + TYPE_FLAGS) & (IS_TEXT | IS_BYTES), self.word(address + TYPE_NAME)
                kinds |= {address: flags} if flags else {}
                dated |= {address} if bytes(self.memory[name:self.memory.find(0, name)]) in DATED else set()
        hashed = [at for at in self.listed if self.word(at + TYPE) in dated and self.word(at + DATE_HASH) != NO_HASH]
        if len(dated) != len(DATED) or hashed:
            raise ValueError(f"{len(dated)} types of dates were found, and dates with a hash at {hashed}")
        return kinds

    def contents(self, thing, flags):
        """What may be hashed of it: letters follow the head, which is longer where they are not ASCII, or are elsewhere."""
        length = self.word(thing + LENGTH)
        places = [(thing + BYTES, 1)]
        if flags & IS_TEXT:
            places = [(thing + ASCII, 1), *((at, wide) for at in (thing + LETTERS, self.word(thing + LETTERS)) for wide in (1, 2, 4))]
        for place, wide in places:
            if place + length * wide <= len(self.memory):
                yield bytes(self.memory[place:place + length * wide])

    def fnv(self, content):
        """As CPython hashes where a processor must have its words aligned: the build takes this one for such."""
        count = (len(content) - 1) // 4
        value = self.prefix ^ content[0] << 7
        for word in (*struct.unpack_from(f"<{count}I", content), *content[count * 4:]):
            value = value * 1000003 & NO_HASH ^ word
        value ^= len(content) ^ self.suffix
        return value if value != NO_HASH else NO_HASH - 1


def constants(module):
    """Of each global of a module that is a plain number."""
    for kind, body in Reader(module).sections():
        if kind == 6:
            return body.many(constant)
    return []


def constant(reader):
    # Its type, whether it changes, and the instruction.
    reader.at += 3
    value = read_signed(reader)
    reader.at += 1
    return value


MASK = (1 << 64) - 1


def siphash(key0, key1, data):
    """SipHash-1-3."""
    v0, v1 = key0 ^ 0x736F6D6570736575, key1 ^ 0x646F72616E646F6D
    v2, v3 = key0 ^ 0x6C7967656E657261, key1 ^ 0x7465646279746573
    whole = len(data) // 8 * 8
    end = int.from_bytes(data[whole:], "little") | (len(data) & 255) << 56
    for word in (*struct.unpack_from(f"<{whole // 8}Q", data), end, None, None, None):
        if word is None:
            # Once: the first of the three.
            v2, word, data = v2 ^ (0xFF if data is not None else 0), 0, None
        v3 ^= word
        v0, v2 = v0 + v1 & MASK, v2 + v3 & MASK
        v1, v3 = (v1 << 13 & MASK | v1 >> 51) ^ v0, (v3 << 16 & MASK | v3 >> 48) ^ v2
        v0 = v0 << 32 & MASK | v0 >> 32
        v2, v0 = v2 + v1 & MASK, v0 + v3 & MASK
        v1, v3 = (v1 << 17 & MASK | v1 >> 47) ^ v2, (v3 << 21 & MASK | v3 >> 43) ^ v0
        v2 = v2 << 32 & MASK | v2 >> 32
        v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3
