const fs = require("fs");
const path = require("path");

fs.mkdirSync("project/src/lib", { recursive: true });
const files = { "project/src/main.js": "console.log(1);\n", "project/src/lib/util.js": "x\n".repeat(20), "project/README.md": "# read\n", "project/.env": "A=1\nB = two words\n# c\n" };
for (const [name, text] of Object.entries(files)) fs.writeFileSync(name, text);
fs.appendFileSync("project/README.md", "more ü\n");
const walk = (folder) => fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => { const full = path.join(folder, entry.name); return entry.isDirectory() ? walk(full) : [full]; });
for (const file of walk("project").sort()) console.log(file, fs.statSync(file).size, path.extname(file), path.basename(file, ".js"));
const env = Object.fromEntries(fs.readFileSync("project/.env", "utf8").split("\n").filter((line) => line && !line.startsWith("#")).map((line) => line.split("=").map((part) => part.trim())));
console.log(env, fs.readFileSync("project/README.md").length, fs.readFileSync("project/README.md", { encoding: "utf8" }).split("\n"));
fs.copyFileSync("project/src/main.js", "project/copy.js");
fs.renameSync("project/copy.js", "project/moved.js");
fs.unlinkSync("project/.env");
fs.rmSync("project/src", { recursive: true, force: true });
console.log(fs.readdirSync("project"), fs.existsSync("project/src"), fs.statSync("project").isDirectory());
for (const act of [() => fs.readFileSync("nope.txt"), () => fs.mkdirSync("project"), () => fs.rmdirSync("project"), () => fs.readdirSync("project/moved.js"), () => fs.readFileSync("project")])
  try { act(); } catch (error) { console.log(error.code); }
try { fs.readFileSync("nope.txt"); } catch (error) { console.log(error.message, error.syscall, error.path); }
fs.promises.readFile("notes.md", "utf8").then((text) => {
  console.log(text.match(/^#+ .*/gm));
  fs.readFile("missing", (error, data) => console.log(error.code, data));
});
fs.writeFileSync("project/data.json", JSON.stringify({ rows: [1, 2] }, null, 2));
console.log(require("./project/data.json".replace("./", process.cwd() + "/")).rows, fs.readFileSync("project/data.json", "utf8"));
