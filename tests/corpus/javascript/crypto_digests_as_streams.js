// Digests that are written to, piped into and read from.
const { createHash, createHmac, Hash } = require('crypto');
const { Readable, Transform, Writable, pipeline, promises } = require('stream');
const letters = () => Readable.from(['x', 'y']);
const once = (stream, name) => new Promise((done) => stream.once(name, done));
(async () => {
  let hash = createHash('sha1');
  console.log(hash instanceof Transform, hash instanceof Hash);
  hash.write('a');
  hash.write('b');
  hash.end();
  console.log(hash.read());
  hash = createHash('sha1');
  hash.setEncoding('hex');
  hash.write('ff', 'hex');
  hash.end('b');
  console.log(hash.read(), hash.read());
  hash = createHash('md5').update('a');
  hash.write('b');
  console.log(hash.copy().digest('hex'), hash.digest('hex'));
  hash = createHash('md5');
  hash.on('finish', () => console.log('finish'));
  await new Promise((done) => hash.end('ab', () => { console.log('called'); done(); }));
  console.log(hash.digest('hex'));
  hash = letters().pipe(createHash('md5'));
  await once(hash, 'finish');
  console.log('piped', hash.digest('hex'));
  try { hash.update('more'); } catch (error) { console.log(error.code); }
  const hmac = letters().pipe(createHmac('sha256', 'key')).setEncoding('hex');
  hmac.on('data', (text) => console.log('hmac', text)).on('end', () => console.log('end'));
  await once(hmac, 'close');
  for await (const part of createHash('md5').end('z')) console.log('iterated', part.toString('hex'));
  hash = createHash('md5');
  await promises.pipeline(letters(), hash);
  console.log('pipeline', hash.read());
  await new Promise((done) => pipeline(letters(), createHash('md5'), (error) => { console.log('told', error); done(); }));
  await new Promise((done) => letters().pipe(createHash('sha512')).pipe(new Writable({ write(chunk, encoding, next) { console.log('through', chunk.length); next(); }, final(next) { next(); done(); } })));
  hash = createHash('md5').on('error', (error) => console.log(error.code));
  hash.end('a');
  hash.write('b');
  try { createHash('md5').write(5); } catch (error) { console.log(error.code); }
})();
