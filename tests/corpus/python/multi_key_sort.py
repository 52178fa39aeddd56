from functools import cmp_to_key
from operator import attrgetter, itemgetter
from typing import NamedTuple
import re


class Item(NamedTuple):
    name: str
    size: int
    version: str


items = [Item("beta", 3, "1.10.0"), Item("alpha", 3, "1.9.12"), Item("Gamma", 1, "1.9.2"), Item("delta", 10, "0.1"),
         Item("alpha", 1, "1.9.2-rc1")]
print([item.name for item in sorted(items, key=attrgetter("size", "name"))])
print([item.name for item in sorted(items, key=lambda item: (-item.size, item.name.casefold()))])


def versions(left, right):
    parse = lambda text: [int(part) for part in re.findall(r"\d+", text.partition("-")[0])]
    a, b = parse(left.version), parse(right.version)
    return (a > b) - (a < b) or ("-" in right.version) - ("-" in left.version)


print([item.version for item in sorted(items, key=cmp_to_key(versions), reverse=True)])
natural = lambda text: [int(part) if part.isdigit() else part.lower() for part in re.split(r"(\d+)", text)]
print(sorted(["file10.txt", "file2.txt", "File1.txt", "file2b.txt", "file"], key=natural))
pairs = [("b", 2), ("a", 2), ("c", 1)]
pairs.sort(key=itemgetter(1))
print(pairs, sorted("straße ÄPFEL äpfel zebra".split()), max(items, key=len and attrgetter("size")))
try:
    sorted([1, "a", None])
except TypeError as error:
    print(error)
