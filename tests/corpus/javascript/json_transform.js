const people = JSON.parse(require("fs").readFileSync("people.json", "utf8"));
const byTag = new Map();
for (const { name, tags } of people) for (const tag of new Set(tags)) byTag.set(tag, [...(byTag.get(tag) ?? []), name]);
console.log(byTag);
console.log(people.map(({ address, ...rest }) => ({ ...rest, city: address?.city ?? "unknown" })));
const flatten = (value, path = "") =>
  value !== null && typeof value === "object"
    ? Object.entries(value).flatMap(([key, inner]) => flatten(inner, path ? `${path}.${key}` : key))
    : [[path, value]];
console.log(Object.fromEntries(flatten(people[0])));
console.log(JSON.stringify({ when: new Date(0), skip: undefined, fn() {}, nan: NaN, nested: { toJSON: () => "custom" }, list: [undefined, Symbol("x")] }));
console.log(JSON.stringify(people[1], ["id", "name"], "\t"));
console.log(JSON.parse('{"a": 1, "b": [2, {"c": "2026-01-02T03:04:05.000Z"}]}', (key, value) => (typeof value === "string" && /^\d{4}-/.test(value) ? new Date(value) : value)));
console.log(JSON.stringify("\u2028 \ud800 \u007f é \"\\"), JSON.stringify({ [Symbol("a")]: 1, 2: "two", b: -0 }));
const loop = {};
loop.self = loop;
try { JSON.stringify(loop); } catch (error) { console.log(error.name); }
try { JSON.parse("{oops}"); } catch (error) { console.log(error instanceof SyntaxError, error.constructor.name); }
