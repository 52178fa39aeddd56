// Node's Buffer, as far as snippets go: bytes with encodings.
((doors) => {
  "use strict";
  const latin = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const read = {
    utf8: (text) => doors.encode(text),
    hex: (text) => Uint8Array.from(text.match(/[\da-f]{2}/gi) ?? [], (pair) => parseInt(pair, 16)),
    base64: (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0)),
    latin1: (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0)),
    utf16le: (text) => new Uint8Array(Uint16Array.from(Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))).buffer),
  };
  const write = {
    utf8: (bytes) => doors.decode(new Uint8Array(bytes)),
    hex: (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    base64: (bytes) => btoa(latin(bytes)),
    base64url: (bytes) => btoa(latin(bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, ""),
    latin1: latin,
    ascii: (bytes) => latin(bytes.map((byte) => byte & 127)),
    utf16le: (bytes) => String.fromCharCode(...new Uint16Array(new Uint8Array(bytes).buffer)),
  };
  const names = { "utf-8": "utf8", binary: "latin1", base64url: "base64", ascii: "latin1", ucs2: "utf16le", "ucs-2": "utf16le", "utf-16le": "utf16le" };
  const find = (table, encoding = "utf8") => {
    const name = String(encoding).toLowerCase();
    const act = table[name] ?? table[names[name]];
    if (!act) throw new TypeError(`Unknown encoding: ${encoding}`);
    return act;
  };
  class Buffer extends Uint8Array {
    static from(data, encoding, length) {
      if (typeof data === "string") data = find(read, encoding)(data);
      else if (data instanceof ArrayBuffer) return new Buffer(data, encoding, length);
      else if (data?.type === "Buffer") data = data.data;
      const made = new Buffer(data.length);
      made.set(data);
      return made;
    }
    static alloc(length, fill = 0, encoding) { const made = new Buffer(length); return fill ? made.fill(fill, encoding) : made; }
    static allocUnsafe(length) { return new Buffer(length); }
    static isBuffer(thing) { return thing instanceof Buffer; }
    static byteLength(data, encoding) { return typeof data === "string" ? find(read, encoding)(data).length : data.byteLength; }
    static concat(list) {
      const made = new Buffer(list.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of list) { made.set(part, at); at += part.length; }
      return made;
    }
    static compare(a, b) { return a.compare(b); }
    toString(encoding, from = 0, to = this.length) { return find(write, encoding)(this.subarray(from, to)); }
    toJSON() { return { type: "Buffer", data: Array.from(this) }; }
    compare(other) { for (let at = 0; at < Math.min(this.length, other.length); at++) if (this[at] !== other[at]) return this[at] < other[at] ? -1 : 1; return Math.sign(this.length - other.length); }
    equals(other) { return this.compare(other) === 0; }
    slice(from, to) { return this.subarray(from, to); }
    fill(value, ...rest) { if (typeof value !== "string") return super.fill(value, ...rest); const bytes = Buffer.from(value); for (let at = 0; at < this.length; at++) this[at] = bytes[at % bytes.length]; return this; }
    indexOf(wanted, from = 0) { if (typeof wanted === "number") return super.indexOf(wanted, from); const bytes = Buffer.from(wanted); for (let at = from; at <= this.length - bytes.length; at++) if (bytes.every((byte, plus) => this[at + plus] === byte)) return at; return -1; }
    includes(wanted, from) { return this.indexOf(wanted, from) >= 0; }
    write(text, at = 0) { const bytes = Buffer.from(text); this.set(bytes.subarray(0, this.length - at), at); return Math.min(bytes.length, this.length - at); }
    get view() { return new DataView(this.buffer, this.byteOffset, this.byteLength); }
    [Symbol.for("nodejs.util.inspect.custom")]() { const most = Array.from(this.subarray(0, 50), (byte) => byte.toString(16).padStart(2, "0")); return `<Buffer${most.length ? " " + most.join(" ") : ""}${this.length > 50 ? ` ... ${this.length - 50} more bytes` : ""}>`; }
  }
  // readUInt32BE, writeInt16LE and their kin, all of one shape.
  const shapes = { UInt8: ["Uint8", 1], Int8: ["Int8", 1], UInt16: ["Uint16", 2], Int16: ["Int16", 2], UInt32: ["Uint32", 4], Int32: ["Int32", 4], Float: ["Float32", 4], Double: ["Float64", 8], BigInt64: ["BigInt64", 8], BigUInt64: ["BigUint64", 8] };
  for (const [name, [kind, size]] of Object.entries(shapes))
    for (const end of size === 1 ? [""] : ["LE", "BE"]) {
      const little = end === "LE";
      Object.defineProperty(Buffer.prototype, `read${name}${end}`, { value(at = 0) { return this.view[`get${kind}`](at, little); } });
      Object.defineProperty(Buffer.prototype, `write${name}${end}`, { value(value, at = 0) { this.view[`set${kind}`](at, value, little); return at + size; } });
    }
  Object.defineProperty(globalThis, "Buffer", { value: Buffer, writable: true, configurable: true, enumerable: false });
  return Buffer;
})
