"""Files that are still open when a snippet ends are written out, as they are when a process ends.

The instance lives on, or is dropped without winding down: what nobody closed and nobody flushed would be lost.
"""

import _io
import builtins
import io
import weakref

from _ringfence import sealed

__builtins__ = sealed.OWN

_OPEN = []
_real, _ref = builtins.open, weakref.ref


def open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    opened = _real(file, mode, buffering, encoding, errors, newline, closefd, opener)
    if mode not in ("r", "rb", "rt"):
        _OPEN.append(_ref(opened))
    return opened


def install():
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
