// `process`, and how a program hears of its own end.
((kit) => {
  "use strict";
  const { doors, hide, global, state, coded, EventEmitter, ticks } = kit;
  const ms = () => doors.now() - state.began;
  const process = Object.create(Object.create(EventEmitter.prototype, { constructor: { value: function process() {}, enumerable: false } }));
  const output = (fd) => {
    const stream = new EventEmitter();
    const text = (chunk, encoding) => {
      if (typeof chunk !== "string" && !ArrayBuffer.isView(chunk)) throw kit.wrongType("chunk", "of type string or an instance of Buffer, TypedArray, or DataView", chunk);
      return typeof chunk === "string" ? (encoding && encoding !== "utf8" && encoding !== "utf-8" && typeof encoding === "string" ? kit.Buffer.from(chunk, encoding).toString() : chunk) : doors.decode(new Uint8Array(kit.bytesOf(chunk)));
    };
    const done = (call) => { if (typeof call === "function") ticks.push(() => call()); };
    return Object.assign(stream, {
      fd, isTTY: false, writable: true, columns: undefined,
      write(chunk, encoding, call) { doors.write(fd, text(chunk, encoding)); done(typeof encoding === "function" ? encoding : call); return true; },
      end(chunk, encoding, call) { if (chunk !== undefined && typeof chunk !== "function") stream.write(chunk, encoding); done([chunk, encoding, call].find((one) => typeof one === "function")); return stream; },
      cork() {}, uncork() {}, destroy() { return stream; }, hasColors: () => false, getColorDepth: () => 1, setDefaultEncoding() { return stream; },
    });
  };
  const codeOf = (code) => {
    if (code === undefined || code === null) return undefined;
    if (typeof code === "string" && code !== "" && Number.isInteger(Number(code))) code = Number(code);
    if (typeof code !== "number") throw kit.wrongType("code", "of type number", code);
    if (!Number.isInteger(code)) throw coded(new RangeError(`The value of "code" is out of range. It must be an integer. Received ${kit.inspect(code)}`), "ERR_OUT_OF_RANGE");
    return code;
  };
  let exitCode, isEnding = false;
  // Tells the listeners of an end, once; gives the code that they leave. After an error what the snippet set before is nothing.
  const ending = (code, hasFailed = false) => {
    if (isEnding) return exitCode ?? code;
    isEnding = true;
    if (hasFailed) exitCode = code; else exitCode ??= code;
    process.emit("exit", exitCode);
    return exitCode ?? code;
  };
  const hrtime = (since) => {
    const now = ms(), [seconds, nanos] = [Math.floor(now / 1e3), Math.floor((now % 1e3) * 1e6)];
    if (!since) return [seconds, nanos];
    const [a, b] = [seconds - since[0], nanos - since[1]];
    return b < 0 ? [a - 1, b + 1e9] : [a, b];
  };
  hrtime.bigint = () => BigInt(Math.floor(ms() * 1e6));
  const absent = (what, why) => () => { throw coded(new Error(`process.${what} is not in this runtime: ${why}`), "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM"); };
  Object.assign(process, {
    title: "javascript", argv: ["javascript"], argv0: "javascript", execArgv: [], execPath: "javascript", env: {}, platform: "wasi", arch: "wasm32", pid: 1, ppid: 0, version: "v22.0.0",
    versions: { node: "22.0.0", quickjs: "ng" }, release: { name: "node" }, features: {}, config: {}, exitCode: undefined,
    stdout: output(1), stderr: output(2),
    cwd: () => state.folder,
    chdir: (folder) => { const full = kit.at(folder); if (!kit.isFolder(full)) throw coded(new Error(`ENOENT: no such file or directory, chdir ${state.folder} -> '${folder}'`), "ENOENT"); state.folder = full.replace(/(?<=.)\/$/, ""); },
    exit: (code) => {
      const asked = codeOf(code);
      if (asked !== undefined) exitCode = asked;
      // Whatever listens, it ends.
      try { ending(exitCode ?? 0); } catch { exitCode ||= 1; }
      doors.exit((exitCode ?? 0) & 255);
    },
    reallyExit: (code) => doors.exit(Number(code ?? 0) & 255),
    abort: () => doors.exit(134),
    kill: absent("kill", "there are no other processes inside the fence"),
    binding: undefined, umask: () => 0o22, getuid: () => 0, getgid: () => 0, geteuid: () => 0, getegid: () => 0,
    hrtime, uptime: () => ms() / 1e3, cpuUsage: () => ({ user: Math.floor(ms() * 1e3), system: 0 }),
    memoryUsage: Object.assign(() => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }), { rss: () => 0 }),
    nextTick: (callback, ...args) => { if (typeof callback !== "function") throw kit.wrongType("callback", "of type function", callback); ticks.push(() => callback(...args)); },
    emitWarning: (warning, kind) => {
      const name = typeof kind === "string" ? kind : kind?.type ?? (warning instanceof Error ? warning.name : "Warning");
      ticks.push(() => { if (!process.emit("warning", warning instanceof Error ? warning : Object.assign(new Error(warning), { name }))) kit.err(`(node:1) ${name}: ${warning instanceof Error ? warning.message : warning}`); });
    },
  });
  delete process.binding;
  Object.defineProperty(process, "exitCode", { get: () => exitCode, set: (code) => { exitCode = codeOf(code); }, enumerable: true, configurable: true });
  Object.defineProperty(process, Symbol.toStringTag, { value: "process", configurable: true });
  hide(global, "process", process);
  hide(global, "global", global);
  hide(global, "performance", {
    now: ms, get timeOrigin() { return state.began; }, toJSON: () => ({ timeOrigin: state.began }),
    mark: (name) => ({ name, entryType: "mark", startTime: ms(), duration: 0 }), measure: (name) => ({ name, entryType: "measure", startTime: 0, duration: ms() }),
    getEntriesByName: () => [], clearMarks() {}, clearMeasures() {}, timerify: (act) => act, eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }),
  });
  kit.warn = (text) => kit.err(`(node:1) Warning: ${text}`);
  kit.process = process;
  kit.ending = ending;
  // At the start of each snippet.
  kit.renew = () => { exitCode = undefined; isEnding = false; };
  kit.modules.process = process;
})
