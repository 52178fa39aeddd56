// The tools that the host lets the code call, as functions.
((kit) => {
  "use strict";
  const { doors, hide, global } = kit;
  const { stringify, parse } = JSON;
  class ToolError extends Error {
    constructor(code, message, retry) { super(message); this.name = "ToolError"; this.code = code; this.retry = retry; }
  }
  const kinds = { string: "string", number: "number", integer: "number", boolean: "boolean" };
  const check = (name, schema, input) => {
    for (const key of schema.required ?? []) if (input[key] === undefined) throw new TypeError(`${name}: ${key} is missing`);
    for (const [key, value] of Object.entries(input)) {
      const wanted = schema.properties?.[key];
      if (!wanted && schema.additionalProperties === false) throw new TypeError(`${name}: ${key} is not known; there are: ${Object.keys(schema.properties ?? {}).join(", ")}`);
      const kind = wanted?.type;
      if (kind in kinds && typeof value !== kinds[kind]) throw new TypeError(`${name}: ${key} must be ${kind}, not ${typeof value}`);
      if (kind === "array" && !Array.isArray(value)) throw new TypeError(`${name}: ${key} must be array, not ${typeof value}`);
    }
  };
  const snake = (name) => name.replace(/([a-z\d])(?=[A-Z])|([A-Z])(?=[A-Z][a-z])|-/g, "$1$2_").toLowerCase();
  // Components write `max-results`, which may be `maxResults` or `max_results` here.
  const named = (schema, input) => {
    const known = Object.keys(schema.properties ?? {});
    return Object.fromEntries(Object.entries(input).map(([key, value]) => [known.includes(key) ? key : known.find((name) => snake(name) === snake(key)) ?? key, value]));
  };
  const find = (wanted) => {
    const every = doors.tools();
    const tool = every.find(({ name }) => name === wanted || snake(name) === snake(wanted));
    if (!tool) throw new TypeError(`no tool is called ${wanted}; there are: ${every.map(({ name }) => snake(name)).join(", ") || "none"}`);
    return tool;
  };
  const tools = new Proxy({}, {
    has: (_, name) => typeof name === "string" && doors.tools().some((tool) => tool.name === name),
    ownKeys: () => doors.tools().map(({ name }) => name.replace(/-/g, "_")),
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    get: (_, name) => {
      if (typeof name !== "string" || name === "then" || name === "toJSON" || name === "constructor") return undefined;
      const tool = find(name);
      const call = (given = {}) => {
        const schema = parse(tool.schema || "{}");
        const input = named(schema, given);
        check(tool.name, schema, input);
        const told = doors.callTool(tool.name, stringify(input));
        if (told.length > 1) throw new ToolError(told[0], told[1], told[2] === "true");
        return parse(told[0]);
      };
      return Object.assign(call, { about: tool.about, schema: parse(tool.schema || "{}") });
    },
  });
  hide(global, "tools", tools);
  kit.modules.ringfence = { tools, ToolError };
})
