import fs, { existsSync as there } from "fs"; // import x from "y"
/* import a from "b"
import c from "d" */
import * as util from 'util'; import "path";
import {
  join, // a comment
  basename as base,
} from "node:path";
const text = `
import os from "os"
export const a = ${`nested ${"}" + `import z from "z"` /* } */} ;import q from "q"`};
import b from "b";
`;
const re = /`[/"]/.test("`/"), half = 4 / 2 / 1; const s = "it's; import x from 'x'";
export const kept = 1;
export default function main() { return "\
import l from 'l'" }
const it = { a: { b: 1 } }, r2 = [1].map((x) => { return /}`/.source + x });
console.log(text, re, half, s, there("/nothing"), typeof util.inspect, join("a", base("b/c")), kept, main(), r2, typeof fs);
