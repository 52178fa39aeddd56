const fs = require('fs'), { Readable, Transform, Writable, pipeline, PassThrough } = require('stream'), { pipeline: piped } = require('stream/promises'), readline = require('readline'), zlib = require('zlib');
(async () => {
  fs.writeFileSync('in.txt', Array.from({ length: 5 }, (_, i) => `line ${i}`).join('\n') + '\n');
  const rl = readline.createInterface({ input: fs.createReadStream('in.txt'), crlfDelay: Infinity });
  for await (const line of rl) console.log('rl', line);
  const upper = new Transform({ transform(chunk, enc, cb) { cb(null, chunk.toString().toUpperCase()); } });
  await piped(fs.createReadStream('in.txt'), upper, fs.createWriteStream('out.txt'));
  console.log(fs.readFileSync('out.txt', 'utf8'));
  await piped(fs.createReadStream('out.txt'), zlib.createGzip(), fs.createWriteStream('out.gz'));
  console.log(zlib.gunzipSync(fs.readFileSync('out.gz')).toString() === fs.readFileSync('out.txt', 'utf8'));
  const chunks = [];
  for await (const c of Readable.from(['a', 'b', { c: 1 }])) chunks.push(c);
  console.log(chunks);
  const w = new Writable({ objectMode: true, write(o, e, cb) { console.log('w', o); setTimeout(cb, 1); }, final(cb) { console.log('final'); cb(); } });
  w.on('finish', () => console.log('finish'));
  w.write({ a: 1 }); w.write({ a: 2 }); w.end();
  await new Promise(r => w.on('close', r));
  let data = '';
  const rs = fs.createReadStream('in.txt', { encoding: 'utf8', highWaterMark: 8 });
  rs.on('data', d => { data += '[' + d + ']'; });
  await new Promise(r => rs.on('end', r));
  console.log(data);
  console.log(await new Promise((done) => fs.createReadStream('missing.txt').on('error', (e) => done(e.code + ' ' + e.message.split(',')[0]))));
  try { await piped(Readable.from([1]), new Transform({ objectMode: true, transform(c, e, cb) { cb(new Error('boom')); } }), new PassThrough()); } catch (e) { console.log('caught', e.message); }
  console.log(await Readable.from([1, 2, 3, 4]).filter((x) => x % 2).map((x) => x * 10).toArray());
  fs.unlinkSync('out.gz'); // packed bytes need not be the same
})();
