from functools import lru_cache
from math import comb, gcd, isqrt, lcm, prod


def sieve(limit):
    flags = bytearray([1]) * (limit + 1)
    flags[:2] = b"\0\0"
    for n in range(2, isqrt(limit) + 1):
        if flags[n]:
            flags[n * n :: n] = bytes(len(range(n * n, limit + 1, n)))
    return [n for n, flag in enumerate(flags) if flag]


def factors(n):
    found, p = {}, 2
    while p * p <= n:
        while n % p == 0:
            found[p] = found.get(p, 0) + 1
            n //= p
        p += 1 + (p > 2)
    if n > 1:
        found[n] = 1
    return found


@lru_cache(maxsize=None)
def collatz(n):
    return 1 if n == 1 else 1 + collatz(n // 2 if n % 2 == 0 else 3 * n + 1)


primes = sieve(20_000)
print(len(primes), primes[-3:], sum(primes))
print(factors(600851475143), factors(2**5 * 3 * 97**2), factors(1))
print(max(range(1, 5000), key=collatz), collatz(27), collatz.cache_info().misses > 5000)
print(gcd(1071, 462), lcm(*range(1, 21)), comb(50, 25), prod(range(1, 11)), pow(3, -1, 7), pow(2, 10**18, 10**9 + 7))
print([n for n in range(2, 1000) if sum(d for d in range(1, n // 2 + 1) if n % d == 0) == n])
