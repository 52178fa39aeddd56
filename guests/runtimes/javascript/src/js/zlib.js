// `zlib`: packing and unpacking, done by the engine (`library.rs`). The bytes are right, and need not be those of another packer.
((kit) => {
  "use strict";
  const { doors, coded, wrongType, bytesOf, asBuffer, Buffer } = kit;
  const { Transform } = kit.modules.stream;
  const given = (data) => {
    if (typeof data === "string") return Buffer.from(data);
    if (!ArrayBuffer.isView(data) && !(data instanceof ArrayBuffer)) throw wrongType("buffer", "of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer", data);
    return bytesOf(data);
  };
  const pack = (format) => (data, options) => {
    const level = options?.level ?? -1;
    if (!(level >= -1 && level <= 9)) throw coded(new RangeError(`The value of "options.level" is out of range. It must be >= -1 and <= 9. Received ${level}`), "ERR_OUT_OF_RANGE");
    if (options?.dictionary) throw new TypeError("zlib: the option dictionary is not in this runtime");
    return asBuffer(doors.pack(format, new Uint8Array(given(data)), level < 0 ? 6 : level));
  };
  const errors = { Z_DATA_ERROR: -3, Z_BUF_ERROR: -5 };
  const unpack = (format) => (data, options) => {
    const bytes = new Uint8Array(given(data)), found = format === "any" ? (bytes[0] === 0x1f && bytes[1] === 0x8b ? "gzip" : "zlib") : format;
    try {
      return asBuffer(doors.unpack(found, bytes, options?.maxOutputLength ?? 2 ** 31));
    } catch (error) {
      const [, code, words] = /^([A-Z_]+): (.*)/.exec(error.message) ?? [, "Z_DATA_ERROR", error.message];
      throw code.startsWith("ERR_") ? coded(new RangeError(words), code) : Object.assign(new Error(words), { errno: errors[code], code });
    }
  };
  const kinds = { gzip: pack("gzip"), deflate: pack("zlib"), deflateRaw: pack("raw"), gunzip: unpack("gzip"), inflate: unpack("zlib"), inflateRaw: unpack("raw"), unzip: unpack("any") };
  const zlib = { crc32: (data, seed = 0) => doors.crc32(new Uint8Array(given(data)), seed >>> 0) >>> 0 };
  for (const [name, act] of Object.entries(kinds)) {
    zlib[name + "Sync"] = act;
    zlib[name] = (data, options, done = options) => {
      if (typeof done !== "function") throw wrongType("callback", "of type function", done);
      let told;
      try { told = [null, act(data, typeof options === "object" ? options : undefined)]; } catch (error) { if (error.code === "ERR_INVALID_ARG_TYPE") throw error; told = [error]; }
      setImmediate(() => done(...told));
    };
    const Name = name[0].toUpperCase() + name.slice(1);
    zlib["create" + Name] = (options) => {
      const parts = [];
      return new Transform({
        transform(chunk, encoding, done) { parts.push(chunk); done(); },
        flush(done) { try { done(null, act(Buffer.concat(parts), options)); } catch (error) { done(error); } },
      });
    };
  }
  for (const name of ["brotliCompress", "brotliDecompress", "zstdCompress", "zstdDecompress"])
    for (const one of [name, name + "Sync", "create" + name[0].toUpperCase() + name.slice(1)])
      zlib[one] = () => { throw coded(new TypeError(`zlib.${one} is not in this runtime: there are gzip, deflate and deflateRaw`), "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM"); };
  zlib.constants = { Z_NO_COMPRESSION: 0, Z_BEST_SPEED: 1, Z_BEST_COMPRESSION: 9, Z_DEFAULT_COMPRESSION: -1, Z_NO_FLUSH: 0, Z_SYNC_FLUSH: 2, Z_FINISH: 4 };
  kit.modules.zlib = zlib;
})
