import itertools as it
from collections import deque


def windows(things, size):
    window = deque(maxlen=size)
    for thing in things:
        window.append(thing)
        if len(window) == size:
            yield tuple(window)


def averager():
    total, count, value = 0, 0, None
    while True:
        given = yield value
        if given is None:
            return total
        total, count = total + given, count + 1
        value = total / count


def outer():
    total = yield from averager()
    yield f"total {total}"


print(list(windows("abcde", 3)), list(it.pairwise([1, 4, 9, 16])))
flow = outer()
next(flow)
print([flow.send(n) for n in (10, 20, 60)], flow.send(None))
print(list(it.islice(it.accumulate(it.count(1), lambda a, b: a * b), 7)))
print([(key, len(list(group))) for key, group in it.groupby(sorted("mississippi"))])
print(list(it.zip_longest("ab", range(3), fillvalue="-")), list(it.chain.from_iterable([[1], [2, 3]])))
print(["".join(p) for p in it.permutations("abc", 2)], list(it.combinations(range(4), 3)), len(list(it.product("ab", repeat=5))))
print(list(it.takewhile(lambda n: n < 5, it.cycle([1, 3, 5]))), list(it.compress("abcd", [1, 0, 1, 1])), list(it.starmap(pow, [(2, 5), (3, 2)])))
primes = (n for n in it.count(2) if all(n % d for d in range(2, int(n**0.5) + 1)))
print(list(it.islice(primes, 10)))
left, right = it.tee(range(3))
print(sum(left), list(right), dict(enumerate("xy", start=5)), [*map(max, [1, 5], [3, 2])], list(reversed(range(0, 10, 3))))
