const order = [], note = (text, value = text) => (order.push(text), value);
class Base { constructor() { this.seen = Object.keys(this); } set late(value) { note("setter"); } }
class Made extends Base {
  [note("computed key", "key")] = note("field") && this.seen;
  late = "defined, not set";
  static [note("static key", "made")] = note("static field") && this.name;
  arrow = () => this;
  #hidden = note("private field") && 1;
  static #secret = "s";
  static { note("block 1"); this.fromBlock = Made.#secret; var inner = "kept inside"; }
  static after = note("static after", Made.fromBlock + typeof inner);
  static { note("block 2"); try { note(String(await_)); } catch (error) { note(error.name); } }
  "quoted" = 1; 42 = 2; async; get; static; static static = 3; static async *gen() { yield 1; }
  read() { return this.#hidden; }
}
order.push("before new");
const made = new Made();
console.log(order, made, made.arrow.call(null) === made, Made.made, Made.fromBlock, Made.after, made.read());
console.log(Object.getOwnPropertyDescriptor(made, "late"), Object.keys(made), Object.hasOwn(Made, "after"), typeof inner, Made.static);

class Brand {
  #x; #data = []; static made = 0;
  constructor(x) { this.#x = x; Brand.made++; }
  #sum(y) { return this.#x + y; }
  get #double() { return this.#x * 2; }
  set #double(value) { this.#x = value / 2; }
  static #check(thing) { return #x in thing; }
  static has(thing) { return Brand.#check(thing); }
  add(y) { return this.#sum(y); }
  scale(by) { this.#double *= by; return this.#x++ + --this.#x + (this.#x **= 1); }
  static writes(thing) { thing.#sum = 1; }
  static opt(thing) { return [thing?.#x, thing?.#sum?.(1)]; }
  nested() { const outer = this; return class { #x = "own"; both() { return [this.#x, outer.#double]; } static peek() { return #data in outer; } }; }
  byEval() { return eval("this.#x") + (() => this.#sum(0))(); }
  static bag = new this(7).#x;
}
const one = new Brand(5), Nested = one.nested();
console.log(one.add(2), one.scale(3), Brand.has(one), Brand.has({}), Brand.has(Object.create(one)), Brand.opt(one), Brand.opt(null), new Nested().both(), Nested.peek(), one.byEval(), Brand.bag, one);
const attempt = (act) => { try { return act(); } catch (error) { return error.name; } };
console.log([() => Brand.writes(one), () => Brand.has(1), () => one.add.call({}, 1), () => Brand.opt({}), () => Brand.prototype.scale.call(new Proxy(one, {}), 1)].map(attempt));
// An object that a constructor gives back gets the fields, once.
class Give { constructor(thing) { return thing; } }
class Stamp extends Give { #mark = "stamped"; static read(thing) { return thing.#mark; } static is(thing) { return #mark in thing; } }
const plain = {};
new Stamp(plain);
console.log(Stamp.read(plain), Stamp.is(plain), attempt(() => new Stamp(plain)), plain);
const early = ["class { #a; #a }", "class { constructor() { this.#b } }", "class { #constructor }", "class { constructor = 1 }", "class { static prototype = 1 }", "class { x = arguments }", "class { static { await } }", "class { static { return } }", "class { #a; m() { delete this.#a } }", "class { get #a() {} set #a(v) {} }", "class { static get #a() {} set #a(v) {} }", "class extends Object { #x = super.#x }", "class { static { class await {} } }", "class { 'constructor'() {} constructor() {} }", "class { static async = 1; get\n x }"];
console.log(early.map((code) => attempt(() => (new Function(`return ${code}`), "fine"))));
console.log((class { static name = "own"; }).name, new (class { f = function () {}; g = () => {}; ["h" + 1] = class {}; })(), class { static #p() {} static n = this.#p.name; }.n);
