import json
from dataclasses import dataclass


@dataclass
class Move:
    dx: int
    dy: int


def react(event):
    match event:
        case {"type": "click", "pos": [x, y], **rest} if x == y:
            return f"diagonal click at {x}, rest {rest}"
        case {"type": "click" | "tap" as kind, "pos": (x, y)}:
            return f"{kind} {x},{y}"
        case Move(dx=0, dy=0):
            return "stay"
        case Move(dx, 0) | Move(0, dx):
            return f"straight {dx}"
        case [first, *_, last] if first == last:
            return f"ring of {first}"
        case [] | "" | None:
            return "nothing"
        case str() as text if text.isdigit():
            return f"digits {int(text)}"
        case int() | float() as number:
            return f"number {number}"
        case _:
            return f"unknown {type(event).__name__}"


events = [{"type": "click", "pos": [3, 3], "t": 1}, {"type": "tap", "pos": [1, 2]}, Move(0, 0), Move(0, 7), Move(1, 2),
          [1, 2, 1], [], "42", "x", 3.5, True, None, {"type": "key"}]
for event in events:
    print(react(event))


def evaluate(tree):
    match tree:
        case ["let", str(name), value, body]:
            return evaluate(json.loads(json.dumps(body).replace(f'"{name}"', str(evaluate(value)))))
        case ["+", *args]:
            return sum(map(evaluate, args))
        case ["*", a, b]:
            return evaluate(a) * evaluate(b)
        case int(n):
            return n
        case other:
            raise ValueError(f"cannot evaluate {other!r}")


print(evaluate(["let", "x", ["+", 1, 2, 3], ["*", "x", ["+", "x", 1]]]))
try:
    evaluate(["-", 1])
except ValueError as error:
    print(error)
