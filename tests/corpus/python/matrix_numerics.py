from fractions import Fraction
from math import cos, exp, fsum, hypot, isclose, log, pi, sin


def matmul(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def solve(matrix, right):
    rows = [[Fraction(cell) for cell in row] + [Fraction(value)] for row, value in zip(matrix, right)]
    size = len(rows)
    for at in range(size):
        pivot = next(i for i in range(at, size) if rows[i][at])
        rows[at], rows[pivot] = rows[pivot], rows[at]
        rows[at] = [cell / rows[at][at] for cell in rows[at]]
        for other in range(size):
            if other != at:
                rows[other] = [x - rows[other][at] * y for x, y in zip(rows[other], rows[at])]
    return [row[-1] for row in rows]


print(matmul([[1, 2], [3, 4]], [[0, 1], [1, 0]]), [list(row) for row in zip(*[[1, 2, 3], [4, 5, 6]])])
print([str(x) for x in solve([[2, 1, -1], [-3, -1, 2], [-2, 1, 2]], [8, -11, -3])])


def newton(f, df, x, steps=50):
    for step in range(steps):
        new = x - f(x) / df(x)
        if isclose(new, x, rel_tol=1e-14):
            return new, step
        x = new


print(newton(lambda x: x * x - 2, lambda x: 2 * x, 1.0))
n = 1000
simpson = fsum((1 if i in (0, n) else 4 if i % 2 else 2) * sin(i * pi / n) for i in range(n + 1)) * pi / n / 3
print(f"{simpson:.10f} {hypot(3, 4, 12)} {exp(1):.12f} {log(8, 2):.6f} {cos(pi / 3):.10f}")
print(0.1 + 0.1 + 0.1, fsum([0.1] * 10))
state = 42
walk = []
for _ in range(6):
    state = (1103515245 * state + 12345) % 2**31
    walk.append(state % 100)
print(walk)
