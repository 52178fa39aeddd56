// Streams of Node: what is read, what is written, and both. Their states and the order of their events are Node's, whose names the
// states have. What joins them is in `pipes.js`.
((kit) => {
  "use strict";
  const { EventEmitter, coded, wrongType, hide, Buffer, asBuffer, bytesOf, StringDecoder, process } = kit;
  const soon = (act) => process.nextTick(act);
  const nothing = () => {};
  const isOf = Function.prototype.call.bind(Function.prototype[Symbol.hasInstance]);
  const both = (stream) => [stream._readableState, stream._writableState].filter(Boolean);
  const unmade = (name) => coded(new Error(`The ${name} method is not implemented`), "ERR_METHOD_NOT_IMPLEMENTED");
  const gone = (name) => coded(new Error(`Cannot call ${name} after a stream was destroyed`), "ERR_STREAM_DESTROYED");
  const twice = () => coded(new Error("Callback called multiple times"), "ERR_MULTIPLE_CALLBACK");
  const aborted = (signal) => Object.assign(new Error("The operation was aborted", { cause: signal.reason }), { name: "AbortError", code: "ABORT_ERR" });
  const isBytes = (chunk) => ArrayBuffer.isView(chunk);
  const bufferOf = (chunk) => (Buffer.isBuffer(chunk) ? chunk : asBuffer(new Uint8Array(bytesOf(chunk))));
  const wrongChunk = (chunk) => wrongType("chunk", "of type string or an instance of Buffer or Uint8Array", chunk);
  const inherit = (made, from) => { Object.setPrototypeOf(made.prototype, from.prototype); Object.setPrototypeOf(made, from); };
  const give = (made, methods) => { for (const name of Reflect.ownKeys(methods)) hide(made.prototype, name, methods[name]); };
  const facts = (made, part, told) => {
    for (const name of Object.keys(told)) Object.defineProperty(made.prototype, name, { configurable: true, get() { const found = this[part]; return found && told[name](found, this); }, set(value) { if (this[part] && (name === "readable" || name === "writable")) this[part][name] = Boolean(value); } });
  };
  const marks = { bytes: 16384, objects: 16 };
  const markOf = (options, part, isObject) => {
    const [name, given] = options.highWaterMark != null ? ["highWaterMark", options.highWaterMark] : [`${part}HighWaterMark`, options[`${part}HighWaterMark`]];
    if (given == null) return isObject ? marks.objects : marks.bytes;
    if (!Number.isInteger(given) || given < 0) throw coded(new TypeError(`The property 'options.${name}' is invalid. Received ${kit.inspect(given)}`), "ERR_INVALID_ARG_VALUE");
    return given;
  };
  const stateOf = (options, part) => {
    const objectMode = Boolean(options.objectMode || options[`${part}ObjectMode`]);
    return { objectMode, highWaterMark: markOf(options, part, objectMode), length: 0, sync: true, constructed: true, destroyed: false, closed: false, closeEmitted: false, errored: null, errorEmitted: false, ended: false, autoDestroy: options.autoDestroy !== false, emitClose: options.emitClose !== false };
  };

  // --- what all have: an end, and how it is made -----------------------------------------------------------------------
  function Stream(options) { EventEmitter.call(this, options); }
  inherit(Stream, EventEmitter);
  give(Stream, {
    pipe(to, options) {
      this.on("data", (chunk) => { if (to.writable && to.write(chunk) === false) this.pause?.(); });
      to.on("drain", () => { if (this.readable) this.resume?.(); });
      if (options?.end !== false) this.on("end", () => to.end());
      to.emit("pipe", this);
      return to;
    },
  });
  const fails = (stream, error) => { if (error) for (const one of both(stream)) one.errored ??= error; };
  const tellError = (stream, error) => {
    if (both(stream).some((one) => one.errorEmitted)) return;
    for (const one of both(stream)) one.errorEmitted = true;
    stream.emit("error", error);
  };
  const tellClose = (stream) => {
    for (const one of both(stream)) one.closeEmitted = true;
    if (both(stream).some((one) => one.emitClose)) stream.emit("close");
  };
  const close = (stream, error, call) => {
    let isTold = false;
    const done = (reason) => {
      if (isTold) return;
      isTold = true;
      fails(stream, reason);
      for (const one of both(stream)) one.closed = true;
      call?.(reason);
      soon(() => { try { if (reason) tellError(stream, reason); } finally { tellClose(stream); } });
    };
    try { stream._destroy(error ?? null, done); } catch (reason) { done(reason); }
  };
  const broken = (stream, error, isSync) => {
    if (both(stream).some((one) => one.destroyed)) return;
    if (both(stream).some((one) => one.autoDestroy)) return void stream.destroy(error);
    fails(stream, error);
    if (isSync) soon(() => tellError(stream, error)); else tellError(stream, error);
  };
  const closing = {
    destroy(error, call) {
      const states = both(this);
      if (states.some((one) => one.destroyed)) { if (typeof call === "function") call(); return this; }
      fails(this, error);
      for (const one of states) one.destroyed = true;
      if (states[0].constructed) close(this, error, call); else states[0].whenMade = (reason) => close(this, error ?? reason, call);
      return this;
    },
    _destroy(error, done) { done(error); },
  };
  const construct = (stream, ready) => {
    if (typeof stream._construct !== "function") return;
    for (const one of both(stream)) one.constructed = false;
    let isTold = false;
    const made = (error) => {
      if (isTold) return broken(stream, twice());
      isTold = true;
      const states = both(stream);
      for (const one of states) one.constructed = true;
      if (states[0].destroyed) states[0].whenMade?.(error); else if (error) broken(stream, error, true); else soon(ready);
    };
    soon(() => { try { stream._construct((error) => soon(() => made(error ?? null))); } catch (error) { soon(() => made(error)); } });
  };
  const listen = (signal, stream) => {
    const stop = () => stream.destroy(aborted(signal));
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop);
    const forget = () => signal.removeEventListener("abort", stop);
    stream.on("close", forget);
    stream.on("error", forget);
  };
  const options = (stream, given, names) => {
    for (const name of [...names, "destroy", "construct"]) if (typeof given[name] === "function") stream["_" + name] = given[name];
    if (given.signal) kit.addAbortSignal(given.signal, stream);
  };

  // --- what is read ------------------------------------------------------------------------------------------------------
  const readState = (given) => Object.assign(stateOf(given, "readable"), {
    buffer: [], pipes: [], flowing: null, paused: null, endEmitted: false, reading: false, needReadable: false, emittedReadable: false, readableListening: false, resumeScheduled: false, readingMore: false, dataEmitted: false, waiting: new Set(),
    encoding: given.encoding ?? null, decoder: given.encoding ? new StringDecoder(given.encoding) : null, defaultEncoding: given.defaultEncoding ?? "utf8",
  });
  const sizeOf = (state, chunk) => (state.objectMode ? 1 : chunk.length);
  const keep = (state, chunk, isFirst) => { state.length += sizeOf(state, chunk); if (isFirst) state.buffer.unshift(chunk); else state.buffer.push(chunk); };
  // The next `count` of what is kept.
  const taken = (count, state) => {
    const { buffer } = state;
    if (!state.length) return null;
    if (state.objectMode) return buffer.shift();
    const join = (parts) => (parts.length === 1 ? parts[0] : state.decoder ? parts.join("") : Buffer.concat(parts));
    if (!count || count >= state.length) return join(buffer.splice(0));
    const parts = [];
    while (count >= buffer[0].length) { count -= buffer[0].length; parts.push(buffer.shift()); }
    if (count) { parts.push(buffer[0].slice(0, count)); buffer[0] = buffer[0].slice(count); }
    return join(parts);
  };
  const howMuch = (count, state) => {
    if (count <= 0 || (state.length === 0 && state.ended)) return 0;
    if (state.objectMode) return 1;
    if (Number.isNaN(count)) return state.flowing && state.length ? state.buffer[0].length : state.length;
    return count <= state.length ? count : state.ended ? state.length : 0;
  };
  const tellReadable = (stream) => {
    const r = stream._readableState;
    if (!r.destroyed && !r.errored && (r.length || r.ended)) { stream.emit("readable"); r.emittedReadable = false; }
    r.needReadable = !r.flowing && !r.ended && r.length <= r.highWaterMark;
    flow(stream);
  };
  const readableSoon = (stream) => {
    const r = stream._readableState;
    r.needReadable = false;
    if (r.emittedReadable) return;
    r.emittedReadable = true;
    soon(() => tellReadable(stream));
  };
  const flow = (stream) => { while (stream._readableState.flowing && stream.read() !== null); };
  const readMore = (stream) => {
    const r = stream._readableState;
    if (r.readingMore || !r.constructed) return;
    r.readingMore = true;
    soon(() => {
      while (!r.reading && !r.ended && (r.length < r.highWaterMark || (r.flowing && r.length === 0))) {
        const before = r.length;
        stream.read(0);
        if (before === r.length) break;
      }
      r.readingMore = false;
    });
  };
  const resumed = (stream) => {
    const r = stream._readableState;
    if (!r.reading) stream.read(0);
    r.resumeScheduled = false;
    stream.emit("resume");
    flow(stream);
    if (r.flowing && !r.reading) stream.read(0);
  };
  const relisten = (stream) => {
    const r = stream._readableState;
    r.readableListening = stream.listenerCount("readable") > 0;
    if (r.resumeScheduled && r.paused === false) r.flowing = true; else if (stream.listenerCount("data") > 0) stream.resume(); else if (!r.readableListening) r.flowing = null;
  };
  const add = (stream, chunk, isFirst) => {
    const r = stream._readableState;
    if (r.flowing && r.length === 0 && !r.sync && stream.listenerCount("data") > 0) { r.waiting.clear(); r.dataEmitted = true; stream.emit("data", chunk); }
    else { keep(r, chunk, isFirst); if (r.needReadable) readableSoon(stream); }
    readMore(stream);
  };
  const isOver = (stream) => {
    const r = stream._readableState;
    if (r.ended) return;
    const rest = r.decoder?.end();
    if (rest?.length) keep(r, rest);
    r.ended = true;
    if (r.sync) return readableSoon(stream);
    r.needReadable = false;
    r.emittedReadable = true;
    tellReadable(stream);
  };
  const endReading = (stream) => {
    const r = stream._readableState;
    if (r.endEmitted) return;
    r.ended = true;
    soon(() => {
      if (r.errored || r.closeEmitted || r.endEmitted || r.length) return;
      r.endEmitted = true;
      stream.emit("end");
      const w = stream._writableState;
      if (w && stream.writable && stream.allowHalfOpen === false) soon(() => { if (stream.writable && !stream.writableEnded && !stream.destroyed) stream.end(); });
      else if (r.autoDestroy && (!w || (w.autoDestroy && (w.finished || w.writable === false)))) stream.destroy();
    });
  };
  const come = (stream, chunk, encoding, isFirst) => {
    const r = stream._readableState;
    if (!r.objectMode && chunk !== null && chunk !== undefined) {
      if (typeof chunk === "string") {
        encoding ||= r.defaultEncoding;
        if (encoding === r.encoding) encoding = "told"; else { chunk = Buffer.from(chunk, encoding); if (isFirst && r.encoding) { chunk = chunk.toString(r.encoding); encoding = "told"; } else encoding = ""; }
      } else if (isBytes(chunk)) { chunk = bufferOf(chunk); encoding = ""; }
      else { broken(stream, wrongChunk(chunk)); return false; }
    }
    const mayMore = () => !r.ended && (r.length < r.highWaterMark || r.length === 0);
    if (chunk === null) { r.reading = false; isOver(stream); return mayMore(); }
    if (!r.objectMode && !(chunk?.length > 0)) { if (!isFirst) { r.reading = false; readMore(stream); } return mayMore(); }
    if (isFirst && r.endEmitted) broken(stream, coded(new Error("stream.unshift() after end event"), "ERR_STREAM_UNSHIFT_AFTER_END_EVENT"));
    else if (!isFirst && r.ended) broken(stream, coded(new Error("stream.push() after EOF"), "ERR_STREAM_PUSH_AFTER_EOF"));
    else if (r.destroyed || r.errored) return false;
    else if (isFirst) add(stream, chunk, true);
    else {
      r.reading = false;
      if (r.decoder && encoding !== "told") chunk = r.decoder.write(chunk);
      if (r.objectMode || chunk.length) add(stream, chunk, false); else readMore(stream);
    }
    return mayMore();
  };
  // Asks for more where there is too little.
  const fetch = (stream, count) => {
    const r = stream._readableState;
    const isWanted = r.needReadable || r.length === 0 || r.length - count < r.highWaterMark;
    if (!isWanted || r.ended || r.reading || r.destroyed || r.errored || !r.constructed) return false;
    r.reading = r.sync = true;
    if (r.length === 0) r.needReadable = true;
    try { stream._read(r.highWaterMark); } catch (error) { broken(stream, error); }
    r.sync = false;
    return !r.reading;
  };
  const reading = {
    _read() { throw unmade("_read()"); },
    push(chunk, encoding) { return come(this, chunk, encoding, false); },
    unshift(chunk, encoding) { return come(this, chunk, encoding, true); },
    read(asked) {
      const r = this._readableState, wanted = asked === undefined ? NaN : Number.isInteger(asked) ? asked : Number.parseInt(asked, 10);
      if (wanted > r.highWaterMark) r.highWaterMark = 2 ** Math.ceil(Math.log2(Math.min(wanted, 2 ** 30)));
      if (wanted !== 0) r.emittedReadable = false;
      else if (r.needReadable && ((r.highWaterMark !== 0 ? r.length >= r.highWaterMark : r.length > 0) || r.ended)) { if (r.length === 0 && r.ended) endReading(this); else readableSoon(this); return null; }
      let count = howMuch(wanted, r);
      if (count === 0 && r.ended) { if (r.length === 0) endReading(this); return null; }
      if (fetch(this, count)) count = howMuch(wanted, r);
      const told = count > 0 ? taken(count, r) : null;
      if (told === null) { r.needReadable = r.length <= r.highWaterMark; count = 0; } else { r.length -= count; r.waiting.clear(); }
      if (r.length === 0) { if (!r.ended) r.needReadable = true; if (wanted !== count && r.ended) endReading(this); }
      if (told !== null && !r.errored && !r.closeEmitted) { r.dataEmitted = true; this.emit("data", told); }
      return told;
    },
    setEncoding(encoding) {
      const r = this._readableState, decoder = new StringDecoder(encoding), text = r.buffer.map((one) => decoder.write(one)).join("");
      Object.assign(r, { decoder, encoding: decoder.encoding, buffer: text ? [text] : [], length: text.length });
      return this;
    },
    pause() { const r = this._readableState; if (r.flowing !== false) { r.flowing = false; this.emit("pause"); } r.paused = true; return this; },
    resume() {
      const r = this._readableState;
      if (!r.flowing) { r.flowing = !r.readableListening; if (!r.resumeScheduled) { r.resumeScheduled = true; soon(() => resumed(this)); } }
      r.paused = false;
      return this;
    },
    isPaused() { const r = this._readableState; return r.paused === true || r.flowing === false; },
    on(name, listener) {
      EventEmitter.prototype.on.call(this, name, listener);
      const r = this._readableState;
      if (name === "data") { r.readableListening = this.listenerCount("readable") > 0; if (r.flowing !== false) this.resume(); }
      else if (name === "readable" && !r.endEmitted && !r.readableListening) {
        Object.assign(r, { readableListening: true, needReadable: true, flowing: false, emittedReadable: false });
        if (r.length) readableSoon(this); else if (!r.reading) soon(() => this.read(0));
      }
      return this;
    },
    addListener(name, listener) { return this.on(name, listener); },
    removeListener(name, listener) { EventEmitter.prototype.removeListener.call(this, name, listener); if (name === "readable") soon(() => relisten(this)); return this; },
    off(name, listener) { return this.removeListener(name, listener); },
    removeAllListeners(...names) { EventEmitter.prototype.removeAllListeners.apply(this, names); if (names[0] === "readable" || names[0] === undefined) soon(() => relisten(this)); return this; },
    pipe(to, given) { return kit.pipe(this, to, given); },
    unpipe(to) { return kit.unpipe(this, to); },
    wrap() { throw coded(new TypeError("Readable.prototype.wrap is not in this runtime: Readable.from takes what can be iterated"), "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM"); },
  };
  function Readable(given) {
    if (!(this instanceof Readable)) return new Readable(given);
    hide(this, "_readableState", readState(given ?? {}));
    if (given) options(this, given, ["read"]);
    Stream.call(this, given);
    construct(this, () => { if (this._readableState.needReadable) readMore(this); this._readableState.onMade?.(); });
  }
  inherit(Readable, Stream);
  give(Readable, { ...closing, ...reading });
  const common = { destroyed: (one) => one.destroyed, closed: (one) => one.closed, errored: (one) => one.errored };
  facts(Readable, "_readableState", {
    ...common, readable: (r) => r.readable !== false && !r.destroyed && !r.errorEmitted && !r.endEmitted, readableEnded: (r) => r.endEmitted, readableFlowing: (r) => r.flowing, readableObjectMode: (r) => r.objectMode,
    readableLength: (r) => r.length, readableHighWaterMark: (r) => r.highWaterMark, readableEncoding: (r) => r.encoding, readableDidRead: (r) => r.dataEmitted, readableBuffer: (r) => r.buffer,
    readableAborted: (r) => r.readable !== false && (r.destroyed || Boolean(r.errored)) && !r.endEmitted,
  });
  Object.assign(kit, { soon, streams: { both, broken, aborted, listen, marks, inherit, give, gone, twice, unmade, wrongChunk, bufferOf, isBytes, isOf, nothing, stateOf, construct, options, common, facts, closing, sizeOf, Stream, Readable } });
})
