const attempt = (act) => { try { return act(); } catch (error) { return error.name; } };
// Objects.
const bare = Object.assign(Object.create(null), { own: 1 }), child = Object.create({ up: 1 }, { hid: { value: 2 }, key: { get: () => 3, enumerable: true } });
console.log(Object.hasOwn(bare, "own"), Object.hasOwn(child, "up"), Object.hasOwn(child, "hid"), Object.hasOwn("ab", 1), Object.hasOwn([1], "length"), Object.hasOwn({ [Symbol.iterator]: 1 }, Symbol.iterator), attempt(() => Object.hasOwn(null, "x")), Object.hasOwn.length);
const asked = [];
attempt(() => Object.hasOwn(null, { toString() { asked.push("key"); return "x"; } }));
console.log(asked, Object.fromEntries(new Map([["a", 1], [Symbol.for("s"), 2], ["a", 3]])), Object.fromEntries([[1, 2], { 0: "k", 1: "v" }]), attempt(() => Object.fromEntries([1])), attempt(() => Object.fromEntries()));
console.log(Object.entries({ b: 1, 2: 1, a: 1, 1: 1, [-1]: 1, "01": 1, 4294967295: 1, 4294967294: 1 }).map(([key]) => key), Object.entries("hi"), Object.values({ get x() { return this; } }).length, Object.keys(child), { ...child, ...null, ...[9] }[0]);
const { a: { b: deep = 5 } = {}, ["x" + "y"]: xy = "none", ...others } = { z: 1, xy: undefined, w: null, [Symbol.for("kept")]: 1 };
console.log(deep, xy, others, Object.getOwnPropertyDescriptors(class { static get [Symbol.species]() {} static m() {} }));
const sealed = Object.seal({ s: 1 });
console.log(Object.isSealed(sealed), delete sealed.s, (sealed.s = 2), attempt(() => { "use strict"; sealed.t = 1; }), Object.isFrozen("x"), Object.isExtensible(1), Reflect.ownKeys(Object.freeze({ q: 1, 0: 1 })), { __proto__: null } instanceof Object, "__proto__" in { ["__proto__"]: 1 }, Object.keys({ ["__proto__"]: 1 }), ({ __proto__: { inh: 1 } }).inh, attempt(() => new Function("({ __proto__: 1, __proto__: 2 })")));
let trace = [];
({ [(trace.push(1), "p")]: trace[(trace.push(2), 9)] = (trace.push(3), 0) } = {});
console.log(trace, Object.is(NaN, 0 / 0), Object.is(0, -0), Object.entries(Object.groupBy ? {} : {}).length, Object.getOwnPropertyNames("ab"), Object.prototype.toString.call(null), Object.prototype.toString.call(function* () {}()), String(Object(Symbol("w")).description));
// Errors.
const cause = new TypeError("inner"), outer = new Error("outer", { cause });
console.log(outer.cause === cause, Object.getOwnPropertyDescriptor(outer, "cause").enumerable, "cause" in new Error("x"), "cause" in new Error("x", { cause: undefined }), "cause" in new Error("x", {}), "cause" in Error.prototype, new Error("x", 5).cause, new Error("x", { get cause() { return "got"; } }).cause);
console.log([EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((Kind) => [Kind.name, Kind.length, Object.getPrototypeOf(Kind) === Error, Kind("called", { cause: 1 }).cause, Kind.prototype.message === ""]));
const group = new AggregateError(new Set([1, cause]), "both", { cause: "why" });
console.log(group.errors.length, group.errors[1] === cause, group.message, group.cause, group.name, AggregateError.length, Object.keys(group), Object.getOwnPropertyDescriptor(group, "errors").enumerable, attempt(() => new AggregateError()), attempt(() => new AggregateError(5)), new AggregateError([]).message === "", Object.hasOwn(new AggregateError([]), "message"));
class Http extends Error {
  constructor(status, options) { super(`status ${status}`, options); this.status = status; }
  get name() { return "Http"; }
  static { Http.prototype.retry = false; }
}
const http = new Http(503, { cause: outer });
console.log(String(http), http instanceof Http, http.cause.cause.message, Object.prototype.toString.call(http), Object.keys(http), typeof http.stack, http.stack.split("\n")[0], "message" in Error.prototype, Object.hasOwn(new Error(), "message"), Object.hasOwn(new Error(undefined), "message"), new Error(null).message, new Error("").message === "");
console.log([{}, { name: "N" }, { message: "m" }, { name: "", message: "m" }, { name: undefined, message: undefined }, { name: "N", message: "" }].map((it) => Error.prototype.toString.call(it)), attempt(() => Error.prototype.toString.call(1)));
const run = () => { try { try { throw new Error("first"); } finally { throw new RangeError("second"); } } catch ({ name, message, cause: none = "none" }) { return [name, message, none]; } };
const ways = (how) => { for (const n of [1, 2]) { try { if (how === "return") return "try"; if (how === "break") break; if (how === "continue") continue; throw 0; } catch { return "catch"; } finally { if (how === "override") return "finally"; } } return "end"; };
console.log(run(), ["return", "break", "continue", "override", "throw"].map(ways), (() => { try { return 1; } finally { console.log("finally"); } })(), (() => { l: try { return 1; } finally { break l; } return 2; })());
