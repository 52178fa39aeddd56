function* fibonacci() { let [a, b] = [0, 1]; for (;;) { const reset = yield a; [a, b] = reset ? [0, 1] : [b, a + b]; } }
const take = function* (n, source) { for (const value of source) { if (n-- <= 0) return; yield value; } };
console.log([...take(10, fibonacci())]);
const flow = fibonacci();
console.log(flow.next(), flow.next(), flow.next().value, flow.next(true), flow.return("done"), flow.next());
class Tree {
  constructor(value, ...kids) { Object.assign(this, { value, kids }); }
  *[Symbol.iterator]() { yield this.value; for (const kid of this.kids) yield* kid; }
}
const tree = new Tree(1, new Tree(2, new Tree(3)), new Tree(4));
console.log([...tree], Math.max(...tree), new Set(tree), tree);
const range = { from: 1, to: 4, [Symbol.iterator]() { let at = this.from; return { next: () => (at <= this.to ? { value: at++, done: false } : { value: undefined, done: true }), return() { console.log("closed"); return {}; } }; } };
for (const n of range) if (n === 2) break;
const [x, ...others] = range;
console.log(x, others);
function* guarded() { try { yield 1; yield 2; } catch (error) { yield `caught ${error}`; } finally { console.log("cleanup"); } }
const g = guarded();
console.log(g.next().value, g.throw("oops").value, g.next());
const permutations = function* (list) { if (list.length < 2) yield list; else for (let i = 0; i < list.length; i++) for (const rest of permutations(list.toSpliced(i, 1))) yield [list[i], ...rest]; };
console.log([...permutations([..."abc"])].map((p) => p.join("")), Object.prototype.toString.call(g), typeof flow[Symbol.iterator]);
const lazy = (function* () { for (const [k, v] of new Map([["a", 1], ["b", 2]])) yield { k, v }; })();
console.log(Array.from(lazy, ({ k, v }) => k + v), [...new Map([[{}, 1]]).keys()], [...[10, 20].entries()], [..."h😀"]);
