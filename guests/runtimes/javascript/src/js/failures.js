// What is told of an error: its name, its words, the snippet's own frames.
((kit) => {
  "use strict";
  const { inspect, wellFormed } = kit;
  const failureOf = (error, filename) => {
    try {
      return failureTold(error, filename);
    } catch {
      const message = "<its text could not be made>";
      return { name: "Error", message, traceback: `Error: ${message}\n`, line: null };
    }
  };
  const failureTold = (error, filename) => {
    const isError = error instanceof Error;
    let name = "Error", message = "", stack = "";
    try {
      name = (isError ? String(error.name) : typeof error).slice(0, 200);
      message = isError ? String(error.message) : inspect(error);
      stack = isError ? String(error.stack ?? "") : "";
    } catch { message = "<its text could not be made>"; }
    const frames = stack.split("\n").filter((frame) => /^\s+at /.test(frame));
    const own = frames.find((frame) => frame.includes(filename + ":"));
    const found = own && /:(\d+)(?::\d+)?\)?\s*$/.exec(own);
    message = message.slice(0, 100_000);
    let traceback = `${isError ? `${name}: ${message}` : `Uncaught ${message}`}\n${frames.join("\n")}`.trimEnd() + "\n";
    // What else it knows of itself, such as `code`, is told as Node tells it.
    if (isError) try {
      const known = Object.keys(error).filter((key) => !["name", "message", "stack", "cause"].includes(key));
      const told = known.map((key) => `  ${/^[A-Za-z_$][\w$]*$/.test(key) ? key : inspect(key)}: ${inspect(error[key], { depth: 1 }).replaceAll("\n", "\n  ")}`);
      if (told.length) traceback = `${traceback.trimEnd()} {\n${told.join(",\n")}\n}\n`;
    } catch { /* it stays untold */ }
    if (isError && error.cause !== undefined) try { traceback += `[cause]: ${error.cause instanceof Error ? `${error.cause.name}: ${error.cause.message}` : inspect(error.cause)}\n`; } catch { /* it stays untold */ }
    const line = found ? Number(found[1]) : null;
    return { name: wellFormed(name), message: wellFormed(message), traceback: wellFormed(traceback.slice(0, 100_000)), line: line > 0 && line < 2 ** 31 ? line : null };
  };
  // Errors tell of themselves as Node's do: their name and words, then the frames, none of them ours.
  Error.prepareStackTrace = (error, frames) => {
    let head;
    try { head = String(error); } catch { head = "Error"; }
    const told = [];
    for (const frame of frames) {
      const file = frame.getFileName();
      if (file === kit.own || frame.isNative()) continue;
      const name = frame.getFunctionName();
      const place = `${file}:${frame.getLineNumber()}:${frame.getColumnNumber()}`;
      told.push(name && name !== "<eval>" && name !== "<anonymous>" ? `    at ${name} (${place})` : `    at ${place}`);
    }
    return [head, ...told].join("\n");
  };
  kit.failureOf = failureOf;
})
