"""Files that are still open when a snippet ends are written out, as they are when a process ends; and where WASI's files are not
those of POSIX, they are made to be.

The instance lives on, or is dropped without winding down: what nobody closed and nobody flushed would be lost.
"""

import _io
import builtins
import io
import os
import posix
import weakref

from _ringfence import sealed

__builtins__ = sealed.OWN

_OPEN = []
_real, _ref = builtins.open, weakref.ref


def open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    if buffering == 0 and "b" in mode:
        opened = Whole(file, mode.replace("b", ""), closefd, opener)
    else:
        opened = _real(file, mode, buffering, encoding, errors, newline, closefd, opener)
    if "a" in mode and "+" in mode and opener is None and not isinstance(file, int):
        opened.close()
        opened = _appending(file, mode, buffering, encoding, errors, newline)
    if mode not in ("r", "rb", "rt"):
        _OPEN.append(_ref(opened))
    return opened


class Whole(_io.FileIO):
    """Takes and gives all that is asked for. The host moves so much at a time, and those above do not ask how much it was."""

    def write(self, data):
        written = _write(self, data)
        if written is not None and written != len(data):
            view = memoryview(data).cast("B")
            while written < view.nbytes:
                written += _write(self, view[written:])
        return written

    def read(self, size=-1, /):
        got = _read(self, size)
        if got and 0 < len(got) < size:
            parts, left = [got], size - len(got)
            while left > 0 and (got := _read(self, left)):
                parts.append(got)
                left -= len(got)
            got = b"".join(parts)
        return got


Whole.__name__, Whole.__qualname__, Whole.__module__ = "FileIO", "FileIO", "_io"
_write, _read = _io.FileIO.write, _io.FileIO.read


def stream(number, name, errors):
    """Standard output, or standard error: each write goes to the host at once, and whole."""
    raw = Whole(number, "w", closefd=False)
    raw.name, raw.raw = name, raw
    text = _io.TextIOWrapper(raw, "utf-8", errors, None, line_buffering=True, write_through=True)
    text.mode = "w"
    return text


class _Appending(Whole):
    """What is written goes to the end, and reading goes on from where it was. The C library's own is at the end after each look at
    where it is."""

    def __init__(self, file, mode):
        super().__init__(file, mode, opener=lambda path, flags: _os_open(path, flags & ~os.O_APPEND, 0o666))

    def write(self, data):
        self.seek(0, 2)
        return super().write(data)


def _appending(file, mode, buffering, encoding, errors, newline):
    opened = _Appending(os.fspath(file), mode.replace("b", "").replace("t", ""))
    if buffering != 0:
        opened = _io.BufferedRandom(opened, buffering if buffering > 1 else _io.DEFAULT_BUFFER_SIZE)
    if "b" not in mode:
        opened = _io.TextIOWrapper(opened, _io.text_encoding(encoding), errors, newline, buffering == 1)
        opened.mode = mode
    return opened


_os_open, _real_chmod, _real_access = os.open, os.chmod, os.access
_os_write, _os_read = os.write, os.read


def write(fd, data, /):
    """As `os.write`, and all of it."""
    written = _os_write(fd, data)
    if written != len(data):
        view = memoryview(data).cast("B")
        while written < view.nbytes:
            written += _os_write(fd, view[written:])
    return written


def read(fd, length, /):
    """As `os.read`: of a file as much as there is, of the standard input what there is now."""
    got = _os_read(fd, length)
    if fd == 0 or not 0 < len(got) < length:
        return got
    parts, left = [got], length - len(got)
    while left > 0 and (got := _os_read(fd, left)):
        parts.append(got)
        left -= len(got)
    return b"".join(parts)


def chmod(path, mode, *, dir_fd=None, follow_symlinks=True):
    """As `os.chmod`, where there are no permissions to change: a file that is not there is an error all the same."""
    os.stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)


def access(path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True):
    """As `os.access`; there is no file that can be executed."""
    if not _real_access(path, mode, dir_fd=dir_fd):
        return False
    return not mode & os.X_OK or os.path.isdir(path)


def install():
    for ours in (chmod, access, write, read):
        ours.__module__ = "posix"
        setattr(os, ours.__name__, ours)
        setattr(posix, ours.__name__, ours)
    open.__doc__ = _real.__doc__
    open.__module__, open.__qualname__ = "_io", "open"
    builtins.open = io.open = _io.open = open


def still_open():
    """Those that a collection is not to end: it may end what they write to before them."""
    return [reference() for reference in _OPEN]


def write_out():
    if not _OPEN:
        return
    left = []
    for reference in _OPEN:
        file = reference()
        try:
            if file is not None and not file.closed:
                left.append(reference)
                file.flush()
        except BaseException:  # noqa: B902  the disk is full, or it is the snippet's own class
            pass
    _OPEN[:] = left
