// `console` as in Node.
((kit) => {
  "use strict";
  const { doors, inspect, format, hide, global } = kit;
  let indent = "";
  const put = (fd, text) => doors.write(fd, (indent ? indent + text.replace(/\n/g, "\n" + indent) : text) + "\n");
  const out = (...args) => put(1, format(...args));
  const err = (...args) => put(2, format(...args));
  const counts = new Map(), clocks = new Map();
  const took = (label) => {
    const ms = doors.now() - clocks.get(label);
    if (ms < 1000) return `${label}: ${Number(ms.toFixed(3))}ms`;
    const seconds = ms / 1000, two = (value) => String(Math.floor(value)).padStart(2, "0");
    if (seconds < 60) return `${label}: ${seconds.toFixed(3)}s`;
    const [minutes, rest] = [seconds / 60, (seconds % 60).toFixed(3).padStart(6, "0")];
    return minutes < 60 ? `${label}: ${Math.floor(minutes)}:${rest} (m:ss.mmm)` : `${label}: ${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)} (h:mm:ss)`;
  };
  const clock = (label, act) => (clocks.has(label) ? act() : kit.warn(`No such label '${label}' for console.time${act.name}()`));
  const grid = (head, body) => {
    const wide = kit.util.getStringWidth;
    const widths = head.map((name, at) => Math.max(wide(name), ...body.map((row) => wide(row[at]))) + 2);
    const rule = (a, b, c) => a + widths.map((width) => "─".repeat(width)).join(b) + c;
    const cell = (text, at) => " " + text + " ".repeat(widths[at] - wide(text) - 1);
    const show = (row) => "│" + row.map(cell).join("│") + "│";
    return [rule("┌", "┬", "┐"), show(head), rule("├", "┼", "┤"), ...body.map(show), rule("└", "┴", "┘")].join("\n");
  };
  const isRow = (row) => (typeof row === "object" && row !== null) || typeof row === "function";
  const shown = (value) => {
    const depth = value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 2 ? -1 : 0;
    return inspect(value, { maxArrayLength: 3, breakLength: Infinity, depth, colors: false });
  };
  const table = (rows, only) => {
    if (!isRow(rows)) return out(rows);
    if (only !== undefined && !Array.isArray(only)) throw kit.wrongType("properties", "an instance of Array", only);
    const isMap = rows instanceof Map, isSet = rows instanceof Set;
    if (isMap) return out(grid(["(iteration index)", "Key", "Values"], [...rows].map(([key, value], at) => [String(at), shown(key), shown(value)])));
    if (isSet) return out(grid(["(iteration index)", "Values"], [...rows].map((value, at) => [String(at), shown(value)])));
    const keys = Object.keys(rows), columns = only ?? [...new Set(keys.flatMap((key) => (isRow(rows[key]) ? Object.keys(rows[key]) : [])))];
    const hasValues = keys.some((key) => !isRow(rows[key]));
    const body = keys.map((key) => [
      key,
      ...columns.map((name) => (isRow(rows[key]) && Object.hasOwn(rows[key], name) ? shown(rows[key][name]) : "")),
      ...(hasValues ? [isRow(rows[key]) ? "" : shown(rows[key])] : []),
    ]);
    out(grid(["(index)", ...columns.map(String), ...(hasValues ? ["Values"] : [])], body));
  };
  const group = (...args) => { if (args.length) out(...args); indent += "  "; };
  const methods = {
    log: out, info: out, debug: out, error: err, warn: err, dirxml: out, table, group, groupCollapsed: group,
    trace(...args) { const lines = new Error().stack.split("\n").slice(1); put(2, [`Trace${args.length ? ": " + format(...args) : ""}`, ...lines].join("\n")); },
    dir: (value, options) => put(1, inspect(value, { customInspect: false, ...options })),
    assert(holds, ...args) {
      if (holds) return;
      if (typeof args[0] === "string") err(`Assertion failed: ${args[0]}`, ...args.slice(1)); else err("Assertion failed", ...args);
    },
    groupEnd: () => { indent = indent.slice(2); },
    count: (label = "default") => { label = String(label); counts.set(label, (counts.get(label) ?? 0) + 1); out(`${label}: ${counts.get(label)}`); },
    countReset: (label = "default") => { label = String(label); if (!counts.delete(label)) kit.warn(`Count for '${label}' does not exist`); },
    time: (label = "default") => { label = String(label); if (clocks.has(label)) kit.warn(`Label '${label}' already exists for console.time()`); else clocks.set(label, doors.now()); },
    timeLog: (label = "default", ...args) => { label = String(label); clock(label, Object.defineProperty(() => out(took(label), ...args), "name", { value: "Log" })); },
    timeEnd: (label = "default") => { label = String(label); clock(label, Object.defineProperty(() => { out(took(label)); clocks.delete(label); }, "name", { value: "End" })); },
    clear() {}, profile() {}, profileEnd() {}, timeStamp() {},
  };
  class Console {
    constructor(given) {
      const streams = given?.stdout ? given : { stdout: given, stderr: arguments[1] };
      if (typeof streams.stdout?.write !== "function") throw kit.coded(new TypeError("Console expects a writable stream instance for stdout"), "ERR_CONSOLE_WRITABLE_STREAM");
      const to = (stream) => (...args) => void stream.write(format(...args) + "\n");
      Object.assign(this, { log: to(streams.stdout), info: to(streams.stdout), debug: to(streams.stdout), error: to(streams.stderr ?? streams.stdout), warn: to(streams.stderr ?? streams.stdout) });
    }
  }
  hide(global, "console", { ...methods });
  hide(global.console, "Console", Console);
  // Each run of a session begins at the margin, as Node does.
  kit.margin = () => { indent = ""; };
  kit.err = err;
  kit.modules.console = global.console;
})
