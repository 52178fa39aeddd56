import json

for text in ['{"a": 1]', "[1, 2", '"open', "{'a': 1}", "nul", '{"a" 1}', "[1] x", '"\t"', ""]:
    try:
        print(json.loads(text))
    except json.JSONDecodeError as error:
        print(f"{text!r:12} line {error.lineno} column {error.colno} pos {error.pos}")


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y


def encode(thing):
    if isinstance(thing, Point):
        return {"__point__": [thing.x, thing.y]}
    if isinstance(thing, set):
        return sorted(thing)
    raise TypeError(f"no JSON for {type(thing).__name__}")


def decode(found):
    return Point(*found["__point__"]) if "__point__" in found else found


text = json.dumps({"at": Point(1, 2.5), "tags": {"b", "a"}}, default=encode)
back = json.loads(text, object_hook=decode)
print(text, back["at"].x, back["at"].y)
try:
    json.dumps({"f": print}, default=encode)
except TypeError as error:
    print(type(error).__name__, error.args[0])
print(json.loads('{"a": 1, "a": 2}', object_pairs_hook=list), json.loads("1e400"), json.loads("-0.0"))
