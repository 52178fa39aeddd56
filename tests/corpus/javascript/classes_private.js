class Account {
  #balance = 0;
  static #count = 0;
  static created() { return Account.#count; }
  static { this.bank = "First"; }
  history = [];
  constructor(owner) { this.owner = owner; Account.#count++; }
  get balance() { return this.#balance / 100; }
  set balance(value) { throw new TypeError("use deposit"); }
  deposit(cents) { if (!(cents > 0)) throw new RangeError(`bad amount: ${cents}`); this.#balance += cents; this.history.push(["in", cents]); return this; }
  #log(text) { return `${this.owner}: ${text}`; }
  static isAccount(thing) { return #balance in thing; }
  toString() { return this.#log(this.balance.toFixed(2)); }
  [Symbol.toPrimitive](hint) { return hint === "number" ? this.#balance : this.toString(); }
  *[Symbol.iterator]() { yield* this.history; }
}
class Savings extends Account {
  rate = 0.02;
  deposit(cents) { return super.deposit(Math.round(cents * (1 + this.rate))); }
  get [Symbol.toStringTag]() { return "Savings"; }
}
const one = new Account("ann").deposit(1050), two = new Savings("bob").deposit(1000);
console.log(`${one}`, +two, one > two, [...two], Account.created(), Account.bank, Account.isAccount({}), Account.isAccount(two));
console.log(one, two, Object.prototype.toString.call(two), two instanceof Account, Savings.name, Object.getPrototypeOf(Savings) === Account);
for (const act of [() => one.deposit(-1), () => { one.balance = 3; }, () => Account("x"), () => { class A extends null { constructor() { super(); } } new A(); }])
  try { act(); } catch (error) { console.log(error.name, error instanceof Error); }
const mixin = (Base) => class extends Base { shout() { return String(this).toUpperCase() + "!"; } };
console.log(new (mixin(Account))("zoe").shout(), class {}.name === "", new (class Foo { x = this.constructor.name; })(), class Bar {}, class extends Account {});
function Old(x) { if (!new.target) return new Old(x); this.x = x; }
Old.prototype.double = function () { return this.x * 2; };
console.log(Old(4).double(), Object.getOwnPropertyNames(Account.prototype), Old(1), new Old({ deep: { er: { est: { x: 1 } } } }));
