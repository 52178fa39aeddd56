import fs, { readFileSync, existsSync as ex } from 'node:fs';
import * as path from 'path';
import { fileURLToPath } from 'url';
export default function main() { return 5; }
export const a = 1, b = 2;
const c = 3;
export { c, a as d };
export class K { }
export async function f() { return 1; }
console.log(main(), a, b, typeof K, await f(), path.basename(fileURLToPath(import.meta.url)), ex('nothing'), typeof fs.readFileSync);
