// What `require` and `import` find: modules of Node, files of the snippet's own, and a sentence for what there is not.
((kit) => {
  "use strict";
  const { doors, hide, global, fs, at, path, modules, coded, state, connection, Buffer } = kit;
  const { URL, URLSearchParams } = kit;
  const withoutHost = (url) => {
    const found = typeof url === "string" ? new URL(url) : url;
    if (!(found instanceof URL)) throw kit.wrongType("path", "of type string or an instance of URL", url);
    if (found.protocol !== "file:") throw coded(new TypeError("The URL must be of scheme file"), "ERR_INVALID_URL_SCHEME");
    return decodeURIComponent(found.pathname);
  };
  const byName = (text) => Object.fromEntries([...new URLSearchParams(text).keys()].map((key, _, all) => [key, new URLSearchParams(text).getAll(key)]).map(([key, values]) => [key, values.length > 1 ? values : values[0]]));
  const legacy = (text, asQuery = false) => {
    const found = new URL(text, "http://none.invalid"), isBare = !/^[a-z][a-z\d+.-]*:/i.test(text), or = (value) => value || null;
    const port = or(found.port), search = or(found.search);
    return {
      protocol: isBare ? null : found.protocol, slashes: isBare ? null : true, auth: or(found.username && found.username + (found.password && ":" + found.password)), host: isBare ? null : found.host, port,
      hostname: isBare ? null : found.hostname, hash: or(found.hash), search, query: asQuery ? byName(found.search) : search && search.slice(1), pathname: isBare ? text.split(/[?#]/)[0] : found.pathname, path: (isBare ? text.split(/[?#]/)[0] : found.pathname) + found.search, href: isBare ? text : found.href,
    };
  };
  modules.url = {
    URL, URLSearchParams, fileURLToPath: withoutHost, pathToFileURL: (name) => new URL("file://" + encodeURI(path.resolve(name)).replace(/[?#]/g, encodeURIComponent)),
    parse: legacy, resolve: (from, to) => new URL(to, from).href, format: (url) => (typeof url === "object" && !(url instanceof URL) ? `${url.protocol ? url.protocol.replace(/:?$/, "://") : ""}${url.host ?? (url.hostname ?? "") + (url.port ? ":" + url.port : "")}${url.pathname ?? ""}${url.search ?? (url.query && Object.keys(url.query).length ? "?" + new URLSearchParams(url.query) : "")}${url.hash ?? ""}` : String(url)),
    urlToHttpOptions: (url) => ({ protocol: url.protocol, hostname: url.hostname, hash: url.hash, search: url.search, pathname: url.pathname, path: url.pathname + url.search, href: url.href }),
    domainToASCII: (name) => String(name).toLowerCase(), domainToUnicode: (name) => String(name),
  };
  const unescaped = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
  modules.querystring = {
    parse: (text, between = "&", equals = "=") => { const told = Object.create(null); for (const pair of String(text).split(between).filter(Boolean)) { const [key, ...rest] = pair.split(equals).map((one) => unescaped(one.replace(/\+/g, " "))), value = rest.join(equals); told[key] = key in told ? [told[key], value].flat() : value; } return told; },
    stringify: (given, between = "&", equals = "=") => Object.entries(given ?? {}).flatMap(([key, value]) => [value].flat().map((one) => encodeURIComponent(key) + equals + encodeURIComponent(["string", "number", "bigint", "boolean"].includes(typeof one) ? one : ""))).join(between),
    escape: encodeURIComponent, unescape: unescaped,
  };
  Object.assign(modules.querystring, { decode: modules.querystring.parse, encode: modules.querystring.stringify });
  modules.buffer = { Buffer, Blob: global.Blob, File: global.File, atob: global.atob, btoa: global.btoa, constants: { MAX_LENGTH: 2 ** 31 - 1, MAX_STRING_LENGTH: 2 ** 30 - 1 }, kMaxLength: 2 ** 31 - 1, isUtf8: (bytes) => doors.isUtf8(new Uint8Array(kit.bytesOf(bytes))), isAscii: (bytes) => kit.bytesOf(bytes).every((byte) => byte < 128) };
  modules.perf_hooks = { performance: global.performance, PerformanceObserver: class PerformanceObserver { constructor() { throw new TypeError("PerformanceObserver is not in this runtime: performance.now is"); } }, monitorEventLoopDelay: () => { throw new TypeError("perf_hooks.monitorEventLoopDelay is not in this runtime: performance.now is"); } };
  modules.os = {
    EOL: "\n", platform: () => "wasi", type: () => "WASI", release: () => "0.2", version: () => "WASI 0.2", arch: () => "wasm32", machine: () => "wasm32", endianness: () => "LE", hostname: () => "ringfence", tmpdir: () => "/tmp", homedir: () => kit.process.env.HOME ?? "/", cpus: () => [], availableParallelism: () => 1,
    totalmem: () => 0, freemem: () => 0, uptime: () => kit.process.uptime(), loadavg: () => [0, 0, 0], networkInterfaces: () => ({}), userInfo: () => ({ uid: 0, gid: 0, username: "guest", homedir: "/", shell: null }), constants: { signals: {}, errno: {} }, devNull: "/dev/null",
  };
  modules.tty = { isatty: () => false };
  modules.constants = fs.constants;
  modules.diagnostics_channel = { channel: () => ({ hasSubscribers: false, publish() {}, subscribe() {}, unsubscribe() {} }) };
  const process = "no process can be started inside the fence", thread = "no thread can be started inside the fence";
  const refused = {
    child_process: `${process}: write it in JavaScript, or call a tool`, cluster: process,
    worker_threads: `${thread}: use promises, or do one thing after the other`,
    vm: "this runtime has one world of code: eval and Function work in it", v8: "the engine is QuickJS", async_hooks: "what is called later does not remember who asked for it: hand it on as an argument",
    test: "this runtime has no runner of tests: use node:assert", "test/reporters": "this runtime has no runner of tests: use node:assert", sqlite: "this runtime has no database: use JSON, or Python's sqlite3",
    repl: "nobody types here", inspector: "there is no debugger here", "inspector/promises": "there is no debugger here", wasi: "a program of its own has to be submitted", trace_events: "nothing is traced here", domain: "it is out of use in Node as well: catch errors", punycode: "it is out of use in Node as well", sea: "nothing is packed here",
    "stream/web": "the streams of node:stream are",
    ...Object.fromEntries(["http", "https", "http2", "net", "tls", "dgram", "dns", "dns/promises", "undici", "axios", "node-fetch", "got", "ws", "express"].map((name) => [name, connection])),
  };
  // Of a module what `require.cache` shows of it: whoever takes it out gets another.
  const loaded = Object.create(null);
  const isThere = (file) => { try { return doors.stat(file)[2] === 0; } catch { return false; } };
  const asFile = (file) => [file, file + ".js", file + ".cjs", file + ".json"].find(isThere);
  const mainOf = (folder) => {
    const main = isThere(folder + "/package.json") && load(folder + "/package.json")?.main;
    if (typeof main !== "string") return undefined;
    const file = path.resolve(folder, main);
    return asFile(file) ?? asFile(file + "/index");
  };
  const fileOf = (file) => asFile(file) ?? mainOf(file) ?? asFile(file + "/index");
  const textOf = (file) => fs.readFileSync(file, "utf8").replace(/^\ufeff/, "");
  // It has the name of its file, which is where its own imports start from.
  const compiled = (file, text) => doors.compile(`(function (exports, require, module, __filename, __dirname) { ${text.replace(/^#!/, "//")}\n})`, file);
  const load = (file) => {
    if (file in loaded) return loaded[file].exports;
    const text = textOf(file), module = { exports: {}, id: file, filename: file, loaded: false };
    loaded[file] = module;
    try {
      if (file.endsWith(".json")) { try { module.exports = JSON.parse(text); } catch (error) { error.message = `${file}: ${error.message}`; throw error; } }
      else compiled(file, text).call(module.exports, module.exports, requireFrom(path.dirname(file)), module, file, path.dirname(file));
    } catch (error) { delete loaded[file]; throw error; }
    module.loaded = true;
    return module.exports;
  };
  const requireFrom = (folder) => {
    const require = (name) => {
      if (typeof name !== "string") throw kit.wrongType("id", "of type string", name);
      const plain = name.replace(/^node:/, "");
      if (Object.hasOwn(modules, plain)) return modules[plain];
      const file = /^(?:\.{0,2}\/|\.{1,2}$)/.test(plain) && fileOf(path.resolve(folder ?? state.home, plain));
      if (file) return load(file);
      if (/^\.{0,2}\//.test(plain)) throw Object.assign(new Error(`Cannot find module '${name}'\nRequire stack:\n- ${state.file}`), { code: "MODULE_NOT_FOUND", requireStack: [] });
      const reason = Object.hasOwn(refused, plain) ? `${plain}: ${refused[plain]}` : `Cannot find module '${name}': nothing can be installed inside the fence`;
      throw Object.assign(new Error(reason), { code: "MODULE_NOT_FOUND" });
    };
    const resolve = (name) => { const plain = name.replace(/^node:/, ""); if (Object.hasOwn(modules, plain)) return name; const file = fileOf(path.resolve(folder ?? state.home, plain)); if (!file) throw Object.assign(new Error(`Cannot find module '${name}'`), { code: "MODULE_NOT_FOUND" }); return file; };
    return Object.defineProperty(Object.assign(require, { resolve, cache: loaded, extensions: {} }), "main", { get: () => main });
  };
  const names = () => Object.keys(modules).filter((name) => name !== "ringfence");
  modules.module = Object.assign(function Module() {}, { createRequire: (from) => { const name = String(from).startsWith("file:") ? withoutHost(String(from)) : String(from); return requireFrom(name.endsWith("/") ? name : path.dirname(name)); }, builtinModules: names(), isBuiltin: (name) => Object.hasOwn(modules, name.replace(/^node:/, "")) });
  // The snippet is the program: `require.main === module`.
  const main = { exports: {}, id: ".", children: [], paths: [], loaded: false };
  const require = requireFrom();
  hide(global, "require", require);
  hide(global, "module", main);
  hide(global, "exports", main.exports);
  Object.assign(kit, { require, load, textOf, compiled, isLoaded: (file) => file in loaded });
})
