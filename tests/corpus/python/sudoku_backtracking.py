PUZZLE = """53..7.... 6..195... .98....6. 8...6...3 4..8.3..1 7...2...6 .6....28. ...419..5 ....8..79"""
grid = [[int(c) if c != "." else 0 for c in row] for row in PUZZLE.split()]


def options(r, c):
    used = set(grid[r]) | {row[c] for row in grid}
    br, bc = r // 3 * 3, c // 3 * 3
    used |= {grid[i][j] for i in range(br, br + 3) for j in range(bc, bc + 3)}
    return set(range(1, 10)) - used


steps = 0


def solve():
    global steps
    holes = [(len(options(r, c)), r, c) for r in range(9) for c in range(9) if not grid[r][c]]
    if not holes:
        return True
    _, r, c = min(holes)
    for n in sorted(options(r, c)):
        steps += 1
        grid[r][c] = n
        if solve():
            return True
        grid[r][c] = 0
    return False


print(solve(), steps)
for r, row in enumerate(grid):
    print(" | ".join("".join(map(str, row[c : c + 3])) for c in (0, 3, 6)))
    if r in (2, 5):
        print("----+-----+----")
assert all(sorted(row) == list(range(1, 10)) for row in grid)
from itertools import permutations

for a, b, c, d in permutations(range(1, 10), 4):
    # ABCD * D = DCBA
    if (1000 * a + 100 * b + 10 * c + d) * d == 1000 * d + 100 * c + 10 * b + a:
        print(a, b, c, d)
for t, w, o, f, u, r in permutations(range(10), 6):
    # TWO + TWO = FOUR
    if t and f and 2 * (100 * t + 10 * w + o) == 1000 * f + 100 * o + 10 * u + r and r != o:
        print(f"{t}{w}{o} + {t}{w}{o} = {f}{o}{u}{r}")
