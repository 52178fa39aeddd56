const text = "The quick brown fox — naïve";
const fnv = (s) => { let h = 0x811c9dc5; for (const byte of new TextEncoder().encode(s)) { h ^= byte; h = Math.imul(h, 0x01000193) >>> 0; } return h.toString(16); };
const djb2 = (s) => [...s].reduce((h, c) => ((h << 5) + h + c.charCodeAt(0)) | 0, 5381);
const adler = (s) => { let [a, b] = [1, 0]; for (const byte of new TextEncoder().encode(s)) { a = (a + byte) % 65521; b = (b + a) % 65521; } return ((b << 16) | a) >>> 0; };
console.log(fnv(text), djb2(text), adler(text));
function sha256(message) {
  const rotate = (x, n) => (x >>> n) | (x << (32 - n)), k = [], h = [];
  for (let n = 2; k.length < 64; n++) { if ([...Array(Math.floor(Math.sqrt(n)) + 1).keys()].slice(2).some((d) => n % d === 0)) continue; if (h.length < 8) h.push((Math.sqrt(n) * 2 ** 32) | 0); k.push((Math.cbrt(n) * 2 ** 32) | 0); }
  const bytes = new TextEncoder().encode(message), length = bytes.length, padded = new Uint8Array(((length + 8) >> 6 << 6) + 64);
  padded.set(bytes); padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, length * 8);
  for (let block = 0; block < padded.length; block += 64) {
    const w = Array.from({ length: 16 }, (_, i) => view.getInt32(block + i * 4));
    for (let i = 16; i < 64; i++) { const a = w[i - 15], b = w[i - 2]; w[i] = (w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)) + w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10))) | 0; }
    let [a, b, c, d, e, f, g, hh] = h;
    for (let i = 0; i < 64; i++) {
      const t1 = (hh + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0, t2 = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [hh, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, hh].forEach((x, i) => (h[i] = (h[i] + x) | 0));
  }
  return h.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
}
console.log(sha256(""), sha256("abc"));
console.log(sha256("x".repeat(200)) === sha256("x".repeat(200)), sha256(text).slice(0, 16));
const base32 = (s) => { const a = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; let bits = ""; for (const b of new TextEncoder().encode(s)) bits += b.toString(2).padStart(8, "0"); return bits.match(/.{1,5}/g).map((c) => a[parseInt(c.padEnd(5, "0"), 2)]).join("").padEnd(Math.ceil(s.length / 5) * 8, "="); };
console.log(base32("foobar"), btoa(String.fromCharCode(...new TextEncoder().encode("é"))), [..."Hi"].map((c) => c.charCodeAt(0).toString(2).padStart(8, "0")).join(" "));
