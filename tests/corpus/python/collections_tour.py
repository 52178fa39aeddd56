from collections import ChainMap, OrderedDict, UserDict, defaultdict, deque
import heapq
import weakref


class Cache(OrderedDict):
    def __init__(self, room):
        super().__init__()
        self.room = room

    def __getitem__(self, key):
        self.move_to_end(key)
        return super().__getitem__(key)

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > self.room:
            print("evict", self.popitem(last=False))


class Folded(UserDict):
    def __setitem__(self, key, value):
        self.data[key.lower()] = value

    def __missing__(self, key):
        return f"<no {key}>"


cache = Cache(2)
cache["a"] = 1
cache["b"] = 2
print(cache["a"])
cache["c"] = 3
print(list(cache), Folded(A=1, b=2), Folded()["x"])
settings = ChainMap({"color": "red"}, {"color": "blue", "size": 3})
settings["new"] = True
print(settings["color"], dict(settings), settings.parents["color"])
ring = deque(range(5), maxlen=5)
ring.rotate(2)
ring.append(9)
ring.extendleft([7, 8])
print(ring, ring.index(1), ring[-1])
tree = lambda: defaultdict(tree)
nested = tree()
nested["a"]["b"]["c"] = 1
print(dict(nested["a"]["b"]), list(nested), heapq.nsmallest(2, [5, 1, 4, 2]), heapq.nlargest(2, ["aa", "b", "cccc"], key=len))
print(list(heapq.merge([1, 4, 9], [2, 3, 10])), {1: "a"} | {2: "b"}, {3, 1} ^ {1, 2}, frozenset("aab") >= {"a"}, [1, 2, 3][-5:2])


class Thing:
    pass


thing = Thing()
reference = weakref.ref(thing)
del thing
print(reference(), {**{"x": 1}, "y": 2}, dict.fromkeys("ab", 0), [*"hi", *(1, 2)], (a := 5) + a)
first, *middle, last = range(6)
print(first, middle, last, [row[:] for row in [[0] * 2] * 2], list({"z": 1, "a": 2}.items()), all([]), any([]))
