values = [0, 1, -1, 3.14159, 1e16, 1e15, 1.5e-7, 123456789, float("inf"), 2**0.5, 1 / 3, 1e22, 5e-324]
for value in values:
    print(repr(value), f"{value:.3f}", f"{value:e}", f"{value:g}", f"{value:>+15,.2f}", f"{value:.2%}")
for whole in (0, 255, -42, 10**20):
    print(f"{whole:x} {whole:#o} {whole:b} {whole:_d} {whole:08d} {whole:^12}|")
print(int("0x_ff", 16), int("-1010", 2), int("z", 36), float("1_000.5"), int(" 42\n"))
print(round(2.5), round(-1.5), round(2.675, 2), round(1234, -2), -7 // 2, -7 % 3, divmod(7, -2), 7.5 // 2)
print((0.1).as_integer_ratio(), (2.5).hex(), float.fromhex("0x1.8p3"), 0.1 + 0.2 == 0.3, 1e308 * 10)
print(f"{'left':<8}|{'mid':^8}|{'right':>8}|{'x':*^5}", "%05.1f|%-6s|%+d|%x" % (2.25, "ab", 5, 255))
print("{0[a]} {1.real} {2!r:>6} {name:{width}}".format({"a": 1}, 3j + 2, "q", name="n", width=4) + ".")
print(complex(3, 4) * 2j, abs(3 + 4j), (1 + 2j).conjugate(), bin(10)[2:].zfill(8), (1023).bit_length(), (5).bit_count())
