// How streams stand while they are written and read.
const { Readable, Writable, Transform } = require('stream');

const told = (stream, names) => console.log(names.map((name) => `${name}=${JSON.stringify(stream[name])}`).join(' '));
const reads = ['readable', 'readableEnded', 'readableFlowing', 'readableLength', 'readableObjectMode', 'readableEncoding', 'destroyed', 'closed', 'errored'];
const writes = ['writable', 'writableEnded', 'writableFinished', 'writableLength', 'writableHighWaterMark', 'writableObjectMode', 'writableNeedDrain', 'writableCorked', 'destroyed'];

async function main() {
  const source = new Readable({ read() {}, highWaterMark: 64 });
  told(source, [...reads, 'readableHighWaterMark']);
  source.push('some');
  source.push(' text');
  source.setEncoding('utf8');
  await new Promise(setImmediate);
  told(source, reads);
  source.push(null);
  let all = '';
  for await (const chunk of source) all += chunk;
  told(source, reads);
  console.log(all);

  const waiting = [];
  const sink = new Writable({ highWaterMark: 5, write(chunk, encoding, done) { waiting.push(done); } });
  told(sink, writes);
  console.log(sink.write('abc'), sink.write('defg'));
  told(sink, writes);
  sink.end();
  told(sink, writes);
  waiting.shift()();
  await new Promise(setImmediate);
  told(sink, writes);
  waiting.shift()();
  await new Promise((done) => sink.on('close', done));
  told(sink, [...writes, 'closed']);

  const objects = new Transform({ objectMode: true, transform(one, _, done) { done(null, one * 2); } });
  objects.write(21);
  objects.end();
  told(objects, ['readableObjectMode', 'writableObjectMode', 'writableHighWaterMark', 'writableEnded']);
  for await (const one of objects) console.log(one);

  const broken = new Readable({ read() { this.destroy(Object.assign(new Error('it broke'), { code: 'EBROKEN' })); } });
  try {
    for await (const chunk of broken) console.log(chunk);
  } catch (error) {
    console.log(error.code, broken.errored === error, broken.destroyed, broken.readable);
  }
}

main();
