import copy
import pickle
from collections import OrderedDict, namedtuple
from datetime import datetime, timezone

Pair = namedtuple("Pair", "left right", defaults=[0])


class Node:
    def __init__(self, value, children=()):
        self.value, self.children, self.cache = value, list(children), object()

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key != "cache"}

    def __setstate__(self, state):
        self.__dict__ |= state | {"cache": None}

    def __deepcopy__(self, memo):
        return Node(self.value, copy.deepcopy(self.children, memo))


tree = Node("root", [Node(1), Node((2, {"k": {3}}))])
tree.children[0].parent = tree
for protocol in range(2, 6):
    back = pickle.loads(pickle.dumps(tree, protocol))
    print(protocol, back.value, back.children[1].value, back.children[0].parent is back, back.cache)
thing = {"when": datetime(2026, 1, 1, tzinfo=timezone.utc), "pair": Pair(1), "order": OrderedDict(b=1, a=2), "raw": b"\0", "c": 1j}
print(pickle.loads(pickle.dumps(thing)) == thing, pickle.loads(pickle.dumps(len)) is len)
shallow, deep = copy.copy(thing), copy.deepcopy(thing)
thing["order"]["c"] = 3
print(len(shallow["order"]), len(deep["order"]), Pair(1)._replace(right=5), Pair._fields, Pair(3)._asdict())
loop = [1]
loop.append(loop)
print(loop, copy.deepcopy(loop)[1][1][0])
for bad in (lambda: 1, (n for n in "x")):
    try:
        pickle.dumps(bad)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        print("cannot pickle")
