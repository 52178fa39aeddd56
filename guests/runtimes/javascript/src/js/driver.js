// How a snippet is run. Gives back functions that only the host calls.
((kit) => {
  "use strict";
  const { doors, hide, global, SafeMap, process, timers, next, ticks, state: world, values, failureOf } = kit;
  const { stringify, parse } = JSON;
  const defined = Object.assign;
  let unhandled = new SafeMap(), running;
  const rejected = (promise, reason, handled) => void (handled ? unhandled.delete(promise) : unhandled.set(promise, reason));

  // Whether the snippet ended, and how, is asked of the engine: what a snippet makes of `Promise` changes nothing of it.
  const look = (state) => {
    if (state.done) return;
    const at = doors.promiseState(state.promise);
    if (at === 0) return;
    state.done = true;
    const told = doors.promiseResult(state.promise);
    unhandled.delete(state.promise);
    if (at === 2) fails(state, told); else state.value = told.value;
  };
  // As in Node an error that nobody caught goes to who listens for such, and else ends the snippet.
  const hears = (name) => { try { return process.listenerCount(name) > 0; } catch { return false; } };
  const fails = (state, error, from = "uncaughtException") => {
    if (state.failed || doors.exiting()) return;
    if (hears("uncaughtException")) {
      try { process.emit("uncaughtException", error, from); return; } catch (thrown) { error = thrown; }
    }
    state.error = error;
    state.failed = true;
  };
  const rejections = (state) => {
    if (!unhandled.size) return;
    const all = unhandled;
    unhandled = new SafeMap();
    all.forEach((reason, promise) => {
      if (state.failed || doors.exiting()) return;
      if (!hears("unhandledRejection")) return fails(state, reason, "unhandledRejection");
      try { process.emit("unhandledRejection", reason, promise); } catch (error) { fails(state, error); }
    });
  };
  // What is ready: ticks before promises, until there are none.
  const settle = (state) => {
    do {
      while (ticks.length && !doors.exiting()) try { ticks.shift()(); } catch (error) { fails(state, error); if (state.failed) return; }
      doors.jobs();
      if (!doors.exiting()) look(state);
      if (state.failed) return;
    } while (ticks.length && !doors.exiting());
  };
  // Runs what is ready, then what comes later, until nothing is left or the snippet ends itself.
  const drain = (state) => {
    // What a script throws ends it before anything is run that it left; a module is itself run among promises.
    if (state.isModule) doors.jobs();
    if (!doors.exiting()) look(state);
    if (state.failed) return;
    for (;;) {
      settle(state);
      if (doors.exiting()) return;
      look(state);
      if (!state.failed) rejections(state);
      if (doors.exiting() || state.failed) return;
      if (ticks.length || unhandled.size) continue;
      const timer = next();
      if (!timer) {
        if (!state.done || !hears("beforeExit")) break;
        try { process.emit("beforeExit", process.exitCode ?? 0); } catch (error) { fails(state, error); }
        settle(state);
        if (state.failed || doors.exiting()) return;
        if (next() || unhandled.size) continue;
        break;
      }
      const wait = timer[1].at - doors.now();
      if (wait > 0 && !timer[1].isImmediate && !doors.sleep(wait)) { state.error = defined(new Error("the caller ended it"), { name: "Interrupted" }); state.failed = state.stopped = true; return; }
      kit.turn(true);
      if (timer[1].every) timer[1].at = world.now + timer[1].every; else timers.delete(timer[0]);
      try { timer[1].callback(...timer[1].args); } catch (error) { fails(state, error); }
      if (state.failed) return;
    }
    if (!state.done) fails(state, new Error("this would wait for ever: nothing is scheduled, and nothing can arrive from outside"));
  };
  // The end is told to who listens for it, once; nothing that comes later is run. As in Node a listener has the last word on the
  // code, after an error too, which is then written as others are told.
  const over = (state, filename) => {
    if (doors.exiting() || !hears("exit")) return null;
    try {
      const code = kit.ending(state.failed ? 1 : process.exitCode ?? 0, state.failed);
      if (!state.failed || state.stopped || code === 1) return null;
      doors.write(2, failureOf(state.error, filename).traceback);
      return code & 255;
    } catch (error) { if (!state.failed) { state.failed = true; state.error = error; } }
    return null;
  };
  // What an end left among promises is in the engine's queue, which only empties by running: it does so where nothing of it can
  // reach outside, lest the next snippet gets it.
  const outward = ["write", "readInput", "sleep", "exit", "readFile", "writeFile", "listFolder", "stat", "makeFolder", "remove", "rename", "callTool"];
  const open = defined({}, doors), closed = () => { throw new Error("the snippet has ended"); };
  let isLeaving = false;
  const leave = () => {
    isLeaving = true;
    for (const name of outward) doors[name] = closed;
    doors.forget();
    for (const name of outward) doors[name] = open[name];
    isLeaving = false;
  };

  // They are there in the image: to give the global object one more property at each start would cost its pages.
  for (const name of ["__filename", "__dirname"]) hide(global, name, "");
  const began = (filename, args) => {
    leave();
    // Where its modules are, wherever it goes with `chdir`.
    world.home = world.folder;
    unhandled = new SafeMap();
    timers.clear();
    ticks.length = 0;
    process.argv = ["javascript", filename, ...args];
    world.filename = filename;
    kit.renew();
    kit.margin();
    kit.turn(false);
    world.file = (world.folder === "/" ? "" : world.folder) + "/" + filename;
    // A snippet before may have frozen all.
    try { global.__filename = world.file; global.__dirname = world.folder; } catch { /* then it keeps what it has */ }
  };
  const execute = (code, filename, variables, args, valueBytes) => {
    const shown = values.begin(valueBytes);
    const state = running = { done: false, failed: false, error: null, value: undefined, promise: null, isModule: false, stopped: false };
    try {
      began(filename, args);
      const given = variables ? parse(variables) : {};
      for (const name of Object.keys(given)) {
        if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)) throw new SyntaxError(`a variable cannot be called ${stringify(name)}`);
        global[name] = given[name];
      }
      state.isModule = filename.endsWith(".mjs");
      state.promise = doors.evaluate(kit.asScript(code, world.file), filename);
    } catch (error) {
      state.done = true;
      fails(state, error);
    }
    if (!doors.exiting() && !state.failed) drain(state);
    const left = over(state, filename), exited = doors.exited() ?? left;
    if (state.failed && !state.stopped) leave();
    if (state.failed || exited !== null) timers.clear();
    // Each field is there: what is not would be looked for in the prototype of all objects, which is the snippet's.
    const told = { failure: null, exited, value: null, shown };
    if (exited !== null) return told;
    if (state.failed) return { ...told, failure: failureOf(state.error, filename) };
    return { ...told, exited: process.exitCode ? Number(process.exitCode) & 255 : null, value: state.value === undefined ? null : values.shownAs(state.value) };
  };
  kit.uncaught = (error) => { if (!isLeaving) fails(running, error); };

  const prepare = (environment, start) => {
    world.began = doors.now();
    kit.reseed();
    process.env = environment;
    world.folder = start || "/";
  };
  return { execute, prepare, rejected, ...kit.imports };
})
