"""Clear sentences for what does not work inside: one reason, and what to do instead."""

import _thread
import atexit
import errno
import http.client
import importlib.abc
import operator
import os
import posix
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

from _ringfence import filled
from _ringfence_world.imports import control, exit

PROCESSES = "no process can be started inside the fence: write it in Python, or call a tool"
OTHERS = "there is no other process inside the fence, to be signalled or waited for; sys.exit ends this one"
SOCKETS = "no connection can be opened inside the fence: call a tool that does it"
PIPES = "no pipe can be made inside the fence, where there is no other process: use io.BytesIO or queue.Queue"
SIGNALS = "no signal arrives inside the fence: the deadline of the run ends it, and time.monotonic() tells how long it took"
USERS = "there are no users inside the fence, and a file belongs to nobody"
TERMINAL = "there is no terminal inside the fence"
ALONE = "there is one process inside the fence, and nothing to set for it"
ZONES = "local time is UTC inside the fence: use zoneinfo.ZoneInfo for others"
CLOCKS = "time.process_time() tells as much of it as is known inside the fence"
ELSEWHERE = "it is not part of this runtime"
WAITING = "this would wait for ever: there is no other thread inside the fence that could end it; give a timeout, or use asyncio"
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


# What a module has elsewhere and not here: to ask for it says why. (Others look with `hasattr` whether it is there.)
MISSING = {
    "os": {
        USERS: "getuid geteuid getgid getegid getgroups getgrouplist getlogin getresuid getresgid setuid seteuid setgid setegid setgroups"
        " setreuid setregid setresuid setresgid initgroups chown lchown fchown",
        PIPES: "pipe pipe2 mkfifo",
        TERMINAL: "get_terminal_size ttyname ctermid tcgetpgrp tcsetpgrp openpty login_tty posix_openpt ptsname",
        ALONE: "nice getppid getpgid getpgrp setpgid setpgrp getsid setsid getpriority setpriority sched_getaffinity sched_setaffinity"
        " sched_getparam sched_getscheduler sched_setscheduler umask chroot getloadavg sysconf confstr unshare",
        ELSEWHERE: "dup2 fchmod lchmod lchflags chflags mknod statvfs fstatvfs sync memfd_create eventfd getrandom sendfile splice"
        " getxattr setxattr listxattr removexattr copy_file_range lockf major minor makedev pathconf fpathconf",
    },
    "signal": {
        SIGNALS: "alarm setitimer getitimer pause sigwait sigwaitinfo sigtimedwait sigpending pthread_kill pthread_sigmask siginterrupt"
        " valid_signals ITIMER_REAL ITIMER_VIRTUAL ITIMER_PROF"
    },
    "socket": {SOCKETS: "AF_UNIX AF_NETLINK AF_PACKET if_nameindex if_nametoindex if_indextoname sethostname send_fds recv_fds"},
    "select": {SOCKETS: "epoll kqueue devpoll"},
    "time": {
        ZONES: "tzset",
        CLOCKS: "CLOCK_PROCESS_CPUTIME_ID CLOCK_THREAD_CPUTIME_ID",
        ELSEWHERE: "clock_settime clock_settime_ns pthread_getcpuclockid",
    },
}


def _explain(module, reasons):
    why = {name: reason for reason, names in reasons.items() for name in names.split()}

    def __getattr__(name):
        if name in why:
            raise AttributeError(f"{module}.{name} is not available: {why[name]}", name=None)
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name, obj=sys.modules[module])

    sys.modules[module].__getattr__ = __getattr__


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
    begun = time.monotonic_ns()
    try:
        return _slept(seconds)
    finally:
        filled.Processor.slept += time.monotonic_ns() - begun


def _slept(seconds):
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


_wait = threading.Condition.wait


def wait(self, timeout=None):
    """As `threading.Condition.wait`, by which queues, events and semaphores wait as well."""
    if timeout is None and self._is_owned():
        raise RuntimeError(WAITING)
    return _wait(self, timeout)


_STARTED = "system popen fork forkpty execl execle execlp execlpe execv execve execvp execvpe spawnl spawnle spawnlp spawnlpe spawnv spawnve"
_STARTED += " spawnvp spawnvpe posix_spawn posix_spawnp"
_OF_OTHERS = "kill killpg wait wait3 wait4 waitpid waitid"
_LOOKED_UP = "getaddrinfo gethostbyname gethostbyname_ex gethostbyaddr getnameinfo create_connection create_server socketpair fromfd"
_SHARED = "Pool Manager Queue SimpleQueue JoinableQueue Pipe Lock RLock Event Condition Semaphore BoundedSemaphore Barrier Value Array"
_SHARED += " RawValue RawArray"


class HTTPSConnection(http.client.HTTPConnection):
    """As that of `http.client`, without the library that it needs: it opens no connection either."""

    default_port = 443

    def __init__(self, host, port=None, *, timeout=None, source_address=None, context=None, blocksize=8192):
        super().__init__(host, port, timeout=timeout, source_address=source_address, blocksize=blocksize)


class HTTPSHandler(urllib.request.AbstractHTTPHandler):
    def __init__(self, debuglevel=None, context=None, check_hostname=None):
        super().__init__(debuglevel)

    def https_open(self, req):
        return self.do_open(http.client.HTTPSConnection, req)

    https_request = urllib.request.AbstractHTTPHandler.do_request_


def put_up():
    time.sleep = sleep
    os._exit = posix._exit = _exit
    sys.meta_path.append(Absent)
    subprocess.Popen.__init__ = _refuse(OSError, PROCESSES)
    for reason, names in ((PROCESSES, _STARTED), (OTHERS, _OF_OTHERS)):
        for name in names.split():
            setattr(os, name, _refuse(OSError, reason))
    shutil.disk_usage = _refuse(OSError, "how large the disk is is not told inside the fence")
    threading.Thread.start = _thread.start_new_thread = _thread.start_new = _refuse(RuntimeError, THREADS)
    threading.Condition.wait = wait
    # The one in C waits by itself.
    queue.SimpleQueue = queue._PySimpleQueue
    for name in _LOOKED_UP.split():
        setattr(socket, name, _refuse(OSError, SOCKETS))
    if not hasattr(http.client, "HTTPSConnection"):
        http.client.HTTPSConnection, urllib.request.HTTPSHandler = HTTPSConnection, HTTPSHandler
    for module, reasons in MISSING.items():
        if module in sys.modules:
            _explain(module, reasons)
    socket.socket.__init__ = _refuse(OSError, SOCKETS)
    _refuse_workers(*map(sys.modules.get, ("multiprocessing", "multiprocessing.util", "concurrent.futures.process")))


def _refuse_workers(multiprocessing, util, pools):
    refuse = _refuse(OSError, PROCESSES)
    if util:
        # There are no children whose end is to be waited for.
        atexit.unregister(util._exit_function)
    if multiprocessing:
        multiprocessing.process.BaseProcess.start = refuse
        for name in _SHARED.split():
            setattr(multiprocessing.context.BaseContext, name, refuse)
            setattr(multiprocessing, name, refuse)
    if pools:
        pools.ProcessPoolExecutor.__init__ = refuse
