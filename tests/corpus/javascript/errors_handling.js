class HttpError extends Error {
  constructor(status, message, options) { super(message, options); this.name = "HttpError"; this.status = status; }
}
const load = (id) => { try { return JSON.parse(id); } catch (error) { throw new HttpError(400, `bad id ${id}`, { cause: error }); } };
try { load("{"); } catch (error) { console.log(error.name, error.status, error.message, error.cause instanceof SyntaxError, error instanceof HttpError, String(error), error.stack.includes("bad id {")); }
const tries = [
  () => null.x, () => undefined.foo(), () => missing, () => { const c = 1; c = 2; }, () => new Array(-1), () => "x".repeat(-1), () => (1).toFixed(101),
  () => decodeURIComponent("%"), () => { throw "text"; }, () => { throw { code: 7 }; }, () => [].reduce((a) => a), () => new (class { constructor() { this.x.y; } })(), () => ({}).x.y.z, () => { let q = 1; q(); }, () => Symbol() + "",
];
for (const act of tries) try { act(); } catch (error) { console.log(error instanceof Error ? error.name : error); }
const order = [];
const f = () => { try { order.push("try"); return "returned"; } finally { order.push("finally"); } };
console.log(f(), order, (() => { for (const x of [1, 2]) try { continue; } finally { order.push(x); } return order.length; })());
const result = (act) => { try { return { ok: true, value: act() }; } catch ({ message }) { return { ok: false, message }; } };
console.log(result(() => 42), result(() => { throw new RangeError("too far"); }));
console.log(new Error("plain").message, Object.keys(new Error("x")), new Error("a", { cause: "b" }).cause, Object.prototype.toString.call(new TypeError()), new AggregateError([1, 2], "many").errors);
try { try { throw new Error("inner"); } finally { console.log("unwinding"); } } catch { console.log("outer"); }
Promise.reject(new HttpError(404, "gone")).catch((error) => console.log("async", error.status)).then(() => { throw new Error("late"); }).catch((error) => console.log(error.message));
console.error("this goes to stderr");
console.assert(1 === 1, "never shown");
