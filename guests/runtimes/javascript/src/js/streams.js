// Streams of Node, `readline` on them, and files and standard input as streams. Small ones: a queue, its reader, its end.
((kit) => {
  "use strict";
  const { EventEmitter, doors, coded, wrongType, Buffer, asBuffer, bytesOf, StringDecoder, fs, process } = kit;
  const soon = (act) => process.nextTick(act);
  // A class that can be inherited from by functions as well.
  class Stream extends EventEmitter {
    constructor() { super(); for (const [name, value] of [["destroyed", false], ["closed", false], ["errored", null]]) kit.hide(this, name, value); }
    destroy(error) {
      if (this.destroyed) return this;
      this.destroyed = true;
      this.errored = error ?? null;
      const end = (reason) => soon(() => { this.closed = true; if (reason) { this.errored = reason; this.emit("error", reason); } this.emit("close"); });
      if (typeof this._destroy === "function") this._destroy(error ?? null, (reason) => end(reason ?? error)); else end(error);
      return this;
    }
    pipe(to, options) {
      this.on("data", (chunk) => { if (to.write(chunk) === false && this.pause) { this.pause(); to.once("drain", () => this.resume()); } });
      if (options?.end !== false && to !== process.stdout && to !== process.stderr) this.on("end", () => to.end());
      to.emit("pipe", this);
      return to;
    }
  }
  const readable = (stream, options = {}) => {
    const r = { queue: [], ended: false, told: false, over: false, flowing: null, reading: false, decoder: options.encoding ? new StringDecoder(options.encoding) : null, object: Boolean(options.objectMode ?? options.readableObjectMode), mark: options.highWaterMark ?? options.readableHighWaterMark };
    kit.hide(stream, "readableState", r);
    if (options.read) stream._read = options.read;
    return r;
  };
  const state = (stream) => stream.readableState ?? readable(stream);
  const pump = (stream) => {
    const r = state(stream);
    if (stream.destroyed) return;
    while (r.flowing && r.queue.length) stream.emit("data", r.queue.shift());
    if (r.queue.length === 0 && r.ended) { if ((r.flowing || r.wanted) && !r.told) { r.told = true; soon(() => { if (stream.destroyed) return; r.over = true; stream.emit("end"); if (!stream.writableState || stream.writableState.finished) stream.destroy(); }); } return; }
    if (!r.reading && !r.ended && (r.flowing || r.wanted) && r.queue.length < (r.object ? 16 : 4)) {
      r.reading = true;
      soon(() => { if (stream.destroyed) return; try { stream._read(r.mark ?? 65536); } catch (error) { stream.destroy(error); } });
    }
    if (r.wanted && r.queue.length) { r.wanted = false; soon(() => stream.emit("readable")); }
  };
  const reading = {
    _read() { throw coded(new Error("The _read() method is not implemented"), "ERR_METHOD_NOT_IMPLEMENTED"); },
    push(chunk, encoding) {
      const r = state(this);
      r.reading = false;
      if (chunk === null) {
        const rest = r.decoder?.end();
        if (rest) r.queue.push(rest);
        r.ended = true;
      } else {
        if (!r.object && typeof chunk !== "string" && !ArrayBuffer.isView(chunk)) { this.destroy(wrongType("chunk", "of type string or an instance of Buffer, TypedArray, or DataView", chunk)); return false; }
        if (!r.object) { chunk = typeof chunk === "string" ? Buffer.from(chunk, encoding) : Buffer.isBuffer(chunk) ? chunk : asBuffer(new Uint8Array(bytesOf(chunk))); if (r.decoder) chunk = r.decoder.write(chunk); }
        if (r.object || chunk.length) r.queue.push(chunk);
      }
      soon(() => pump(this));
      return r.queue.length < 16;
    },
    unshift(chunk) { state(this).queue.unshift(chunk); pump(this); },
    read() {
      const r = state(this);
      if (!r.queue.length) { r.wanted = true; pump(this); return null; }
      const told = r.object || r.queue.length === 1 ? r.queue.shift() : r.decoder ? r.queue.splice(0).join("") : Buffer.concat(r.queue.splice(0));
      r.wanted = true;
      soon(() => pump(this));
      return told;
    },
    setEncoding(encoding) { state(this).decoder = new StringDecoder(encoding); return this; },
    pause() { state(this).flowing = false; return this; },
    resume() { const r = state(this); r.flowing = true; soon(() => pump(this)); return this; },
    isPaused() { return state(this).flowing === false; },
    unpipe() { return this.pause(); },
    on(name, listener) {
      EventEmitter.prototype.on.call(this, name, listener);
      const r = state(this);
      if (name === "data" && r.flowing !== false) this.resume();
      if (name === "readable") { r.wanted = true; r.flowing = false; soon(() => pump(this)); }
      return this;
    },
    addListener(name, listener) { return this.on(name, listener); },
    async *[Symbol.asyncIterator]() {
      const waiting = [];
      let failed, isOver = false;
      const wake = () => waiting.shift()?.();
      const r = state(this);
      this.once("end", () => { isOver = true; wake(); });
      this.once("close", () => { isOver = true; wake(); });
      this.once("error", (error) => { failed = { error }; wake(); });
      this.on("readable", wake);
      try {
        for (;;) {
          while (r.queue.length) yield r.queue.shift();
          if (failed) throw failed.error;
          if (isOver || r.told && this.destroyed) return;
          r.wanted = true;
          pump(this);
          await new Promise((done) => waiting.push(done));
        }
      } finally { this.destroy(); }
    },
    async toArray() { const all = []; for await (const one of this) all.push(one); return all; },
    async forEach(act) { for await (const one of this) await act(one); },
    async reduce(act, ...first) { let [sum] = first, has = first.length > 0; for await (const one of this) { sum = has ? await act(sum, one) : one; has = true; } return sum; },
    map(act) { const from = this; return Readable.from((async function* () { for await (const one of from) yield await act(one); })()); },
    filter(act) { const from = this; return Readable.from((async function* () { for await (const one of from) if (await act(one)) yield one; })()); },
    flatMap(act) { const from = this; return Readable.from((async function* () { for await (const one of from) yield* await act(one); })()); },
    take(count) { const from = this; return Readable.from((async function* () { if (count <= 0) return; for await (const one of from) { yield one; if (--count <= 0) return; } })()); },
    drop(count) { const from = this; return Readable.from((async function* () { for await (const one of from) if (count-- <= 0) yield one; })()); },
  };
  const writable = (stream, options = {}) => {
    const w = { queue: [], busy: false, ended: false, finished: false, size: 0, needs: false, object: Boolean(options.objectMode ?? options.writableObjectMode), strings: options.decodeStrings === false, mark: options.highWaterMark ?? options.writableHighWaterMark ?? (options.objectMode ? 16 : 16384) };
    kit.hide(stream, "writableState", w);
    for (const name of ["write", "writev", "final", "construct"]) if (options[name]) stream["_" + name] = options[name];
    return w;
  };
  const flush = (stream) => {
    const w = stream.writableState;
    if (w.busy || stream.destroyed) return;
    const next = w.queue.shift();
    if (next) {
      w.busy = true;
      const [chunk, encoding, call, size] = next;
      let isSync = true;
      const done = (error) => {
        const after = () => {
          w.busy = false;
          w.size -= size;
          if (error) { call?.(error); stream.destroy(error); return; }
          call?.();
          if (w.needs && w.queue.length === 0 && !w.ended) { w.needs = false; stream.emit("drain"); }
          flush(stream);
        };
        if (isSync) soon(after); else after();
      };
      try { stream._write(chunk, encoding, done); } catch (error) { w.busy = false; stream.destroy(error); }
      isSync = false;
      return;
    }
    if (!w.ended || w.finishing) return;
    w.finishing = true;
    const finish = (error) => soon(() => {
      if (error) return void stream.destroy(error);
      w.finished = true;
      stream.emit("finish");
      if (!stream.readableState || stream.readableState.over) stream.destroy();
    });
    if (typeof stream._final === "function") { try { stream._final(finish); } catch (error) { stream.destroy(error); } } else finish();
  };
  const writing = {
    _write(chunk, encoding, done) { done(coded(new Error("The _write() method is not implemented"), "ERR_METHOD_NOT_IMPLEMENTED")); },
    write(chunk, encoding, call) {
      const w = this.writableState;
      if (typeof encoding === "function") [encoding, call] = [undefined, encoding];
      if (chunk === null) throw coded(new TypeError("May not write null values to stream"), "ERR_STREAM_NULL_VALUES");
      if (!w.object && typeof chunk !== "string" && !ArrayBuffer.isView(chunk)) throw wrongType("chunk", "of type string or an instance of Buffer, TypedArray, or DataView", chunk);
      if (w.ended || this.destroyed) {
        const error = w.ended ? coded(new Error("write after end"), "ERR_STREAM_WRITE_AFTER_END") : coded(new Error("Cannot call write after a stream was destroyed"), "ERR_STREAM_DESTROYED");
        soon(() => { call?.(error); this.emit("error", error); });
        return false;
      }
      if (!w.object && typeof chunk === "string" && !w.strings) { chunk = Buffer.from(chunk, encoding); encoding = "buffer"; }
      else if (!w.object && typeof chunk !== "string") { chunk = Buffer.isBuffer(chunk) ? chunk : asBuffer(new Uint8Array(bytesOf(chunk))); encoding = "buffer"; }
      const size = w.object ? 1 : chunk.length;
      w.size += size;
      w.queue.push([chunk, encoding ?? "utf8", call, size]);
      const isRoom = w.size < w.mark;
      if (!isRoom) w.needs = true;
      flush(this);
      return isRoom;
    },
    end(chunk, encoding, call) {
      const done = [chunk, encoding, call].find((one) => typeof one === "function");
      if (chunk !== undefined && chunk !== null && typeof chunk !== "function") this.write(chunk, typeof encoding === "string" ? encoding : undefined);
      if (done) this.prependOnceListener("finish", done);
      this.writableState.ended = true;
      soon(() => flush(this));
      return this;
    },
    cork() {}, uncork() {}, setDefaultEncoding() { return this; },
  };
  // How a stream stands. Who writes to `readable` or `writable` is not heard, as in Node, where it changes little.
  const readingFacts = {
    readable: (r, stream) => !stream.destroyed && !r.over, readableEnded: (r) => r.over, readableFlowing: (r) => r.flowing, readableObjectMode: (r) => r.object,
    readableLength: (r) => (r.object ? r.queue.length : r.queue.reduce((sum, one) => sum + one.length, 0)), readableHighWaterMark: (r) => r.mark ?? (r.object ? 16 : 65536),
    readableEncoding: (r) => r.decoder?.encoding ?? null, readableAborted: (r, stream) => stream.destroyed && !r.over,
  };
  const writingFacts = {
    writable: (w, stream) => !stream.destroyed && !w.ended, writableEnded: (w) => w.ended, writableFinished: (w) => w.finished, writableObjectMode: (w) => w.object,
    writableLength: (w) => w.size, writableHighWaterMark: (w) => w.mark, writableNeedDrain: (w, stream) => w.needs && !w.ended && !stream.destroyed, writableCorked: () => 0,
  };
  const facts = (made, part, told) => { for (const name of Object.keys(told)) Object.defineProperty(made.prototype, name, { configurable: true, get() { const found = this[part]; return found && told[name](found, this); }, set() {} }); };
  const give = (made, methods) => { for (const name of Reflect.ownKeys(methods)) kit.hide(made.prototype, name, methods[name]); return made; };
  const destroying = (stream, options) => { if (options?.destroy) stream._destroy = options.destroy; return options ?? {}; };
  class Readable extends Stream {
    constructor(options) { super(); readable(this, destroying(this, options)); }
    static from(source, options) {
      if (typeof source === "string" || Buffer.isBuffer(source)) source = [source];
      const iterator = source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]?.();
      if (!iterator) throw wrongType("iterable", "an instance of Iterable", source);
      return new Readable({
        objectMode: true, ...options,
        async read() { try { const { done, value } = await iterator.next(); this.push(done ? null : await value); } catch (error) { this.destroy(error); } },
        destroy(error, done) { Promise.resolve(iterator.return?.()).then(() => done(error), done); },
      });
    }
  }
  class Writable extends Stream {
    constructor(options) { super(); writable(this, destroying(this, options)); }
  }
  class Duplex extends Stream {
    constructor(options) { super(); readable(this, destroying(this, options)); writable(this, options ?? {}); }
  }
  for (const made of [Readable, Duplex]) facts(made, "readableState", readingFacts);
  for (const made of [Writable, Duplex]) facts(made, "writableState", writingFacts);
  give(Readable, reading);
  give(Writable, writing);
  give(give(Duplex, reading), writing);
  class Transform extends Duplex {
    constructor(options = {}) {
      super(options);
      if (options.transform) this._transform = options.transform;
      if (options.flush) this._flush = options.flush;
    }
    _read() { const later = this.held; this.held = null; later?.(); }
    _write(chunk, encoding, done) {
      this._transform(chunk, encoding, (error, value) => {
        if (error) return done(error);
        if (value !== undefined && value !== null) this.push(value);
        // What nobody reads is not made faster than it is read.
        if (this.readableState.queue.length < 16) done(); else kit.hide(this, "held", done);
      });
    }
    _final(done) {
      const over = (error, value) => { if (error) return done(error); if (value !== undefined && value !== null) this.push(value); this.push(null); done(); };
      if (typeof this._flush === "function") this._flush(over); else over();
    }
    _transform(chunk, encoding, done) { done(coded(new Error("The _transform() method is not implemented"), "ERR_METHOD_NOT_IMPLEMENTED")); }
  }
  class PassThrough extends Transform { _transform(chunk, encoding, done) { done(null, chunk); } }
  kit.hashing(Transform);
  const finished = (stream, options, call) => {
    const done = typeof options === "function" ? options : call;
    let isTold = false;
    const tell = (error) => { if (!isTold) { isTold = true; done(error); } };
    stream.on("error", tell);
    stream.on("end", () => { if (!stream.writableState || stream.writableState.finished) tell(); });
    stream.on("finish", () => { if (!stream.readableState || stream.readableState.over) tell(); });
    stream.on("close", () => tell(stream.readableState?.over || stream.writableState?.finished ? undefined : coded(new Error("Premature close"), "ERR_STREAM_PREMATURE_CLOSE")));
    return () => { isTold = true; };
  };
  const isStream = (one) => typeof one?.pipe === "function" || typeof one?.write === "function";
  const piped = async (...parts) => {
    parts = parts.flat();
    if (parts.at(-1) && !isStream(parts.at(-1)) && typeof parts.at(-1) === "object" && parts.at(-1).signal) parts.pop();
    let from = parts[0];
    const all = [];
    // Of the last one only what is written is waited for: nobody may read it.
    const watch = (stream, isLast) => all.push(new Promise((done, not) => { finished(stream, (error) => (error ? not(error) : done())); if (isLast) stream.on("finish", done); }));
    if (typeof from === "function") from = from();
    if (isStream(from)) watch(from);
    for (const [at, part] of parts.slice(1).entries()) {
      const isLast = at === parts.length - 2;
      if (typeof part === "function") { const made = part(from); if (isLast) { const told = await made; for (const one of all) one.catch(() => {}); return told; } from = made; continue; }
      const source = isStream(from) ? from : Readable.from(from);
      if (source !== from) watch(source);
      source.on("error", (error) => part.destroy?.(error));
      if (part === process.stdout || part === process.stderr) { source.pipe(part); from = part; continue; }
      watch(part, isLast);
      source.pipe(part);
      from = part;
    }
    await Promise.all(all);
  };
  const pipeline = (...parts) => {
    const done = parts.pop();
    if (typeof done !== "function") throw wrongType("streams[stream.length - 1]", "of type function", done);
    piped(...parts).then((value) => done(undefined, value), (error) => done(error));
    return parts.flat().at(-1);
  };
  const promises = { pipeline: piped, finished: (stream, options) => new Promise((done, not) => finished(stream, options ?? {}, (error) => (error ? not(error) : done()))) };
  const { promisify } = kit.modules.util;
  kit.hide(pipeline, promisify.custom, piped);
  kit.hide(finished, promisify.custom, promises.finished);
  const stream = Object.assign(Stream, { Stream, Readable, Writable, Duplex, Transform, PassThrough, pipeline, finished, promises, isReadable: (one) => Boolean(one?.readableState) && !one.destroyed, isErrored: (one) => Boolean(one?.errored) });
  Object.assign(kit.modules, { stream, "stream/promises": promises, string_decoder: { StringDecoder } });
  Object.assign(kit.modules["stream/consumers"] = {}, {
    text: async (from) => { let all = ""; const decoder = new TextDecoder(); for await (const one of from) all += typeof one === "string" ? one : decoder.decode(one, { stream: true }); return all + decoder.decode(); },
    json: async (from) => JSON.parse(await kit.modules["stream/consumers"].text(from)),
    buffer: async (from) => { const all = []; for await (const one of from) all.push(Buffer.from(one)); return Buffer.concat(all); },
    arrayBuffer: async (from) => { const all = await kit.modules["stream/consumers"].buffer(from); return all.buffer.slice(all.byteOffset, all.byteOffset + all.length); },
  });

  // --- files, and standard input -------------------------------------------------------------------------------------
  fs.createReadStream = (path, options) => {
    const told = typeof options === "string" ? { encoding: options } : options ?? {}, size = told.highWaterMark ?? 65536;
    let bytes, at = told.start ?? 0;
    const made = new Readable({
      encoding: told.encoding, highWaterMark: size,
      read() {
        try {
          if (!bytes) { bytes = fs.readFileSync(path); bytes = bytes.subarray(0, told.end === undefined ? bytes.length : told.end + 1); this.emit("open", 3); this.emit("ready"); }
        } catch (error) { return void this.destroy(error); }
        if (at >= bytes.length) return void this.push(null);
        const piece = bytes.subarray(at, at + size);
        at += piece.length;
        this.bytesRead = (this.bytesRead ?? 0) + piece.length;
        this.push(piece);
      },
    });
    made.path = path;
    made.close = (done) => { if (done) made.once("close", done); made.destroy(); };
    // It is opened before anybody reads, and says so where it is not there.
    soon(() => { if (!bytes && !made.readableState.reading) try { fs.accessSync(path); } catch (error) { error.message = error.message.replace(", access ", ", open "); error.syscall = "open"; made.destroy(error); } });
    return made;
  };
  fs.createWriteStream = (path, options) => {
    const told = typeof options === "string" ? { encoding: options } : options ?? {}, flags = told.flags ?? "w";
    let isOpen = false;
    const open = () => { if (!isOpen) { isOpen = true; fs.writeFileSync(path, "", { flag: flags }); made.emit("open", 3); made.emit("ready"); } };
    const made = new Writable({
      highWaterMark: told.highWaterMark ?? 16384,
      write(chunk, encoding, done) { try { open(); fs.appendFileSync(path, chunk); made.bytesWritten += chunk.length; done(); } catch (error) { done(error); } },
      final(done) { try { open(); done(); } catch (error) { done(error); } },
    });
    Object.assign(made, { path, bytesWritten: 0, close: (done) => { if (done) made.once("close", done); made.end(); } });
    soon(() => { try { open(); } catch (error) { made.destroy(error); } });
    return made;
  };
  let input;
  const stdin = () => {
    if (input) return input;
    input = new Readable({ read() { const text = doors.readInput(); if (text) this.push(text); this.push(null); } });
    Object.assign(input, { fd: 0, isTTY: undefined, ref: () => input, unref: () => input, setRawMode: () => input });
    return input;
  };
  Object.defineProperty(process, "stdin", { get: stdin, enumerable: true, configurable: true });
  const before = kit.renew;
  kit.renew = () => { before(); input = undefined; };

  // --- readline ------------------------------------------------------------------------------------------------------
  class Interface extends EventEmitter {
    #input; #output; #lines = []; #rest = ""; #isOver = false; #closed = false; #asked = []; #prompt = "> "; #paused = false;
    constructor(options, output) {
      super();
      const told = options?.input ? options : { input: options, output };
      this.#input = told.input;
      this.#output = told.output;
      if (told.prompt !== undefined) this.#prompt = told.prompt;
      const decoder = new StringDecoder("utf8");
      if (typeof this.#input?.on !== "function") throw wrongType("input", "a stream that can be read", this.#input);
      this.#input.on("data", (chunk) => this.#take(typeof chunk === "string" ? chunk : decoder.write(chunk)));
      this.#input.on("end", () => { if (this.#rest) this.#lines.push(this.#rest); this.#rest = ""; this.#isOver = true; this.#tell(); });
      this.#input.on("error", (error) => { if (this.listenerCount("error")) this.emit("error", error); else this.close(); });
      told.signal?.addEventListener("abort", () => this.close());
    }
    get closed() { return this.#closed; }
    #take(text) {
      const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
      this.#rest = lines.pop();
      this.#lines.push(...lines);
      this.#tell();
    }
    #tell() {
      while (this.#lines.length && !this.#closed && !this.#paused) {
        const asked = this.#asked.shift();
        if (asked) asked(this.#lines.shift());
        else if (this.listenerCount("line")) this.emit("line", this.#lines.shift());
        else return;
      }
      if (this.#isOver && !this.#lines.length) this.close();
    }
    on(name, listener) { super.on(name, listener); if (name === "line") soon(() => this.#tell()); return this; }
    question(text, options, done = options) {
      if (this.#closed) throw coded(new Error("readline was closed"), "ERR_USE_AFTER_CLOSE");
      this.#output?.write(text);
      this.#asked.push(done);
      soon(() => this.#tell());
    }
    setPrompt(text) { this.#prompt = text; }
    getPrompt() { return this.#prompt; }
    prompt() { this.#output?.write(this.#prompt); }
    write() {}
    pause() { this.#paused = true; return this; }
    resume() { this.#paused = false; soon(() => this.#tell()); return this; }
    close() { if (this.#closed) return; this.#closed = true; this.#input.pause?.(); this.emit("close"); }
    async *[Symbol.asyncIterator]() {
      const waiting = [];
      const wake = () => waiting.shift()?.();
      const lines = [];
      this.on("line", (line) => { lines.push(line); wake(); });
      this.once("close", wake);
      try {
        for (;;) {
          while (lines.length) yield lines.shift();
          if (this.#closed) return;
          await new Promise((done) => waiting.push(done));
        }
      } finally { this.close(); }
    }
    [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() { this.close(); }
  }
  class Asking extends Interface { question(text, options) { return new Promise((done) => super.question(text, done)); } }
  const nothing = () => true;
  kit.hide(Interface.prototype.question, promisify.custom, function (text) { return new Promise((done) => this.question(text, done)); });
  kit.modules.readline = {
    createInterface: (...options) => new Interface(...options), Interface, clearLine: nothing, cursorTo: nothing, moveCursor: nothing, clearScreenDown: nothing, emitKeypressEvents: nothing,
    promises: { createInterface: (...options) => new Asking(...options), Interface: Asking },
  };
  kit.modules["readline/promises"] = kit.modules.readline.promises;
})
