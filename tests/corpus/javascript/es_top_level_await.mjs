import { writeFileSync, mkdirSync } from "node:fs";
// Modules that wait: what they export is there when who imports them goes on, in the order of their waiting.
globalThis.order = [];
mkdirSync("/workspace/mods", { recursive: true });
const put = (name, text) => writeFileSync(`/workspace/mods/${name}.mjs`, text);
put("slow", `order.push("slow 1"); await null; await new Promise((done) => setTimeout(done, 3)); order.push("slow 2"); export const value = await Promise.resolve("slow"); export default class Slow {}`);
put("fast", `order.push("fast 1"); export let counter = 0; export const up = () => ++counter; export { up as raise }; await 0; order.push("fast 2");`);
put("both", `import Slow, { value } from "./slow.mjs"; import * as fast from "./fast.mjs"; order.push("both"); export * from "./fast.mjs"; export * as all from "./slow.mjs"; export { value as told, Slow }; export const name = Slow.name; export const before = fast.counter;`);
put("fails", `export const x = 1; await Promise.reject(new RangeError("while it was made"));`);
put("circle", `import { other } from "./circle2.mjs"; export function hoisted() { return "hoisted"; } export const mine = "mine " + other;`);
put("circle2", `import { hoisted, mine } from "./circle.mjs"; let early; try { early = mine; } catch (error) { early = error.name; } export const other = hoisted() + " " + early;`);
put("meta", `export const strict = (function () { return this === undefined; })(); export const kind = typeof import.meta; export default typeof this;`);
const both = await import("/workspace/mods/both.mjs");
console.log(order, both.told, both.name, both.before, Object.keys(both), both.all.value);
console.log(both.up(), both.raise(), both.counter, (await import("/workspace/mods/fast.mjs")).counter, both === (await import("/workspace/mods/both.mjs")));
console.log(both[Symbol.toStringTag], Object.isFrozen(both), Object.isSealed(both), Object.getPrototypeOf(both), Object.getOwnPropertyDescriptor(both, "name"));
for (const act of [() => { "use strict"; both.name = 1; }, () => { "use strict"; both.more = 1; }, () => { "use strict"; delete both.name; }]) try { act(); console.log("done"); } catch (error) { console.log(error.name); }
for (const name of ["fails", "fails", "none"]) try { await import(`/workspace/mods/${name}.mjs`); } catch (error) { console.log(name, name === "none" ? "refused" : `${error.name}: ${error.message}`); }
console.log((await import("/workspace/mods/circle.mjs")).mine, { ...(await import("/workspace/mods/meta.mjs")) });
put("bad", "export const a = 1; export const a = 2;");
put("wants", `import { nothing } from "./fast.mjs";`);
console.log((await Promise.allSettled(["bad", "wants"].map((name) => import(`/workspace/mods/${name}.mjs`)))).map((told) => told.reason.name));
const steps = [];
await Promise.all([(async () => { for (let n = 0; n < 3; n++) { steps.push(`a${n}`); await null; } })(), (async () => { for await (const n of [0, Promise.resolve(1), 2]) steps.push(`b${n}`); })()]);
console.log(steps, await (async () => { try { return await Promise.reject(1); } catch { return "caught"; } finally { await null; } })());
label: { if (await true) break label; console.log("never"); }
const { a = await Promise.resolve("default"), ...rest } = await { b: 2, c: 3 };
console.log(a, rest, `${await "in a template"}`, [...(await [1, 2])], await (await Promise.resolve(async () => 5))());
