import { readFile, writeFile, readdir, mkdir, rm } from "fs/promises";
import { join, basename } from "path";

const lines = (await readFile("access.log", "utf8")).split("\n").filter(Boolean);
async function* batches(source, size) { let batch = []; for await (const item of source) { batch.push(item); if (batch.length === size) { yield batch; batch = []; } } if (batch.length) yield batch; }
async function* filter(source, test) { for await (const item of source) if (test(item)) yield item; }
await mkdir("parts", { recursive: true });
let number = 0;
for await (const batch of batches(filter(lines, (line) => line.includes("GET")), 3)) await writeFile(join("parts", `part-${++number}.txt`), batch.map((line) => line.split('"')[1]).join("\n"));
const names = (await readdir("parts")).sort();
console.log(names);
for (const name of names) console.log(basename(name, ".txt"), (await readFile(join("parts", name), "utf8")).split("\n"));
const sizes = await Promise.all(names.map(async (name) => [name, (await readFile(join("parts", name))).byteLength]));
console.log(Object.fromEntries(sizes), Buffer.from("done").toString("base64"));
await rm("parts", { recursive: true });
const outcome = await readFile("parts/part-1.txt").then(() => "there", (error) => error.code);
console.log(outcome);
const ticker = { count: 0, async next() { return ++this.count > 3 ? { done: true } : { value: this.count, done: false }; }, [Symbol.asyncIterator]() { return this; } };
for await (const n of ticker) console.log("tick", n);
process.exitCode = names.length;
