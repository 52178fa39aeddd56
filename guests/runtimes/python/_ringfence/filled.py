"""What CPython leaves to others that are not there: OpenSSL, a device from which SQLite draws its seed, a clock of the processor."""

import hashlib
import hmac
import os
import sqlite3
import time


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


class Processor:
    """What the C library gives for it counts from the start of the build. Here it is the time since the start of the run, without
    what was slept."""

    begun = slept = 0

    @classmethod
    def begin(cls):
        cls.begun, cls.slept = time.monotonic_ns(), 0


def process_time_ns():
    """process_time_ns() -> int"""
    return time.monotonic_ns() - Processor.begun - Processor.slept


def process_time():
    """process_time() -> float"""
    return process_time_ns() / 1e9


def thread_time_ns():
    """thread_time_ns() -> int"""
    return process_time_ns()


def thread_time():
    """thread_time() -> float"""
    return process_time_ns() / 1e9


def times():
    """As `os.times`; all of the time is the user's."""
    return os.times_result((process_time(), 0.0, 0.0, 0.0, time.monotonic()))


_clock_info = time.get_clock_info


def get_clock_info(name):
    """As `time.get_clock_info`, of the two that are here as well."""
    return _clock_info("process_time" if name == "thread_time" else name)


def fill():
    for clock in (process_time, process_time_ns, thread_time, thread_time_ns, get_clock_info):
        clock.__module__ = "time"
        setattr(time, clock.__name__, clock)
    os.times = times
    connect.__doc__, connect.__module__ = _connect.__doc__, "sqlite3"
    sqlite3.connect = sqlite3.dbapi2.connect = connect
    if not hasattr(hashlib, "pbkdf2_hmac"):
        hashlib.pbkdf2_hmac = pbkdf2_hmac
