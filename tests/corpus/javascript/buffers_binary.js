const { Buffer } = require("buffer");
const text = Buffer.from("héllo wörld");
console.log(text, text.length, text.toString("hex"), text.toString("base64"), text.toString("latin1").length, text.subarray(0, 3).toString());
console.log(Buffer.from("aGk_", "base64url").toString("hex"), Buffer.from("deadBEEF", "hex"), Buffer.concat([Buffer.from("a"), Buffer.alloc(2)]), Buffer.byteLength("é"), Buffer.compare(Buffer.from("a"), Buffer.from("b")));
const packet = Buffer.alloc(16);
packet.writeUInt32BE(0xdeadbeef, 0);
packet.writeInt16LE(-2, 4);
packet.writeDoubleBE(Math.PI, 8);
console.log(packet, packet.readUInt32BE(0).toString(16), packet.readInt16LE(4), packet.readDoubleBE(8), packet.readUInt8(1), packet.equals(Buffer.from(packet)));
console.log(Buffer.from([1, 2, 300]), [...Buffer.from("abc").entries()], Buffer.from("abc").toJSON(), JSON.stringify(Buffer.from("x")), Buffer.isBuffer(new Uint8Array(1)), Buffer.from("abcabc").indexOf("ca"), Buffer.from("xyz").reverse().toString());
const bytes = new Uint8Array([1, 2, 3, 255]), view = new DataView(bytes.buffer);
console.log(bytes, view.getUint16(0), view.getUint16(0, true), view.getInt8(3), bytes.map((b) => b * 2), Uint8Array.from("123"), new Uint8ClampedArray([300, -5, 1.5]), new Float32Array([1.1, 2]));
console.log(new Uint16Array(bytes.buffer), bytes.subarray(1, 3), bytes.slice(-1), new Int32Array(2).fill(7), bytes.buffer.byteLength, Array.from(bytes, (b) => b.toString(2).padStart(8, "0")), new BigInt64Array([5n, -5n]));
console.log(new TextDecoder().decode(new Uint8Array([226, 130, 172, 255])), new TextEncoder().encode("€"), bytes.buffer, [...new Uint8Array(new Uint32Array([0x01020304]).buffer)]);
let crc = ~0;
for (const byte of Buffer.from("123456789")) { crc ^= byte; for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1; }
console.log((~crc >>> 0).toString(16), Buffer.from("ff00", "hex").readInt16BE(), Buffer.from("test").toString("utf8", 1, 3), Buffer.from("a".repeat(60)));
