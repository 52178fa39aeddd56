"""The runtime world for a Python that is one module: what componentize-py makes for the other one, by hand.

The host's calls come as one letter (`turn`); their parts are asked for through `_host.call`, by which the answer leaves as well, put
together as the canonical ABI lays it out (`bridge.wat`).
"""

import builtins
import struct
import sys
import types

import _host


class Err(Exception):
    def __init__(self, value):
        super().__init__(value)
        self.value = value


def _plain(name, *fields):
    def __init__(self, **given):
        for field in fields:
            setattr(self, field, given[field])

    return type(name, (), {"__init__": __init__, "__slots__": fields})


Answer = _plain("Answer", "ending", "value", "shown", "count")
Failure = _plain("Failure", "name", "message", "traceback", "line")
Value = _plain("Value", "json", "text", "cut", "forms")
Form = _plain("Form", "mime", "data", "base64")
Snippet = _plain("Snippet", "code", "filename", "variables", "args", "value_bytes")
Start = _plain("Start", "environment", "folder")
Description = _plain("Description", "name", "about", "input_schema")
ToolFailure = _plain("ToolFailure", "code", "message", "retry")


class Ending_Finished:
    pass


class Ending_Failed:
    def __init__(self, value):
        self.value = value


class Ending_Exited:
    def __init__(self, value):
        self.value = value


def _ask(letter, more=b"", ask=_host.call):
    return ask(letter + more)


def _text(place, size):
    return _ask(b"b", struct.pack("<II", place, size)).decode()


def _words(raw, count):
    return struct.unpack(f"<{count}I", raw)


def _list(place, count, words):
    """The parts of each member of a list of strings, or of pairs or triples of them."""
    flat = _words(_ask(b"b", struct.pack("<II", place, count * words * 4)), count * words)
    texts = [_text(*flat[at:at + 2]) for at in range(0, len(flat), 2)]
    width = words // 2
    return [texts[at:at + width] for at in range(0, len(texts), width)]


class _Laid:
    """Bytes with offsets in them, and the places of these offsets."""

    def __init__(self, size):
        self.bytes = bytearray(size)
        self.places = []

    def more(self, content, align=1):
        self.bytes += b"\0" * (-len(self.bytes) % align)
        at = len(self.bytes)
        self.bytes += content
        return at

    def byte(self, at, value):
        self.bytes[at] = value

    def word(self, at, value):
        self.bytes[at:at + 4] = value.to_bytes(4, "little")

    def points(self, at, to, count):
        self.word(at, to)
        self.word(at + 4, count)
        self.places.append(at)

    def text(self, at, text):
        content = text.encode()
        self.points(at, self.more(content), len(content))

    def send(self):
        places = struct.pack(f"<{len(self.places) + 1}I", len(self.places), *self.places)
        _ask(b"a", places + self.bytes)


VALUE, FORM = 32, 20


def _lay_answer(answer):
    laid = _Laid(84)
    _lay_ending(laid, answer.ending)
    if answer.value is not None:
        laid.byte(36, 1)
        _lay_value(laid, 40, answer.value)
    _lay_list(laid, 72, answer.shown, VALUE, _lay_value)
    laid.word(80, answer.count)
    return laid


def _lay_ending(laid, ending):
    if type(ending) is Ending_Exited:
        laid.byte(0, 2)
        laid.word(4, ending.value)
    elif type(ending) is Ending_Failed:
        told = ending.value
        laid.byte(0, 1)
        laid.text(4, told.name)
        laid.text(12, told.message)
        laid.text(20, told.traceback)
        if told.line is not None:
            laid.byte(28, 1)
            laid.word(32, told.line)


def _lay_list(laid, at, things, size, lay):
    first = laid.more(bytes(size * len(things)), 4)
    laid.points(at, first, len(things))
    for n, thing in enumerate(things):
        lay(laid, first + n * size, thing)


def _lay_value(laid, at, value):
    if value.json is not None:
        laid.byte(at, 1)
        laid.text(at + 4, value.json)
    laid.text(at + 12, value.text)
    laid.byte(at + 20, value.cut)
    _lay_list(laid, at + 24, value.forms, FORM, _lay_form)


def _lay_form(laid, at, form):
    laid.text(at, form.mime)
    laid.text(at + 8, form.data)
    laid.byte(at + 16, form.base64)


def _prepare(interpreter):
    environment, count, folder, size = _words(_ask(b"g"), 4)
    interpreter.prepare(Start(environment=_list(environment, count, 4), folder=_text(folder, size)))


def _execute(interpreter):
    parts = _words(_ask(b"g"), 9)
    code, filename, variables = (_text(*parts[at:at + 2]) for at in (0, 2, 4))
    args = [one for (one,) in _list(parts[6], parts[7], 2)]
    snippet = Snippet(code=code, filename=filename, variables=variables, args=args, value_bytes=parts[8])
    _lay_answer(interpreter.execute(snippet)).send()


def _settle(interpreter):
    laid = _Laid(12)
    try:
        interpreter.settle()
    except Err as error:
        laid.byte(0, 1)
        laid.text(4, error.value)
    laid.send()


def interrupted():
    return _ask(b"i") != b"\0"


def last():
    return _ask(b"o") != b"\0"


def set_up():
    return _ask(b"u") != b"\0"


def exit_with_code(code):
    _ask(b"x", bytes([code]))


def available():
    place, count = _words(_ask(b"l"), 2)
    return [Description(name=name, about=about, input_schema=schema) for name, about, schema in _list(place, count, 6)]


def call(name, given):
    name = name.encode()
    raw = _ask(b"t", struct.pack("<I", len(name)) + name + given.encode())
    failed, *words = struct.unpack("<BxxxIIIIBxxx", raw)
    if not failed:
        return _text(*words[:2])
    raise Err(ToolFailure(code=_text(*words[:2]), message=_text(*words[2:4]), retry=bool(words[4])))


def _module(name, **contents):
    module = types.ModuleType(name)
    vars(module).update(contents)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, module)


def lay_out():
    """The modules that componentize-py would give the driver."""
    _module("componentize_py_types", Err=Err)
    for name in ("_ringfence_world", "_ringfence_world.exports", "_ringfence_world.imports"):
        _module(name)
    kinds = {kind.__name__: kind for kind in (Answer, Failure, Value, Form, Ending_Finished, Ending_Failed, Ending_Exited)}
    _module("_ringfence_world.exports.interpreter", **kinds)
    _module("_ringfence_world.imports.control", interrupted=interrupted, last=last, set_up=set_up)
    _module("_ringfence_world.imports.tools", available=available, call=call)
    _module("_ringfence_world.imports.exit", exit_with_code=exit_with_code)
    sys.modules["_ringfence_world.exports"].Interpreter = object


def drive(interpreter):
    """From now on the host's calls come here."""
    steps = {b"p": _prepare, b"e": _execute, b"s": _settle}

    def _turn(letter):
        steps[letter](interpreter)

    builtins._turn = _turn
    _ask(b"d")
