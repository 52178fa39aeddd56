// Texts of odd and of long buffers, and reads and writes past the end.
const tried = (act) => { try { console.log(act()); } catch (error) { console.log(error.name, error.code, error.message); } };
const bytes = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9]);
tried(() => bytes.toString('utf16le'));
tried(() => Buffer.from([65]).toString('utf16le').length);
tried(() => Buffer.from([200, 65]).toString('ascii'));
const long = Buffer.alloc(300001, 'ab');
for (const name of ['utf16le', 'latin1', 'ascii', 'binary', 'hex', 'base64', 'base64url', 'utf8']) tried(() => `${name} ${long.toString(name).length} ${long.toString(name).slice(-4)}`);
const reads = [
  ['readUInt8', 99], ['readUInt8', 8], ['readUInt8', -1], ['readUInt8', 1.5], ['readUInt8', '1'], ['readUInt8', undefined], ['readUInt8', 4294967299], ['readUint8', 10], ['readUInt8', Infinity],
  ['readInt16BE', 8], ['readUInt16LE', null], ['readUInt32LE', 6], ['readUInt32LE', 5], ['readFloatLE', NaN], ['readDoubleBE', 2], ['readBigInt64LE', 2],
  ['readUIntLE', 7, 3], ['readUIntBE', 6, 3], ['readIntBE', 0, 7], ['readIntLE', 9, 1], ['readUIntLE', 0], ['readUIntLE', undefined, 2],
];
for (const [name, ...given] of reads) tried(() => `${name} ${bytes[name](...given)}`);
tried(() => Buffer.alloc(1).readInt16BE());
tried(() => Buffer.alloc(0).readUInt8());
const writes = [
  ['writeUInt8', 1, 9], ['writeUInt8', 256], ['writeUInt8', 1, '0'], ['writeInt8', 200, 99], ['writeUInt32BE', 1, 6], ['writeUInt16LE', 1, -1], ['writeDoubleLE', 1, 2], ['writeBigUInt64LE', 1n, 3],
  ['writeUIntLE', 1, 7, 3], ['writeUIntBE', 70000, 0, 2], ['writeIntBE', 0, 0, 8], ['writeIntLE', -129, 0, 1], ['writeUIntBE', 2 ** 41, 0, 5], ['writeIntBE', -(2 ** 47), 1, 6],
];
for (const [name, ...given] of writes) tried(() => `${name} ${bytes[name](...given)}`);
console.log(bytes.toString('hex'), bytes.readIntBE(1, 6));
