"""Tools of the host as functions: `tools.search(q="…")`, checked against their schemas before they are called."""

import inspect
import json

from componentize_py_types import Err
from _ringfence_world.imports import control, tools as host

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": (list, tuple), "object": dict, "null": type(None)}
NOTES = {"string": str, "integer": int, "number": float, "boolean": bool, "array": list, "object": dict}


class ToolError(Exception):
    """A tool did not do what was asked. `code` stays the same from version to version; `retry` says if it may work later."""

    def __init__(self, code, message, retry):
        super().__init__(f"{message} [{code}]")
        self.code, self.message, self.retry = code, message, retry


class Tool:
    def __init__(self, description):
        self.__name__ = description.name.replace("-", "_")
        self.__doc__ = description.about
        self.name = description.name
        self.schema = json.loads(description.input_schema or "{}")
        self.names = {_identifier(name): name for name in self.schema.get("properties") or {}}
        self.__signature__ = _signature(self.schema)

    def __call__(self, *args, **kwargs):
        try:
            given = self.__signature__.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{self.name}{self.__signature__}: {error}") from None
        extra = given.pop("more", {})
        given = {self.names.get(name, name): value for name, value in (given | extra).items() if value is not ...}
        _check(self.name, self.schema, given)
        if control.interrupted():
            raise KeyboardInterrupt("the caller ended it")
        try:
            return json.loads(host.call(self.name, json.dumps(given)))
        except Err as error:
            failure = error.value
        if failure.code == "interrupted" and control.interrupted():
            raise KeyboardInterrupt("the caller ended it")
        raise ToolError(failure.code, failure.message, failure.retry)

    def __repr__(self):
        return f"<tool {self.name}{self.__signature__}: {self.__doc__}>"


class Tools:
    """Asks the host anew for each name: what may be called can change between two snippets of a session."""

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        every = {tool.name.replace("-", "_"): tool for tool in host.available()}
        if name not in every:
            raise AttributeError(f"no tool is called {name!r}; there are: {', '.join(sorted(every)) or 'none'}")
        return Tool(every[name])

    def __getitem__(self, name):
        return getattr(self, name.replace("-", "_"))

    def __dir__(self):
        return sorted(tool.name.replace("-", "_") for tool in host.available())

    def __iter__(self):
        return (Tool(description) for description in host.available())


def _identifier(name):
    """Components write `max-results`, which is `max_results` here."""
    return name.replace("-", "_")


def _signature(schema):
    properties = {_identifier(name): about for name, about in (schema.get("properties") or {}).items()}
    needed = [_identifier(name) for name in schema.get("required") or ()]
    required = [name for name in needed if name in properties and name.isidentifier()]
    optional = [name for name in properties if name not in required and name.isidentifier()]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD

    def parameter(name, default):
        note = NOTES.get(properties[name].get("type") if isinstance(properties[name], dict) else None, inspect.Parameter.empty)
        return inspect.Parameter(name, kind, default=default, annotation=note)

    parameters = [parameter(name, inspect.Parameter.empty) for name in required]
    parameters += [parameter(name, ...) for name in optional]
    if schema.get("additionalProperties") is not False and "more" not in properties:
        parameters.append(inspect.Parameter("more", inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters)


def _check(tool, schema, given):
    """The plain mistakes, told before the host is asked; the host checks the whole schema."""
    for name, value in given.items():
        wanted = (schema.get("properties") or {}).get(name)
        kind = wanted.get("type") if isinstance(wanted, dict) else None
        if kind is None:
            continue
        kinds = kind if isinstance(kind, list) else [kind]
        if not any(_fits(value, one) for one in kinds):
            raise TypeError(f"{tool}: {name} must be {' or '.join(kinds)}, not {type(value).__name__}")


def _fits(value, kind):
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES.get(kind, object))


tools = Tools()
