// What starts a stream, and how much of it is read at a time.
const events = require('events'), readline = require('readline');
const { Readable, PassThrough } = require('stream');
const turn = () => new Promise(setImmediate);
const closed = (stream) => new Promise((done) => stream.on('close', done));

async function starts() {
  await new Promise((done) => Readable.from(['a', 'b']).once('data', (chunk) => { console.log('once', chunk); done(); }));
  console.log('awaited', await events.once(Readable.from(['a', 'b']), 'data'));
  const told = Readable.from(['x']);
  await events.once(told, 'readable');
  console.log('readable', told.read(), told.read());
  const heard = Readable.from(['p']);
  heard.prependListener('data', (chunk) => console.log('never', chunk));
  heard.prependOnceListener('data', (chunk) => console.log('never', chunk));
  await turn();
  console.log(heard.readableFlowing, heard.listenerCount('data'), heard.rawListeners('data').length, heard.listeners('data')[1].name);
  const named = (chunk) => console.log(chunk);
  const off = Readable.from(['q']).once('data', named).off('data', named);
  console.log(off.listenerCount('data'), off.rawListeners('data'));
  process.stdin.once('data', () => console.log('never'));
  await events.once(process.stdin, 'end');
  console.log('stdin ended');
}

async function reads() {
  const some = new Readable({ read() {} });
  some.on('readable', () => console.log('readable', some.readableLength));
  some.push('abcde');
  await turn();
  console.log(String(some.read(2)), some.read(9), some.readableLength);
  some.push('fg');
  await turn();
  console.log(String(some.read(4)), some.read(0), some.readableLength);
  some.push(null);
  await turn();
  console.log(String(some.read(9)), some.read());

  const text = new Readable({ read() {} }).setEncoding('utf8');
  for (const part of [[0xc3], [0xa5, 0x61], [0x62, 0x63]]) text.push(Buffer.from(part));
  console.log([text.read(1), text.read(2), text.read(2), text.read()]);
  const late = new Readable({ read() {} });
  late.push('€');
  late.push('uro');
  late.setEncoding('utf8');
  console.log([late.read(2), late.readableLength, late.read(5), late.readableEncoding]);
  late.unshift('>');
  console.log(late.read());

  const objects = new Readable({ objectMode: true, read() {} });
  for (const one of [{ a: 1 }, 'two', 3]) objects.push(one);
  console.log(objects.read(2), objects.read(9), objects.read(), objects.read());

  const frames = new PassThrough();
  frames.end(Buffer.from([3, 97, 98, 99, 1, 100, 2, 101]));
  frames.on('readable', () => {
    for (let size; (size = frames.read(1)) !== null;) console.log('frame', size[0], String(frames.read(size[0])));
  });
  await closed(frames);
  const source = new Readable({ read(size) { console.log('asked', size); this.push('z'.repeat(3)); if (++this.count > 3) this.push(null); }, highWaterMark: 4 });
  source.count = 0;
  source.on('data', (chunk) => console.log('data', chunk.length)).on('end', () => console.log('end'));
  await closed(source);
}

async function lines() {
  const rl = readline.createInterface({ input: Readable.from(['one\ntwo\nthree\n']) });
  rl.once('line', (line) => console.log('line', line));
  await events.once(rl, 'close');
  console.log('closed');
  const next = readline.createInterface({ input: Readable.from(['four\n', 'five']) });
  console.log(await events.once(next, 'line'));
  await events.once(next, 'close');
}

starts().then(reads).then(lines).then(() => console.log('done'));
