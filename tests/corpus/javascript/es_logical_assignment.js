const log = [];
const box = (start) => ({ get v() { log.push("get"); return start; }, set v(value) { log.push(`set ${value}`); start = value; } });
const at = (object, text) => (log.push(text), object);
const zero = box(0), nil = box(null), some = box("x");
console.log(zero.v ||= 1, zero.v ||= 2, nil.v ??= 3, nil.v ??= 4, some.v &&= "y", box(0).v &&= 5, log.splice(0));
console.log(at(some, "object")[at("v", "key")] ??= at("never", "value"), at({}, "object")[at("k", "key")] ||= at(1, "value"), log.splice(0));
let a, b = 0, c = "";
a ??= function () {}; b ||= class {}; c &&= 1;
let named; named ||= () => {};
console.log(a.name, b.name, c, named.name, (a &&= null), (a ??= b ||= 2) === b);
const attempt = (act) => { try { return act(); } catch (error) { return error.name; } };
const fixed = 1, frozen = Object.freeze({ x: 0, y: 1 });
console.log([() => (fixed ||= 2), () => (fixed &&= 2), () => (fixed ??= 2), () => { "use strict"; frozen.x ||= 1; }, () => { "use strict"; return (frozen.y ||= 1); }, () => { "use strict"; frozen.z ??= 1; }, () => { "use strict"; undeclared ??= 1; }, () => (typeof undeclared, later ||= 1)].map(attempt));
let later = 1;
class P { #n = null; static s = 0; fill(v) { this.#n ??= v; return this.#n; } get sup() { return 1; } }
class Q extends P { get sup() { return 2; } go() { return [super.sup ||= 9, super.missing ??= "made", Object.keys(this), P.s ||= 7]; } }
console.log(new P().fill(4), new Q().go(), P.s);
const parse = (code) => attempt(() => (new Function(code), "fine"));
console.log(["a ?? b || c", "a || b ?? c", "a && b ?? c", "a ?? b && c", "(a ?? b) || c", "a ?? (b && c)", "a ||= b => c", "a?.b ||= 1", "(a, b) ||= 1", "[a] ||= [1]", "({a} ??= {})", "f() &&= 1", "a ||= b ??= c &&= d", "'use strict'; eval ||= 1", "a ??b", "a ? .5 : 1", "a?.5:1", "a?.`x`", "a?.b`x`", "delete a?.b", "a?.b = 1", "for (a?.b of []) ;", "super?.x", "import?.meta", "async?.(x)", "a?.[b]?.(c)?.d", "a?.b++", "({}) ?. b", "a ** b ** c", "-a ** b", "(-a) ** b", "a ** -b", "await ** 2"].map((code) => `${code}: ${parse(code)}`).join("\n"));
// A chain stops as a whole, keeps what `this` is, and asks for nothing after it.
const deep = { a: { f() { return this === deep.a; }, g: null, get h() { log.push("h"); return undefined; } } };
let count = 0;
console.log(deep.a?.f(), (deep.a?.f)(), deep.a?.["f"]?.(), deep.b?.f(count++).x.y.z, count, deep.a.g?.(count++), deep.a.h?.[count++], delete deep.b?.c, delete deep.a?.g, "g" in deep.a, log.splice(0), null?.[0], undefined?.x?.y, 0?.toFixed(1), ""?.length);
console.log([() => (deep.b?.c).d, () => deep.a.missing(), () => deep.a?.missing(), () => deep.a.f?.().x.y, () => (void 0)?.x(), () => document?.title].map(attempt));
console.log([0, "", NaN, false, null, undefined].map((value) => [value ?? "d", value || "d", value && "d"]), null ?? undefined ?? 0 ?? 1);
