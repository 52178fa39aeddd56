from collections import Counter


def step(cells):
    near = Counter((x + dx, y + dy) for x, y in cells for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy)
    return {cell for cell, count in near.items() if count == 3 or (count == 2 and cell in cells)}


def show(cells):
    left, top = min(x for x, _ in cells), min(y for _, y in cells)
    right, bottom = max(x for x, _ in cells), max(y for _, y in cells)
    return "\n".join("".join(".#"[(x, y) in cells] for x in range(left, right + 1)) for y in range(top, bottom + 1))


glider = {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)}
for _ in range(12):
    glider = step(glider)
print(show(glider), sorted(glider))
pentomino = {(1, 0), (2, 0), (0, 1), (1, 1), (1, 2)}
counts = []
for _ in range(60):
    pentomino = step(pentomino)
    counts.append(len(pentomino))
print(counts[-5:], max(counts))
width, height = 60, 18
for row in range(height):
    line = ""
    for column in range(width):
        c = complex(column / width * 3 - 2.2, row / height * 2.4 - 1.2)
        z, n = 0j, 0
        while abs(z) <= 2 and n < 40:
            z, n = z * z + c, n + 1
        line += " .:-=+*#%@"[n * 9 // 40]
    print(line.rstrip())
