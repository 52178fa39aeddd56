"""What went wrong, in the snippet's words: none of the driver's frames, and the snippet's own line."""

import traceback

from _ringfence import sealed

__builtins__ = sealed.OWN

# Where the driver was while the image was made, in either Python.
_OURS = (__file__.rpartition("_ringfence/")[0], "/driver/")
# Frames kept of a deep recursion.
FRAMES = 60
# What a class and an error are, whatever a metaclass or a subclass says that they are.
_NAME, _MODULE, _QUALNAME = (type.__dict__[name].__get__ for name in ("__name__", "__module__", "__qualname__"))
_TRACE = BaseException.__dict__["__traceback__"].__get__


def describe(error, filename):
    name, line = "BaseException", None
    try:
        name = _name(type(error))
        line = _line(error, filename)
    except BaseException:  # noqa: B902  a syntax error says by itself where it is
        pass
    return sealed.failure(name, _message(error), _traceback(error, name), line)


def _name(kind):
    try:
        module = _MODULE(kind)
    except AttributeError:
        module = None
    if type(module) is not str or module in ("builtins", "__main__"):
        return _NAME(kind)
    return f"{module}.{_QUALNAME(kind)}"


def _is_ours(filename):
    return filename.startswith(_OURS)


def _message(error):
    try:
        return sealed.text(str(error), sealed.TEXT)
    except BaseException:  # noqa: B902  what the snippet's exception says of itself is the snippet's code
        return "<its text could not be made>"


def _traceback(error, name):
    try:
        told = traceback.TracebackException.from_exception(error, limit=-FRAMES, compact=True)
        _trim(told, set())
        return sealed.text("".join(told.format()), sealed.TEXT)
    except BaseException:  # noqa: B902
        return f"{name}: <its traceback could not be made>\n"


def _trim(told, seen):
    if told is None or id(told) in seen:
        return
    seen.add(id(told))
    told.stack[:] = [frame for frame in told.stack if not _is_ours(frame.filename)]
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        _trim(other, seen)


def _line(error, filename):
    if isinstance(error, SyntaxError) and error.filename == filename:
        return error.lineno
    line = None
    frame = _TRACE(error)
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == filename:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line
