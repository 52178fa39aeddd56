// `structuredClone`, by the steps of the HTML standard, as far as there are such things inside.
((kit) => {
  "use strict";
  const { isProxy } = kit.doors;
  const boxes = [Number, String, Boolean, BigInt].map((Kind) => [Kind, Kind.prototype.valueOf]);
  const kinds = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  const own = Object.getOwnPropertyDescriptor;
  const put = (object, key, value, enumerable = true) => Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
  const getTime = Date.prototype.getTime, sizeOf = own(Map.prototype, "size").get, countOf = own(Set.prototype, "size").get;
  const lengthOf = own(ArrayBuffer.prototype, "byteLength").get;
  const state = [WeakMap, WeakSet, WeakRef, FinalizationRegistry, Promise, Object.getPrototypeOf(function* () {}), Object.getPrototypeOf(async function* () {})];
  const refuse = (words) => { throw new DOMException(words, "DataCloneError"); };
  // What only looks like one of its kind, by its prototype, has nothing of it inside.
  const is = (value, Kind, look) => { if (!(value instanceof Kind)) return false; try { look.call(value); return true; } catch { return false; } };

  const buffer = (value) => {
    if (value.detached) refuse("An ArrayBuffer is detached and could not be cloned.");
    const copy = new ArrayBuffer(value.byteLength, value.resizable ? { maxByteLength: value.maxByteLength } : undefined);
    new Uint8Array(copy).set(new Uint8Array(value));
    return copy;
  };
  const view = (value, keep, clone) => {
    const whole = clone(value.buffer);
    if (value instanceof DataView) return keep(new DataView(whole, value.byteOffset, value.byteLength));
    return keep(new globalThis[value[Symbol.toStringTag]](whole, value.byteOffset, value.length));
  };
  const failure = (value, keep, clone) => {
    const copy = keep(new (Object.hasOwn(kinds, String(value.name)) ? kinds[value.name] : Error)());
    const message = own(value, "message"), cause = own(value, "cause");
    if (message && "value" in message) put(copy, "message", String(message.value), false);
    if (cause && "value" in cause) put(copy, "cause", clone(cause.value), false);
    put(copy, "stack", String(value.stack), false);
    return copy;
  };
  const copied = (value, seen) => {
    if (typeof value === "function" || typeof value === "symbol") refuse(`${String(value)} could not be cloned.`);
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    if (isProxy(value)) refuse("#<Object> could not be cloned.");
    const keep = (copy) => (seen.set(value, copy), copy), clone = (part) => copied(part, seen);
    for (const [Kind, valueOf] of boxes) if (is(value, Kind, valueOf)) return keep(Object(valueOf.call(value)));
    if (is(value, Date, getTime)) return keep(new Date(getTime.call(value)));
    if (is(value, ArrayBuffer, lengthOf)) return keep(buffer(value));
    if (ArrayBuffer.isView(value)) return view(value, keep, clone);
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (value instanceof Error) return failure(value, keep, clone);
    if (is(value, Map, sizeOf)) { const copy = keep(new Map()); for (const [key, part] of [...value]) copy.set(clone(key), clone(part)); return copy; }
    if (is(value, Set, countOf)) { const copy = keep(new Set()); for (const part of [...value]) copy.add(clone(part)); return copy; }
    if (value instanceof Symbol || state.some((Kind) => (typeof Kind === "function" ? value instanceof Kind : Kind.prototype.isPrototypeOf(value)))) refuse(`#<${value.constructor?.name ?? "Object"}> could not be cloned.`);
    const copy = keep(Array.isArray(value) ? new Array(value.length) : {});
    for (const key of Object.keys(value)) put(copy, key, clone(value[key]));
    return copy;
  };

  const { structuredClone } = {
    structuredClone(value = undefined, options = undefined) {
      if (!arguments.length) throw new TypeError("structuredClone: a value must be given");
      const given = [...(options?.transfer ?? [])], seen = new Map();
      for (const one of given) {
        if (!is(one, ArrayBuffer, lengthOf)) throw new TypeError("structuredClone: only an ArrayBuffer can be transferred");
        if (seen.has(one)) refuse("An ArrayBuffer is in the list twice.");
        seen.set(one, buffer(one));
      }
      const copy = copied(value, seen);
      for (const one of given) one.transfer(0);
      return copy;
    },
  };
  kit.hide(globalThis, "structuredClone", structuredClone);
})
