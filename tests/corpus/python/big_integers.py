import math
import sys

n = math.factorial(200)
print(len(str(n)), sum(map(int, str(n))), str(n)[:20], n % 1_000_007)
a, b = 0, 1
for _ in range(1000):
    a, b = b, a + b
print(a)
print(2**521 - 1 == int("1" * 521, 2), (2**521 - 1).bit_length(), math.isqrt(10**60) == 10**30)
print((-(2**100)) >> 3, ~5 & 0xFFFF, (1 << 64) - 1 ^ 0xAAAAAAAAAAAAAAAA, -1 >> 200)
print((12345678901234567890).to_bytes(9, "big").hex(), int.from_bytes(b"\xff\xfe", "little", signed=True))
print(3**200 // 7**50, 3**200 % 7**50, divmod(-(10**30), 10**9 + 9))
print(float(10**22), int(1e22), 10**25 == 1e25, hash(2**30), sys.maxsize > 2**31 - 2)
try:
    float(10**400)
except OverflowError as error:
    print(error)
try:
    int("9" * 5000)
except ValueError as error:
    print("ValueError", "4300" in str(error))
