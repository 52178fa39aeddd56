from abc import ABC, abstractmethod
from functools import singledispatchmethod, total_ordering


class Shape(ABC):
    registry = {}

    def __init_subclass__(cls, /, kind=None, **kwargs):
        super().__init_subclass__(**kwargs)
        Shape.registry[kind or cls.__name__.lower()] = cls

    @abstractmethod
    def area(self): ...


class Square(Shape, kind="sq"):
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2


class Tall(Square):
    def area(self):
        return super().area() * 2


@total_ordering
class Money:
    def __init__(self, cents):
        self.cents = cents

    def __eq__(self, other):
        return isinstance(other, Money) and self.cents == other.cents

    def __lt__(self, other):
        return self.cents < other.cents if isinstance(other, Money) else NotImplemented

    def __add__(self, other):
        return Money(self.cents + getattr(other, "cents", other))

    __radd__ = __add__

    def __repr__(self):
        return f"Money({self.cents / 100:.2f})"

    def __format__(self, spec):
        return format(self.cents / 100, spec or ".2f")


class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, thing, owner=None):
        return self if thing is None else getattr(thing, self.name)

    def __set__(self, thing, value):
        if value <= 0:
            raise ValueError(f"{self.name[1:]} must be positive")
        setattr(thing, self.name, value)


class Box:
    size = Positive()

    def __init__(self, size):
        self.size = size

    def __getitem__(self, at):
        return at

    def __contains__(self, x):
        return x == self.size

    def __call__(self, *args, **kwargs):
        return args, kwargs

    @singledispatchmethod
    def show(self, thing):
        return "other"

    @show.register
    def _(self, thing: int):
        return "int"


print(Shape.registry, Tall(3).area(), Tall.__mro__[1].__name__)
print(sum([Money(150), Money(275)]), max(Money(1), Money(3)), f"{Money(123456):,.1f}", Money(5) >= Money(5))
box = Box(4)
print(box[1:2, ..., None], 4 in box, box(1, *[2, 3], k=4), box.show(3), box.show("s"))
for attempt in (lambda: Box(0), Shape, lambda: Money(1) < 3):
    try:
        attempt()
    except (ValueError, TypeError) as error:
        print(type(error).__name__)
