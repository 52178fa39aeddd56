const EventEmitter = require("events");
const { promisify, inherits, isDeepStrictEqual, types } = require("util");
const assert = require("assert");

class Store extends EventEmitter {
  #state;
  constructor(reducer, state) { super(); this.reducer = reducer; this.#state = state; }
  dispatch(action) { const before = this.#state; this.#state = this.reducer(before, action); if (before !== this.#state) this.emit("change", this.#state, action.type); return this; }
  get state() { return this.#state; }
}
const reducer = (state, { type, ...payload }) => {
  switch (type) {
    case "add": return { ...state, items: [...state.items, payload.item] };
    case "remove": return { ...state, items: state.items.filter(({ id }) => id !== payload.id) };
    case "clear": return { ...state, items: [] };
    default: return state;
  }
};
const store = new Store(reducer, { items: [] }), seen = [];
store.on("change", (state, type) => seen.push(`${type}:${state.items.length}`));
store.once("change", () => seen.push("first"));
store.dispatch({ type: "add", item: { id: 1 } }).dispatch({ type: "add", item: { id: 2 } }).dispatch({ type: "noop" }).dispatch({ type: "remove", id: 1 });
console.log(seen, store.state, store.listenerCount("change"), store.emit("nothing"));
const nodeStyle = (value, callback) => setTimeout(() => (value < 0 ? callback(new RangeError("negative")) : callback(null, value * 2)), 1);
promisify(nodeStyle)(21).then(console.log);
promisify(nodeStyle)(-1).catch((error) => console.log(error.name, error.message));
console.log(isDeepStrictEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), isDeepStrictEqual([1], ["1"]));
for (const act of [() => assert.strictEqual(1, 1), () => assert.deepStrictEqual({ a: 1 }, { a: 2 }), () => assert(0, "zero is falsy"), () => assert.throws(() => { throw new TypeError("x"); }, TypeError), () => assert.throws(() => {}), () => assert.equal(1, "1"), () => assert.notStrictEqual(1, 1)])
  try { act(); console.log("ok"); } catch (error) { console.log(error.name, error.code); }
const undo = []; let text = "";
const run = (command) => { undo.push(text); text = command(text); return run; };
run((t) => t + "hello")((t) => t.toUpperCase())((t) => t + "!");
console.log(text, undo, (text = undo.pop()), undo.length);
