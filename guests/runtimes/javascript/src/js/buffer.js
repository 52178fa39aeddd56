// Node's Buffer, as far as snippets go: bytes with encodings.
((kit) => {
  "use strict";
  const { doors } = kit;
  // In pieces: a call takes only so many arguments.
  const joined = (units) => {
    let told = "";
    for (let at = 0; at < units.length; at += 8192) told += String.fromCharCode.apply(null, units.subarray(at, at + 8192));
    return told;
  };
  const latin = (bytes) => joined(bytes);
  const read = {
    utf8: (text) => doors.encode(text),
    hex: (text) => Uint8Array.from(/^(?:[\da-f]{2})*/i.exec(text)[0].match(/../g) ?? [], (pair) => parseInt(pair, 16)),
    base64: (text) => {
      // To the end of what is padded, and without what is none of it.
      const signs = text.split("=", 1)[0].replace(/-/g, "+").replace(/_/g, "/").replace(/[^A-Za-z\d+/]/g, "");
      return Uint8Array.from(atob(signs.length % 4 === 1 ? signs.slice(0, -1) : signs), (sign) => sign.charCodeAt(0));
    },
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
    // A byte that is left over is half of nothing.
    utf16le: (bytes) => joined(new Uint16Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 1)),
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
      else {
        const isObject = typeof data === "object" && data !== null, plain = isObject ? data.valueOf?.() : data;
        if (plain !== data && plain !== null && ["string", "object"].includes(typeof plain)) return Buffer.from(plain, encoding, length);
        const text = isObject && data.length === undefined && data[Symbol.toPrimitive]?.("string");
        if (typeof text === "string") return Buffer.from(text, encoding);
        if (!isObject || (data.length === undefined && !(data.buffer instanceof ArrayBuffer))) throw kit.coded(new TypeError(`The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object.${kit.kindOf(data)}`), "ERR_INVALID_ARG_TYPE");
      }
      const made = new Buffer(data.length);
      made.set(data);
      return made;
    }
    static alloc(length, fill = 0, encoding) { isNumber(length, "size"); const made = new Buffer(length); return fill ? made.fill(fill, encoding) : made; }
    static allocUnsafe(length) { isNumber(length, "size"); return new Buffer(length); }
    static isBuffer(thing) { return thing instanceof Buffer; }
    static byteLength(data, encoding) { return typeof data === "string" ? find(read, encoding)(data).length : data.byteLength; }
    static concat(list, length) {
      if (!Array.isArray(list)) throw kit.wrongType("list", "an instance of Array", list);
      list.forEach((part, at) => isBytes(part, `list[${at}]`));
      length ??= list.reduce((sum, part) => sum + part.length, 0);
      const made = new Buffer(length);
      let at = 0;
      for (const part of list) { made.set(part.subarray(0, length - at), at); at += Math.min(part.length, length - at); }
      return made;
    }
    static isEncoding(name) { try { return typeof name === "string" && Boolean(find(read, name)); } catch { return false; } }
    static compare(a, b) { return a.compare(b); }
    toString(encoding, from = 0, to = this.length) { return find(write, encoding)(this.subarray(Math.max(from, 0), Math.max(to, 0))); }
    toJSON() { return { type: "Buffer", data: Array.from(this) }; }
    compare(other, from = 0, to = other?.length, ownFrom = 0, ownTo = this.length) {
      isBytes(other, "target");
      return this.subarray(ownFrom, ownTo).#compared(other.subarray(from, to));
    }
    #compared(other) { for (let at = 0; at < Math.min(this.length, other.length); at++) if (this[at] !== other[at]) return this[at] < other[at] ? -1 : 1; return Math.sign(this.length - other.length); }
    equals(other) { isBytes(other, "otherBuffer"); return this.#compared(other) === 0; }
    slice(from, to) { return this.subarray(from, to); }
    fill(value, from = 0, to = this.length, encoding = undefined) {
      if (typeof value === "number") return super.fill(value, from, to);
      if (typeof from === "string") [from, to, encoding] = [0, this.length, from];
      const bytes = typeof value === "string" ? Buffer.from(value, encoding) : value;
      for (let at = from; at < to; at++) this[at] = bytes.length ? bytes[(at - from) % bytes.length] : 0;
      return this;
    }
    indexOf(wanted, from = 0, encoding = undefined) {
      if (typeof from === "string") [from, encoding] = [0, from];
      if (typeof wanted === "number") return super.indexOf(wanted & 255, from);
      const bytes = typeof wanted === "string" ? Buffer.from(wanted, encoding) : wanted;
      for (let at = from < 0 ? Math.max(0, this.length + from) : from; at <= this.length - bytes.length; at++) if (bytes.every((byte, plus) => this[at + plus] === byte)) return at;
      return -1;
    }
    lastIndexOf(wanted, from = this.length) {
      if (typeof wanted === "number") return super.lastIndexOf(wanted & 255, from);
      const bytes = typeof wanted === "string" ? Buffer.from(wanted) : wanted;
      for (let at = Math.min(from < 0 ? this.length + from : from, this.length - bytes.length); at >= 0; at--) if (bytes.every((byte, plus) => this[at + plus] === byte)) return at;
      return -1;
    }
    includes(wanted, from, encoding) { return this.indexOf(wanted, from, encoding) >= 0; }
    write(text, at = 0, length = this.length - at, encoding = "utf8") {
      if (typeof at === "string") [at, length, encoding] = [0, this.length, at];
      else if (typeof length === "string") [length, encoding] = [this.length - at, length];
      let bytes = Buffer.from(text, encoding).subarray(0, Math.min(length, this.length - at));
      // No character is written in part.
      if (/^utf-?8$/i.test(encoding)) while (bytes.length && !doors.isUtf8(new Uint8Array(bytes))) bytes = bytes.subarray(0, -1);
      this.set(bytes, at);
      return bytes.length;
    }
    copy(to, at = 0, from = 0, end = this.length) {
      const part = this.subarray(from, Math.min(end, from + to.length - at));
      to.set(part, at);
      return part.length;
    }
    #swapped(size) {
      if (this.length % size) throw Object.assign(new RangeError(`Buffer size must be a multiple of ${size * 8}-bits`), { code: "ERR_INVALID_BUFFER_SIZE" });
      for (let at = 0; at < this.length; at += size) this.subarray(at, at + size).reverse();
      return this;
    }
    swap16() { return this.#swapped(2); }
    swap32() { return this.#swapped(4); }
    swap64() { return this.#swapped(8); }
    readUIntBE(at, length) { sized(length); reaches(this, at, length); let told = 0; for (let plus = 0; plus < length; plus++) told = told * 256 + this.view.getUint8(at + plus); return told; }
    readUIntLE(at, length) { sized(length); reaches(this, at, length); let told = 0; for (let plus = length - 1; plus >= 0; plus--) told = told * 256 + this.view.getUint8(at + plus); return told; }
    readIntBE(at, length) { const told = this.readUIntBE(at, length), half = 2 ** (8 * length - 1); return told >= half ? told - 2 * half : told; }
    readIntLE(at, length) { const told = this.readUIntLE(at, length), half = 2 ** (8 * length - 1); return told >= half ? told - 2 * half : told; }
    writeUIntBE(value, at, length) { sized(length); fits(value, length, 0); reaches(this, at, length); for (let plus = length - 1; plus >= 0; plus--) { this.view.setUint8(at + plus, value % 256); value = Math.floor(value / 256); } return at + length; }
    writeUIntLE(value, at, length) { sized(length); fits(value, length, 0); reaches(this, at, length); for (let plus = 0; plus < length; plus++) { this.view.setUint8(at + plus, value % 256); value = Math.floor(value / 256); } return at + length; }
    writeIntBE(value, at, length) { sized(length); fits(value, length, 1); return this.writeUIntBE(value < 0 ? value + 2 ** (8 * length) : value, at, length); }
    writeIntLE(value, at, length) { sized(length); fits(value, length, 1); return this.writeUIntLE(value < 0 ? value + 2 ** (8 * length) : value, at, length); }
    get view() { return new DataView(this.buffer, this.byteOffset, this.byteLength); }
    [Symbol.for("nodejs.util.inspect.custom")]() { const most = Array.from(this.subarray(0, 50), (byte) => byte.toString(16).padStart(2, "0")); return `<Buffer ${most.join(" ")}${this.length > 50 ? ` ... ${this.length - 50} more bytes` : ""}>`; }
  }
  const beyond = (name, wanted, value) => {
    const shown = Number.isInteger(value) && Math.abs(value) > 2 ** 32 ? String(value).replace(/\B(?=(\d{3})+$)/g, "_") : String(value);
    return kit.coded(new RangeError(`The value of "${name}" is out of range. It must be ${wanted}. Received ${shown}`), "ERR_OUT_OF_RANGE");
  };
  const inRange = (value, least, most, name = "value") => { if (!(value >= least && value <= most)) throw beyond(name, `>= ${least} and <= ${most}`, value); };
  const isNumber = (value, name) => { if (typeof value !== "number") throw kit.wrongType(name, "of type number", value); };
  const isBytes = (value, name) => { if (!(value instanceof Uint8Array)) throw kit.wrongType(name, "an instance of Buffer or Uint8Array", value); };
  const sized = (length) => { isNumber(length, "byteLength"); if (!(length >= 1 && length <= 6)) throw beyond("byteLength", ">= 1 and <= 6", length); };
  // Whether a number goes into so many bytes, one bit of which may be its sign.
  const fits = (value, length, sign) => {
    const bits = 8 * length - sign, least = sign ? -(2 ** bits) : 0;
    if (length <= 4) return inRange(value, least, 2 ** bits - 1);
    if (!(value >= least && value < 2 ** bits)) throw beyond("value", `>= ${sign ? `-(2 ** ${bits})` : 0} and < 2 ** ${bits}`, value);
  };
  // Whether so many bytes are there.
  const reaches = (buffer, at, size) => {
    isNumber(at, "offset");
    const most = buffer.length - size;
    if (Number.isInteger(at) && at >= 0 && at <= most) return;
    if (Math.floor(at) !== at) throw beyond("offset", "an integer", at);
    if (most < 0) throw kit.coded(new RangeError("Attempt to access memory outside buffer bounds"), "ERR_BUFFER_OUT_OF_BOUNDS");
    throw beyond("offset", `>= 0 and <= ${most}`, at);
  };
  // readUInt32BE, writeInt16LE and their kin, all of one shape.
  const shapes = { UInt8: ["Uint8", 1], Int8: ["Int8", 1], UInt16: ["Uint16", 2], Int16: ["Int16", 2], UInt32: ["Uint32", 4], Int32: ["Int32", 4], Float: ["Float32", 4], Double: ["Float64", 8], BigInt64: ["BigInt64", 8], BigUInt64: ["BigUint64", 8] };
  for (const [name, [kind, size]] of Object.entries(shapes))
    for (const end of size === 1 ? [""] : ["LE", "BE"]) {
      const little = end === "LE";
      Object.defineProperty(Buffer.prototype, `read${name}${end}`, { value(at = 0) { reaches(this, at, size); return this.view[`get${kind}`](at, little); } });
      Object.defineProperty(Buffer.prototype, `write${name}${end}`, { value(value, at = 0) { if (/^(?:Uint|Int)/.test(kind)) inRange(value, /^U/.test(kind) ? 0 : -(2 ** (8 * size - 1)), 2 ** (8 * size - (/^U/.test(kind) ? 0 : 1)) - 1); reaches(this, at, size); this.view[`set${kind}`](at, value, little); return at + size; } });
      for (const act of ["read", "write"]) if (name.includes("UInt")) Object.defineProperty(Buffer.prototype, act + name.replace("UInt", "Uint") + end, { value: Buffer.prototype[act + name + end] });
    }
  Object.defineProperty(globalThis, "Buffer", { value: Buffer, writable: true, configurable: true, enumerable: false });
  Object.assign(kit, { Buffer, asBuffer: (bytes) => new Buffer(bytes.buffer, bytes.byteOffset, bytes.byteLength) });
})
