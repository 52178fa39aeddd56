const attempt = (act) => { try { return act(); } catch (error) { return error.name; } };
const list = [5, 1, 4, , 2], same = (made) => [made, made === list, 3 in made];
console.log(same(list.toSorted()), same(list.toReversed()), same(list.with(1, "x")), same(list.toSpliced(1, 2, "a", "b", "c")), list, 3 in list);
console.log(list.toSorted((a, b) => b - a), [3, undefined, 1, undefined].toSorted(), [10, 9, 1].toSorted(), ["b", , "a"].toSorted(undefined), list.with(-1, 0), list.with("0", 0), list.with(NaN, 7)[0]);
console.log([() => list.with(5, 1), () => list.with(-6, 1), () => list.toSorted(null), () => list.toSorted("x"), () => [].with(0, 1), () => Array.prototype.toSorted.call(null), () => Array.prototype.with.call({ length: 2 ** 32 }, 0, 0), () => Array.prototype.toReversed.call({ length: 2 ** 53 })].map(attempt));
console.log([1, 2, 3].toSpliced(), [1, 2, 3].toSpliced(1), [1, 2, 3].toSpliced(undefined, 1), [1, 2, 3].toSpliced(-1, 0, "x"), [1, 2, 3].toSpliced(0, Infinity), [1].toSpliced(1, undefined, 2));
const like = { length: 3, 0: "c", 2: "a" };
for (const name of ["toSorted", "toReversed"]) console.log(name, Array.prototype[name].call(like), Array.prototype[name].length, Array.prototype[name].name);
console.log(Array.prototype.toSpliced.call(like, 0, 1), Array.prototype.with.call(like, 1, "b"), Array.prototype.toSpliced.length, Array.prototype.with.length);
class More extends Array {}
const more = More.from([3, 1, 2]);
console.log(more.toSorted() instanceof More, more.toReversed().constructor === Array, more.slice() instanceof More, more.map((x) => x) instanceof More, more.flat() instanceof More);
// Stable, also where there are many, and whatever the comparison says meanwhile.
const many = Array.from({ length: 600 }, (_, at) => ({ key: (at * 7919) % 13, at }));
const sorted = many.toSorted((a, b) => a.key - b.key);
console.log(sorted.every((one, at) => at === 0 || sorted[at - 1].key < one.key || (sorted[at - 1].key === one.key && sorted[at - 1].at < one.at)), many[1].key);
let calls = 0;
console.log(attempt(() => [2, 1].toSorted(() => { calls++; throw new EvalError("no"); })), calls, [3, 2, 1].sort(() => 0), [1, 2, 3].toSorted((a, b) => String(b - a)));
// From the end.
console.log([1, 2, 3].at(-1), [1, 2, 3].at(-4), [1].at("0"), [1, 2].at(-1.9), [].at(0), Array.prototype.at.call({ length: 2, 1: "b" }, -1), "añ😀".at(-1), "abc".at(NaN), new Uint8Array([1, 2]).at(-2), Array.prototype.at.length);
const found = [{ n: 1 }, { n: 2 }, { n: 3 }];
console.log(found.findLast((one) => one.n < 3), found.findLastIndex((one) => one.n > 5), found.findLast(() => false), [, 1].findLast((one) => one === undefined), [1, 2, 3].findLastIndex(function (one) { return one === this.n; }, { n: 2 }));
const seen = [];
[1, 2, 3].findLast((value, at, all) => { seen.push([value, at]); all.length = 1; return false; });
console.log(seen, [1, [2, [3, [4]]]].flat(Infinity), [1, [2, [3]]].flat(0), [[1], , [2]].flat(), [1, 2].flatMap((x) => [[x], x]), [1, 2, 3, 4, 5].copyWithin(0, 3), [1, 2, 3].fill(0, -1), Array.of(7).length, [NaN].includes(NaN), [NaN].indexOf(NaN), [, ].includes(undefined));
console.log(Array.from({ length: 3 }, function (_, at) { return this.by * at; }, { by: 2 }), Array.from("a😀b"), Array.from(new Map([[1, 2]])), Array.from({ 0: "x", length: "1" }), Array.isArray(new Proxy([], {})), [3, 4].entries().next(), [...["a"].keys()], [1, 2, 3].lastIndexOf(3, -1), [..."ab"].reduceRight((all, one) => all + one));
const unscopables = Object.keys(Array.prototype[Symbol.unscopables]);
console.log(["at", "findLast", "findLastIndex", "toReversed", "toSorted", "toSpliced", "flat", "includes", "with"].map((name) => unscopables.includes(name)));
const bytes = new Uint8Array([3, 1, 2]), floats = new Float64Array([NaN, 0, -0, -1, Infinity]);
console.log(bytes.toSorted(), bytes.toReversed(), bytes.with(0, 257), floats.toSorted(), bytes.toSorted((a, b) => b - a), bytes.findLast((n) => n > 1), bytes.findLastIndex((n) => n > 9), attempt(() => bytes.with(3, 1)), "toSpliced" in bytes, new BigInt64Array([2n, -1n]).toSorted(), attempt(() => new BigInt64Array(1).with(0, 1)));
const shrinking = { length: 3, get 0() { return "a"; }, get 1() { this.length = 0; return "b"; }, 2: "c" };
console.log(Array.prototype.toReversed.call(shrinking), [1, 2, 3].concat(4, [5, [6]], { length: 1, 0: 7, [Symbol.isConcatSpreadable]: true }), [].concat(Object.assign([1], { [Symbol.isConcatSpreadable]: false })).length);
