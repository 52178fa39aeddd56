import fs from "fs";
import { pathToFileURL } from "url";
const write = (name, text) => fs.writeFileSync(`/workspace/${name}`, text);
fs.mkdirSync("lib/deep", { recursive: true });
write("lib/count.mjs", "let n = 0; export const more = () => ++n; export default function count() { return n }");
write("lib/deep/user.mjs", "import { more } from '../count.mjs'; export { default } from './../../lib/count.mjs'; more();");
write("lib/main.mjs", `import count, { more } from "./count.mjs"; import again from "./deep/user.mjs";
more(); export const told = [count(), again === count, (await import("./deep/../count.mjs")).default === count];
export const here = [import.meta.url.startsWith("file:///"), import.meta.filename, import.meta.dirname];`);
const { told, here } = await import("/workspace/lib/main.mjs");
console.log(told, here);
// Many ways to one file, and one that is another.
const one = await import("/workspace/lib/count.mjs");
for (const way of ["/workspace/lib/../lib/count.mjs", "/workspace/./lib//count.mjs", "file://" + "/workspace/lib/count.mjs", pathToFileURL("lib/count.mjs").href, "/workspace/lib/%63ount.mjs", "/workspace/lib/count.mjs?again"])
  console.log((await import(way)) === one, (await import(way)).default());

// What is not there.
write("bad.mjs", "import './none.mjs'");
for (const name of ["/workspace/none.mjs", "/workspace/bad.mjs", "/workspace/lib", "/workspace/lib/count", "lodash"]) {
  try { console.log(await import(name)); } catch (error) {
    const { name: kind, code, message } = error;
    console.log(kind, code, error instanceof Error, name === "/workspace/bad.mjs" ? message : message.split(" imported")[0].split(":")[0].replace("package", "module"));
  }
}
try { await import("/workspace/none.mjs"); } catch (error) { console.log(Object.keys(error), error.url.endsWith("/none.mjs")); }
write("none.mjs", "export default 'now it is'");
console.log((await import("/workspace/none.mjs")).default);

// JSON, which is told to be so.
write("d.json", '{ "a": [1, { "b": 2 }] }');
write("json.mjs", `import d from "./d.json" with { type: "json" }; export default d;`);
const { default: data } = await import("/workspace/json.mjs");
console.log(data, (await import("/workspace/d.json", { with: { type: "json" } })).default === data);
for (const [name, how] of [["d.json"], ["json.mjs", { type: "json" }], ["d.json", { type: "css" }]])
  await import("/workspace/" + name, how && { with: how }).catch((error) => console.log(error.name, error.code, error.message));
