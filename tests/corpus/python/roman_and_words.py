ROMAN = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()


def roman(n):
    text = ""
    for value, sign in ROMAN:
        count, n = divmod(n, value)
        text += sign * count
    return text


def arabic(text):
    values = {sign: value for value, sign in ROMAN if len(sign) == 1}
    total = 0
    for sign, after in zip(text, text[1:] + " "):
        total += values[sign] if values[sign] >= values.get(after, 0) else -values[sign]
    return total


def words(n):
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (f"-{ONES[n % 10]}" if n % 10 else "")
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if n >= size:
            head, rest = divmod(n, size)
            return f"{words(head)} {name}" + (f" {'and ' if rest < 100 else ''}{words(rest)}" if rest else "")


assert all(arabic(roman(n)) == n for n in range(1, 4000))
print(roman(1994), arabic("MMXXVI"), max(range(1, 4000), key=lambda n: len(roman(n))))
for n in (7, 42, 100, 115, 1_000_001, 987_654_321):
    print(n, words(n))
ordinal = lambda n: f"{n}{'th' if 10 <= n % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"
print(*map(ordinal, (1, 2, 3, 4, 11, 12, 13, 21, 101, 111, 122)))


def human(size):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024:
            return f"{size:.1f} {unit}".replace(".0 ", " ")
        size /= 1024
    return f"{size:.1f} TiB"


print([human(n) for n in (0, 1023, 1024, 123456, 5 * 2**30, 2**45)])
