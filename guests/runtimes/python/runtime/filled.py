"""What CPython leaves to OpenSSL, which is not in this build."""

import hashlib
import hmac


def pbkdf2_hmac(hash_name, password, salt, iterations, dklen=None):
    """As `hashlib.pbkdf2_hmac`, in Python: a hundred thousand rounds take a second."""
    size = hashlib.new(hash_name).digest_size
    wanted = size if dklen is None else dklen
    if iterations < 1:
        raise ValueError("iteration value must be greater than 0.")
    if wanted < 1:
        raise ValueError("key length must be greater than 0.")
    keyed = hmac.new(bytes(password), digestmod=hash_name)

    def turn(message):
        one = keyed.copy()
        one.update(message)
        return one.digest()

    key = b""
    for block in range(1, -(-wanted // size) + 1):
        last = turn(bytes(salt) + block.to_bytes(4, "big"))
        mixed = int.from_bytes(last, "big")
        for _ in range(iterations - 1):
            last = turn(last)
            mixed ^= int.from_bytes(last, "big")
        key += mixed.to_bytes(size, "big")
    return key[:wanted]


def fill():
    if not hasattr(hashlib, "pbkdf2_hmac"):
        hashlib.pbkdf2_hmac = pbkdf2_hmac
