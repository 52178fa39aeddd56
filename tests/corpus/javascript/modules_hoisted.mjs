main();
function main() { console.log(join("a", "b")); }
import fs from "fs";
import { join } from "path";
import{sep}from"path"; import*as p from"path";
console.log(sep, p.sep);
// What looks like an import and is text.
let n = 8; const half = n++ / 2; const words = `
import x from "nope";
`; console.log(half, words);
export{n as nine};

const write = (name, text) => fs.writeFileSync(`/workspace/${name}`, text);
write("keys.json", JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, at]))));
const keys = await import("/workspace/keys.json", { with: { type: "json" } });
console.log(Object.keys(keys), keys.default.k19999);

import { createRequire } from "module";
const here = createRequire("/workspace/");
fs.mkdirSync("/workspace/pack/lib", { recursive: true });
write("pack/package.json", '{ "main": "lib/x.js" }');
write("pack/lib/x.js", "module.exports = 7");
fs.mkdirSync("/workspace/data");
write("data/index.json", '{ "a": 1 }');
write("again.cjs", "globalThis.loads = (globalThis.loads ?? 0) + 1; module.exports = { loads }");
console.log(here("./pack"), here("./data"), here("./again.cjs").loads, here("./again.cjs").loads);
const file = here.resolve("./again.cjs");
console.log(file in here.cache, delete here.cache[file], here("./again.cjs").loads);
