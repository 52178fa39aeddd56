const transitions = Object.freeze({ open: ["paid", "cancelled"], paid: ["shipped", "cancelled"], shipped: [], cancelled: [] });
class Order {
  static #orders = new Map();
  static get(id) { if (!this.#orders.has(id)) this.#orders.set(id, new Order(id)); return this.#orders.get(id); }
  static *all() { yield* this.#orders.values(); }
  state = "open"; history = [];
  constructor(id) { this.id = id; }
  to(next) {
    if (!(next in transitions)) throw new RangeError(`no state ${next}`);
    if (!transitions[this.state].includes(next)) throw Object.assign(new Error(`order ${this.id}: ${this.state} cannot become ${next}`), { code: "BAD_STEP" });
    this.history.push(`${this.state}->${next}`);
    this.state = next;
  }
  toJSON() { return { id: this.id, state: this.state, steps: this.history.length }; }
}
const errors = [];
"1 paid|2 cancelled|1 shipped|2 paid|3 refunded|1 open".split("|").forEach((line, n) => { const [id, word] = line.split(" "); try { Order.get(+id).to(word); } catch ({ name, message, code }) { errors.push({ line: n + 1, name, message, code }); } });
console.log(JSON.stringify([...Order.all()]), errors);
console.table([...Order.all()].map((o) => o.toJSON()));
const journal = [["cash", "equity", 10000], ["stock", "cash", 3250], ["cash", "sales", 999], ["fees", "cash", 12]];
const accounts = {};
for (const [debit, credit, cents] of journal) { accounts[debit] = (accounts[debit] ?? 0) + cents; accounts[credit] = (accounts[credit] ?? 0) - cents; }
console.log(accounts, Object.values(accounts).reduce((a, b) => a + b), Object.entries(accounts).map(([k, v]) => `${k}: ${(v / 100).toFixed(2)}`));
console.group("report");
console.log("line\nsecond");
console.group();
console.info({ nested: true });
console.groupEnd();
console.groupEnd();
console.log("flat");
console.count(); console.count("x"); console.count();
const merge = (a, b) => { const out = { ...a }; for (const [k, v] of Object.entries(b)) out[k] = v && typeof v === "object" && !Array.isArray(v) && typeof a[k] === "object" ? merge(a[k], v) : v; return out; };
console.log(merge({ a: { x: 1, y: { z: 1 } }, b: [1] }, { a: { y: { w: 2 } }, b: [2], c: null }));
