import fs, { readFileSync } from "node:fs";
import path from "path";
import { setTimeout as wait } from "node:timers/promises";
import * as util from "util";
import assert from "node:assert/strict";

const config = JSON.parse(readFileSync("people.json", "utf8"));
await wait(2);
const { default: events, EventEmitter } = await import("node:events");
console.log(config.length, path.extname("x.mjs"), typeof util.inspect, events === EventEmitter, fs.existsSync("sales.csv"));
const results = await Promise.all([1, 2, 3].map(async (n) => { await wait(6 - n); return n ** 2; }));
console.log(results, util.format("%s:%d", "a", 1), util.inspect(new Map([[1, { a: 2 }]])), util.isDeepStrictEqual([1], [1]));
for await (const value of (async function* () { yield 1; await null; yield 2; })()) console.log("got", value);
assert.deepEqual({ a: [1, 2] }, { a: [1, 2] });
try { assert.equal(1, 2); } catch (error) { console.log(error.code); }
export const answer = 42;
export default function main() { return answer; }
console.log(main(), await (async () => "top-level await")());
