"""What CPython leaves to others that are not there: OpenSSL, and a device from which SQLite draws its seed."""

import hashlib
import hmac
import os
import sqlite3


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


def _random():
    return int.from_bytes(os.urandom(8), "little", signed=True)


def _random_bytes(count):
    return os.urandom(max(count or 0, 1))


_connect = sqlite3.connect


def connect(*args, **kwargs):
    """SQLite's own generator has the state of the image: each start would draw the same."""
    connection = _connect(*args, **kwargs)
    connection.create_function("random", 0, _random)
    connection.create_function("randomblob", 1, _random_bytes)
    return connection


def fill():
    connect.__doc__, connect.__module__ = _connect.__doc__, "sqlite3"
    sqlite3.connect = sqlite3.dbapi2.connect = connect
    if not hasattr(hashlib, "pbkdf2_hmac"):
        hashlib.pbkdf2_hmac = pbkdf2_hmac
