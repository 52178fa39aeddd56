// `EventEmitter` of Node, and the events of the web: `EventTarget`, `AbortController`.
((kit) => {
  "use strict";
  const { hide, global, inspect, coded, wrongType } = kit;
  const mustBeFunction = (listener) => { if (typeof listener !== "function") throw wrongType("listener", "of type function", listener); };
  const heard = Symbol("listeners"), { hasOwn } = Object;
  const listOf = (emitter, name) => (hasOwn(emitter, heard) ? emitter[heard].get(name) : undefined) ?? [];
  const put = (emitter, name, list) => {
    if (!hasOwn(emitter, heard)) hide(emitter, heard, new Map());
    if (list.length) emitter[heard].set(name, list); else emitter[heard].delete(name);
    return emitter;
  };
  const bare = (listener) => listener.listener ?? listener;
  const add = (emitter, name, listener, first) => {
    mustBeFunction(listener);
    if (listOf(emitter, "newListener").length) emitter.emit("newListener", name, bare(listener));
    const list = listOf(emitter, name);
    return put(emitter, name, first ? [listener, ...list] : [...list, listener]);
  };
  // What is heard once goes through `on` and `removeListener`, which a stream has its own of.
  const single = (emitter, name, listener) => {
    mustBeFunction(listener);
    let isTold = false;
    const told = function (...args) {
      if (isTold) return undefined;
      isTold = true;
      emitter.removeListener(name, told);
      return listener.apply(emitter, args);
    };
    told.listener = listener;
    return told;
  };
  // It may be called without `new`, and be inherited from by functions.
  function EventEmitter() {}
  const methods = {
    on(name, listener) { return add(this, name, listener, false); },
    addListener(name, listener) { return this.on(name, listener); },
    once(name, listener) { return this.on(name, single(this, name, listener)); },
    prependListener(name, listener) { return add(this, name, listener, true); },
    prependOnceListener(name, listener) { return this.prependListener(name, single(this, name, listener)); },
    off(name, listener) { return this.removeListener(name, listener); },
    removeListener(name, listener) {
      const list = listOf(this, name), at = list.findLastIndex((one) => one === listener || one.listener === listener);
      if (at < 0) return this;
      put(this, name, list.filter((_, index) => index !== at));
      if (listOf(this, "removeListener").length) this.emit("removeListener", name, bare(listener));
      return this;
    },
    removeAllListeners(name) { if (name === undefined) { if (Object.hasOwn(this, heard)) this[heard].clear(); } else put(this, name, []); return this; },
    emit(name, ...args) {
      const list = listOf(this, name);
      if (!list.length) {
        if (name !== "error") return false;
        if (args[0] instanceof Error) throw args[0];
        throw Object.assign(coded(new Error(`Unhandled error. (${typeof args[0] === "string" ? `'${args[0]}'` : inspect(args[0])})`), "ERR_UNHANDLED_ERROR"), { context: args[0] });
      }
      for (const listener of list) listener.apply(this, args);
      return true;
    },
    listenerCount(name) { return listOf(this, name).length; },
    listeners(name) { return listOf(this, name).map(bare); },
    rawListeners(name) { return [...listOf(this, name)]; },
    eventNames() { return Object.hasOwn(this, heard) ? [...this[heard].keys()] : []; },
    setMaxListeners() { return this; },
    getMaxListeners() { return 10; },
  };
  for (const [name, value] of Object.entries(methods)) { EventEmitter.prototype[name] = value; }
  const once = (emitter, name, options) => new Promise((done, not) => {
    const signal = options?.signal;
    const stop = () => Object.assign(new Error("The operation was aborted"), { name: "AbortError", code: "ABORT_ERR" });
    if (signal?.aborted) return not(stop());
    if (typeof emitter.addEventListener === "function") return emitter.addEventListener(name, (event) => done([event]), { once: true });
    const failed = (error) => { emitter.off(name, came); not(error); };
    const came = (...args) => { emitter.off("error", failed); done(args); };
    emitter.once(name, came);
    if (name !== "error") emitter.once("error", failed);
    signal?.addEventListener("abort", () => { emitter.off(name, came); emitter.off("error", failed); not(stop()); });
  });
  const on = (emitter, name) => {
    const queue = [], waiting = [];
    let error;
    emitter.on(name, (...args) => { const one = waiting.shift(); if (one) one[0]({ value: args, done: false }); else queue.push(args); });
    if (name !== "error") emitter.on("error", (reason) => { const one = waiting.shift(); if (one) one[1](reason); else error = reason; });
    return {
      next: () => (queue.length ? Promise.resolve({ value: queue.shift(), done: false }) : error ? Promise.reject(error) : new Promise((...both) => waiting.push(both))),
      return: () => Promise.resolve({ value: undefined, done: true }),
      [Symbol.asyncIterator]() { return this; },
    };
  };
  Object.assign(EventEmitter, { EventEmitter, once, on, defaultMaxListeners: 10, errorMonitor: Symbol("events.errorMonitor"), listenerCount: (emitter, name) => emitter.listenerCount(name) });

  // --- the web's -----------------------------------------------------------------------------------------------------
  class Event {
    #type; #options; #stopped = false; #prevented = false;
    constructor(type, options = {}) {
      if (!arguments.length) throw coded(new TypeError('The "type" argument must be specified'), "ERR_MISSING_ARGS");
      this.#type = String(type);
      this.#options = options ?? {};
      this.target = this.currentTarget = null;
      hide(this, "timeStamp", kit.doors.now() - kit.state.began);
      for (const name of ["target", "currentTarget"]) hide(this, name, null);
    }
    get type() { return this.#type; }
    get cancelable() { return Boolean(this.#options.cancelable); }
    get bubbles() { return Boolean(this.#options.bubbles); }
    get composed() { return Boolean(this.#options.composed); }
    get defaultPrevented() { return this.#prevented; }
    get isStopped() { return this.#stopped; }
    preventDefault() { if (this.cancelable) this.#prevented = true; }
    stopPropagation() {}
    stopImmediatePropagation() { this.#stopped = true; }
  }
  class CustomEvent extends Event {
    #detail;
    constructor(type, options = {}) { super(type, options); this.#detail = options?.detail ?? null; }
    get detail() { return this.#detail; }
  }
  class EventTarget {
    #heard = new Map();
    addEventListener(type, listener, options) {
      if (listener === null || listener === undefined) return;
      const capture = typeof options === "boolean" ? options : Boolean(options?.capture), list = this.#heard.get(String(type)) ?? [];
      if (options?.signal?.aborted || list.some((one) => one.listener === listener && one.capture === capture)) return;
      this.#heard.set(String(type), [...list, { listener, capture, once: Boolean(options?.once) }]);
      options?.signal?.addEventListener("abort", () => this.removeEventListener(type, listener, options));
    }
    removeEventListener(type, listener, options) {
      const capture = typeof options === "boolean" ? options : Boolean(options?.capture);
      this.#heard.set(String(type), (this.#heard.get(String(type)) ?? []).filter((one) => one.listener !== listener || one.capture !== capture));
    }
    dispatchEvent(event) {
      if (!(event instanceof Event)) throw wrongType("event", "an instance of Event", event);
      hide(event, "target", this);
      hide(event, "currentTarget", this);
      for (const { listener, once, capture } of this.#heard.get(event.type) ?? []) {
        if (event.isStopped) break;
        if (once) this.removeEventListener(event.type, listener, capture);
        try { if (typeof listener === "function") listener.call(this, event); else listener.handleEvent(event); } catch (error) { kit.ticks.push(() => { throw error; }); }
      }
      const called = this["on" + event.type];
      if (typeof called === "function") called.call(this, event);
      return !event.defaultPrevented;
    }
  }
  let abort;
  const made = Symbol("made");
  class AbortSignal extends EventTarget {
    #aborted = false; #reason;
    onabort = null;
    static { abort = (signal, reason) => { if (signal.#aborted) return; signal.#aborted = true; signal.#reason = reason ?? new DOMException("This operation was aborted", "AbortError"); signal.dispatchEvent(new Event("abort")); }; }
    constructor(key) { super(); if (key !== made) throw coded(new TypeError("Illegal constructor"), "ERR_ILLEGAL_CONSTRUCTOR"); hide(this, "onabort", null); }
    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    throwIfAborted() { if (this.#aborted) throw this.#reason; }
    static abort(reason) { const signal = new AbortSignal(made); abort(signal, reason); return signal; }
    static timeout(ms) { const signal = new AbortSignal(made); setTimeout(() => abort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError")), ms).unref(); return signal; }
    static any(signals) {
      const signal = new AbortSignal(made), all = [...signals], done = all.find((one) => one.aborted);
      if (done) abort(signal, done.reason); else for (const one of all) one.addEventListener("abort", () => abort(signal, one.reason));
      return signal;
    }
    [inspect.custom]() { return `AbortSignal { aborted: ${this.#aborted} }`; }
  }
  class AbortController {
    #signal = new AbortSignal(made);
    get signal() { return this.#signal; }
    abort(reason) { abort(this.#signal, reason); }
    [inspect.custom]() { return `AbortController { signal: ${inspect(this.#signal)} }`; }
  }
  for (const made of [Event, CustomEvent, EventTarget, AbortSignal, AbortController]) {
    hide(global, made.name, made);
    Object.defineProperty(made.prototype, Symbol.toStringTag, { value: made.name, configurable: true });
  }
  kit.EventEmitter = EventEmitter;
  kit.modules.events = EventEmitter;
})
