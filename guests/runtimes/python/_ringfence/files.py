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
    opened = _real(file, mode, buffering, encoding, errors, newline, closefd, opener)
    if "a" in mode and "+" in mode and opener is None and not isinstance(file, int):
        opened.close()
        opened = _appending(file, mode, buffering, encoding, errors, newline)
    if mode not in ("r", "rb", "rt"):
        _OPEN.append(_ref(opened))
    return opened


class _Appending(_io.FileIO):
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


def chmod(path, mode, *, dir_fd=None, follow_symlinks=True):
    """As `os.chmod`, where there are no permissions to change: a file that is not there is an error all the same."""
    os.stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)


def access(path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True):
    """As `os.access`; there is no file that can be executed."""
    if not _real_access(path, mode, dir_fd=dir_fd):
        return False
    return not mode & os.X_OK or os.path.isdir(path)


def install():
    for ours, real in ((chmod, _real_chmod), (access, _real_access)):
        ours.__module__ = "posix"
        setattr(os, ours.__name__, ours)
        setattr(posix, ours.__name__, ours)
    open.__doc__ = _real.__doc__
    open.__module__, open.__qualname__ = "_io", "open"
    builtins.open = io.open = _io.open = open


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
