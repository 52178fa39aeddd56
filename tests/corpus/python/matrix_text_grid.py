text = """467..114..
...*......
..35..633.
......#...
617*......
.....+.58.
..592.....
......755.
...$.*....
.664.598.."""
import re
from collections import defaultdict

rows = text.splitlines()
total, gears = 0, defaultdict(list)
for r, row in enumerate(rows):
    for match in re.finditer(r"\d+", row):
        around = [(i, j) for i in range(r - 1, r + 2) for j in range(match.start() - 1, match.end() + 1) if 0 <= i < len(rows) and 0 <= j < len(row)]
        signs = [(i, j) for i, j in around if not rows[i][j].isdigit() and rows[i][j] != "."]
        total += int(match[0]) * bool(signs)
        for i, j in signs:
            if rows[i][j] == "*":
                gears[i, j].append(int(match[0]))
print(total, sum(a * b for a, b in (pair for pair in gears.values() if len(pair) == 2)))
grid = [list(row) for row in ("abcd", "efgh", "ijkl")]
print(["".join(column) for column in zip(*grid[::-1])], ["".join(row[::-1]) for row in grid[::-1]])
spiral = []
while grid:
    spiral += grid.pop(0)
    grid = [list(row) for row in zip(*grid)][::-1]
print("".join(spiral))
encode = lambda text: re.sub(r"(.)\1*", lambda m: f"{len(m[0])}{m[1]}", text)
look = "1"
for _ in range(8):
    look = encode(look)
print(look, re.sub(r"(\d+)(\D)", lambda m: m[2] * int(m[1]), encode("aaabccdddd")))
print([f"{'FizzBuzz' if n % 15 == 0 else 'Buzz' if n % 5 == 0 else 'Fizz' if n % 3 == 0 else n}" for n in range(1, 16)])
