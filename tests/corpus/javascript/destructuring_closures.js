const config = { server: { host: "h", ports: [80, 443] }, debug: null, "odd-key": 1 };
const { server: { host, ports: [http, https = 1, other = http + 1] }, debug = "off", missing = "dflt", "odd-key": odd, ...rest } = config;
console.log(host, http, https, other, debug, missing, odd, rest);
let [p, q] = [1, 2];
[p, q] = [q, p];
const key = "dyn";
console.log(p, q, { [key + 1]: 1, [`${key}2`]() { return this[key + 1]; } }.dyn2(), (({ a, b: { c } = { c: "inner" } } = {}) => [a, c])(), ((a, b = a * 2, ...more) => [a, b, more])(1, undefined, 3, 4));
const counters = [];
for (var i = 0; i < 3; i++) counters.push(() => i);
for (let j = 0; j < 3; j++) counters.push(() => j);
console.log(counters.map((f) => f()), typeof hoisted, typeof undeclared, (function () { return typeof this; })(), (() => typeof this)());
var hoisted = 1;
const once = (f) => { let done = false, value; return (...args) => (done ? value : ((done = true), (value = f(...args)))); };
const curry = (f) => function next(...args) { return args.length >= f.length ? f(...args) : (...more) => next(...args, ...more); };
const pipe = (...fs) => (x) => fs.reduce((value, f) => f(value), x);
const init = once(Math.sqrt);
console.log(init(16), init(25), curry((a, b, c) => a + b * c)(1)(2, 3), pipe((x) => x + 1, (x) => x * 2, String, (s) => s.padStart(4, "."))(20));
const debounced = []; const person = { name: "Ann", greet() { return `hi ${this.name}`; }, later() { return [1].map(() => this.name)[0]; } };
const { greet } = person;
try { console.log(greet.call({ name: "Bob" }), greet.bind(person)(), person.later(), (0, person.greet)?.call(person)); } catch (error) { console.log(error.name); }
console.log(null ?? "a", 0 || "b", 0 ?? "c", "" && "d", config?.server?.ports?.[1], config.nope?.deep.er, config.nope?.(), delete config.debug, "debug" in config, void 0, (1, 2), typeof null, [] + {}, [] == false, null == 0, "b" + "a" + +"a" + "a");
let x = null; x ??= 5; x ||= 6; x &&= 7; let y = 2; y **= 3;
console.log(x, y, [..."ab", ...[1], ...new Set([2])], { ...null, ...{ a: 1 }, ...["h", "i"] }, Math.max(...[], 1), ((...args) => args.length)(...[1, 2], 3));
const tag = (strings, ...values) => strings.raw.map((s, n) => s + (values[n] !== undefined ? `<${values[n]}>` : "")).join("");
console.log(tag`a ${1} b\n ${"two"} c`, (function () { return arguments.length + [].slice.call(arguments, 1).join(); })(1, 2, 3), new Function("a", "b", "return a ** b")(2, 8), eval("1 + p"), isFinite("12"));
switch (typeof x) { case "string": console.log("s"); case "number": console.log("n"); case "bigint": console.log("fallthrough"); break; default: console.log("d"); }
