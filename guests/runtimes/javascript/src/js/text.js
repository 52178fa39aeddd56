// Texts and bytes: encoders, decoders, base64.
((kit) => {
  "use strict";
  const { doors, hide, global, bytesOf, coded } = kit;
  const invalid = (encoding) => coded(new TypeError(`The encoded data was not valid for encoding ${encoding}`), "ERR_ENCODING_INVALID_ENCODED_DATA");
  class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text = "") { return doors.encode(String(text)); }
    encodeInto(text, into) {
      let read = 0, written = 0;
      for (const sign of String(text)) {
        const bytes = doors.encode(sign);
        if (written + bytes.length > into.length) break;
        into.set(bytes, written);
        written += bytes.length;
        read += sign.length;
      }
      return { read, written };
    }
  }
  // Those of windows-1252 between 128 and 159.
  const windows = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";
  const pieces = (bytes, act) => { let told = ""; for (let at = 0; at < bytes.length; at += 4096) told += act(bytes.subarray(at, at + 4096)); return told; };
  const single = (bytes) => pieces(bytes, (part) => String.fromCharCode(...part).replace(/[\x80-\x9f]/g, (sign) => windows[sign.charCodeAt(0) - 128]));
  // Where a character that is not whole begins, at the end.
  const broken = (bytes) => {
    for (let back = 1; back <= Math.min(3, bytes.length); back++) {
      const byte = bytes[bytes.length - back];
      if (byte >= 0xc2 && byte <= 0xf4) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? bytes.length - back : bytes.length;
      if (byte < 0x80 || byte > 0xbf) break;
    }
    return bytes.length;
  };
  const wide = (bytes, isFatal) => {
    let told = "";
    const units = new Uint16Array(bytes.length >> 1);
    for (let at = 0; at < units.length; at++) units[at] = bytes[2 * at] | (bytes[2 * at + 1] << 8);
    told = pieces(units, (part) => String.fromCharCode(...part));
    if (bytes.length % 2) told += "\ufffd";
    if (isFatal && (bytes.length % 2 || !told.isWellFormed())) throw invalid("utf-16le");
    return told.toWellFormed();
  };
  const names = {
    "utf-8": ["utf-8", "utf8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8"],
    "utf-16le": ["utf-16le", "utf-16", "ucs-2", "unicode", "csunicode", "iso-10646-ucs-2", "unicodefeff"],
    "windows-1252": ["windows-1252", "latin1", "ascii", "us-ascii", "iso-8859-1", "iso8859-1", "iso88591", "l1", "cp1252", "cp819", "x-cp1252", "ansi_x3.4-1968", "ibm819", "iso-ir-100", "iso_8859-1", "iso_8859-1:1987", "csisolatin1"],
  };
  const known = new Map(Object.entries(names).flatMap(([name, all]) => all.map((one) => [one, name])));
  class TextDecoder {
    #name;
    #fatal;
    #keeps;
    #held = new Uint8Array();
    #begun = false;
    constructor(encoding = "utf-8", options = undefined) {
      const name = known.get(String(encoding).trim().toLowerCase());
      if (!name) throw coded(new RangeError(`The "${encoding}" encoding is not supported`), "ERR_ENCODING_NOT_SUPPORTED");
      this.#name = name;
      this.#fatal = Boolean(options?.fatal);
      this.#keeps = Boolean(options?.ignoreBOM);
    }
    get encoding() { return this.#name; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#keeps; }
    decode(given = new Uint8Array(), options = undefined) {
      if (!(given instanceof ArrayBuffer) && !ArrayBuffer.isView(given)) throw coded(new TypeError('The "list" argument must be an instance of SharedArrayBuffer, ArrayBuffer or ArrayBufferView.'), "ERR_INVALID_ARG_TYPE");
      let bytes = bytesOf(given);
      if (this.#held.length) { const all = new Uint8Array(this.#held.length + bytes.length); all.set(this.#held); all.set(bytes, this.#held.length); bytes = all; }
      this.#held = new Uint8Array();
      if (options?.stream) {
        const end = this.#name === "utf-8" ? broken(bytes) : this.#name === "utf-16le" ? bytes.length & ~1 : bytes.length;
        this.#held = bytes.slice(end);
        bytes = bytes.subarray(0, end);
      }
      if (this.#name === "utf-8" && this.#fatal && !doors.isUtf8(new Uint8Array(bytes))) throw invalid("utf-8");
      let told = this.#name === "utf-8" ? doors.decode(new Uint8Array(bytes)) : this.#name === "utf-16le" ? wide(bytes, this.#fatal) : single(bytes);
      if (!this.#begun && !this.#keeps && this.#name !== "windows-1252") told = told.replace(/^\ufeff/, "");
      this.#begun = Boolean(options?.stream) && (this.#begun || told !== "");
      return told;
    }
  }
  hide(global, "TextEncoder", TextEncoder);
  hide(global, "TextDecoder", TextDecoder);
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  hide(global, "btoa", (given) => {
    const text = String(given);
    let coded = "";
    for (let at = 0; at < text.length; at += 3) {
      const [a, b, c] = [0, 1, 2].map((plus) => text.charCodeAt(at + plus));
      if (a > 255 || b > 255 || c > 255) throw new DOMException("Invalid character", "InvalidCharacterError");
      coded += digits[a >> 2] + digits[((a & 3) << 4) | (b >> 4)];
      coded += (at + 1 < text.length ? digits[((b & 15) << 2) | (c >> 6)] : "=") + (at + 2 < text.length ? digits[c & 63] : "=");
    }
    return coded;
  });
  const values = new Map([...digits].map((digit, at) => [digit, at]));
  hide(global, "atob", (given) => {
    const coded = String(given).replace(/[\t\n\f\r ]/g, ""), plain = coded.length % 4 === 0 ? coded.replace(/={1,2}$/, "") : coded;
    let text = "", bits = 0, held = 0;
    for (const digit of plain) {
      const value = values.get(digit);
      if (value === undefined) throw new DOMException("Invalid character", "InvalidCharacterError");
      held = ((held << 6) | value) & 0xffffff;
      bits += 6;
      if (bits >= 8) text += String.fromCharCode((held >> (bits -= 8)) & 255);
    }
    if (plain.length % 4 === 1) throw new DOMException("The string to be decoded is not correctly encoded.", "InvalidCharacterError");
    return text;
  });
  class StringDecoder {
    #decoder;
    constructor(encoding = "utf8") { this.encoding = encoding; this.#decoder = known.has(encoding) ? new TextDecoder(encoding, { ignoreBOM: true }) : null; }
    write(bytes) { return typeof bytes === "string" ? bytes : this.#decoder ? this.#decoder.decode(bytes, { stream: true }) : kit.Buffer.from(bytes).toString(this.encoding); }
    end(bytes) { return (bytes ? this.write(bytes) : "") + (this.#decoder?.decode() ?? ""); }
  }
  Object.assign(kit, { TextEncoder, TextDecoder, StringDecoder });
})
