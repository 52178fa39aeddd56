from dataclasses import asdict, astuple, dataclass, field, fields, replace
from enum import Enum, Flag, IntEnum, auto


class Color(Enum):
    RED = "r"
    BLUE = "b"
    CRIMSON = "r"

    @property
    def pretty(self):
        return self.name.title()


class Access(Flag):
    READ = auto()
    WRITE = auto()
    ALL = READ | WRITE


class Level(IntEnum):
    LOW = 1
    HIGH = 10


@dataclass(order=True)
class Part:
    price: float
    name: str = field(compare=False)
    colors: list[Color] = field(default_factory=list, compare=False)
    access: Access = field(default=Access.READ, repr=False, compare=False)

    def __post_init__(self):
        if self.price < 0:
            raise ValueError(f"negative price: {self.price}")


@dataclass(frozen=True, slots=True)
class Key:
    a: int
    b: str = "x"


parts = [Part(2.5, "bolt", [Color.RED]), Part(0.1, "nut"), Part(9, "gear", [Color("b"), Color["CRIMSON"]])]
print(sorted(parts)[0], max(parts).name, [c.pretty for c in parts[2].colors])
print(asdict(parts[0]), astuple(replace(parts[1], price=3)), [f.name for f in fields(Part)])
print({Key(1): "one"}[Key(1, "x")], Key(1) == Key(1), list(Color), Color.CRIMSON is Color.RED)
print(Access.ALL & ~Access.READ, Access.READ in Access.ALL, Level.HIGH > 5, f"{Level.LOW}", Level(10).name)
for attempt in (lambda: Part(-1, "x"), lambda: setattr(Key(1), "a", 2), lambda: Color("q")):
    try:
        attempt()
    except Exception as error:
        print(type(error).__name__, error)
