const factorial = (n) => (n <= 1n ? 1n : n * factorial(n - 1n));
console.log(factorial(30n), factorial(100n).toString().length, [1n, -2n], { big: 10n ** 20n });
console.log(2n ** 64n, -7n / 2n, -7n % 3n, 5n & 3n, 1n << 70n, -1n >> 3n, BigInt.asUintN(8, 257n), BigInt.asIntN(8, 255n), BigInt("0xff"), typeof 1n);
const powmod = (base, exp, mod) => { let result = 1n; for (base %= mod; exp > 0n; exp >>= 1n, base = (base * base) % mod) if (exp & 1n) result = (result * base) % mod; return result; };
console.log(powmod(3n, 10n ** 18n, 1_000_000_007n), 1n === 1, 1n == 1, 2n > 1, [3n, 1, 2n].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
let [a, b] = [0n, 1n];
for (let i = 0; i < 300; i++) [a, b] = [b, a + b];
console.log(a, a.toString(16), Number(a), Number(2n ** 53n) + 1);
const sqrt = (n) => { let x = n; for (let y = (x + 1n) / 2n; y < x; y = (x + n / x) / 2n) x = y; return x; };
console.log(sqrt(2n * 10n ** 60n), BigInt(Number.MAX_SAFE_INTEGER) + 2n, BigInt(1e21), (123456789n).toLocaleString("en-US"));
for (const act of [() => 1n + 1, () => BigInt(1.5), () => JSON.stringify({ a: 1n }), () => 1n / 0n, () => BigInt("x"), () => Math.max(1n)])
  try { console.log(act()); } catch (error) { console.log(error.name); }
