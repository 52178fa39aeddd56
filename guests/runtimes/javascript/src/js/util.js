// `util` of Node, and `assert`.
((kit) => {
  "use strict";
  const { util, inspect, coded, wrongType, hide, doors } = kit;
  const custom = Symbol.for("nodejs.util.promisify.custom");
  const promisify = (act) => {
    if (typeof act !== "function") throw wrongType("original", "of type function", act);
    if (act[custom]) return act[custom];
    return function (...args) { return new Promise((done, not) => act.call(this, ...args, (error, value) => (error ? not(error) : done(value)))); };
  };
  promisify.custom = custom;
  const callbackify = (act) => (...args) => {
    const done = args.pop();
    act(...args).then((value) => kit.process.nextTick(done, null, value), (error) => kit.process.nextTick(done, error));
  };
  const tag = (value) => Object.prototype.toString.call(value).slice(8, -1);
  const kinds = "Date RegExp Map Set WeakMap WeakSet Promise ArrayBuffer DataView Uint8Array Uint8ClampedArray Uint16Array Uint32Array Int8Array Int16Array Int32Array Float32Array Float64Array BigInt64Array BigUint64Array".split(" ");
  const boxed = (value) => [Number, String, Boolean, BigInt, Symbol].some((Kind) => value instanceof Kind);
  const types = {
    ...Object.fromEntries(kinds.map((kind) => ["is" + kind, (value) => typeof value === "object" && value !== null && value instanceof globalThis[kind]])),
    isProxy: (value) => doors.isProxy(value), isNativeError: (value) => value instanceof Error, isTypedArray: (value) => ArrayBuffer.isView(value) && !(value instanceof DataView), isArrayBufferView: ArrayBuffer.isView, isAnyArrayBuffer: (value) => value instanceof ArrayBuffer,
    isGeneratorFunction: (value) => typeof value === "function" && /Generator/.test(tag(value)), isAsyncFunction: (value) => typeof value === "function" && /^Async/.test(tag(value)), isGeneratorObject: (value) => tag(value) === "Generator",
    isBoxedPrimitive: boxed, isNumberObject: (value) => value instanceof Number, isStringObject: (value) => value instanceof String, isBooleanObject: (value) => value instanceof Boolean, isSymbolObject: (value) => value instanceof Symbol, isBigIntObject: (value) => value instanceof BigInt,
    isMapIterator: (value) => tag(value) === "Map Iterator", isSetIterator: (value) => tag(value) === "Set Iterator", isArgumentsObject: (value) => tag(value) === "Arguments", isSharedArrayBuffer: () => false, isExternal: () => false, isModuleNamespaceObject: (value) => tag(value) === "Module",
  };

  // --- equality, as `assert` has it ----------------------------------------------------------------------------------
  const keysOf = (value, strict) => [...Object.keys(value), ...(strict ? Object.getOwnPropertySymbols(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key)) : [])];
  const loose = (a, b) => a == b || (a !== a && b !== b);
  const equal = (a, b, strict, seen) => {
    if (strict ? Object.is(a, b) : a === b || (a !== a && b !== b)) return true;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return !strict && (typeof a !== "object" || a === null) && (typeof b !== "object" || b === null) && loose(a, b);
    if (strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (tag(a) !== tag(b) || Array.isArray(a) !== Array.isArray(b)) return false;
    if (seen.get(a) === b) return true;
    seen.set(a, b);
    const same = (x, y) => equal(x, y, strict, seen);
    if (a instanceof Date && b instanceof Date) { if (!Object.is(a.getTime(), b.getTime())) return false; }
    else if (a instanceof RegExp && b instanceof RegExp) { if (String(a) !== String(b) || a.lastIndex !== b.lastIndex) return false; }
    else if (a instanceof Error && b instanceof Error) { if (a.message !== b.message || a.name !== b.name || !same(a.cause, b.cause) || !same(a.errors, b.errors)) return false; }
    else if (boxed(a) || boxed(b)) { if (!boxed(a) || !boxed(b) || !Object.is(a.valueOf(), b.valueOf())) return false; }
    else if (ArrayBuffer.isView(a) && !(a instanceof DataView)) return a.length === b.length && a.every((value, at) => (strict ? Object.is(value, b[at]) : value === b[at]));
    else if (a instanceof ArrayBuffer) return same(new Uint8Array(a), new Uint8Array(b));
    else if (a instanceof Set && b instanceof Set) {
      if (a.size !== b.size) return false;
      const left = [...b].filter((value) => !a.has(value));
      for (const value of a) if (!b.has(value)) { const at = left.findIndex((other) => typeof value === "object" || !strict ? same(value, other) : false); if (at < 0) return false; left.splice(at, 1); }
    } else if (a instanceof Map && b instanceof Map) {
      if (a.size !== b.size) return false;
      const left = [...b.keys()].filter((key) => !a.has(key));
      for (const [key, value] of a) {
        if (b.has(key)) { if (!same(value, b.get(key))) return false; continue; }
        const at = left.findIndex((other) => same(key, other) && same(value, b.get(other)));
        if (at < 0) return false;
        left.splice(at, 1);
      }
    } else if (a instanceof WeakMap || a instanceof WeakSet || a instanceof Promise) return false;
    const keys = keysOf(a, strict), others = keysOf(b, strict);
    if (keys.length !== others.length || (Array.isArray(a) && a.length !== b.length)) return false;
    return keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
  };
  const isDeep = (a, b) => equal(a, b, true, new Map());

  // --- assert --------------------------------------------------------------------------------------------------------
  class AssertionError extends Error {
    constructor({ message, actual, expected, operator, generated = message === undefined } = {}) {
      super(message ?? `${inspect(actual)} ${operator} ${inspect(expected)}`);
      this.name = "AssertionError";
      hide(this, "name", "AssertionError");
      Object.assign(this, { generatedMessage: generated, code: "ERR_ASSERTION", actual, expected, operator });
    }
    toString() { return `${this.name} [${this.code}]: ${this.message}`; }
  }
  const told = (value) => inspect(value, { compact: false, customInspect: false, depth: 1000, maxArrayLength: Infinity, showHidden: false, showProxy: false, sorted: true, getters: true, breakLength: Infinity });
  // Line by line, as Node shows what differs.
  const difference = (actual, expected, head) => {
    const [a, b] = [told(actual).split("\n"), told(expected).split("\n")];
    const isShort = a.length === 1 && b.length === 1 && a[0] !== b[0];
    if (isShort && (typeof actual !== "object" || actual === null) && (typeof expected !== "object" || expected === null) && (actual !== 0 || expected !== 0) && a[0].length + b[0].length <= 12 * 5) return `${head}\n\n${a[0]} !== ${b[0]}\n`;
    const lines = [];
    const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) lengths[i][j] = a[i].replace(/,$/, "") === b[j].replace(/,$/, "") ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    let i = 0, j = 0;
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i].replace(/,$/, "") === b[j].replace(/,$/, "")) { lines.push("  " + (a[i].endsWith(",") ? a[i] : b[j])); i++; j++; }
      else if (i < a.length && (j >= b.length || lengths[i + 1][j] >= lengths[i][j + 1])) lines.push("+ " + a[i++]);
      else lines.push("- " + b[j++]);
    }
    return `${head}\n+ actual - expected\n\n${lines.join("\n")}`;
  };
  const check = (holds, message, actual, expected, operator, words) => {
    if (holds) return;
    if (message instanceof Error) throw message;
    // What differs is told below words of one's own as well.
    const [, rest] = message !== undefined && /^(?:s|deepS)trictEqual$/.test(operator) ? /^Expected values to be [^\n]*:?(\n[^]*)$/.exec(words()) ?? [] : [];
    if (rest) message += rest;
    throw new AssertionError({ message: message ?? words(), actual, expected, operator, generated: message === undefined });
  };
  const truthy = (count, value, message) => {
    if (!count) throw new AssertionError({ message: "No value argument passed to `assert.ok()`", actual: undefined, expected: true, operator: "==", generated: true });
    check(value, message, value, true, "==", () => "The expression evaluated to a falsy value");
  };
  const both = (head, a, b) => `${head}\n\n${told(a)}\n\nshould loosely deep-equal\n\n${told(b)}`;
  // Whether what was thrown is what was expected: a class, a pattern, a function, an object with some of its properties.
  const expectedOf = (thrown, expected, message, name) => {
    if (expected === undefined) return;
    if (expected instanceof RegExp) return check(expected.test(String(thrown)), message, thrown, expected, name, () => `The input did not match the regular expression ${inspect(expected)}. Input:\n\n${inspect(String(thrown))}\n`);
    if (typeof expected === "object") {
      const keys = [...Object.keys(expected), ...(expected instanceof Error ? ["name", "message"] : [])];
      for (const key of keys) if (!(expected[key] instanceof RegExp && typeof thrown[key] === "string" ? expected[key].test(thrown[key]) : isDeep(thrown[key], expected[key]))) check(false, message, thrown, expected, name, () => difference(Object.fromEntries(keys.map((one) => [one, thrown[one]])), Object.fromEntries(keys.map((one) => [one, expected[one]])), "Expected values to be strictly deep-equal:"));
      return;
    }
    if (expected.prototype !== undefined && thrown instanceof expected) return;
    if (Error.isPrototypeOf(expected) || expected === Error) return check(false, message, thrown, expected, name, () => `The error is expected to be an instance of "${expected.name}". Received ${thrown instanceof Error ? `"${thrown.name}"` : inspect(thrown)}${thrown instanceof Error ? `\n\nError message:\n\n${thrown.message}` : ""}`);
    check(expected.call({}, thrown) === true, message, thrown, expected, name, () => `The ${expected.name ? `"${expected.name}" ` : ""}validation function is expected to return "true". Received ${inspect(expected.call({}, thrown))}\n\nCaught error:\n\n${thrown}`);
  };
  const missing = (what, expected, message, name) => {
    if (typeof expected === "string") [message, expected] = [expected, undefined];
    const words = `Missing expected ${what}${expected?.name ? ` (${expected.name})` : ""}${message ? `: ${message}` : "."}`;
    throw new AssertionError({ message: words, actual: undefined, expected, operator: name, generated: message === undefined });
  };
  const assert = function ok(...args) { truthy(args.length, ...args); };
  Object.assign(assert, {
    ok(...args) { truthy(args.length, ...args); },
    equal: (a, b, message) => check(loose(a, b), message, a, b, "==", () => `${inspect(a)} == ${inspect(b)}`),
    notEqual: (a, b, message) => check(!loose(a, b), message, a, b, "!=", () => `${inspect(a)} != ${inspect(b)}`),
    strictEqual: (a, b, message) => check(Object.is(a, b), message, a, b, "strictEqual", () => (isDeep(a, b) && typeof a === "object" ? `Values have same structure but are not reference-equal:\n\n${told(a)}\n` : difference(a, b, "Expected values to be strictly equal:"))),
    notStrictEqual: (a, b, message) => check(!Object.is(a, b), message, a, b, "notStrictEqual", () => `Expected "actual" to be strictly unequal to: ${told(b)}`),
    deepEqual: (a, b, message) => check(equal(a, b, false, new Map()), message, a, b, "deepEqual", () => both("Expected values to be loosely deep-equal:", a, b)),
    notDeepEqual: (a, b, message) => check(!equal(a, b, false, new Map()), message, a, b, "notDeepEqual", () => `Expected "actual" not to be loosely deep-equal to: ${told(b)}`),
    deepStrictEqual: (a, b, message) => check(isDeep(a, b), message, a, b, "deepStrictEqual", () => difference(a, b, "Expected values to be strictly deep-equal:")),
    notDeepStrictEqual: (a, b, message) => check(!isDeep(a, b), message, a, b, "notDeepStrictEqual", () => `Expected "actual" not to be strictly deep-equal to: ${told(b)}`),
    match: (text, pattern, message) => check(pattern.test(text), message, text, pattern, "match", () => `The input did not match the regular expression ${inspect(pattern)}. Input:\n\n${inspect(text)}\n`),
    doesNotMatch: (text, pattern, message) => check(!pattern.test(text), message, text, pattern, "doesNotMatch", () => `The input was expected to not match the regular expression ${inspect(pattern)}. Input:\n\n${inspect(text)}\n`),
    throws(act, expected, message) {
      if (typeof act !== "function") throw wrongType("fn", "of type function", act);
      let thrown;
      try { act(); } catch (error) { thrown = [error]; }
      if (!thrown) missing("exception", expected, message, "throws");
      if (typeof expected !== "string") expectedOf(thrown[0], expected, message, "throws");
    },
    doesNotThrow(act, expected, message) {
      try { act(); } catch (error) { check(false, undefined, error, expected, "doesNotThrow", () => `Got unwanted exception${typeof expected === "string" ? `: ${expected}` : message ? `: ${message}` : "."}\nActual message: "${error?.message}"`); }
    },
    async rejects(act, expected, message) {
      let thrown;
      try { await (typeof act === "function" ? act() : act); } catch (error) { thrown = [error]; }
      if (!thrown) missing("rejection", expected, message, "rejects");
      if (typeof expected !== "string") expectedOf(thrown[0], expected, message, "rejects");
    },
    async doesNotReject(act) { try { await (typeof act === "function" ? act() : act); } catch (error) { check(false, undefined, error, undefined, "doesNotReject", () => `Got unwanted rejection.\nActual message: "${error?.message}"`); } },
    ifError(value) { if (value !== null && value !== undefined) throw new AssertionError({ message: `ifError got unwanted exception: ${value?.message ?? inspect(value)}`, actual: value, expected: null, operator: "ifError", generated: true }); },
    fail: (message = "Failed") => { if (message instanceof Error) throw message; throw new AssertionError({ message, operator: "fail", generated: message === "Failed" }); },
    AssertionError,
  });
  assert.strict = Object.assign(function ok(...args) { truthy(args.length, ...args); }, assert, { equal: assert.strictEqual, notEqual: assert.notStrictEqual, deepEqual: assert.deepStrictEqual, notDeepEqual: assert.notDeepStrictEqual });
  assert.strict.strict = assert.strict;

  const warned = new Set();
  const styles = { reset: [0, 0], bold: [1, 22], dim: [2, 22], italic: [3, 23], underline: [4, 24], inverse: [7, 27], black: [30, 39], red: [31, 39], green: [32, 39], yellow: [33, 39], blue: [34, 39], magenta: [35, 39], cyan: [36, 39], white: [37, 39], gray: [90, 39], grey: [90, 39] };
  const absent = (name) => () => { throw coded(new TypeError(`util.${name} is not in this runtime`), "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM"); };
  const { inspect: show, format, formatWithOptions, stripVTControlCharacters } = util;
  kit.modules.util = {
    inspect: show, format, formatWithOptions, stripVTControlCharacters, promisify, callbackify, types, isDeepStrictEqual: isDeep, TextEncoder: kit.TextEncoder, TextDecoder: kit.TextDecoder,
    inherits: (made, parent) => { Object.defineProperty(made, "super_", { value: parent, writable: true, configurable: true }); Object.setPrototypeOf(made.prototype, parent.prototype); },
    deprecate: (act, message, code) => function (...args) { if (!warned.has(message)) { warned.add(message); kit.process.emitWarning(message, "DeprecationWarning", code); } return new.target ? Reflect.construct(act, args, new.target) : act.apply(this, args); },
    debuglog: () => Object.assign(() => {}, { enabled: false }), toUSVString: (text) => String(text).toWellFormed(), isArray: Array.isArray,
    styleText: (names, text, options) => [names].flat().reduceRight((inner, name) => { const style = styles[name]; if (!style) throw coded(new TypeError(`The argument 'format' must be one of: ${Object.keys(styles).map((one) => `'${one}'`).join(", ")}. Received ${inspect(name)}`), "ERR_INVALID_ARG_VALUE"); return options?.validateStream === false ? `\u001b[${style[0]}m${inner}\u001b[${style[1]}m` : inner; }, text),
    aborted: absent("aborted"), parseArgs: absent("parseArgs"), getSystemErrorName: absent("getSystemErrorName"), MIMEType: absent("MIMEType"),
  };
  Object.assign(kit.modules, { "util/types": types, assert, "assert/strict": assert.strict });
})
