"""Clear sentences for what does not work inside: one reason, and what to do instead."""

import errno
import importlib.abc
import operator
import os
import posix
import socket
import subprocess
import sys
import threading
import time

from _ringfence_world.imports import control, exit

PROCESSES = "no process can be started inside the fence: write it in Python, or call a tool"
SOCKETS = "no connection can be opened inside the fence: call a tool that does it"
THREADS = "no thread can be started inside the fence: use asyncio, or do one thing after the other"
NATIVE = "is compiled for another machine and is not part of this runtime"

# Modules of CPython that this build lacks, and why.
ABSENT = {
    "_ctypes": "ctypes is not available: no native library can be loaded inside the fence",
    "ctypes": "ctypes is not available: no native library can be loaded inside the fence",
    "cffi": "cffi is not available: no native library can be loaded inside the fence",
    "_ssl": "ssl is not available: " + SOCKETS,
    "ssl": "ssl is not available: " + SOCKETS,
    "_posixsubprocess": PROCESSES,
    "_multiprocessing": PROCESSES,
    "_bz2": "bz2 is not part of this runtime: use zlib, gzip or zipfile",
    "_lzma": "lzma is not part of this runtime: use zlib, gzip or zipfile",
    "_zstd": "zstd is not part of this runtime: use zlib, gzip or zipfile",
    "tkinter": "tkinter is not available: there is no screen inside the fence",
    "turtle": "turtle is not available: there is no screen inside the fence",
    "curses": "curses is not available: there is no terminal inside the fence",
    "readline": "readline is not available: there is no terminal inside the fence",
    "termios": "termios is not available: there is no terminal inside the fence",
    "fcntl": "fcntl is not available inside the fence",
    "mmap": "mmap is not available inside the fence: read the file instead",
    "resource": "resource is not available: limits are set by the host",
    "pwd": "pwd is not available: there are no users inside the fence",
    "grp": "grp is not available: there are no users inside the fence",
    "venv": "venv is not available: nothing can be installed inside the fence",
    "ensurepip": "pip is not available: nothing can be installed inside the fence",
    "pip": "pip is not available: nothing can be installed inside the fence",
}
# Names that agents reach for first, with what is there instead.
INSTEAD = {
    "numpy": "use statistics, array and lists here, or the data-science runtime",
    "pandas": "use csv, sqlite3 and lists of dicts here, or the data-science runtime",
    "scipy": "it is in the data-science runtime",
    "sklearn": "it is in the data-science runtime",
    "matplotlib": "it is in the data-science runtime",
    "requests": SOCKETS,
    "httpx": SOCKETS,
    "aiohttp": SOCKETS,
}


class Absent(importlib.abc.MetaPathFinder):
    """Stands last: whoever looks here found the module nowhere else."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        reason = ABSENT.get(name) or ABSENT.get(top)
        if reason is None and top in INSTEAD:
            reason = f"{top} is not part of this runtime: {INSTEAD[top]}"
        if reason is None:
            return None
        raise ModuleNotFoundError(reason, name=name)

    @staticmethod
    def invalidate_caches():
        pass


def _refuse(kind, text):
    def refuse(*_, **__):
        raise kind(errno.ENOTSUP, text) if kind is OSError else kind(text)

    return refuse


# How long a sleep goes on before it is asked whether the caller still wants it.
SLICE = 0.1
_sleep = time.sleep


def sleep(seconds):
    """As `time.sleep`, and one that the caller can end: it raises KeyboardInterrupt."""
    if seconds < 0:
        return _sleep(seconds)
    until = time.monotonic() + seconds
    while True:
        if control.interrupted():
            raise KeyboardInterrupt("the caller ended it")
        if seconds <= SLICE:
            return _sleep(max(seconds, 0))
        _sleep(SLICE)
        seconds = until - time.monotonic()


def _exit(status):
    """As `os._exit`: the end of the interpreter, with this code."""
    exit.exit_with_code(operator.index(status) & 255)


def put_up():
    time.sleep = sleep
    os._exit = posix._exit = _exit
    sys.meta_path.append(Absent)
    subprocess.Popen.__init__ = _refuse(OSError, PROCESSES)
    for name in ("system", "popen", "fork", "forkpty", "execv", "execve", "execvp", "spawnl", "spawnv", "posix_spawn"):
        setattr(os, name, _refuse(OSError, PROCESSES))
    threading.Thread.start = _refuse(RuntimeError, THREADS)
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection", "create_server", "socketpair"):
        setattr(socket, name, _refuse(OSError, SOCKETS))
    socket.socket.__init__ = _refuse(OSError, SOCKETS)
    process = sys.modules.get("multiprocessing.process")
    if process:
        process.BaseProcess.start = _refuse(OSError, PROCESSES)
