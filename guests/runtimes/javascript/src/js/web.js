// What the web and Node share beside events: `Blob`, `Headers`, and words for what needs a connection.
((kit) => {
  "use strict";
  const { hide, global, bytesOf, doors, inspect } = kit;
  class Blob {
    #bytes; #type;
    constructor(parts = [], options = {}) {
      if (typeof parts !== "object" || parts === null || typeof parts[Symbol.iterator] !== "function") throw kit.wrongType("sources", "a sequence", parts);
      const all = Array.from(parts, (part) => (part instanceof Blob ? part.#bytes : bytesOf(part)));
      this.#bytes = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of all) { this.#bytes.set(part, at); at += part.length; }
      this.#type = /[^\x20-\x7e]/.test(options?.type ?? "") ? "" : String(options?.type ?? "").toLowerCase();
    }
    get size() { return this.#bytes.length; }
    get type() { return this.#type; }
    async arrayBuffer() { return this.#bytes.slice().buffer; }
    async bytes() { return this.#bytes.slice(); }
    async text() { return doors.decode(this.#bytes); }
    slice(from, to, type = "") { return new Blob([this.#bytes.slice(from, to)], { type }); }
    stream() { throw new TypeError("Blob.prototype.stream is not in this runtime: arrayBuffer and text are"); }
    [inspect.custom]() { return `Blob { size: ${this.size}, type: '${this.type}' }`; }
  }
  class File extends Blob {
    #name; #at;
    constructor(parts, name, options = {}) { super(parts, options); this.#name = String(name); this.#at = Number(options.lastModified ?? Date.now()); }
    get name() { return this.#name; }
    get lastModified() { return this.#at; }
  }
  class Headers {
    #all = new Map();
    constructor(given) {
      if (given === undefined || given === null) return;
      const pairs = typeof given[Symbol.iterator] === "function" ? given : Object.entries(given);
      for (const pair of pairs) this.append(pair[0], pair[1]);
    }
    #name(name) {
      if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) throw new TypeError(`Headers: ${name} is an invalid header name.`);
      return String(name).toLowerCase();
    }
    append(name, value) { const key = this.#name(name); this.#all.set(key, this.#all.has(key) ? [...this.#all.get(key), String(value).trim()] : [String(value).trim()]); }
    set(name, value) { this.#all.set(this.#name(name), [String(value).trim()]); }
    get(name) { return this.#all.get(this.#name(name))?.join(", ") ?? null; }
    has(name) { return this.#all.has(this.#name(name)); }
    delete(name) { this.#all.delete(this.#name(name)); }
    getSetCookie() { return [...(this.#all.get("set-cookie") ?? [])]; }
    forEach(act) { for (const [name, value] of this) act(value, name, this); }
    *entries() { for (const name of [...this.#all.keys()].sort()) yield [name, this.get(name)]; }
    *keys() { for (const [name] of this.entries()) yield name; }
    *values() { for (const [, value] of this.entries()) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    [inspect.custom](depth, options) { return `Headers ${inspect(Object.fromEntries(this), options)}`; }
  }
  for (const made of [Blob, File, Headers]) {
    hide(global, made.name, made);
    Object.defineProperty(made.prototype, Symbol.toStringTag, { value: made.name, configurable: true });
  }
  const connection = "no connection can be opened inside the fence: call a tool that does it";
  const refuse = (name, why) => hide(global, name, { [name]: class { constructor() { throw new TypeError(`${name} is not in this runtime: ${why}`); } } }[name]);
  for (const name of ["Request", "Response", "WebSocket", "EventSource", "XMLHttpRequest"]) refuse(name, connection);
  for (const name of ["ReadableStream", "WritableStream", "TransformStream", "CompressionStream", "DecompressionStream", "TextDecoderStream", "TextEncoderStream"]) refuse(name, "the streams of node:stream are, and zlib");
  for (const name of ["FormData", "MessageChannel", "BroadcastChannel"]) refuse(name, "there is nobody to send it to");
  refuse("Worker", "no thread can be started inside the fence");
  hide(global, "fetch", async () => { throw new TypeError(`fetch: ${connection}`); });
  hide(global, "navigator", { hardwareConcurrency: 1, language: "en-US", languages: ["en-US"], platform: "wasi", userAgent: "Node.js/22" });
  kit.connection = connection;
})
