"""Makes all that lives in the image of Python immortal (guests/runtimes/python/_ringfence/lasting.py)."""

import struct

from merged import Reader

MARK = b"[ringfence:lasting]"
# As CPython has it where a pointer has 32 bits.
IMMORTAL, LEAST = 5 << 28, 1 << 30
# More holders than anything has: what is above is no count.
MOST = 1 << 24


def make_lasting(module):
    """The core module with the memory, as it is to be."""
    out = bytearray(module)
    pieces = list(places(module))
    memory, listed = loaded(module)
    known = set(listed)
    counted = 0
    for address in listed:
        count, kind = struct.unpack_from("<II", memory, address)
        if kind not in known:
            raise ValueError(f"no object is at {address}")
        if count >= LEAST:
            continue
        if not 0 < count < MOST:
            raise ValueError(f"the object at {address} is held {count} times")
        struct.pack_into("<I", memory, address, IMMORTAL)
        counted += 1
    forget_gaps(memory)
    written = 0
    for start, length, place in pieces:
        out[place:place + length] = memory[start:start + length]
        written += length - memory.count(0, start, start + length)
    if not counted or written != len(memory) - memory.count(0):
        raise ValueError(f"{counted} things were made lasting, and not all of that could be written")
    return bytes(out)


def loaded(module):
    """Memory as it will be, since its pieces leave zeros out, also in the middle of a thing; and where in it is what lives."""
    pieces = list(places(module))
    memory = bytearray(max(start + length for start, length, _ in pieces) + 8)
    for start, length, place in pieces:
        memory[start:start + length] = module[place:place + length]
    return memory, taken_out(memory)


# Where the state of the C library's allocator (dlmalloc 2.8) has what.
SMALLMAP, TREEMAP, DVSIZE, DV, TOP, SMALLBINS = 0, 4, 8, 20, 24, 40
BINS = 32
TREEBINS = SMALLBINS + 8 * (BINS + 1)
SEGMENT = TREEBINS + 4 * BINS + 16
# Of a piece: the one before it is in use, and it is itself.
PINUSE, CINUSE = 1, 2


def forget_gaps(memory):
    """Makes the allocator believe that its free pieces are in use, but for the largest: what a run asks for comes from that and
    from the end, and lies together."""
    def word(at):
        return struct.unpack_from("<I", memory, at)[0]

    def put(at, value):
        struct.pack_into("<I", memory, at, value)

    state = allocator(memory)
    top = word(state + TOP)
    free = []
    segment = state + SEGMENT
    while segment:
        base, size, following = struct.unpack_from("<III", memory, segment)
        piece = base + -(base + 8) % 16
        while piece < base + size and piece != top:
            head = word(piece + 4)
            length = head & ~7
            if length < 16:
                break
            if not head & CINUSE:
                free.append((length, piece))
            piece += length
        segment = following
    if not free:
        return
    largest = max(free)
    for length, piece in free:
        if (length, piece) != largest:
            put(piece + 4, word(piece + 4) | CINUSE)
            put(piece + length + 4, word(piece + length + 4) | PINUSE)
    put(state + SMALLMAP, 0)
    put(state + TREEMAP, 0)
    put(state + DVSIZE, largest[0])
    put(state + DV, largest[1])
    for index in range(BINS):
        place = state + SMALLBINS + 8 * index
        put(place + 8, place)
        put(place + 12, place)
        put(state + TREEBINS + 4 * index, 0)


def allocator(memory):
    """The only place where each bin is empty and says so, or is not and does not."""
    found = []
    words = memoryview(memory)[:len(memory) // 4 * 4].cast("I")
    for at in range(len(words) - 128):
        # The first bins are smaller than any piece can be, so they are empty for ever.
        first = at * 4 + SMALLBINS
        if words[at + 12] == first and words[at + 13] == first and words[at + 14] == first + 8 == words[at + 15]:
            if all(is_bin(words, at, index) for index in range(BINS)):
                found.append(at * 4)
    if len(found) != 1:
        raise ValueError(f"{len(found)} allocators were found")
    return found[0]


def is_bin(words, at, index):
    place = at * 4 + SMALLBINS + 8 * index
    forward, back = words[place // 4 + 2], words[place // 4 + 3]
    is_empty = not words[at] >> index & 1
    return (forward == back == place) if is_empty else (forward != place and back != place)


def places(module):
    """Address, length, and place in the module, of each piece of memory."""
    for kind, body in Reader(module).sections():
        if kind != 11:
            continue
        for _ in range(body.number()):
            if body.number() != 0 or body.byte() != 0x41:
                raise ValueError("a piece of memory without an address")
            address = signed(body)
            if body.byte() != 0x0B:
                raise ValueError("an address that is computed")
            length = body.number()
            yield address, length, body.at
            body.at += length


def signed(reader):
    value = shift = 0
    while True:
        byte = reader.byte()
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value & 0xFFFFFFFF if not byte & 64 else (value - (1 << shift)) & 0xFFFFFFFF


def taken_out(out):
    """The list, which is nowhere in the image then."""
    found = None
    start = out.find(MARK)
    while start >= 0:
        body = start + len(MARK)
        count, total = struct.unpack_from("<II", out, body)
        if body + 8 + 4 * count <= len(out):
            listed = struct.unpack_from(f"<{count}I", out, body + 8)
            if sum(listed) & 0xFFFFFFFF == total:
                found = listed
                out[start:body + 8 + 4 * count] = bytes(len(MARK) + 8 + 4 * count)
        start = out.find(MARK, start + 1)
    if found is None:
        raise ValueError("the image has no list of what lives in it")
    return found
