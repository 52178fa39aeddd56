const crypto = require('node:crypto');
for (const a of ['md5', 'sha1', 'sha256', 'sha512', 'SHA256', 'sha384']) console.log(a, crypto.createHash(a).update('hello').update(Buffer.from(' world')).digest('hex'));
console.log(crypto.createHmac('sha256', 'key').update('data').digest('base64'));
console.log(crypto.createHash('sha256').update('x').digest());
console.log(crypto.pbkdf2Sync('p', 's', 1000, 20, 'sha512').toString('hex'));
console.log(crypto.randomBytes(8).length, crypto.randomUUID().length, crypto.randomInt(5) < 5);
console.log(crypto.timingSafeEqual(Buffer.from('ab'), Buffer.from('ab')));
crypto.subtle.digest('SHA-256', new TextEncoder().encode('hi')).then(b => console.log(Buffer.from(b).toString('hex')));
try { const h = crypto.createHash('sha1'); h.digest(); h.update('x'); } catch (e) { console.log(e.code, e.message); }
try { crypto.createHash('sha256').update(5); } catch (e) { console.log(e.code, e.message); }
const z = require('zlib');
console.log(z.inflateSync(z.deflateSync('hello')).toString());
try { z.gunzipSync(Buffer.from('nope')); } catch (e) { console.log(e.code, e.message, e.errno); }
z.gzip('abc', (e, b) => z.gunzip(b, (e2, r) => console.log(e, e2, r.toString())));
