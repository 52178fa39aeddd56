// What joins streams: `pipe`, `pipeline`, `finished`, `compose`, and streams of what can be iterated, and back.
((kit) => {
  "use strict";
  const { coded, wrongType, Buffer, StringDecoder, process, soon } = kit;
  const { both, broken, aborted, listen, marks, give, gone, nothing, Stream, Readable, Writable, Duplex, Transform, PassThrough } = kit.streams;
  const premature = () => coded(new Error("Premature close"), "ERR_STREAM_PREMATURE_CLOSE");
  const absent = (name, why) => () => { throw coded(new TypeError(`stream.${name} is not in this runtime: ${why}`), "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM"); };
  const isOutput = (one) => one === process.stdout || one === process.stderr;
  const isStream = (one) => typeof one?.on === "function" && (typeof one.pipe === "function" || typeof one.write === "function");
  const isIterable = (one) => typeof one?.[Symbol.asyncIterator] === "function" || typeof one?.[Symbol.iterator] === "function";
  const isFunction = (name, act) => { if (typeof act !== "function") throw wrongType(name, "of type function", act); };
  kit.addAbortSignal = (signal, stream) => {
    if (typeof signal !== "object" || signal === null || !("aborted" in signal)) throw wrongType("signal", "an instance of AbortSignal", signal);
    if (!isStream(stream)) throw wrongType("stream", "an instance of ReadableStream, WritableStream, or Stream", stream);
    listen(signal, stream);
    return stream;
  };
  kit.pipe = (from, to, given) => {
    const r = from._readableState;
    let isClean = false, drain;
    r.pipes.push(to);
    const end = () => to.end(), leave = () => from.unpipe(to);
    const atEnd = given?.end !== false && !isOutput(to) ? end : leave;
    const wait = () => {
      if (isClean) return;
      if (r.pipes.includes(to)) r.waiting.add(to);
      from.pause();
      if (!drain) to.on("drain", drain = () => { r.waiting.delete(to); if (r.waiting.size === 0 && from.listenerCount("data")) from.resume(); });
    };
    const data = (chunk) => { if (to.write(chunk) === false) wait(); };
    const clean = () => {
      for (const [name, listener] of [["close", closed], ["finish", finished], ["drain", drain], ["error", failed], ["unpipe", unpiped]]) if (listener) to.removeListener(name, listener);
      from.removeListener("end", atEnd).removeListener("data", data);
      isClean = true;
      if (drain && r.waiting.size && (!to._writableState || to._writableState.needDrain)) drain();
    };
    const unpiped = (stream, info) => { if (stream === from && info?.hasUnpiped === false) { info.hasUnpiped = true; clean(); } };
    const failed = (error) => {
      leave();
      to.removeListener("error", failed);
      if (to.listenerCount("error") === 0) { if (to._writableState && !to._writableState.errorEmitted) broken(to, error); else to.emit("error", error); }
    };
    const closed = () => { to.removeListener("finish", finished); leave(); };
    const finished = () => { to.removeListener("close", closed); leave(); };
    if (r.endEmitted) soon(atEnd); else from.once("end", atEnd);
    to.on("unpipe", unpiped);
    from.on("data", data);
    to.prependListener("error", failed);
    to.once("close", closed);
    to.once("finish", finished);
    to.emit("pipe", from);
    if (to.writableNeedDrain === true) wait(); else if (!r.flowing) from.resume();
    return to;
  };
  kit.unpipe = (from, to) => {
    const r = from._readableState, left = to ? r.pipes.filter((one) => one === to).slice(0, 1) : r.pipes;
    if (!left.length) return from;
    if (to) r.pipes.splice(r.pipes.indexOf(to), 1); else r.pipes = [];
    if (!r.pipes.length) from.pause();
    for (const one of left) one.emit("unpipe", from, { hasUnpiped: false });
    return from;
  };

  // --- ends --------------------------------------------------------------------------------------------------------------
  const finished = (stream, options, call) => {
    if (typeof options === "function") [call, options] = [options, {}];
    isFunction("callback", call);
    if (!isStream(stream)) throw wrongType("stream", "an instance of ReadableStream, WritableStream, or Stream", stream);
    const r = stream._readableState, w = stream._writableState, all = both(stream);
    const reads = options?.readable ?? Boolean(r), writes = options?.writable ?? Boolean(w);
    let willClose = all.some((one) => one.autoDestroy && one.emitClose && !one.closed) && reads === Boolean(r) && writes === Boolean(w), isTold = false;
    let isRead = !r || r.endEmitted || (r.ended && r.length === 0 && r.readable === false), isWritten = !w || w.finished;
    const isFailed = () => all.find((one) => one.errored)?.errored;
    const tell = (error) => { if (isTold) return; isTold = true; signal?.removeEventListener("abort", stop); call.call(stream, error); };
    const end = () => { isRead = true; if (stream.destroyed) willClose = false; if (willClose && (!stream.readable || writes)) return; if (!writes || isWritten) tell(); };
    const finish = () => { isWritten = true; if (stream.destroyed) willClose = false; if (willClose && (!stream.writable || reads)) return; if (!reads || isRead) tell(); };
    const closed = () => tell(isFailed() ?? ((reads && !isRead && !r?.endEmitted) || (writes && !isWritten && !w?.finished) ? premature() : undefined));
    const listeners = [["end", end], ["finish", finish], ["close", closed], ...(options?.error === false ? [] : [["error", tell]])];
    for (const [name, listener] of listeners) stream.on(name, listener);
    const forget = () => { isTold = true; for (const [name, listener] of listeners) stream.removeListener(name, listener); };
    const signal = options?.signal;
    const stop = () => { const was = isTold; forget(); if (!was) call.call(stream, aborted(signal)); };
    if (all.some((one) => one.closeEmitted)) soon(closed);
    else if (all.some((one) => one.errorEmitted)) { if (!willClose) soon(() => tell(isFailed())); }
    else if (all.length && ((!reads && (!willClose || stream.readable) && (isWritten || stream.writable === false)) || (!writes && (!willClose || stream.writable) && (isRead || stream.readable === false)))) soon(() => tell(isFailed()));
    if (signal?.aborted) soon(stop); else signal?.addEventListener("abort", stop);
    return forget;
  };
  // Streams and functions in a row, as one that is under way: the last stream, and a promise of its end.
  const joined = (parts, options = {}) => {
    if (parts.length < 2) throw coded(new TypeError('The "streams" argument must be specified'), "ERR_MISSING_ARGS");
    const ways = [], open = [], controller = new AbortController(), given = { signal: controller.signal };
    let failure, value;
    const fail = (error) => {
      if (!failure || failure.code === "ERR_STREAM_PREMATURE_CLOSE") failure = error;
      controller.abort();
      for (const one of open.splice(0)) one.destroy?.(error);
    };
    const watch = (stream, readable, writable) => {
      if (isOutput(stream)) return;
      open.push(stream);
      stream.on("error", nothing);
      ways.push(new Promise((done) => finished(stream, { readable, writable }, (error) => {
        const at = open.indexOf(stream);
        if (at >= 0 && (!error || stream.destroyed)) open.splice(at, 1);
        if (error) fail(error);
        done();
      })));
    };
    const streamOf = (source) => { if (isStream(source)) return source; const made = Readable.from(source); watch(made, true, false); return made; };
    const last = parts.length - 1;
    let from;
    for (const [at, part] of parts.entries()) {
      if (typeof part === "function") {
        const told = at ? part(isStream(from) && typeof from[Symbol.asyncIterator] !== "function" ? Readable.from(from) : from, given) : part(given);
        if (isIterable(told)) from = told;
        else if (at === last && typeof told?.then === "function") {
          from = new PassThrough({ objectMode: true });
          ways.push(told.then((one) => { value = one; if (one !== undefined && one !== null) from.write(one); from.end(); }, (error) => { from.destroy(); fail(error); }));
          from.on("error", nothing);
        } else throw coded(new TypeError(`Expected ${at === last ? "Promise" : "Iterable, AsyncIterable or Stream"} to be returned from the "${at === last ? "destination" : at ? `transform[${at - 1}]` : "source"}" function but got ${kit.inspect(told)}.`), "ERR_INVALID_RETURN_VALUE");
        if (at === last && isIterable(told) && !isStream(told)) { from = streamOf(told).pipe(new PassThrough({ objectMode: true })); watch(from, false, true); }
      } else if (isStream(part)) {
        const isEnding = at < last || options.end !== false;
        if (at || part._readableState) { if (isEnding || at < last) watch(part, at < last, at > 0); }
        if (at) streamOf(from).pipe(part, { end: isEnding });
        from = part;
      } else if (!at && isIterable(part)) from = part;
      else throw wrongType(at ? "body" : "source", "of type function or an instance of Stream, Iterable, or AsyncIterable", part);
    }
    const { signal } = options, stop = () => fail(aborted(signal));
    if (signal?.aborted) stop(); else signal?.addEventListener("abort", stop);
    const settled = async () => { for (const way of ways) await way; signal?.removeEventListener("abort", stop); if (failure) throw failure; return value; };
    return { stream: from, over: settled() };
  };
  const flat = (parts) => (parts.length === 1 && Array.isArray(parts[0]) ? parts[0] : parts);
  const isOptions = (one) => typeof one === "object" && one !== null && !isStream(one) && !isIterable(one);
  const piped = async (...parts) => { const options = isOptions(parts.at(-1)) ? parts.pop() : {}; return joined(flat(parts), options).over; };
  const pipeline = (...parts) => {
    const call = parts.pop();
    isFunction("streams[stream.length - 1]", call);
    const { stream, over } = joined(flat(parts));
    over.then((value) => soon(() => call(undefined, value)), (error) => soon(() => call(error)));
    return stream;
  };

  // --- from what can be iterated, and one of two ------------------------------------------------------------------------
  const streamed = (Made, source, options) => {
    if (typeof source === "string" || Buffer.isBuffer(source)) return new Made({ objectMode: true, ...options, read() { this.push(source); this.push(null); } });
    const isLater = typeof source?.[Symbol.asyncIterator] === "function";
    if (!isIterable(source)) throw wrongType("iterable", "an instance of Iterable", source);
    const iterator = isLater ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    let isReading = false;
    const next = async (made) => {
      try {
        for (;;) {
          const told = iterator.next(), { value, done } = isLater ? await told : told;
          if (done) return void made.push(null);
          const one = typeof value?.then === "function" ? await value : value;
          if (one === null) throw coded(new TypeError("May not write null values to stream"), "ERR_STREAM_NULL_VALUES");
          if (!made.push(one)) { isReading = false; return; }
        }
      } catch (error) { isReading = false; made.destroy(error); }
    };
    const stop = async (error) => {
      if (error && typeof iterator.throw === "function") { const { value, done } = await iterator.throw(error); await value; if (done) return; }
      if (typeof iterator.return === "function") await (await iterator.return()).value;
    };
    return new Made({
      objectMode: true, highWaterMark: 1, ...options,
      read() { if (!isReading) { isReading = true; next(this); } },
      destroy(error, done) { stop(error).then(() => soon(() => done(error)), (reason) => soon(() => done(reason ?? error))); },
    });
  };
  const paired = ({ readable, writable }) => {
    let wantsMore, drained, ended;
    const made = new Duplex({
      readableObjectMode: Boolean(readable?.readableObjectMode), writableObjectMode: Boolean(writable?.writableObjectMode), readable: Boolean(readable), writable: Boolean(writable),
      read() { for (;;) { const chunk = readable.read(); if (chunk === null) { wantsMore = true; return; } if (!this.push(chunk)) return; } },
      write(chunk, encoding, done) { if (writable.write(chunk, encoding)) done(); else drained = done; },
      final(done) { ended = done; writable.end(); },
      destroy(error, done) { for (const one of [readable, writable]) if (one && !one.destroyed) one.destroy(error ?? undefined); done(error); },
    });
    const heard = (error) => { if (error) made.destroy(error); };
    if (writable) {
      finished(writable, { readable: false }, heard);
      writable.on("drain", () => { const done = drained; drained = undefined; done?.(); });
      writable.on("finish", () => { const done = ended; ended = undefined; done?.(); });
    }
    if (readable) {
      finished(readable, { writable: false }, heard);
      readable.on("readable", () => { if (wantsMore) { wantsMore = false; made._read(); } });
      readable.on("end", () => made.push(null));
    }
    return made;
  };
  // What a function makes of what is written to it.
  const transforming = (act) => {
    let give, coming = new Promise((done) => { give = done; });
    const controller = new AbortController();
    const source = (async function* () {
      for (;;) {
        const { chunk, isLast, done } = await coming;
        coming = new Promise((next) => { give = next; });
        soon(done);
        if (isLast) return;
        yield chunk;
      }
    })();
    const told = act(source, { signal: controller.signal });
    const write = (chunk, encoding, done) => give({ chunk, done });
    if (isIterable(told)) return streamed(Duplex, told, { objectMode: true, write, final(done) { give({ isLast: true, done }); } });
    if (typeof told?.then !== "function") throw coded(new TypeError(`Expected Iterable, AsyncIterable or AsyncFunction to be returned from the "body" function but got ${kit.inspect(told)}.`), "ERR_INVALID_RETURN_VALUE");
    let made;
    const over = told.then((value) => { if (value !== undefined && value !== null) throw coded(new TypeError(`Expected nully to be returned from the "body" function but got ${kit.inspect(value)}.`), "ERR_INVALID_RETURN_VALUE"); }, (error) => { made.destroy(error); });
    return made = new Duplex({ objectMode: true, readable: false, write, final(done) { give({ isLast: true, done: () => over.then(() => soon(() => done(null)), (error) => soon(() => done(error))) }); } });
  };
  const duplexOf = (body) => {
    if (body instanceof Duplex) return body;
    if (isStream(body)) return paired({ readable: body._readableState && body, writable: body._writableState && body });
    if (typeof body === "function") return transforming(body);
    if (isIterable(body)) return streamed(Duplex, body, { objectMode: true, writable: false });
    if (isStream(body?.readable) || isStream(body?.writable)) return paired(body);
    if (typeof body?.then === "function") return streamed(Duplex, (async function* () { const value = await body; if (value !== undefined && value !== null) yield value; })(), { objectMode: true, writable: false });
    throw wrongType("body", "an instance of Stream, Iterable, AsyncIterable, Function, Promise or { readable, writable } of these", body);
  };
  const compose = (...parts) => {
    if (!parts.length) throw coded(new TypeError('The "streams" argument must be specified'), "ERR_MISSING_ARGS");
    const all = parts.map(duplexOf);
    if (all.length === 1) return all[0];
    const { over } = joined(all), made = paired({ readable: all.at(-1).readable ? all.at(-1) : undefined, writable: all[0].writable ? all[0] : undefined });
    over.catch((error) => made.destroy(error));
    return made;
  };

  // --- what is read, one by one -------------------------------------------------------------------------------------------
  async function* each(stream, options) {
    let wake = nothing, error;
    const next = () => { const tell = wake; wake = nothing; tell(); };
    const waits = (done) => { wake = done; };
    stream.on("readable", next);
    const forget = finished(stream, { writable: false }, (reason) => { error = reason ?? null; next(); });
    try {
      for (;;) {
        const chunk = stream.destroyed ? null : stream.read();
        if (chunk !== null) yield chunk;
        else if (error) throw error;
        else if (error === null) return;
        else await new Promise(waits);
      }
    } catch (reason) { error = reason; throw reason; } finally {
      if ((error || options?.destroyOnReturn !== false) && (error === undefined || stream._readableState.autoDestroy)) { if (!stream.destroyed) stream.destroy(); } else { stream.off("readable", next); forget(); }
    }
  }
  const checked = (stream, act, options, isNeeded = true) => {
    if (isNeeded) isFunction("fn", act);
    if (options?.signal) kit.addAbortSignal(options.signal, stream);
    return { signal: options?.signal ?? new AbortController().signal };
  };
  const counted = (count) => {
    const number = Number(count);
    if (Number.isNaN(number) || number < 0) throw coded(new RangeError(`The value of "number" is out of range. It must be ${Number.isNaN(number) ? "a number" : ">= 0"}. Received ${kit.inspect(number)}`), "ERR_OUT_OF_RANGE");
    return number;
  };
  const made = (act) => Readable.from(act());
  give(Readable, {
    [Symbol.asyncIterator]() { return each(this); },
    iterator(options) { return each(this, options); },
    async toArray(options) { checked(this, undefined, options, false); const all = []; for await (const one of this) all.push(one); return all; },
    async forEach(act, options) { const given = checked(this, act, options); for await (const one of this) await act(one, given); },
    async reduce(act, first, options) {
      isFunction("reducer", act);
      const given = checked(this, act, options);
      let sum = first, has = arguments.length > 1;
      for await (const one of this) { sum = has ? await act(sum, one, given) : one; has = true; }
      if (!has) throw coded(new TypeError("Reduce of an empty stream requires an initial value"), "ERR_INVALID_ARGS");
      return sum;
    },
    async some(act, options) { const given = checked(this, act, options); for await (const one of this) if (await act(one, given)) return true; return false; },
    async every(act, options) { const given = checked(this, act, options); for await (const one of this) if (!await act(one, given)) return false; return true; },
    async find(act, options) { const given = checked(this, act, options); for await (const one of this) if (await act(one, given)) return one; return undefined; },
    map(act, options) { const from = this, given = checked(from, act, options); return made(async function* () { for await (const one of from) yield await act(one, given); }); },
    filter(act, options) { const from = this, given = checked(from, act, options); return made(async function* () { for await (const one of from) if (await act(one, given)) yield one; }); },
    flatMap(act, options) { const from = this, given = checked(from, act, options); return made(async function* () { for await (const one of from) yield* await act(one, given); }); },
    take(count, options) { const from = this; checked(from, undefined, options, false); count = counted(count); return made(async function* () { if (count <= 0) return; for await (const one of from) { yield one; if (--count <= 0) return; } }); },
    drop(count, options) { const from = this; checked(from, undefined, options, false); count = counted(count); return made(async function* () { for await (const one of from) if (count-- <= 0) yield one; }); },
    asIndexedPairs(options) { const from = this; checked(from, undefined, options, false); return made(async function* () { let at = 0; for await (const one of from) yield [at++, one]; }); },
    compose(to, options) { const all = compose(this, to); if (options?.signal) kit.addAbortSignal(options.signal, all); return all; },
  });
  const web = "the streams of the web are not here, iterate over it";
  Object.assign(Readable, { from: (source, options) => streamed(Readable, source, options), fromWeb: absent("Readable.fromWeb", web), toWeb: absent("Readable.toWeb", web), wrap: absent("Readable.wrap", "Readable.from takes what can be iterated") });
  Object.assign(Writable, { fromWeb: absent("Writable.fromWeb", web), toWeb: absent("Writable.toWeb", web) });
  Object.assign(Duplex, { from: duplexOf, fromWeb: absent("Duplex.fromWeb", web), toWeb: absent("Duplex.toWeb", web) });
  const promises = { pipeline: piped, finished: (stream, options) => new Promise((done, not) => finished(stream, options ?? {}, (error) => (error ? not(error) : done()))) };
  const { promisify } = kit.modules.util;
  kit.hide(pipeline, promisify.custom, piped);
  kit.hide(finished, promisify.custom, promises.finished);
  const stream = Object.assign(Stream, {
    Stream, Readable, Writable, Duplex, Transform, PassThrough, pipeline, finished, compose, addAbortSignal: kit.addAbortSignal, promises, destroy: (one, error) => one.destroy(error),
    isReadable: (one) => (one?._readableState ? Boolean(one.readable) : null), isErrored: (one) => Boolean(one?.errored), isDisturbed: (one) => Boolean(one?._readableState && (one.readableDidRead || one.readableAborted)),
    getDefaultHighWaterMark: (isObject) => (isObject ? marks.objects : marks.bytes), setDefaultHighWaterMark: (isObject, value) => { marks[isObject ? "objects" : "bytes"] = value; },
  });
  Object.assign(kit.modules, { stream, "stream/promises": promises, string_decoder: { StringDecoder } });
  Object.assign(kit.modules["stream/consumers"] = {}, {
    text: async (from) => { let all = ""; const decoder = new TextDecoder(); for await (const one of from) all += typeof one === "string" ? one : decoder.decode(one, { stream: true }); return all + decoder.decode(); },
    json: async (from) => JSON.parse(await kit.modules["stream/consumers"].text(from)),
    buffer: async (from) => { const all = []; for await (const one of from) all.push(Buffer.from(one)); return Buffer.concat(all); },
    arrayBuffer: async (from) => { const all = await kit.modules["stream/consumers"].buffer(from); return all.buffer.slice(all.byteOffset, all.byteOffset + all.length); },
  });
})
