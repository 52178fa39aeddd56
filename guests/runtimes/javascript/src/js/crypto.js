// `crypto`: digests, keys of messages and randomness. The engine does the work (`library.rs`).
((kit) => {
  "use strict";
  const { doors, hide, global, coded, wrongType, bytesOf, Buffer, asBuffer } = kit;
  const hashes = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];
  const plain = (name) => { if (typeof name !== "string") throw wrongType("algorithm", "of type string", name); return name.toLowerCase().replace(/^(?:rsa-)?sha-?/, "sha").replace("_", ""); };
  const known = (name, made) => {
    const found = plain(name);
    if (hashes.includes(found)) return found;
    throw coded(new Error(made === "hmac" ? `Invalid digest: ${name}` : `Digest method not supported: '${name}' is not in this runtime: there are ${hashes.join(", ")}`), made === "hmac" ? "ERR_CRYPTO_INVALID_DIGEST" : "ERR_OSSL_EVP_UNSUPPORTED");
  };
  const bytes = (data, encoding, name = "data") => {
    if (typeof data === "string") return new Uint8Array(Buffer.from(data, encoding));
    if (!ArrayBuffer.isView(data) && !(data instanceof ArrayBuffer)) throw wrongType(name, "of type string or an instance of Buffer, TypedArray, or DataView", data);
    return new Uint8Array(bytesOf(data));
  };
  const joined = (parts) => {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) { all.set(part, at); at += part.length; }
    return all;
  };
  const shown = (digest, encoding) => (encoding === undefined || encoding === "buffer" ? asBuffer(digest) : asBuffer(digest).toString(encoding));
  // Digests are streams as well. Made where streams are, which come later.
  kit.hashing = (Transform) => {
    const over = () => coded(new Error("Digest already called"), "ERR_CRYPTO_HASH_FINALIZED");
    class Digest extends Transform {
      #parts; #done = false; #finish; #told;
      constructor(finish, parts = []) { super(); this.#finish = finish; this.#parts = parts; }
      get #digest() { return this.#told ??= this.#finish(joined(this.#parts)); }
      update(data, encoding) {
        if (this.#done) throw over();
        this.#parts.push(bytes(data, encoding));
        return this;
      }
      digest(encoding) {
        if (this.#done) throw over();
        this.#done = true;
        return shown(this.#digest, encoding);
      }
      copy() { if (this.#done) throw over(); return new this.constructor(this.#finish, [...this.#parts]); }
      _transform(data, encoding, done) { this.#parts.push(bytes(data, encoding)); done(); }
      _flush(done) { this.push(shown(this.#digest)); done(); }
    }
    class Hash extends Digest {}
    class Hmac extends Digest {}
    Object.assign(kit.modules.crypto, {
      Hash, Hmac,
      createHash: (name) => { const found = known(name); return new Hash((all) => doors.hash(found, all)); },
      createHmac: (name, key) => { const found = known(name, "hmac"), secret = bytes(key, "utf8", "key"); return new Hmac((all) => doors.hmac(found, secret, all)); },
    });
  };
  const random = (length) => { const all = new Uint8Array(length); for (let at = 0; at < length; at += 65536) all.set(doors.random(Math.min(65536, length - at)), at); return all; };
  const fill = (array) => {
    if (!ArrayBuffer.isView(array) || array instanceof DataView || /^Float/.test(array.constructor.name)) throw new DOMException("The data argument must be an integer-type TypedArray", "TypeMismatchError");
    if (array.byteLength > 65536) throw new DOMException(`The requested length exceeds 65,536 bytes`, "QuotaExceededError");
    bytesOf(array).set(random(array.byteLength));
    return array;
  };
  const uuid = () => {
    const bytes = doors.random(16);
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  };
  const called = (act) => (...args) => {
    if (typeof args.at(-1) !== "function") return act(...args);
    const done = args.pop();
    let told;
    try { told = [null, act(...args)]; } catch (error) { told = [error]; }
    setImmediate(() => done(...told));
  };
  const length = (size) => { if (typeof size !== "number") throw wrongType("size", "of type number", size); if (!(size >= 0 && size <= 2147483647)) throw coded(new RangeError(`The value of "size" is out of range. It must be >= 0 && <= 2147483647. Received ${size}`), "ERR_OUT_OF_RANGE"); return Math.trunc(size); };
  const integer = (low, high) => {
    if (high === undefined) [low, high] = [0, low];
    if (!Number.isSafeInteger(low)) throw wrongType("min", "a safe integer", low);
    if (!Number.isSafeInteger(high)) throw wrongType("max", "a safe integer", high);
    const range = high - low, most = 2 ** 48 - (2 ** 48 % range);
    if (!(range > 0)) throw coded(new RangeError(`The value of "max" is out of range. It must be greater than the value of "min" (${low}). Received ${high}`), "ERR_OUT_OF_RANGE");
    for (;;) { const drawn = [...random(6)].reduce((sum, byte) => sum * 256 + byte, 0); if (drawn < most) return low + (drawn % range); }
  };
  const pbkdf2 = (secret, salt, rounds, size, name) => {
    const key = doors.stretch(known(name, "hmac"), bytes(secret, "utf8", "password"), bytes(salt, "utf8", "salt"), rounds, size);
    return asBuffer(key);
  };
  const absent = (name, why = "of ciphers and signatures there is nothing") => () => { throw coded(new Error(`crypto.${name} is not in this runtime: ${why}; there are createHash, createHmac, pbkdf2 and randomness`), "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM"); };
  const refused = "createCipheriv createDecipheriv createSign createVerify sign verify generateKeyPair generateKeyPairSync generateKey generateKeySync createPublicKey createPrivateKey createSecretKey createDiffieHellman createECDH publicEncrypt privateDecrypt scrypt scryptSync hkdf hkdfSync".split(" ");
  const subtleRefused = "encrypt decrypt sign verify generateKey importKey exportKey deriveKey deriveBits wrapKey unwrapKey".split(" ");
  const subtle = {
    digest: async (algorithm, data) => {
      const name = String(algorithm?.name ?? algorithm);
      if (!/^sha-(?:1|256|384|512)$/i.test(name)) throw new DOMException("Unrecognized algorithm name", "NotSupportedError");
      const told = doors.hash(plain(name), bytes(data));
      return told.buffer.slice(told.byteOffset, told.byteOffset + told.byteLength);
    },
    ...Object.fromEntries(subtleRefused.map((name) => [name, async () => absent(`subtle.${name}`)()])),
  };
  const web = { getRandomValues: fill, randomUUID: uuid, subtle };
  hide(global, "crypto", web);
  kit.modules.crypto = {
    ...web, webcrypto: web,
    hash: (name, data, encoding = "hex") => shown(doors.hash(known(name), bytes(data)), encoding),
    getHashes: () => [...hashes], getCiphers: () => [], getCurves: () => [],
    randomBytes: called((size) => asBuffer(random(length(size)))), randomInt: called(integer), randomFillSync: (array) => { bytesOf(array).set(random(array.byteLength)); return array; },
    randomFill: (array, done) => { bytesOf(array).set(random(array.byteLength)); setImmediate(() => done(null, array)); },
    pbkdf2Sync: pbkdf2, pbkdf2: called(pbkdf2),
    timingSafeEqual: (a, b) => {
      const [one, two] = [bytesOf(a), bytesOf(b)];
      if (one.length !== two.length) throw coded(new RangeError("Input buffers must have the same byte length"), "ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH");
      return one.reduce((sum, byte, at) => sum | (byte ^ two[at]), 0) === 0;
    },
    ...Object.fromEntries(refused.map((name) => [name, absent(name)])),
  };

  // The engine's own generator was seeded while the image was made: this one is seeded anew at each start (xorshift128+).
  let seeds = new BigUint64Array([1n, 2n]);
  kit.reseed = () => { seeds = new BigUint64Array(doors.random(16).buffer); };
  hide(Math, "random", function random() {
    let a = seeds[0];
    const b = seeds[1];
    seeds[0] = b;
    a ^= a << 23n & 0xffffffffffffffffn;
    a = a & 0xffffffffffffffffn;
    seeds[1] = a ^ b ^ (a >> 17n) ^ (b >> 26n);
    return Number((seeds[1] + b & 0xffffffffffffffffn) >> 11n) / 9007199254740992;
  });
})
