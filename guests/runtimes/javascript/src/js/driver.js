// What a snippet sees of the world, and how it is run. Gets the doors to the world and `util.inspect`; gives back functions
// that only the host calls. Everything it relies on is taken here, before a snippet can change it.
((doors, util, makeBuffer, makeUrl, makeScript, makeClone) => {
  "use strict";
  const { inspect, format } = util;
  const { stringify, parse } = JSON;
  const defined = Object.assign;
  const global = globalThis;
  const hide = (object, name, value) =>
    Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });

  // What goes out is UTF-8, which has no halves of pairs.
  const wellFormed = Function.prototype.call.bind(String.prototype.toWellFormed);
  const { write, encode } = doors;
  doors.write = (fd, text) => write(fd, wellFormed(text));
  doors.encode = (text) => encode(wellFormed(text));

  // A map whose methods are those of now, whatever a snippet does to `Map`.
  class SafeMap extends Map {}
  Object.defineProperties(SafeMap.prototype, Object.getOwnPropertyDescriptors(Map.prototype));
  Object.freeze(Object.setPrototypeOf(SafeMap.prototype, null));

  // --- console -------------------------------------------------------------------------------------------------------
  let indent = "";
  const line = (fd, args) => {
    const text = format(...args);
    doors.write(fd, (indent ? indent + text.replace(/\n/g, "\n" + indent) : text) + "\n");
  };
  const out = (...args) => line(1, args);
  const err = (...args) => line(2, args);
  const counts = new Map();
  const clocks = new Map();
  const took = (label) => `${label}: ${(doors.now() - (clocks.get(label) ?? doors.now())).toFixed(3)}ms`;
  hide(global, "console", {
    log: out, info: out, debug: out, error: err, warn: err,
    trace: (...args) => err("Trace:", ...args),
    dir: (value, options) => doors.write(1, inspect(value, { customInspect: false, ...options }) + "\n"),
    table: (rows, columns) => out(table(rows, columns)),
    assert: (holds, ...args) => holds || err("Assertion failed" + (args.length ? ":" : ""), ...args),
    group: (...args) => { if (args.length) out(...args); indent += "  "; },
    groupEnd: () => { indent = indent.slice(2); },
    count: (label = "default") => { counts.set(label, (counts.get(label) ?? 0) + 1); out(`${label}: ${counts.get(label)}`); },
    countReset: (label = "default") => void counts.delete(label),
    time: (label = "default") => void clocks.set(label, doors.now()),
    timeLog: (label = "default", ...args) => out(took(label), ...args),
    timeEnd: (label = "default") => { out(took(label)); clocks.delete(label); },
  });
  const table = (rows, only) => {
    if (typeof rows !== "object" || rows === null) return inspect(rows);
    const keys = Object.keys(rows);
    const isRow = (row) => typeof row === "object" && row !== null;
    const columns = only ?? [...new Set(keys.flatMap((key) => (isRow(rows[key]) ? Object.keys(rows[key]) : [])))];
    const values = !only && keys.some((key) => !isRow(rows[key]));
    const head = ["(index)", ...columns, ...(values ? ["Values"] : [])];
    const body = keys.map((key) => [
      key,
      ...columns.map((name) => (isRow(rows[key]) && name in rows[key] ? inspect(rows[key][name]) : "")),
      ...(values ? [isRow(rows[key]) ? "" : inspect(rows[key])] : []),
    ]);
    const widths = head.map((name, at) => Math.max(name.length, ...body.map((row) => row[at].length)) + 2);
    const rule = (a, b, c) => a + widths.map((width) => "─".repeat(width)).join(b) + c;
    const show = (row) => "│" + row.map((text, at) => (" " + text).padEnd(widths[at])).join("│") + "│";
    return [rule("┌", "┬", "┐"), show(head), rule("├", "┼", "┤"), ...body.map(show), rule("└", "┴", "┘")].join("\n");
  };

  // --- timers: the loop below runs them ------------------------------------------------------------------------------
  const timers = new SafeMap();
  let lastTimer = 0;
  const later = (repeat) => (callback, wait = 0, ...args) => {
    wait = Math.max(1, Number(wait) || 0);
    timers.set(++lastTimer, { at: doors.now() + wait, every: repeat ? wait : 0, callback, args, order: lastTimer });
    return lastTimer;
  };
  const clear = (id) => void timers.delete(id);
  hide(global, "setTimeout", later(false));
  hide(global, "setInterval", later(true));
  hide(global, "setImmediate", (callback, ...args) => setTimeout(callback, 0, ...args));
  for (const name of ["clearTimeout", "clearInterval", "clearImmediate"]) hide(global, name, clear);
  global.queueMicrotask ?? hide(global, "queueMicrotask", (callback) => void Promise.resolve().then(callback));
  const next = () => {
    let first;
    timers.forEach((timer, id) => {
      if (!first || timer.at < first[1].at || (timer.at === first[1].at && timer.order < first[1].order)) first = [id, timer];
    });
    return first;
  };

  // --- text, bytes, randomness ---------------------------------------------------------------------------------------
  const bytesOf = (data) =>
    typeof data === "string" ? doors.encode(data)
    : data instanceof ArrayBuffer ? new Uint8Array(data)
    : ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : doors.encode(String(data));
  global.TextEncoder ?? hide(global, "TextEncoder", class TextEncoder { get encoding() { return "utf-8"; } encode(text = "") { return doors.encode(String(text)); } });
  global.TextDecoder ?? hide(global, "TextDecoder", class TextDecoder {
    get encoding() { return "utf-8"; }
    decode(bytes = new Uint8Array()) { return doors.decode(bytesOf(bytes)).replace(/^\ufeff/, ""); }
  });
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  hide(global, "btoa", (text) => {
    let coded = "";
    for (let at = 0; at < text.length; at += 3) {
      const [a, b, c] = [0, 1, 2].map((plus) => text.charCodeAt(at + plus));
      if (a > 255 || b > 255 || c > 255) throw new RangeError("btoa: a character is out of range");
      coded += digits[a >> 2] + digits[((a & 3) << 4) | (b >> 4)];
      coded += (at + 1 < text.length ? digits[((b & 15) << 2) | (c >> 6)] : "=") + (at + 2 < text.length ? digits[c & 63] : "=");
    }
    return coded;
  });
  hide(global, "atob", (coded) => {
    let text = "", bits = 0, held = 0;
    for (const digit of String(coded).replace(/[\s=]/g, "")) {
      const value = digits.indexOf(digit);
      if (value < 0) throw new RangeError("atob: not base64");
      held = (held << 6) | value;
      bits += 6;
      if (bits >= 8) text += String.fromCharCode((held >> (bits -= 8)) & 255);
    }
    return text;
  });
  makeUrl(doors, inspect);
  const uuid = () => {
    const bytes = doors.random(16);
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  };
  // The engine's own generator was seeded while the image was made: this one is seeded anew at each start (xorshift128+).
  let seeds = new BigUint64Array([1n, 2n]);
  const reseed = () => { seeds = new BigUint64Array(doors.random(16).buffer); };
  hide(Math, "random", function random() {
    let [a, b] = seeds;
    seeds[0] = b;
    a ^= a << 23n & 0xffffffffffffffffn;
    a = a & 0xffffffffffffffffn;
    seeds[1] = a ^ b ^ (a >> 17n) ^ (b >> 26n);
    return Number((seeds[1] + b & 0xffffffffffffffffn) >> 11n) / 9007199254740992;
  });
  const fill = (array) => { bytesOf(array).set(doors.random(array.byteLength)); return array; };
  hide(global, "crypto", { randomUUID: uuid, getRandomValues: fill });
  global.performance ?? hide(global, "performance", { now: () => doors.now() - began, timeOrigin: 0 });
  hide(global, "structuredClone", makeClone());

  // What `nextTick` was given: it goes before what promises have ready.
  const ticks = [];

  // --- process -------------------------------------------------------------------------------------------------------
  let began = 0;
  let folder = "/";
  const stream = (fd) => ({ isTTY: false, write: (text) => { doors.write(fd, String(text)); return true; } });
  const process = {
    argv: ["javascript"], env: {}, exitCode: undefined, platform: "wasi", pid: 1, version: "v22.0.0", versions: { quickjs: "ng" },
    stdout: stream(1), stderr: stream(2),
    cwd: () => folder,
    exit: (code = process.exitCode ?? 0) => doors.exit(Number(code) & 255),
    hrtime: Object.assign(() => { const ms = doors.now() - began; return [Math.floor(ms / 1e3), Math.floor((ms % 1e3) * 1e6)]; }, { bigint: () => BigInt(Math.floor((doors.now() - began) * 1e6)) }),
    memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0 }),
    uptime: () => (doors.now() - began) / 1e3,
    nextTick: (callback, ...args) => void ticks.push(() => callback(...args)),
    on: () => process, once: () => process, off: () => process, emitWarning: (text) => err(`Warning: ${text}`),
  };
  hide(global, "process", process);
  hide(global, "global", global);

  // --- tools ---------------------------------------------------------------------------------------------------------
  class ToolError extends Error {
    constructor(code, message, retry) { super(message); this.name = "ToolError"; this.code = code; this.retry = retry; }
  }
  const kinds = { string: "string", number: "number", integer: "number", boolean: "boolean" };
  const check = (name, schema, input) => {
    for (const key of schema.required ?? []) if (input[key] === undefined) throw new TypeError(`${name}: ${key} is missing`);
    for (const [key, value] of Object.entries(input)) {
      const wanted = schema.properties?.[key];
      if (!wanted && schema.additionalProperties === false) throw new TypeError(`${name}: ${key} is not known; there are: ${Object.keys(schema.properties ?? {}).join(", ")}`);
      const kind = wanted?.type;
      if (kind in kinds && typeof value !== kinds[kind]) throw new TypeError(`${name}: ${key} must be ${kind}, not ${typeof value}`);
      if (kind === "array" && !Array.isArray(value)) throw new TypeError(`${name}: ${key} must be array, not ${typeof value}`);
    }
  };
  const snake = (name) => name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase()).replace(/-/g, "_");
  // Components write `max-results`, which may be `maxResults` or `max_results` here.
  const named = (schema, input) => {
    const known = Object.keys(schema.properties ?? {});
    return Object.fromEntries(Object.entries(input).map(([key, value]) => [known.includes(key) ? key : known.find((name) => snake(name) === snake(key)) ?? key, value]));
  };
  const find = (wanted) => {
    const every = doors.tools();
    const tool = every.find(({ name }) => name === wanted || snake(name) === snake(wanted));
    if (!tool) throw new TypeError(`no tool is called ${wanted}; there are: ${every.map(({ name }) => snake(name)).join(", ") || "none"}`);
    return tool;
  };
  const tools = new Proxy({}, {
    has: (_, name) => typeof name === "string" && doors.tools().some((tool) => tool.name === name),
    ownKeys: () => doors.tools().map(({ name }) => name.replace(/-/g, "_")),
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    get: (_, name) => {
      if (typeof name !== "string" || name === "then" || name === "toJSON" || name === "constructor") return undefined;
      const tool = find(name);
      const call = (given = {}) => {
        const schema = parse(tool.schema || "{}");
        const input = named(schema, given);
        check(tool.name, schema, input);
        const told = doors.callTool(tool.name, stringify(input));
        if (told.length > 1) throw new ToolError(told[0], told[1], told[2] === "true");
        return parse(told[0]);
      };
      return Object.assign(call, { about: tool.about, schema: parse(tool.schema || "{}") });
    },
  });

  // --- modules -------------------------------------------------------------------------------------------------------
  const fail = (error, call, path) => {
    const [code] = /^[A-Z]+/.exec(error.message) ?? ["EIO"];
    const words = { ENOENT: "no such file or directory", EACCES: "permission denied", EEXIST: "file already exists", ENOTEMPTY: "directory not empty", ENOTDIR: "not a directory", EISDIR: "illegal operation on a directory" };
    return Object.assign(new Error(`${code}: ${words[code] ?? error.message.replace(/^[A-Z]+: /, "")}, ${call} '${path}'`), { code, syscall: call, path });
  };
  const at = (path) => normalize(String(path).startsWith("/") ? String(path) : folder + "/" + path);
  const attempt = (call, path, act) => { try { return act(at(path)); } catch (error) { throw fail(error, call, path); } };
  const encodingOf = (options) => (typeof options === "string" ? options : options?.encoding);
  const statOf = ([size, mtimeMs, kind]) => ({ size, mtimeMs, mtime: new Date(mtimeMs), isFile: () => kind === 0, isDirectory: () => kind === 1, isSymbolicLink: () => false });
  const fs = {
    readFileSync: (path, options) => {
      if (path === 0 || path === "/dev/stdin") return doors.readInput();
      const bytes = attempt("open", path, doors.readFile);
      return encodingOf(options) ? doors.decode(bytes) : asBuffer(bytes);
    },
    writeFileSync: (path, data, options) => attempt("open", path, (full) => doors.writeFile(full, bytesOf(data), options?.flag === "a")),
    accessSync: (path) => void attempt("access", path, doors.stat),
    appendFileSync: (path, data) => attempt("open", path, (full) => doors.writeFile(full, bytesOf(data), true)),
    existsSync: (path) => { try { doors.stat(at(path)); return true; } catch { return false; } },
    statSync: (path) => statOf(attempt("stat", path, doors.stat)),
    readdirSync: (path, options) => {
      const names = attempt("scandir", path, doors.listFolder);
      return options?.withFileTypes ? names.map((name) => ({ name, parentPath: path, ...statOf(doors.stat(at(path) + "/" + name)) })) : names;
    },
    mkdirSync: (path, options) => attempt("mkdir", path, (full) => doors.makeFolder(full, !!options?.recursive)),
    unlinkSync: (path) => attempt("unlink", path, (full) => doors.remove(full, false, false)),
    rmdirSync: (path) => attempt("rmdir", path, (full) => doors.remove(full, true, false)),
    rmSync: (path, options) => {
      try { attempt("rm", path, (full) => doors.remove(full, doors.stat(full)[2] === 1, !!options?.recursive)); } catch (error) { if (!options?.force) throw error; }
    },
    renameSync: (from, to) => attempt("rename", from, (full) => doors.rename(full, at(to))),
    copyFileSync: (from, to) => fs.writeFileSync(to, fs.readFileSync(from)),
  };
  fs.lstatSync = fs.statSync;
  fs.constants = { F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4 };
  const Buffer = makeBuffer(doors);
  const asBuffer = (bytes) => new Buffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  fs.promises = Object.fromEntries(Object.entries(fs).filter(([name]) => name.endsWith("Sync")).map(([name, act]) => [name.slice(0, -4), async (...args) => act(...args)]));
  for (const [name, act] of Object.entries(fs.promises))
    fs[name] = (...args) => { const done = args.pop(); act(...args).then((value) => done(null, value), done); };

  const normalize = (path) => {
    const parts = [];
    for (const part of path.split("/")) {
      if (part === "..") { if (parts.length && parts.at(-1) !== "..") parts.pop(); else if (!path.startsWith("/")) parts.push(".."); }
      else if (part && part !== ".") parts.push(part);
    }
    const end = parts.length && path.endsWith("/") ? "/" : "";
    return (path.startsWith("/") ? "/" : "") + parts.join("/") + end || (path.endsWith("/") ? "./" : ".");
  };
  const path = {
    sep: "/", delimiter: ":", normalize,
    join: (...parts) => normalize(parts.filter(Boolean).join("/") || "."),
    resolve: (...parts) => { let full = ""; for (const part of [folder, ...parts]) full = part.startsWith("/") ? part : full + "/" + part; return normalize(full).replace(/(?<=.)\/$/, ""); },
    isAbsolute: (name) => name.startsWith("/"),
    basename: (name, end = "") => { const last = name.replace(/\/+$/, "").split("/").pop(); return end && last.endsWith(end) && last !== end ? last.slice(0, -end.length) : last; },
    dirname: (name) => { const cut = name.replace(/\/+$/, "").lastIndexOf("/"); return cut < 0 ? "." : name.slice(0, cut) || "/"; },
    extname: (name) => /[^./](\.[^./]*)$/.exec(name)?.[1] ?? "",
    relative: (from, to) => {
      const [a, b] = [path.resolve(from).split("/").filter(Boolean), path.resolve(to).split("/").filter(Boolean)];
      while (a.length && b.length && a[0] === b[0]) { a.shift(); b.shift(); }
      return [...a.map(() => ".."), ...b].join("/");
    },
    parse: (name) => { const base = path.basename(name), ext = path.extname(name); return { root: name.startsWith("/") ? "/" : "", dir: path.dirname(name), base, ext, name: base.slice(0, base.length - ext.length) }; },
    format: ({ dir, root, base, name, ext }) => (dir ? dir + "/" : root ?? "") + (base ?? (name ?? "") + (ext ?? "")),
  };
  path.posix = path;

  class EventEmitter {
    #heard = new Map();
    on(name, listener) { this.#heard.set(name, [...(this.#heard.get(name) ?? []), listener]); return this; }
    once(name, listener) { const one = (...args) => { this.off(name, one); listener.apply(this, args); }; return this.on(name, one); }
    off(name, listener) { this.#heard.set(name, (this.#heard.get(name) ?? []).filter((one) => one !== listener)); return this; }
    emit(name, ...args) { const heard = this.#heard.get(name) ?? []; for (const one of heard) one.apply(this, args); return heard.length > 0; }
    listenerCount(name) { return (this.#heard.get(name) ?? []).length; }
    removeAllListeners(name) { name === undefined ? this.#heard.clear() : this.#heard.delete(name); return this; }
  }
  EventEmitter.prototype.addListener = EventEmitter.prototype.on;
  EventEmitter.prototype.removeListener = EventEmitter.prototype.off;
  EventEmitter.EventEmitter = EventEmitter;

  class AssertionError extends Error {
    constructor(message) { super(message); this.name = "AssertionError"; this.code = "ERR_ASSERTION"; }
  }
  const must = (holds, message, otherwise) => { if (!holds) throw message instanceof Error ? message : new AssertionError(message ?? otherwise); };
  const same = (a, b) => inspect(a, { depth: Infinity, sorted: true }) === inspect(b, { depth: Infinity, sorted: true });
  const assert = Object.assign((holds, message) => must(holds, message, "The expression evaluated to a falsy value"), {
    ok: (holds, message) => must(holds, message, "The expression evaluated to a falsy value"),
    equal: (a, b, message) => must(a == b, message, `${inspect(a)} == ${inspect(b)}`),
    notEqual: (a, b, message) => must(a != b, message, `${inspect(a)} != ${inspect(b)}`),
    strictEqual: (a, b, message) => must(Object.is(a, b), message, `Expected values to be strictly equal:\n\n${inspect(a)} !== ${inspect(b)}\n`),
    notStrictEqual: (a, b, message) => must(!Object.is(a, b), message, "Expected values to be different"),
    deepEqual: (a, b, message) => must(same(a, b), message, "Expected values to be loosely deep-equal"),
    deepStrictEqual: (a, b, message) => must(same(a, b), message, "Expected values to be strictly deep-equal"),
    throws: (act, _, message) => { try { act(); } catch { return; } must(false, message, "Missing expected exception."); },
    rejects: async (act) => { try { await (typeof act === "function" ? act() : act); } catch { return; } must(false, undefined, "Missing expected rejection."); },
    fail: (message) => must(false, message, "Failed"), AssertionError,
  });
  assert.strict = assert;

  const promisify = (act) => (...args) => new Promise((done, not) => act(...args, (error, value) => (error ? not(error) : done(value))));
  const wait = (ms, value) => new Promise((done) => setTimeout(done, ms, value));
  const modules = {
    ringfence: { tools, ToolError }, fs, "fs/promises": fs.promises, path, "path/posix": path, process, assert, "assert/strict": assert,
    events: EventEmitter, buffer: { Buffer }, console: global.console, url: { URL: global.URL, URLSearchParams: global.URLSearchParams },
    util: { ...util, promisify, isDeepStrictEqual: same, TextEncoder, TextDecoder, inherits: (a, b) => Object.setPrototypeOf(a.prototype, b.prototype) },
    timers: { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate },
    "timers/promises": { setTimeout: wait, setImmediate: (value) => wait(0, value) },
    perf_hooks: { performance }, os: { EOL: "\n", platform: () => "wasi", tmpdir: () => "/tmp", cpus: () => [], hostname: () => "ringfence" },
    crypto: { randomUUID: uuid, randomBytes: (length) => asBuffer(doors.random(length)), getRandomValues: fill, randomInt: (low, high) => (high === undefined ? Math.floor(Math.random() * low) : low + Math.floor(Math.random() * (high - low))), webcrypto: global.crypto },
  };
  const refused = {
    child_process: "no process can be started inside the fence: write it in JavaScript, or call a tool",
    worker_threads: "no thread can be started inside the fence: use promises, or do one thing after the other",
    cluster: "no process can be started inside the fence",
    ...Object.fromEntries(["http", "https", "http2", "net", "tls", "dgram", "dns", "undici", "axios", "node-fetch"].map((name) => [name, "no connection can be opened inside the fence: call a tool that does it"])),
  };
  const require = (name) => {
    const plain = String(name).replace(/^node:/, "");
    if (Object.hasOwn(modules, plain)) return modules[plain];
    const file = at(plain);
    if (/^[./]/.test(plain) && fs.existsSync(file)) {
      if (file.endsWith(".json")) return parse(fs.readFileSync(file, "utf8"));
      const module = { exports: {} };
      new Function("module", "exports", "require", fs.readFileSync(file, "utf8"))(module, module.exports, require);
      return module.exports;
    }
    const reason = refused[plain] ? `${plain}: ${refused[plain]}` : `Cannot find module '${name}': nothing can be installed inside the fence`;
    throw Object.assign(new Error(reason), { code: "MODULE_NOT_FOUND" });
  };
  hide(global, "require", require);
  hide(global, "tools", tools);
  hide(global, "module", { exports: {} });
  hide(global, "fetch", async () => { throw new TypeError("fetch: no connection can be opened inside the fence: call a tool that does it"); });

  const asScript = makeScript();

  // --- values --------------------------------------------------------------------------------------------------------
  const cutTo = (text, limit) => {
    const bytes = doors.encode(text);
    return bytes.length <= limit ? [text, false] : [doors.decode(bytes.slice(0, limit)).replace(/\ufffd$/, ""), true];
  };
  const isReadable = (json) => json.isWellFormed() && !/(?:^|[^\\])(?:\\\\)*\\u[dD][89a-fA-F]/.test(json);
  const jsonOf = (value) => {
    if (typeof value === "number" && !Number.isFinite(value)) return null;
    // What a lone surrogate is escaped as is no JSON that others can read.
    try { const json = stringify(value); return typeof json === "string" && isReadable(json) ? json : null; } catch { return null; }
  };
  const describe = (value, limit) => {
    let text;
    try { text = wellFormed(inspect(value)); } catch { text = "<it could not be shown>"; }
    let [shown, cut] = cutTo(text, limit);
    let json = jsonOf(value);
    if (json !== null && doors.encode(json).length > limit) { json = null; cut = true; }
    const forms = [];
    try {
      for (const [mime, data] of Object.entries(value?.[Symbol.for("Jupyter.display")]?.() ?? {}).slice(0, 20)) {
        const form = { mime: wellFormed(mime), data: wellFormed(typeof data === "string" ? data : jsonOf(data) ?? "null"), base64: mime.startsWith("image/") && mime !== "image/svg+xml" };
        if (form.data.length + mime.length <= limit) forms.push(form); else cut = true;
      }
    } catch { /* a form that cannot be made is not there */ }
    return { json, text: shown, cut, forms };
  };
  // What a snippet did to the world may be in the way of telling its value; that it came to its end is told all the same.
  const shownAs = (value) => { try { return describe(value, limit); } catch { return { json: null, text: "<it could not be shown>", cut: false, forms: [] }; } };
  let shown = [];
  let limit = 0;
  hide(global, "display", (...values) => {
    for (const value of values) {
      if (shown.length >= 100) throw new RangeError("no more than 100 values can be shown by one snippet");
      shown.push(shownAs(value));
    }
  });

  hide(Promise.prototype, Symbol.for("nodejs.util.inspect.custom"), function (depth, options) {
    const at = doors.promiseState(this);
    return at === 0 ? "Promise { <pending> }" : `Promise { ${at === 2 ? "<rejected> " : ""}${inspect(doors.promiseResult(this), { ...options, depth: depth - 1 })} }`;
  });

  // --- failures ------------------------------------------------------------------------------------------------------
  const failureOf = (error, filename) => {
    try {
      return failureTold(error, filename);
    } catch {
      const message = "<its text could not be made>";
      return { name: "Error", message, traceback: `Error: ${message}\n`, line: null };
    }
  };
  const failureTold = (error, filename) => {
    const isError = error instanceof Error;
    let name = "Error", message = "", stack = "";
    try {
      name = (isError ? String(error.name) : typeof error).slice(0, 200);
      message = isError ? String(error.message) : inspect(error);
      stack = isError ? String(error.stack ?? "") : "";
    } catch { message = "<its text could not be made>"; }
    const frames = stack.split("\n").filter((frame) => /^\s+at /.test(frame));
    const own = frames.find((frame) => frame.includes(filename + ":"));
    const found = own && /:(\d+)(?::\d+)?\)?\s*$/.exec(own);
    message = message.slice(0, 100_000);
    let traceback = `${isError ? `${name}: ${message}` : `Uncaught ${message}`}\n${frames.join("\n")}`.trimEnd() + "\n";
    if (isError && error.cause !== undefined) try { traceback += `[cause]: ${error.cause instanceof Error ? `${error.cause.name}: ${error.cause.message}` : inspect(error.cause)}\n`; } catch { /* it stays untold */ }
    const line = found ? Number(found[1]) : null;
    return { name: wellFormed(name), message: wellFormed(message), traceback: wellFormed(traceback.slice(0, 100_000)), line: line > 0 && line < 2 ** 31 ? line : null };
  };
  // Errors tell of themselves as Node's do: their name and words, then the frames, none of them ours.
  Error.prepareStackTrace = (error, frames) => {
    let head;
    try { head = String(error); } catch { head = "Error"; }
    const told = [];
    for (const frame of frames) {
      const file = frame.getFileName();
      if (file === "driver.js" || file === "inspect.js" || frame.isNative()) continue;
      const name = frame.getFunctionName();
      const place = `${file}:${frame.getLineNumber()}:${frame.getColumnNumber()}`;
      told.push(name && name !== "<eval>" && name !== "<anonymous>" ? `    at ${name} (${place})` : `    at ${place}`);
    }
    return [head, ...told].join("\n");
  };
  let unhandled = new SafeMap();
  const rejected = (promise, reason, handled) => void (handled ? unhandled.delete(promise) : unhandled.set(promise, reason));

  // --- running -------------------------------------------------------------------------------------------------------
  // Whether the snippet ended, and how, is asked of the engine: what a snippet makes of `Promise` changes nothing of it.
  const look = (state) => {
    const at = doors.promiseState(state.promise);
    if (at === 0) return;
    state.done = true;
    const told = doors.promiseResult(state.promise);
    if (at === 2) fails(state, told); else state.value = told.value;
  };
  const fails = (state, error) => {
    if (!state.failed) state.error = error;
    state.failed = true;
  };
  // Runs what is ready, then what comes later, until nothing is left or the snippet ends itself.
  const drain = (state) => {
    for (;;) {
      try {
        do {
          while (ticks.length) ticks.shift()();
          doors.jobs();
        } while (ticks.length);
      } catch (error) {
        fails(state, error);
      }
      if ((state.exited = doors.exited() ?? null) !== null) return;
      look(state);
      unhandled.forEach((reason) => fails(state, reason));
      if (state.failed) return;
      const timer = next();
      if (!timer) break;
      const wait = timer[1].at - doors.now();
      if (wait > 0 && !doors.sleep(wait)) return fails(state, defined(new Error("the caller ended it"), { name: "Interrupted" }));
      if (timer[1].every) timer[1].at += timer[1].every; else timers.delete(timer[0]);
      try { timer[1].callback(...timer[1].args); } catch (error) { fails(state, error); }
    }
    if (!state.done) fails(state, new Error("this would wait for ever: nothing is scheduled, and nothing can arrive from outside"));
  };

  const execute = (code, filename, variables, args, valueBytes) => {
    shown = [];
    limit = valueBytes;
    unhandled = new SafeMap();
    timers.clear();
    ticks.length = 0;
    process.argv = ["javascript", filename, ...args];
    process.exitCode = undefined;
    const state = { done: false, failed: false, exited: null, error: null, value: undefined, promise: null };
    try {
      const given = variables ? parse(variables) : {};
      for (const name of Object.keys(given)) {
        if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)) throw new SyntaxError(`a variable cannot be called ${stringify(name)}`);
        global[name] = given[name];
      }
      state.promise = doors.evaluate(asScript(code), filename);
    } catch (error) {
      fails(state, error);
    }
    if ((state.exited = doors.exited() ?? null) === null && !state.failed) drain(state);
    if (state.failed || state.exited !== null) timers.clear();
    // Each field is there: what is not would be looked for in the prototype of all objects, which is the snippet's.
    const told = { failure: null, exited: state.exited, value: null, shown };
    if (state.exited !== null) return told;
    if (state.failed) return { ...told, failure: failureOf(state.error, filename) };
    return { ...told, exited: process.exitCode ? Number(process.exitCode) & 255 : null, value: state.value === undefined ? null : shownAs(state.value) };
  };

  const prepare = (environment, start) => {
    began = doors.now();
    reseed();
    process.env = environment;
    folder = start || "/";
  };
  return { execute, prepare, rejected };
})
