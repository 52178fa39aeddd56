// Streams of Node that are written, and those that are read as well: `Writable`, `Duplex`, `Transform`, `PassThrough`.
((kit) => {
  "use strict";
  const { hide, coded, Buffer, soon } = kit;
  const { broken, inherit, give, gone, twice, unmade, wrongChunk, bufferOf, isBytes, isOf, nothing, stateOf, construct, options, common, facts, closing, sizeOf, Stream, Readable } = kit.streams;
  const writeState = (given) => Object.assign(stateOf(given, "writable"), {
    buffered: [], writing: false, corked: 0, needDrain: false, ending: false, finished: false, prefinished: false, finalCalled: false, bufferProcessing: false, pendingcb: 0, writecb: null, writelen: 0, ticking: null, onFinish: [],
    decodeStrings: given.decodeStrings !== false, defaultEncoding: given.defaultEncoding ?? "utf8",
  });
  // Whoever waits for a write or for the end of a stream that comes to nothing hears why.
  const giveUp = (stream) => {
    const w = stream._writableState;
    if (w.writing) return;
    for (const { chunk, call } of w.buffered.splice(0)) { w.length -= sizeOf(w, chunk); call(w.errored ?? gone("write")); }
    for (const call of w.onFinish.splice(0)) call(w.errored ?? gone("end"));
  };
  const begin = (stream, size, call, act) => {
    const w = stream._writableState;
    Object.assign(w, { writelen: size, writecb: call, writing: true, sync: true });
    if (w.destroyed) written(stream, gone("write")); else act((error) => written(stream, error));
    w.sync = false;
  };
  const writeOne = (stream, { chunk, encoding, call }) => begin(stream, sizeOf(stream._writableState, chunk), call, (done) => stream._write(chunk, encoding, done));
  const clear = (stream) => {
    const w = stream._writableState;
    if (w.corked || w.bufferProcessing || w.destroyed || !w.constructed || !w.buffered.length) return;
    w.bufferProcessing = true;
    if (w.buffered.length > 1 && stream._writev) {
      const all = w.buffered.splice(0), chunks = all.map(({ chunk, encoding }) => ({ chunk, encoding }));
      chunks.allBuffers = all.every(({ encoding }) => encoding === "buffer");
      w.pendingcb -= all.length - 1;
      begin(stream, w.length, (error) => { for (const { call } of all) call(error); }, (done) => stream._writev(chunks, done));
    } else do writeOne(stream, w.buffered.shift()); while (w.buffered.length && !w.writing);
    w.bufferProcessing = false;
  };
  const after = (stream, calls, call) => {
    const w = stream._writableState;
    if (!w.ending && !w.destroyed && w.length === 0 && w.needDrain) { w.needDrain = false; stream.emit("drain"); }
    while (calls-- > 0) { w.pendingcb--; call(null); }
    if (w.destroyed) giveUp(stream);
    finishing(stream);
  };
  const fail = (stream, error, call) => { stream._writableState.pendingcb--; call(error); giveUp(stream); broken(stream, error); };
  const written = (stream, error) => {
    const w = stream._writableState, { sync, writecb: call } = w;
    if (typeof call !== "function") return broken(stream, twice());
    w.writing = false;
    w.writecb = null;
    w.length -= w.writelen;
    w.writelen = 0;
    if (error) {
      w.errored ??= error;
      if (stream._readableState) stream._readableState.errored ??= error;
      if (sync) soon(() => fail(stream, error, call)); else fail(stream, error, call);
      return;
    }
    if (w.buffered.length) clear(stream);
    if (!sync) return after(stream, 1, call);
    // Writes of one turn that nobody waits for are told of together.
    if (w.ticking?.call === call) { w.ticking.calls++; return; }
    const ticking = w.ticking = { calls: 1, call };
    soon(() => { w.ticking = null; after(stream, ticking.calls, call); });
  };
  const isDone = (w) => w.ending && !w.destroyed && w.constructed && w.length === 0 && !w.errored && !w.buffered.length && !w.finished && !w.writing && !w.errorEmitted && !w.closeEmitted;
  const finish = (stream) => {
    const w = stream._writableState, r = stream._readableState;
    w.pendingcb--;
    w.finished = true;
    for (const call of w.onFinish.splice(0)) call();
    stream.emit("finish");
    if (w.autoDestroy && (!r || (r.autoDestroy && (r.endEmitted || r.readable === false)))) stream.destroy();
  };
  const finalize = (stream) => {
    const w = stream._writableState;
    let isTold = false;
    const done = (error) => {
      if (isTold) return broken(stream, error ?? twice());
      isTold = true;
      w.pendingcb--;
      if (error) { for (const call of w.onFinish.splice(0)) call(error); return broken(stream, error, w.sync); }
      if (!isDone(w)) return;
      w.prefinished = true;
      stream.emit("prefinish");
      w.pendingcb++;
      soon(() => finish(stream));
    };
    w.sync = true;
    w.pendingcb++;
    try { stream._final(done); } catch (error) { done(error); }
    w.sync = false;
  };
  const finishing = (stream, isSync) => {
    const w = stream._writableState;
    if (!isDone(w)) return;
    if (!w.prefinished && !w.finalCalled) {
      if (typeof stream._final === "function" && !w.destroyed) { w.finalCalled = true; finalize(stream); } else { w.prefinished = true; stream.emit("prefinish"); }
    }
    if (w.pendingcb !== 0) return;
    if (isSync) { w.pendingcb++; soon(() => { if (isDone(w)) finish(stream); else w.pendingcb--; }); } else if (isDone(w)) { w.pendingcb++; finish(stream); }
  };
  // Gives whether there is room, or the error.
  const write = (stream, chunk, encoding, call) => {
    const w = stream._writableState;
    if (typeof encoding === "function") [call, encoding] = [encoding, w.defaultEncoding];
    encoding ||= w.defaultEncoding;
    if (encoding !== "buffer" && !Buffer.isEncoding(encoding)) throw coded(new TypeError(`Unknown encoding: ${encoding}`), "ERR_UNKNOWN_ENCODING");
    if (typeof call !== "function") call = nothing;
    if (chunk === null) throw coded(new TypeError("May not write null values to stream"), "ERR_STREAM_NULL_VALUES");
    if (!w.objectMode) {
      if (typeof chunk === "string") { if (w.decodeStrings) { chunk = Buffer.from(chunk, encoding); encoding = "buffer"; } }
      else if (isBytes(chunk)) { chunk = bufferOf(chunk); encoding = "buffer"; } else throw wrongChunk(chunk);
    }
    const error = w.ending ? coded(new Error("write after end"), "ERR_STREAM_WRITE_AFTER_END") : w.destroyed ? gone("write") : undefined;
    if (error) { soon(() => call(error)); broken(stream, error, true); return error; }
    w.pendingcb++;
    w.length += sizeOf(w, chunk);
    const isRoom = w.length < w.highWaterMark;
    if (!isRoom) w.needDrain = true;
    const next = { chunk, encoding, call };
    if (w.writing || w.corked || w.errored || !w.constructed) w.buffered.push(next); else writeOne(stream, next);
    return isRoom && !w.errored && !w.destroyed;
  };
  const writing = {
    _write(chunk, encoding, done) { if (!this._writev) throw unmade("_write()"); this._writev([{ chunk, encoding }], done); },
    _writev: null,
    write(chunk, encoding, call) { return write(this, chunk, encoding, call) === true; },
    end(chunk, encoding, call) {
      const w = this._writableState;
      if (typeof chunk === "function") [chunk, encoding, call] = [undefined, undefined, chunk];
      else if (typeof encoding === "function") [encoding, call] = [undefined, encoding];
      let error;
      if (chunk !== undefined && chunk !== null) { const told = write(this, chunk, encoding); if (told instanceof Error) error = told; }
      if (w.corked) { w.corked = 1; this.uncork(); }
      if (!error) {
        if (!w.errored && !w.ending) { w.ending = true; finishing(this, true); w.ended = true; }
        else if (w.finished) error = coded(new Error("Cannot call end after a stream was finished"), "ERR_STREAM_ALREADY_FINISHED");
        else if (w.destroyed) error = gone("end");
      }
      if (typeof call === "function") { if (error) soon(() => call(error)); else if (w.finished) soon(call); else w.onFinish.push(call); }
      return this;
    },
    cork() { this._writableState.corked++; },
    uncork() { const w = this._writableState; if (w.corked) { w.corked--; if (!w.writing) clear(this); } },
    setDefaultEncoding(encoding) {
      const name = String(encoding).toLowerCase();
      if (!Buffer.isEncoding(name)) throw coded(new TypeError(`Unknown encoding: ${name}`), "ERR_UNKNOWN_ENCODING");
      this._writableState.defaultEncoding = name;
      return this;
    },
    destroy(error, call) {
      const w = this._writableState;
      if (w && !w.destroyed && (w.buffered.length || w.onFinish.length)) soon(() => giveUp(this));
      return closing.destroy.call(this, error, call);
    },
  };
  const made = (stream) => { if (!stream._writableState.writing) clear(stream); finishing(stream); };
  function Writable(given) {
    if (!isOf(Writable, this) && !isOf(Duplex, this)) return new Writable(given);
    hide(this, "_writableState", writeState(given ?? {}));
    if (given) options(this, given, ["write", "writev", "final"]);
    Stream.call(this, given);
    construct(this, () => made(this));
  }
  inherit(Writable, Stream);
  give(Writable, { ...closing, ...writing, pipe() { broken(this, coded(new Error("Cannot pipe, not readable"), "ERR_STREAM_CANNOT_PIPE")); } });
  Object.defineProperty(Writable, Symbol.hasInstance, { configurable: true, value(one) { return isOf(this, one) || (this === Writable && Boolean(one?._writableState) && one instanceof Stream); } });
  const writingFacts = {
    writable: (w) => w.writable !== false && !w.destroyed && !w.errored && !w.ending && !w.ended, writableEnded: (w) => w.ending, writableFinished: (w) => w.finished, writableObjectMode: (w) => w.objectMode,
    writableLength: (w) => w.length, writableHighWaterMark: (w) => w.highWaterMark, writableNeedDrain: (w) => !w.destroyed && !w.ending && w.needDrain, writableCorked: (w) => w.corked, writableBuffer: (w) => w.buffered,
    writableAborted: (w) => w.writable !== false && (w.destroyed || Boolean(w.errored)) && !w.finished,
  };
  facts(Writable, "_writableState", { ...common, ...writingFacts });
  function Duplex(given) {
    if (!(this instanceof Duplex)) return new Duplex(given);
    this.allowHalfOpen = given?.allowHalfOpen !== false;
    hide(this, "_readableState", undefined);
    hide(this, "_writableState", writeState(given ?? {}));
    // What is read is made last: it starts whoever constructs, for both.
    if (given) options(this, { ...given, signal: undefined, read: undefined }, ["write", "writev", "final"]);
    Readable.call(this, given);
    if (given?.readable === false) Object.assign(this._readableState, { readable: false, ended: true, endEmitted: true });
    if (given?.writable === false) Object.assign(this._writableState, { writable: false, ending: true, ended: true, finished: true });
    kit.streams.both(this)[0].onMade = () => made(this);
  }
  inherit(Duplex, Readable);
  give(Duplex, writing);
  facts(Duplex, "_writableState", writingFacts);

  const kept = Symbol("callback");
  function final(done) {
    const over = (error, value) => {
      if (error) { if (done) done(error); else this.destroy(error); return; }
      if (value !== undefined && value !== null) this.push(value);
      this.push(null);
      done?.();
    };
    if (typeof this._flush === "function" && !this.destroyed) this._flush(over); else over();
  }
  function Transform(given) {
    if (!(this instanceof Transform)) return new Transform(given);
    Duplex.call(this, given);
    this._readableState.sync = false;
    hide(this, kept, null);
    for (const name of ["transform", "flush"]) if (typeof given?.[name] === "function") this["_" + name] = given[name];
    this.on("prefinish", () => { if (this._final !== final) final.call(this); });
  }
  inherit(Transform, Duplex);
  give(Transform, {
    _final: final,
    _transform() { throw unmade("_transform()"); },
    _write(chunk, encoding, done) {
      const r = this._readableState, w = this._writableState, before = r.length;
      this._transform(chunk, encoding, (error, value) => {
        if (error) return done(error);
        if (value !== undefined && value !== null) this.push(value);
        // What nobody reads is not made faster than it is read.
        if (w.ended || before === r.length || r.length < r.highWaterMark) done(); else this[kept] = done;
      });
    },
    _read() { const done = this[kept]; this[kept] = null; done?.(); },
  });
  function PassThrough(given) { if (!(this instanceof PassThrough)) return new PassThrough(given); Transform.call(this, given); }
  inherit(PassThrough, Transform);
  give(PassThrough, { _transform(chunk, encoding, done) { done(null, chunk); } });
  kit.hashing(Transform);
  Object.assign(kit.streams, { Writable, Duplex, Transform, PassThrough });
})
