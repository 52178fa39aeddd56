"""What the driver keeps for itself, and what it makes of an answer before it leaves.

A snippet shares the interpreter with the driver: it may take `len` away, raise from whatever the driver calls, or write into
the driver's own modules. The builtins here are a copy that it does not meet by accident, and `seal` makes an answer anew from
plain parts, so that whatever was done to it, what goes out is an answer. What it says is then the snippet's own word; how the
run ended, what it used and what it wrote is the host's.
"""

import builtins
import sys

OWN = dict(vars(builtins))
# Functions keep the builtins that their module has when they are made.
__builtins__ = OWN

from _ringfence_world.exports.interpreter import (  # noqa: E402
    Answer, Ending_Exited, Ending_Failed, Ending_Finished, Failure, Form, Value,
)

# Where the driver was while the image was made, in either Python.
_OURS = (__file__.rpartition("_ringfence/")[0], "/driver/")
TEXT = 100_000
NAME = 200
_RECURSION = sys.getrecursionlimit()
_get_recursion, _set_recursion = sys.getrecursionlimit, sys.setrecursionlimit
_set_trace, _set_profile = sys.settrace, sys.setprofile
_get_trace, _get_profile = sys.gettrace, sys.getprofile
_tool, _monitoring = sys.monitoring.get_tool, sys.monitoring.set_events
_TOOLS = range(6)


def is_ours(filename):
    return filename.startswith(_OURS)


class _Watcher:
    """What a snippet sets to watch each event (`sys.monitoring`), but for those of the driver, which could not go on where it raises."""

    __slots__ = ("watch",)

    def __init__(self, watch):
        self.watch = watch

    def __call__(self, code, /, *given):
        return None if is_ours(code.co_filename) else self.watch(code, *given)


def register_callback(tool_id, event, func, /):
    before = _register(tool_id, event, None if func is None else _Watcher(func))
    return before.watch if type(before) is _Watcher else before


_register, sys.monitoring.register_callback = sys.monitoring.register_callback, register_callback
register_callback.__module__, register_callback.__doc__ = "sys.monitoring", _register.__doc__


def quiet():
    """Ends what the snippet set to watch each call: it would be called, and could raise, anywhere in the driver."""
    for _ in _TOOLS:
        # A watcher that raises is taken down by that, so the second time it is done.
        try:
            # To set nothing where nothing is set makes the interpreter look through all of its code again.
            if _get_trace() is not None:
                _set_trace(None)
            if _get_profile() is not None:
                _set_profile(None)
            break
        except BaseException:  # noqa: B902
            pass
    for tool in _TOOLS:
        if _tool(tool) is not None:
            _monitoring(tool, 0)
    if _get_recursion() < _RECURSION:
        _set_recursion(_RECURSION)


def text(thing, most=None):
    """A plain string that can be sent: no surrogates, no subclass with methods of its own."""
    if not isinstance(thing, str):
        return ""
    told = str.__str__(thing) if most is None else str.__getitem__(thing, slice(most))
    return str.encode(told, "utf-8", "backslashreplace").decode()


def failure(name, message, traceback=None, line=None):
    name, message = text(name, NAME), text(message, TEXT)
    # Nothing is left to tell where the snippet told it.
    traceback = text(traceback, TEXT) if isinstance(traceback, str) else f"{name}: {message}\n"
    return Ending_Failed(Failure(name=name, message=message, traceback=traceback, line=_whole(line)))


def _whole(number):
    return number if type(number) is int and 0 <= number < 1 << 31 else None


def seal(answer):
    try:
        return Answer(
            ending=_ending(answer.ending),
            value=_value(answer.value) if type(answer.value) is Value else None,
            shown=[_value(value) for value in answer.shown if type(value) is Value],
            count=_whole(answer.count) or 0,
        )
    except BaseException:  # noqa: B902
        return broken()


def broken():
    """Where the snippet left the driver unable to say what came of it."""
    return Answer(ending=failure("RuntimeError", "the snippet changed the interpreter so that its end cannot be told"), value=None, shown=[], count=0)


def _ending(ending):
    if type(ending) is Ending_Finished:
        return Ending_Finished()
    if type(ending) is Ending_Exited:
        return Ending_Exited(_whole(ending.value) or 0)
    told = ending.value
    return failure(told.name, told.message, told.traceback, told.line)


def _value(value):
    forms = [_form(form) for form in value.forms if type(form) is Form]
    as_json = None if value.json is None else text(value.json)
    return Value(json=as_json, text=text(value.text), cut=value.cut is True, forms=forms)


def _form(form):
    return Form(mime=text(form.mime), data=text(form.data), base64=form.base64 is True)
