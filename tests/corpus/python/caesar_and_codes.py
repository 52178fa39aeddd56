import base64
import binascii
import codecs
import hashlib
import hmac
import zlib

text = "The quick brown fox, 2026 — naïve"
print(codecs.encode(text, "rot13"))
raw = text.encode()
for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "sha3_256"):
    print(name, hashlib.new(name, raw).hexdigest()[:32])
print(hmac.new(b"key", raw, "sha256").hexdigest(), hashlib.pbkdf2_hmac("sha256", b"pw", b"salt", 1000).hex()[:24])
for coder in (base64.b64encode, base64.urlsafe_b64encode, base64.b32encode, base64.b85encode, binascii.hexlify):
    print(coder.__name__, coder(raw))
print(base64.b64decode("aGVsbG8=") + base64.a85decode(base64.a85encode(b"x" * 9)), zlib.crc32(raw), zlib.adler32(raw))
packed = zlib.compress(raw * 50, 9)
print(len(packed) < len(raw) * 3, zlib.decompress(packed) == raw * 50)
try:
    base64.b64decode("abc", validate=True)
except binascii.Error as error:
    print(error)
morse = dict(zip("sonp", (".." + ".", "---", "-.", ".--.")))
print(" ".join(morse[c] for c in "sos"), "".join(chr((ord(c) - 97 + 3) % 26 + 97) if c.islower() else c for c in text))
print(bytes.fromhex("de ad be ef")[::-1].hex(":"), bytearray(b"abc").replace(b"b", b"--"), b"a%db%s" % (5, b"z"))
