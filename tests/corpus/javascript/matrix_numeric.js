const multiply = (a, b) => a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
const transpose = (m) => m[0].map((_, j) => m.map((row) => row[j]));
const determinant = (m) => (m.length === 1 ? m[0][0] : m[0].reduce((sum, x, j) => sum + (-1) ** j * x * determinant(m.slice(1).map((row) => row.toSpliced(j, 1))), 0));
console.log(multiply([[1, 2], [3, 4]], [[0, 1], [1, 0]]), transpose([[1, 2, 3], [4, 5, 6]]), determinant([[2, 0, 1], [1, 3, 2], [1, 1, 4]]));
const solve = (m, y) => {
  const rows = m.map((row, i) => [...row, y[i]]);
  for (let at = 0; at < rows.length; at++) {
    const pivot = rows.reduce((best, row, i) => (i >= at && Math.abs(row[at]) > Math.abs(rows[best][at]) ? i : best), at);
    [rows[at], rows[pivot]] = [rows[pivot], rows[at]];
    for (let i = 0; i < rows.length; i++) if (i !== at) { const f = rows[i][at] / rows[at][at]; rows[i] = rows[i].map((x, j) => x - f * rows[at][j]); }
  }
  return rows.map((row, i) => row.at(-1) / row[i]);
};
console.log(solve([[2, 1, -1], [-3, -1, 2], [-2, 1, 2]], [8, -11, -3]).map((x) => x.toFixed(6)));
const newton = (f, df, x) => { for (let i = 0; i < 50; i++) { const next = x - f(x) / df(x); if (Math.abs(next - x) < 1e-14) return next; x = next; } };
console.log(newton((x) => x * x - 2, (x) => 2 * x, 1));
let integral = 0;
for (let i = 0; i <= 1000; i++) integral += (i === 0 || i === 1000 ? 1 : i % 2 ? 4 : 2) * Math.sin((i * Math.PI) / 1000);
console.log(((integral * Math.PI) / 3000).toFixed(10));
const linear = (xs, ys) => { const n = xs.length, mx = xs.reduce((a, b) => a + b) / n, my = ys.reduce((a, b) => a + b) / n; const slope = xs.reduce((s, x, i) => s + (x - mx) * (ys[i] - my), 0) / xs.reduce((s, x) => s + (x - mx) ** 2, 0); return { slope: +slope.toFixed(6), intercept: +(my - slope * mx).toFixed(6) }; };
console.log(linear([1, 2, 3, 4, 5, 6], [2.1, 3.9, 6.2, 7.8, 10.1, 11.9]));
let seed = 7;
const random = () => { seed ^= seed << 13; seed ^= seed >>> 17; seed ^= seed << 5; return (seed >>> 0) / 2 ** 32; };
let inside = 0;
for (let n = 0; n < 20000; n++) inside += random() ** 2 + random() ** 2 <= 1;
console.log(inside, seed);
const rows = [];
for (let y = -1.2; y <= 1.2; y += 0.16) { let line = ""; for (let x = -2.2; x <= 0.8; x += 0.05) { let [zr, zi, n] = [0, 0, 0]; while (zr * zr + zi * zi <= 4 && n < 40) { [zr, zi] = [zr * zr - zi * zi + x, 2 * zr * zi + y]; n++; } line += " .:-=+*#%@"[Math.floor((n * 9) / 40)]; } rows.push(line.trimEnd()); }
console.log(rows.join("\n"));
