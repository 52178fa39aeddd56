// What streams are given, and what they refuse.
const { Readable, Writable, Duplex, Transform, PassThrough, addAbortSignal, compose, finished, pipeline, promises } = require('stream');
const turn = () => new Promise(setImmediate);
const closed = (stream) => new Promise((done) => stream.on('close', done));
const failed = async (name, act) => { try { console.log(name, await act()); } catch (error) { console.log(name, error.name, error.code, error.message); } };

async function signals() {
  const controller = new AbortController();
  const read = new Readable({ read() {}, signal: controller.signal });
  read.on('error', (error) => console.log(error.name, error.code, error.message, error.cause === controller.signal.reason));
  const write = addAbortSignal(controller.signal, new Writable({ write(chunk, encoding, done) { done(); } }));
  write.on('error', (error) => console.log('write', error.name));
  controller.abort();
  await closed(read);
  console.log(read.destroyed, write.destroyed, read.readableAborted);
  await failed('iterated', async () => { for await (const one of new Readable({ read() {}, signal: AbortSignal.abort() })) console.log(one); });
  await failed('pipeline', () => promises.pipeline(new Readable({ read() {} }), new PassThrough(), { signal: AbortSignal.timeout(5) }));
  await failed('finished', () => promises.finished(new Readable({ read() {} }), { signal: AbortSignal.abort() }));
  await failed('toArray', () => new Readable({ read() {} }).toArray({ signal: AbortSignal.abort() }));
  await failed('wrong', () => addAbortSignal(5, read));
}

async function constructs() {
  const made = [];
  const write = new Writable({
    construct(done) { made.push('construct'); setTimeout(done, 2); },
    write(chunk, encoding, done) { made.push(String(chunk)); done(); }, final(done) { made.push('final'); done(); }, destroy(error, done) { made.push('destroy'); done(error); },
  });
  write.write('a');
  write.end('b');
  await closed(write);
  console.log(made.join());
  const read = new Readable({ construct(done) { setImmediate(done); }, read() { this.push(made.pop() ?? null); } }).setEncoding('utf8');
  console.log(await read.toArray());
  const bad = new Readable({ construct(done) { done(new Error('no')); }, read() {} });
  bad.on('error', (error) => console.log('error', error.message));
  await closed(bad);
}

async function corks() {
  const told = [];
  const all = new Writable({ writev(chunks, done) { told.push(chunks.map(({ chunk }) => String(chunk)).join('+')); setImmediate(done); } });
  for (const one of 'abc') all.write(one);
  all.cork();
  all.cork();
  all.write('d');
  all.write('e');
  all.uncork();
  console.log(all.writableCorked, all.writableLength);
  all.uncork();
  all.end('f', () => console.log('ended'));
  await closed(all);
  console.log(told);
  const single = new Writable({ write(chunk, encoding, done) { console.log('write', String(chunk), encoding); done(); } });
  single.cork();
  single.write('x', (error) => console.log('called', error));
  await turn();
  console.log(single.writableLength, single.writableCorked);
  single.end();
  await closed(single);
  const raw = new Writable({ decodeStrings: false, write(chunk, encoding, done) { console.log(typeof chunk, encoding); done(); } });
  raw.setDefaultEncoding('latin1').end('y');
  await closed(raw);
}

async function marks() {
  const read = new Readable({ read() {}, highWaterMark: 4 });
  console.log(read.push('ab'), read.push('cd'), read.readableLength);
  const objects = new Readable({ objectMode: true, highWaterMark: 2, read() {} });
  console.log(objects.push(1), objects.push(2));
  read.on('error', (error) => console.log(error.code, error.message));
  read.push(null);
  console.log(read.push('e'));
  await closed(read);
  const over = new Readable({ read() {} });
  over.on('error', (error) => console.log(error.code));
  over.push(5);
  await closed(over);
  for (const highWaterMark of [-1, NaN, 'a']) await failed('mark', () => new Readable({ highWaterMark }));
  const end = new Writable({ write(chunk, encoding, done) { done(); } });
  end.on('error', (error) => console.log('error', error.code));
  end.end();
  console.log(end.write('x', (error) => console.log('call', error.code)));
  await closed(end);
  const twice = new Writable({ write(chunk, encoding, done) { done(); done(); } });
  twice.on('error', (error) => console.log(error.code));
  twice.write('a');
  await closed(twice);
  await failed('unmade', () => new Writable().write('a'));
  await failed('null', () => end.write(null));
}

async function kinds() {
  const both = new Duplex({ read() {}, write(chunk, encoding, done) { done(); } });
  console.log(both instanceof Writable, both instanceof Readable, both instanceof Transform, new Readable() instanceof Writable, {} instanceof Writable, new PassThrough() instanceof Writable);
  function Old(options) { Readable.call(this, options); }
  require('util').inherits(Old, Readable);
  Old.prototype._read = function () { this.push('old'); this.push(null); };
  console.log(String((await new Old().toArray())[0]), Readable() instanceof Readable);
  const half = new Duplex({ allowHalfOpen: false, read() { this.push(null); }, write(chunk, encoding, done) { done(); }, final(done) { console.log('final'); done(); } });
  half.resume();
  await closed(half);
  console.log(Duplex.from('text').writable, new Duplex({ readable: false }).readable);
}

async function operators() {
  const numbers = () => Readable.from([1, 2, 3, 4]);
  console.log(await numbers().some((one) => one > 3), await numbers().every(async (one) => one > 3), await numbers().find((one) => one > 2), await numbers().find((one) => one > 9));
  console.log(await numbers().drop(1).take(2).map((one) => one * 2).toArray(), await numbers().reduce((sum, one) => sum + one));
  await failed('fn', () => numbers().some(5));
  await failed('empty', () => Readable.from([]).reduce((sum, one) => sum + one));
  await failed('take', () => numbers().take(-1));
  for await (const one of numbers().iterator({ destroyOnReturn: false })) { console.log(one); break; }
}

async function joins() {
  const upper = Duplex.from(async function* (source) { for await (const one of source) yield String(one).toUpperCase(); });
  const stars = new Transform({ transform(chunk, encoding, done) { done(null, `*${chunk}*`); } });
  console.log((await Readable.from(['a', 'b']).pipe(upper).toArray()).join());
  console.log((await Readable.from(['a', 'b']).compose(stars).toArray()).map(String));
  const row = compose(async function* (source) { for await (const one of source) yield `${one}!`; }, new PassThrough({ objectMode: true }));
  row.end('c');
  console.log((await row.toArray()).map(String));
  const sink = Duplex.from(async (source) => { for await (const one of source) console.log('sink', String(one)); });
  sink.end('d');
  await promises.finished(sink);
  console.log(await Duplex.from(Promise.resolve('later')).toArray(), await Duplex.from([1, 2]).toArray());
  const two = Duplex.from({ readable: Readable.from(['r']), writable: new Writable({ write(chunk, encoding, done) { console.log('w', String(chunk)); done(); } }) });
  two.end('s');
  console.log(await two.toArray());
  console.log(await promises.pipeline(['x', 'y'], async function* (source) { for await (const one of source) yield one + one; }, async (source) => { let all = ''; for await (const one of source) all += one; return all; }));
  const source = new Readable({ read() { this.push('q'); } });
  await new Promise((done) => pipeline(source, new Transform({ transform(chunk, encoding, next) { next(new Error('boom')); } }), new PassThrough(), (error) => { console.log(error.message, source.destroyed); done(); }));
  const early = new Readable({ read() {} });
  finished(early, (error) => console.log(error.code));
  early.destroy();
  await closed(early);
  const left = new PassThrough(), right = new PassThrough();
  left.on('unpipe', (from) => console.log('unpiped', from === right));
  right.pipe(left);
  right.unpipe(left);
  right.write('gone');
  await turn();
  console.log(left.readableLength, right.readableFlowing);
}

(async () => { for (const act of [signals, constructs, corks, marks, kinds, operators, joins]) { console.log(`-- ${act.name}`); await act(); } })();
