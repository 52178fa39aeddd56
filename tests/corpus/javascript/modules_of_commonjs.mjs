import fs from "fs";
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
const write = (name, text) => fs.writeFileSync(`/workspace/${name}`, text);
write("c.cjs", "exports.a = 1; exports.delete = 'word'; exports.b = () => this === module.exports; exports.file = __filename;");
write("f.cjs", "module.exports = function twice(n) { return n * 2 }; module.exports.version = '1.0';");
write("plain.js", "const path = require('path'); module.exports = { ext: path.extname(__filename), strict: (function () { return this === undefined })() };");
write("es.js", "import { b } from './c.cjs'; export const c = b(); export default import.meta.filename;");
write("five.cjs", "#!/usr/bin/env node\nmodule.exports = 5");
write("later.cjs", "exports.load = () => import('./es.js'); exports.again = () => require('./f.cjs'); // the end");
write("throws.cjs", "JSON.parse('{')");
write("wrong.cjs", "import 'fs'");

const c = await import("/workspace/c.cjs");
console.log(c.default === require("/workspace/c.cjs"), c.a, c.b(), c.delete, c.file, Object.keys(c));
const { default: twice, version } = await import("/workspace/f.cjs");
console.log(twice(4), version, twice === require("/workspace/./f.cjs"), (await import("/workspace/f.cjs?x")).default === twice);
console.log((await import("/workspace/plain.js")).default, (await import("/workspace/five.cjs")).default);
const es = await import("/workspace/es.js");
console.log(es.c, es.default);
const { load, again } = require("/workspace/later.cjs");
console.log((await load()) === es, again() === twice);
// What the nearest package.json says of `.js`.
for (const folder of ["pack", "pack/old", "broken"]) fs.mkdirSync(`/workspace/${folder}`);
write("pack/package.json", '{"type": "module"}');
write("pack/m.js", "export default (function () { return this === undefined })(); export const file = import.meta.filename;");
write("pack/old/package.json", "{}");
write("pack/old/c.js", "module.exports = (function () { return this === undefined })();");
write("broken/package.json", '{"type": ');
write("broken/a.js", "export default 1");
const pack = await import("/workspace/pack/m.js");
console.log(pack.default, pack.file, (await import("/workspace/pack/old/c.js")).default);
await import("/workspace/broken/a.js").catch((error) => console.log(error.name, error.code, error.message.split(". ")[0]));

for (const name of ["throws.cjs", "wrong.cjs"]) await import("/workspace/" + name).catch((error) => console.log(error.name, error instanceof SyntaxError));

for (const given of [5, null, undefined, true, 1n, {}, Symbol("a"), new Map(), function it() {}])
  try { console.log(Buffer.from(given)); } catch (error) { console.log(error.name, error.code, error.message); }
console.log(Buffer.from(new String("ab")), Buffer.from({ length: 2 }), Buffer.from([1, 2]), Buffer.from(new Uint16Array([1, 258])), Buffer.from({ [Symbol.toPrimitive]: () => "cd" }));
