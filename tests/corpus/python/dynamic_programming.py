from bisect import bisect_left, insort
from functools import cache
from itertools import accumulate


@cache
def edits(a, b):
    if not a or not b:
        return len(a) + len(b)
    if a[0] == b[0]:
        return edits(a[1:], b[1:])
    return 1 + min(edits(a[1:], b), edits(a, b[1:]), edits(a[1:], b[1:]))


def common(a, b):
    table = [[""] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + x if x == y else max(table[i][j + 1], table[i + 1][j], key=len)
    return table[-1][-1]


def knapsack(things, room):
    best = [(0, ())] * (room + 1)
    for name, weight, worth in things:
        for left in range(room, weight - 1, -1):
            best[left] = max(best[left], (best[left - weight][0] + worth, best[left - weight][1] + (name,)))
    return best[room]


def longest_rising(numbers):
    tails = []
    for number in numbers:
        at = bisect_left(tails, number)
        tails[at : at + 1] = [number]
    return len(tails)


print(edits("kitten", "sitting"), edits("intention", "execution"), common("AGGTAB", "GXTXAYB"))
print(knapsack([("map", 9, 150), ("compass", 13, 35), ("water", 153, 200), ("sandwich", 50, 160), ("glucose", 15, 60)], 200))
print(longest_rising([10, 9, 2, 5, 3, 7, 101, 18]), list(accumulate([3, -1, 4, -10, 5, 2], lambda a, b: max(b, a + b))))
ways = [1] + [0] * 200
for coin in (1, 2, 5, 10, 20, 50, 100, 200):
    for total in range(coin, 201):
        ways[total] += ways[total - coin]
print(ways[200])
kept = []
for n in (5, 2, 9, 1):
    insort(kept, n)
print(kept)
queens = lambda n, placed=(): sum(
    queens(n, placed + (c,)) for c in range(n) if all(c != p and abs(c - p) != len(placed) - r for r, p in enumerate(placed))
) if len(placed) < n else 1
print([queens(n) for n in range(1, 8)])
