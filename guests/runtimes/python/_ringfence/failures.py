"""What went wrong, in the snippet's words: none of the driver's frames, and the snippet's own line."""

import inspect
import itertools
import sys
import traceback

from _ringfence import sealed

__builtins__ = sealed.OWN
_is_ours = sealed.is_ours

# Frames kept of a deep recursion.
FRAMES = 60
# What a class and an error are, whatever a metaclass or a subclass says that they are.
_NAME, _MODULE, _QUALNAME = (type.__dict__[name].__get__ for name in ("__name__", "__module__", "__qualname__"))
_TRACE, _set_trace = (getattr(BaseException.__dict__["__traceback__"], door) for door in ("__get__", "__set__"))


def describe(error, filename, told=None):
    name, line = "BaseException", None
    try:
        name = _name(type(error))
        line = _line(error, filename)
    except BaseException:  # noqa: B902  a syntax error says by itself where it is
        pass
    return sealed.failure(name, _message(error), _traceback(error, name) if told is None else told, line)


def hooked(error, hook):
    """Lets the snippet's own `sys.excepthook` tell of an error. Gives what the run ends with, and what is left to tell."""
    trace = _TRACE(error)
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    _set_trace(error, trace)
    try:
        hook(type(error), error, trace)
    except SystemExit as end:
        return end, ""
    except BaseException as other:  # noqa: B902
        told = [_traceback(failed, "the error") for failed in (other, error)]
        return error, f"Error in sys.excepthook:\n{told[0]}\nOriginal exception was:\n{told[1]}"
    return error, ""


def begun_in(error, code):
    """The error without the frames before that of this code."""
    trace = _TRACE(error)
    while trace is not None and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    if trace is not None:
        _set_trace(error, trace)
    return error


def _until_ours(frames, frame_of):
    return itertools.takewhile(lambda found: not _is_ours(frame_of(found).f_code.co_filename), frames)


def hide_the_driver():
    """Whoever looks at who called whom (`traceback.print_stack`, `logging`, `inspect.stack`) sees the snippet call nobody else's."""
    walk, outer = traceback.walk_stack, inspect.getouterframes

    def walk_stack(f):
        return _until_ours(walk(sys._getframe(1) if f is None else f), lambda found: found[0])

    def getouterframes(frame, context=1):
        return [*_until_ours(outer(frame, context), lambda found: found.frame)]

    walk_stack.__doc__, getouterframes.__doc__ = walk.__doc__, outer.__doc__
    traceback.walk_stack, inspect.getouterframes = walk_stack, getouterframes


def _name(kind):
    try:
        module = _MODULE(kind)
    except AttributeError:
        module = None
    if type(module) is not str or module in ("builtins", "__main__"):
        return _NAME(kind)
    return f"{module}.{_QUALNAME(kind)}"


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
