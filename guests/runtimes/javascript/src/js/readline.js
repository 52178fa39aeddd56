// Files and standard input as streams, and `readline` on streams.
((kit) => {
  "use strict";
  const { EventEmitter, doors, coded, wrongType, StringDecoder, fs, process, soon } = kit;
  const { Readable, Writable } = kit.modules.stream;
  const { promisify } = kit.modules.util;

  // --- files, and standard input -------------------------------------------------------------------------------------
  fs.createReadStream = (path, options) => {
    const told = typeof options === "string" ? { encoding: options } : options ?? {}, size = told.highWaterMark ?? 65536;
    let bytes, at = told.start ?? 0;
    const opening = (act) => { try { return act(); } catch (error) { error.message = error.message.replace(", access ", ", open "); error.syscall = "open"; throw error; } };
    const made = new Readable({
      encoding: told.encoding, highWaterMark: size, signal: told.signal,
      // It is opened before anybody reads, and says so where it is not there.
      construct(done) { try { opening(() => fs.accessSync(path)); } catch (error) { return done(error); } done(); made.emit("open", 3); made.emit("ready"); },
      read() {
        if (!bytes) { bytes = fs.readFileSync(path); bytes = bytes.subarray(0, told.end === undefined ? bytes.length : told.end + 1); }
        if (at >= bytes.length) return void this.push(null);
        const piece = bytes.subarray(at, at + size);
        at += piece.length;
        this.bytesRead += piece.length;
        this.push(piece);
      },
    });
    Object.assign(made, { path, bytesRead: 0, close: (done) => { if (done) made.once("close", done); made.destroy(); } });
    return made;
  };
  fs.createWriteStream = (path, options) => {
    const told = typeof options === "string" ? { encoding: options } : options ?? {}, flags = told.flags ?? "w";
    if (told.start || flags.startsWith("r")) throw kit.coded(new Error("fs.createWriteStream at a place in a file is not in this runtime: read it, change it and write it whole"), "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM");
    const made = new Writable({
      highWaterMark: told.highWaterMark ?? 16384, signal: told.signal,
      construct(done) { try { fs.writeFileSync(path, "", { flag: flags }); } catch (error) { return done(error); } done(); made.emit("open", 3); made.emit("ready"); },
      write(chunk, encoding, done) { try { fs.appendFileSync(path, chunk); made.bytesWritten += chunk.length; done(); } catch (error) { done(error); } },
    });
    if (told.encoding) made.setDefaultEncoding(told.encoding);
    Object.assign(made, { path, bytesWritten: 0, close: (done) => { if (done) made.once("close", done); made.end(); } });
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
    #input; #output; #lines = []; #rest = ""; #isOver = false; #closed = false; #asked = []; #prompt = "> "; #paused = false; #isHeard = false;
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
        // What comes before anybody listens is kept, and what comes when nobody does any more is lost, as in Node.
        else if (this.#isHeard) this.emit("line", this.#lines.shift());
        else return;
      }
      if (this.#isOver && !this.#lines.length) this.close();
    }
    on(name, listener) { super.on(name, listener); if (name === "line") { this.#isHeard = true; soon(() => this.#tell()); } return this; }
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
