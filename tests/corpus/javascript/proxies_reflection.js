const observed = (target, log) => new Proxy(target, {
  get: (thing, key, self) => { log.push(`get ${String(key)}`); const value = Reflect.get(thing, key, self); return typeof value === "object" && value ? observed(value, log) : value; },
  set: (thing, key, value) => { if (key === "age" && !Number.isInteger(value)) throw new TypeError("age must be whole"); log.push(`set ${key}`); return Reflect.set(thing, key, value); },
  has: (thing, key) => !key.startsWith("_") && key in thing,
  deleteProperty: (thing, key) => (log.push(`delete ${key}`), delete thing[key]),
  ownKeys: (thing) => Reflect.ownKeys(thing).filter((key) => !key.startsWith("_")),
});
const log = [], person = observed({ name: "Ann", age: 3, _secret: 1, address: { city: "X" } }, log);
person.age = 4;
delete person.name;
console.log(person.address.city, "_secret" in person, Object.keys(person), log.filter((line) => !line.includes("Symbol")));
try { person.age = 1.5; } catch (error) { console.log(error.message); }
const frozen = Object.freeze({ a: 1, inner: { b: 2 } });
frozen.inner.b = 3;
(function () { "use strict"; try { frozen.a = 2; } catch (error) { console.log(error.constructor.name); } })();
console.log(frozen, Object.isFrozen(frozen), Object.getOwnPropertyDescriptors({ get x() { return 1; }, y: 2 }));
const defaults = new Proxy({}, { get: (_, key) => (key in Object.prototype ? undefined : `no ${String(key)}`) });
console.log(defaults.foo, Reflect.ownKeys({ b: 1, [Symbol.for("s")]: 2, 1: 0 }), Object.entries(Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } })));
const Point = function (x, y) { return Reflect.construct(Object, [], new.target), { x, y }; };
console.log(new Point(1, 2), Reflect.has({ a: 1 }, "a"), Reflect.apply(Math.max, null, [1, 5]), Object.is(-0, 0), Symbol("d").toString(), Symbol.for("k") === Symbol.for("k"));
const handler = { apply: (fn, self, args) => fn(...args) * 10, construct: (Class, args) => ({ made: args }) };
const fn = new Proxy(function (a, b) { return a + b; }, handler);
console.log(fn(1, 2), new fn(3), typeof fn, Object.getOwnPropertyNames(function named(a, b) {}).includes("length"), ((a, b = 1, ...c) => 0).length);
with_label: for (const i of [1, 2, 3]) for (const j of [1, 2, 3]) { if (j === 2) continue with_label; if (i === 3) break with_label; console.log(i, j); }
