for (const value of [0, -0, 1e21, 1e-7, 123456789.123, 0.1 + 0.2, 5e-324, Infinity, NaN, 2 ** 53, 100, 1 / 3, 1e300 * 10, 0xff, 1_000.5])
  console.log(value, String(value), value.toFixed(2), value.toPrecision(4), value.toExponential(3), Number.isInteger(value));
console.log((255).toString(16), (0.5).toString(2), (-255).toString(36), parseInt("12px"), parseInt("0x1f"), parseInt("101", 2), Number(""), Number("12px"), Number(" 42 "), Number("1e3"), +true, +[], +{}, +"0b11");
console.log(Math.round(-1.5), Math.round(2.5), Math.trunc(-4.7), Math.sign(-3), Math.hypot(3, 4), Math.cbrt(27), Math.log2(8), Math.clz32(1), Math.fround(5.5), Math.imul(3, 4), Math.atan2(1, 1).toFixed(6));
console.log(7 % -3, -7 % 3, 2 ** -1, 5 / 0, -5 / 0, 0 / 0, 7 / 2 | 0, ~~-7.9, 1 << 31, -1 >>> 0, 5 & 3, 5 ^ 3, ~5, 2 ** 32 >> 0);
console.log((1.005).toFixed(2), (1.45).toFixed(1), (8.345).toFixed(2), (1e21).toFixed(2), (0.000001234).toString(), 1.0, -1e-7, 123e-20);
console.log(Number.MAX_SAFE_INTEGER, Number.EPSILON > 0, Number.MIN_VALUE, 9007199254740993, 0.1 * 3, 4.35 * 100, 1.1 + 2.2);
const mean = (xs) => xs.reduce((a, b) => a + b, 0) / xs.length;
const xs = [2.5, 3.1, 4.7, 4.7, 5, 6.2, 9.9, 12], m = mean(xs), sorted = [...xs].sort((a, b) => a - b);
console.log(m.toFixed(4), Math.sqrt(mean(xs.map((x) => (x - m) ** 2))).toFixed(6), (sorted[3] + sorted[4]) / 2, Math.min(), Math.max());
console.log(Number.parseFloat("3.14abc"), isNaN("x"), Number.isNaN("x"), (25).toString(36), (1e21 + 1).toString(), (123.456).toString(8).slice(0, 8), [1.0, 2.50, -0]);
let seed = 42;
console.log(Array.from({ length: 6 }, () => (seed = (1103515245 * seed + 12345) % 2147483648) % 100), [0.1, 0.2, 0.3].reduce((a, b) => a + b), Math.exp(1), Math.sin(1), Math.pow(2, 0.5));
