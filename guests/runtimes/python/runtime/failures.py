"""What went wrong, in the snippet's words: none of the driver's frames, and the snippet's own line."""

import traceback

from wit_world.exports import interpreter as wit

# Frames kept of a deep recursion, and bytes kept of a text that the snippet chose.
FRAMES = 60
TEXT = 100_000


def describe(error, filename):
    kind = type(error)
    return wit.Failure(
        name=kind.__name__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}",
        message=_message(error),
        traceback=_traceback(error),
        line=_line(error, filename),
    )


def _is_ours(filename):
    return "/runtime/" in filename or filename.endswith(("/app.py", "/ringfence/tools.py"))


def _message(error):
    try:
        return str(error)[:TEXT]
    except BaseException:  # noqa: B902  what the snippet's exception says of itself is the snippet's code
        return "<its text could not be made>"


def _traceback(error):
    try:
        told = traceback.TracebackException.from_exception(error, limit=-FRAMES, compact=True)
        _trim(told, set())
        return "".join(told.format())[:TEXT]
    except BaseException:  # noqa: B902
        return f"{type(error).__name__}: <its traceback could not be made>\n"


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
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == filename:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line
