"""Tools of the host as functions: `tools.search(q="…")`, checked against their schemas before they are called."""

import functools
import inspect
import json
import keyword
import operator
import re

from componentize_py_types import Err
from _ringfence_world.imports import control, tools as host

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": (list, tuple), "object": dict, "null": type(None)}
NOTES = {"string": str, "integer": int, "number": float, "boolean": bool, "array": list, "object": dict, "null": type(None)}
# Where a word of a name begins in `maxResults` and `HTTPServer`.
WORDS = re.compile("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class ToolError(Exception):
    """A tool did not do what was asked. `code` stays the same from version to version; `retry` says if it may work later."""

    def __init__(self, code, message, retry):
        super().__init__(f"{message} [{code}]")
        self.code, self.message, self.retry = code, message, retry


class Tool:
    def __init__(self, description):
        self.__name__ = _shown(description.name)
        self.__doc__ = self.about = description.about
        self.name = description.name
        self.schema = json.loads(description.input_schema or "{}")
        self.shown, self.hidden = _parameters(self.schema)
        self.__signature__ = _signature(self.schema, self.shown, self.hidden)

    # An argument may be called `self`.
    def __call__(self, /, *args, **kwargs):
        given = self._given(args, kwargs)
        if control.interrupted():
            raise KeyboardInterrupt("the caller ended it")
        try:
            return json.loads(host.call(self.name, json.dumps(given)))
        except Err as error:
            failure = error.value
        if failure.code == "interrupted" and control.interrupted():
            raise KeyboardInterrupt("the caller ended it")
        raise ToolError(failure.code, failure.message, failure.retry)

    def _given(self, args, kwargs):
        """The input by the names of the schema. What plainly does not fit is told here; the host checks the whole schema."""
        if len(args) > len(self.shown):
            raise self._wrong("too many positional arguments")
        # Names that are the schema's own come first: `max_results` is then not also `max-results`.
        names = [*self.shown.values(), *self.hidden]
        given = dict(zip(self.shown.values(), args))
        for key in sorted(kwargs, key=lambda key: key not in names):
            name = _match(key, names)
            # An open schema takes a second spelling as a name of its own.
            if name is None or name in given and key != name and _open(self.schema):
                name = key
                if not _open(self.schema):
                    raise self._wrong(f"got an unexpected keyword argument {key!r}")
            if name in given:
                raise self._wrong(f"multiple values for argument {name!r}")
            given[name] = kwargs[key]
        # `...` stands for "not given", as the signature shows it.
        given = {name: value for name, value in given.items() if value is not ...}
        for name in self.schema.get("required") or ():
            if name not in given:
                raise self._wrong(f"missing a required argument: {name!r}")
        _check(self.name, self.schema, given)
        return given

    def _wrong(self, what):
        return TypeError(f"{self.name}{self.__signature__}: {what}")

    def __repr__(self):
        also = f" (by **{{…}} also: {', '.join(self.hidden)})" if self.hidden else ""
        return f"<tool {self.name}{self.__signature__}: {self.__doc__}{also}>"


class Tools:
    """Asks the host anew for each name: what may be called can change between two snippets of a session."""

    def __getattr__(self, name):
        # Python asks for such names by itself, and those of tools begin with a letter.
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name):
        every = {tool.name: tool for tool in host.available()}
        found = _match(name, every)
        if found is None:
            raise AttributeError(f"no tool is called {name!r}; there are: {', '.join(sorted(map(_shown, every))) or 'none'}")
        return Tool(every[found])

    def __dir__(self):
        return sorted(_shown(tool.name) for tool in host.available())

    def __iter__(self):
        return (Tool(description) for description in host.available())


def _shown(name):
    """As Python people write it: components say `max-results`, and keywords get an underscore."""
    name = name.replace("-", "_")
    return name + "_" if keyword.iskeyword(name) else name


def _folded(name):
    """The same for `getAll`, `get-all` and `get_all`."""
    return _shown(WORDS.sub("_", name).lower())


def _match(wanted, names):
    """Which of the names is meant: the one that is written so, before those that are only alike."""
    if wanted in names:
        return wanted
    for alike in (_shown, _folded):
        for name in names:
            if alike(name) == alike(wanted):
                return name
    return None


def _open(schema):
    return schema.get("additionalProperties") is not False


def _parameters(schema):
    """The names of the schema by those of parameters, what is required first, and the names that no parameter can have."""
    names = list(dict.fromkeys([*(schema.get("required") or ()), *(schema.get("properties") or {})]))
    shown, hidden = {}, []
    for name in names:
        as_parameter = _shown(name)
        taken = as_parameter in shown or as_parameter != name and as_parameter in names
        if as_parameter.isidentifier() and not taken:
            shown[as_parameter] = name
        else:
            hidden.append(name)
    return shown, hidden


def _signature(schema, shown, hidden):
    properties, required = schema.get("properties") or {}, schema.get("required") or ()
    kind, empty = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    parameters = [
        inspect.Parameter(own, kind, default=empty if name in required else ..., annotation=_note(properties.get(name)))
        for own, name in shown.items()
    ]
    if _open(schema) or hidden:
        more = "more"
        while more in shown:
            more += "_"
        parameters.append(inspect.Parameter(more, inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters)


def _kinds(wanted):
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    return kind if isinstance(kind, list) else [] if kind is None else [kind]


def _note(wanted):
    kinds = [NOTES[kind] for kind in _kinds(wanted) if kind in NOTES]
    return functools.reduce(operator.or_, kinds) if kinds else inspect.Parameter.empty


def _check(tool, schema, given):
    for name, value in given.items():
        kinds = _kinds((schema.get("properties") or {}).get(name))
        if kinds and not any(_fits(value, kind) for kind in kinds):
            raise TypeError(f"{tool}: {name} must be {' or '.join(kinds)}, not {type(value).__name__}")


def _fits(value, kind):
    if isinstance(value, bool):
        return kind == "boolean"
    # JSON Schema knows no difference between 3 and 3.0.
    if kind == "integer" and isinstance(value, float):
        return float.is_integer(value)
    return isinstance(value, TYPES.get(kind, object))


tools = Tools()
