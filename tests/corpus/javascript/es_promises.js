const order = [], note = (text) => () => void order.push(text);
const settle = async (promise) => { try { return ["fine", await promise]; } catch (error) { return [error?.name ?? error, error?.errors ?? "no list"]; } };
const later = (value, ms = 1) => new Promise((done) => setTimeout(done, ms, value)), never = new Promise(() => {});
(async () => {
  console.log(await settle(Promise.any([Promise.reject(1), later("late"), never])), await settle(Promise.any([Promise.reject("a"), Promise.reject("b")])), await settle(Promise.any([])), await settle(Promise.any(5)));
  console.log(await Promise.allSettled([1, Promise.reject("no"), later("x"), { then(done) { done("thenable"); } }, { then() { throw "thrown"; } }]), await Promise.allSettled([]));
  console.log(await settle(Promise.all([1, later(2), Promise.resolve(3)])), await settle(Promise.all([later(1), Promise.reject(new URIError("first")), Promise.reject(2)])), await settle(Promise.race([never, later("won", 2), later("lost", 30)])));
  console.log(await settle(Promise.all({ [Symbol.iterator]() { return { next() { throw new EvalError("iterator"); } }; } })));
  const closed = [], items = { *[Symbol.iterator]() { try { yield 1; yield 2; } finally { closed.push("closed"); } } };
  class Odd extends Promise { static resolve() { throw new SyntaxError("resolve"); } }
  console.log(await settle(Promise.all.call(Odd, items)), closed, Odd.prototype.then.call(Promise.resolve(1), () => 0) instanceof Odd, Promise.resolve(1).then === Odd.prototype.then);
  class Sub extends Promise { constructor(act) { super(act); this.tagged = true; } }
  const sub = Sub.resolve(1);
  console.log(sub.tagged, sub.then(() => 0) instanceof Sub, sub.finally(() => 0) instanceof Sub, Sub.all([]) instanceof Sub, Promise.resolve(sub) === sub, Sub.resolve(sub) === sub, Promise.resolve(sub).constructor === Sub);
  // finally: sees nothing, changes nothing but by failing, and waits.
  console.log(await settle(Promise.resolve(1).finally((...args) => args.length)), await settle(Promise.reject(2).finally(() => 3)), await settle(Promise.resolve(1).finally(() => { throw "from finally"; })), await settle(Promise.resolve("kept").finally(() => later("ignored", 3))), await settle(Promise.resolve(1).finally("no function")));
  const [first, second] = [[], []];
  new Promise((done, fail) => { done(1); fail(2); done(3); throw 4; }).then((value) => first.push(value));
  const self = {}; self.promise = new Promise((done) => { self.done = done; }); self.done(self.promise);
  console.log(await settle(self.promise), first, await settle(new Promise(() => { throw new TypeError("in the executor"); })), [() => new Promise(), () => Promise(), () => new Promise({}), () => Promise.resolve.call(1)].map((act) => { try { act(); return "fine"; } catch (error) { return error.name; } }));
  // The order of steps is the standard's, tick by tick.
  const ticks = (name, count) => { let promise = Promise.resolve(); for (let n = 1; n <= count; n++) promise = promise.then(note(`${name}${n}`)); return promise; };
  const watch = ticks("t", 8);
  (async () => { await null; order.push("await value"); await Promise.resolve(); order.push("await promise"); await { then(done) { order.push("then called"); done(); } }; order.push("await thenable"); })();
  (async () => Promise.resolve())().then(note("async returns promise"));
  (async () => 1)().then(note("async returns value"));
  Promise.resolve(Promise.resolve()).then(note("resolved promise"));
  new Promise((done) => done(Promise.resolve())).then(note("resolved by promise"));
  queueMicrotask(note("microtask"));
  process.nextTick(note("next tick"));
  setTimeout(note("timeout"), 0);
  order.push("now");
  await watch; await later();
  console.log(order.join(", "));
  order.length = 0;
  async function* gen() { try { order.push("start"); const got = yield 1; order.push(`got ${got}`); yield Promise.resolve(2); yield* [3, Promise.resolve(4)]; return later("end"); } finally { order.push("cleanup"); await later(); order.push("cleaned"); } }
  const it = gen();
  console.log(await Promise.all([it.next("lost"), it.next("sent"), it.next(), it.next(), it.next(), it.next()]), order.splice(0));
  const cut = gen();
  await cut.next();
  console.log(await Promise.all([cut.return("early"), cut.next()]), await cut.throw(new RangeError("late")).catch((error) => error.name), order.splice(0));
  for await (const value of gen()) { if (value === 2) break; second.push(value); }
  console.log(second, order.splice(0), await settle((async () => { for await (const value of [1, Promise.reject(new EvalError("in a list"))]) second.push(value); })()), second);
  const closing = { [Symbol.asyncIterator]: () => ({ next: async () => ({ value: 1, done: false }), return: async () => (order.push("return"), {}) }) };
  try { for await (const value of closing) throw new SyntaxError("body " + value); } catch (error) { console.log(error.message, order.splice(0)); }
  console.log(await settle((async () => { for await (const _ of 5); })()), await settle((async () => { const [x, ...rest] = await Promise.all([later(1), 2, 3]); return { x, rest }; })()), Object.prototype.toString.call(gen()), Object.prototype.toString.call(never), gen.constructor.name);
  const nested = await Promise.resolve(1).then((n) => Promise.resolve(n + 1).then((m) => m * 10)).catch(() => 0).then((n) => { throw n; }).then(() => "skipped", (n) => `handled ${n}`);
  console.log(nested, Object.getOwnPropertyNames(Promise.prototype).sort(), ["all", "allSettled", "any", "race", "reject", "resolve"].map((name) => Promise[name].length));
})();
