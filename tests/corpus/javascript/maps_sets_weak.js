const inventory = new Map([["anvil", { count: 3 }], ["rocket", { count: 1 }]]);
inventory.set("magnet", { count: 7 }).delete("rocket");
console.log(inventory, [...inventory.keys()], new Map([...inventory].filter(([, { count }]) => count > 3)), inventory.size);
const a = new Set([1, 2, 3]), b = new Set([2, 3, 4]);
console.log(new Set([...a].filter((x) => b.has(x))), new Set([...a, ...b]), [...a].filter((x) => !b.has(x)), a);
class LRU {
  constructor(room) { this.room = room; this.map = new Map(); }
  get(key) { if (!this.map.has(key)) return undefined; const value = this.map.get(key); this.map.delete(key); this.map.set(key, value); return value; }
  set(key, value) { this.map.delete(key); this.map.set(key, value); if (this.map.size > this.room) this.map.delete(this.map.keys().next().value); return this; }
}
const cache = new LRU(2).set("a", 1).set("b", 2);
cache.get("a");
cache.set("c", 3);
console.log(cache, cache.get("b"));
const hidden = new WeakMap(), key = {};
hidden.set(key, "secret");
console.log(hidden.get(key), hidden.has({}), new WeakSet([key]).has(key), new Map([[NaN, 1]]).get(NaN), new Map([[0, "zero"]]).get(-0));
const memo = (act, seen = new Map()) => (n) => seen.get(n) ?? (seen.set(n, act(n)), seen.get(n));
const fib = memo((n) => (n < 2 ? n : fib(n - 1) + fib(n - 2)));
console.log(fib(80), new Map([["nested", new Map([["deep", new Set([[1]])]])]]), new Set("hello"), new Set(), new Map());
console.log([...new Map(Object.entries({ x: 1 }))], Object.fromEntries(inventory), structuredClone(new Map([[1, new Set([new Date(0)])]])), [...inventory.entries()], [...a.values()]);
const counts = new Map();
for (const c of "mississippi") counts.set(c, (counts.get(c) ?? 0) + 1);
console.log([...counts].sort(([x, n], [y, m]) => m - n || (x < y ? -1 : 1)));
inventory.forEach((value, name, map) => console.log(name, value.count, map === inventory));
