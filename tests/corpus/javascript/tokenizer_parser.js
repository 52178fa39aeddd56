function* tokenize(source) {
  const pattern = /\s*(?:(?<number>\d+\.?\d*)|(?<name>[a-z_]\w*)|(?<op>\*\*|[-+*\/%(),=])|(?<bad>\S))/giy;
  for (let match; pattern.lastIndex < source.trimEnd().length && (match = pattern.exec(source)); ) {
    const [kind, text] = Object.entries(match.groups).find(([, text]) => text !== undefined);
    if (kind === "bad") throw new SyntaxError(`unexpected ${text} at ${match.index}`);
    yield { kind, text };
  }
}
class Parser {
  #tokens; #at = 0;
  static rank = { "=": 0, "+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "**": 4 };
  constructor(source) { this.#tokens = [...tokenize(source)]; }
  get now() { return this.#tokens[this.#at]?.text; }
  take(text) { if (text && this.now !== text) throw new SyntaxError(`expected ${text}, found ${this.now ?? "end"}`); return this.#tokens[this.#at++]; }
  parse() { const tree = this.expression(-1); if (this.now) throw new SyntaxError(`left over: ${this.now}`); return tree; }
  expression(floor) {
    let left = this.primary();
    while (Parser.rank[this.now] > floor) { const op = this.take().text; left = [op, left, this.expression(Parser.rank[op] - (op === "**" || op === "=" ? 1 : 0))]; }
    return left;
  }
  primary() {
    const token = this.take();
    if (token?.text === "-") return ["neg", this.expression(3)];
    if (token?.text === "(") { const inner = this.expression(-1); this.take(")"); return inner; }
    if (token?.kind === "number") return Number(token.text);
    if (token?.kind === "name") {
      if (this.now !== "(") return token.text;
      this.take("(");
      const args = [];
      while (this.now !== ")") { args.push(this.expression(0)); if (this.now === ",") this.take(); }
      this.take(")");
      return ["call", token.text, ...args];
    }
    throw new SyntaxError(`unexpected ${token?.text ?? "end"}`);
  }
}
const evaluate = (tree, scope) => {
  if (typeof tree === "number") return tree;
  if (typeof tree === "string") { if (!(tree in scope)) throw new ReferenceError(`${tree} is not known`); return scope[tree]; }
  const [op, a, b] = tree;
  if (op === "=") return (scope[a] = evaluate(b, scope));
  if (op === "call") return Math[a](...tree.slice(2).map((arg) => evaluate(arg, scope)));
  if (op === "neg") return -evaluate(a, scope);
  const [x, y] = [evaluate(a, scope), evaluate(b, scope)];
  return { "+": x + y, "-": x - y, "*": x * y, "/": x / y, "%": x % y, "**": x ** y }[op];
};
const scope = { pi: 3.14159 };
for (const line of ["1 + 2 * 3", "(1 + 2) * 3", "2 ** 3 ** 2", "-2 ** 2", "r = 4", "area = pi * r ** 2", "max(1, r, sqrt(81)) % 5", "2 * (3", "4 $ 4", "x + 1", "1 2"])
  try { const tree = new Parser(line).parse(); console.log(line, "=>", evaluate(tree, scope), JSON.stringify(tree)); } catch (error) { console.log(line, "!", `${error.name}: ${error.message}`); }
console.log(scope);
