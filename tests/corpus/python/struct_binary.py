import array
import io
import struct

header = struct.pack(">4sHHIq?", b"RIFF", 1, 2, 0xDEADBEEF, -5, True)
print(header.hex(), struct.calcsize(">4sHHIq?"), struct.unpack(">4sHHIq?", header))
records = [(1, 3.5, b"one"), (2, -0.25, b"two"), (300, 1e10, b"three!")]
packer = struct.Struct("<Hd6s")
stream = io.BytesIO()
for record in records:
    stream.write(packer.pack(*record))
stream.seek(packer.size)
number, value, name = packer.unpack(stream.read(packer.size))
print(number, value, name.rstrip(b"\0"), stream.tell(), [r[0] for r in packer.iter_unpack(stream.getvalue())])
floats = array.array("f", [1.5, 2.25, -3])
print(floats.tobytes().hex(), floats.itemsize, list(array.array("B", b"hi")), struct.unpack("<e", b"\x00\x3c"))
view = memoryview(bytearray(b"abcdefgh"))
view[2:4] = b"ZZ"
print(bytes(view), view[1::3].tobytes(), view.cast("H").shape)
with open("blob.bin", "wb") as out:
    out.write(bytes(range(256)))
    out.seek(10)
    out.write(b"\0\0")
with open("blob.bin", "rb") as blob:
    blob.seek(-4, 2)
    print(blob.read(), blob.tell())
    blob.seek(8)
    print(blob.read(5).hex(" "))
try:
    struct.pack("B", 256)
except struct.error as error:
    print("struct.error")
