import inspect
import typing
from typing import Annotated, Generic, Literal, Optional, Protocol, TypedDict, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class Movie(TypedDict, total=False):
    title: str
    year: int


class Closable(Protocol):
    def close(self) -> None: ...


class Stack(Generic[T]):
    def __init__(self) -> None:
        self.items: list[T] = []

    def push(self, item: T) -> "Stack[T]":
        self.items.append(item)
        return self


def convert(value: str, kind: Literal["int", "float"] = "int", *more: bytes, flag: Annotated[bool, "doc"] = False, **rest: object) -> int | float:
    """Converts."""
    return {"int": int, "float": float}[kind](value)


signature = inspect.signature(convert)
for name, parameter in signature.parameters.items():
    print(name, parameter.kind.name, parameter.default if parameter.default is not inspect.Parameter.empty else "-")
print(get_type_hints(convert)["kind"], get_type_hints(convert, include_extras=True)["flag"].__metadata__)
print(get_origin(dict[str, list[int]]), get_args(dict[str, list[int]]), get_args(Literal["a", 1]), get_args(Optional[int]))
print(Movie.__annotations__, Movie.__total__, Stack[int]().push(3).items, isinstance(3, int | str), get_args(Union[int, str, int]))
bound = signature.bind("3.5", "float", b"x", extra=1)
bound.apply_defaults()
print(bound.arguments, convert(*bound.args, **bound.kwargs), inspect.getdoc(convert))


def validate(data, schema):
    hints = get_type_hints(schema)
    return [f"{key}: {hints[key].__name__} expected" for key, value in data.items() if key in hints and not isinstance(value, hints[key])] + [
        f"{key}: unknown" for key in data if key not in hints
    ]


print(validate({"title": 3, "year": 1999, "stars": 5}, Movie), typing.cast(int, "x"))
