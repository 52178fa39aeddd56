// Timers and ticks: the loop in `driver.js` runs them.
((kit) => {
  "use strict";
  const { doors, hide, global, SafeMap, wrongType, state } = kit;
  const custom = Symbol.for("nodejs.util.promisify.custom");
  const timers = new SafeMap();
  let last = 0;
  class Timeout {
    #id; #isAwaited = true;
    constructor(id) { hide(this, Symbol.toPrimitive, () => id); this.#id = id; }
    ref() { this.#isAwaited = true; const timer = timers.get(this.#id); if (timer) timer.idle = false; return this; }
    unref() { this.#isAwaited = false; const timer = timers.get(this.#id); if (timer) timer.idle = true; return this; }
    hasRef() { return this.#isAwaited; }
    refresh() { const timer = timers.get(this.#id); if (timer) timer.at = state.now + timer.wait; return this; }
    close() { timers.delete(this.#id); return this; }
    [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() { timers.delete(this.#id); }
    get id() { return this.#id; }
  }
  hide(Timeout.prototype, "constructor", Timeout);
  class Immediate extends Timeout {}
  const begin = (Kind, callback, wait, every, args) => {
    if (typeof callback !== "function") throw wrongType("callback", "of type function", callback);
    wait = Number(wait);
    wait = wait >= 1 && wait <= 2147483647 ? Math.trunc(wait) : 1;
    const isImmediate = Kind === Immediate;
    timers.set(++last, { at: isImmediate ? state.now + (state.isLate ? 0 : 1) : state.now + wait, wait, every: every ? wait : 0, callback, args, order: isImmediate ? last + 2 ** 40 : last, isImmediate, idle: false });
    return new Kind(last);
  };
  const clear = (timer) => { if (timer instanceof Timeout) timers.delete(timer.id); else if (timer !== undefined && timer !== null) timers.delete(Number(timer)); };
  const all = {
    setTimeout: (callback, wait, ...args) => begin(Timeout, callback, wait, false, args),
    setInterval: (callback, wait, ...args) => begin(Timeout, callback, wait, true, args),
    setImmediate: (callback, ...args) => begin(Immediate, callback, 0, false, args),
    clearTimeout: clear, clearInterval: clear, clearImmediate: clear,
  };
  const { setTimeout, setImmediate } = all;
  const aborted = (signal) => Object.assign(new Error("The operation was aborted"), { name: "AbortError", code: "ABORT_ERR", cause: signal.reason });
  const later = (start) => (value, options) => new Promise((done, not) => {
    if (options?.signal?.aborted) return not(aborted(options.signal));
    const timer = start(() => done(value));
    options?.signal?.addEventListener("abort", () => { clear(timer); not(aborted(options.signal)); });
  });
  const wait = (ms, value, options) => later((done) => setTimeout(done, ms))(value, options);
  const soon = (value, options) => later((done) => setImmediate(done))(value, options);
  async function* ticking(ms, value) { for (;;) yield await wait(ms, value); }
  hide(setTimeout, custom, wait);
  hide(setImmediate, custom, soon);
  for (const [name, value] of Object.entries(all)) hide(global, name, value);
  hide(global, "queueMicrotask", (callback) => {
    if (typeof callback !== "function") throw wrongType("callback", "of type function", callback);
    void kit.resolved.then(() => { try { callback(); } catch (error) { kit.uncaught(error); } });
  });
  kit.resolved = Promise.resolve();
  // The first that is due; nothing where only such are left for which nobody waits.
  const next = () => {
    let first, isAwaited = false;
    timers.forEach((timer, id) => {
      if (!timer.idle) isAwaited = true;
      if (!first || timer.at < first[1].at || (timer.at === first[1].at && timer.order < first[1].order)) first = [id, timer];
    });
    return isAwaited ? first : undefined;
  };
  // What a weak reference was made to is there until the end of the turn, as the standard has it.
  const kept = [], push = Function.prototype.call.bind(Array.prototype.push);
  const made = new Proxy(WeakRef, { construct(Kind, args, target) { const reference = Reflect.construct(Kind, args, target); push(kept, args[0]); return reference; } });
  hide(WeakRef.prototype, "constructor", made);
  hide(global, "WeakRef", made);
  // What `nextTick` was given: it goes before what promises have ready.
  const ticks = [];
  // A turn of the loop: as in Node time stands still within one. What is immediate comes after what is due; asked for in a later
  // turn than the first, it is due at once.
  const turn = (isLate) => { kept.length = 0; state.now = Math.floor(doors.now()); state.isLate = isLate; };
  Object.assign(kit, { timers, next, ticks, turn });
  kit.modules.timers = all;
  kit.modules["timers/promises"] = { setTimeout: wait, setImmediate: soon, setInterval: ticking, scheduler: { wait: (ms, options) => wait(ms, undefined, options), yield: () => soon() } };
})
