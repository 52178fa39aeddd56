const fs = require("fs/promises");
const { join } = require("path");

async function main() {
  const root = "/workspace";
  const people = JSON.parse(await fs.readFile(join(root, "people.json"), "utf8"));
  await fs.mkdir(join(root, "reports"), { recursive: true });
  await Promise.all(people.map(({ id, name, tags }) => fs.writeFile(join(root, "reports", `${String(id).padStart(3, "0")}.txt`), `${name}\n${tags.join(", ") || "-"}\n`)));
  for (const file of (await fs.readdir("/workspace/reports")).sort()) {
    const text = await fs.readFile(`/workspace/reports/${file}`, "utf8");
    console.log(file, (await fs.stat(`/workspace/reports/${file}`)).size, text.trim().split("\n"));
  }
  await fs.appendFile("/workspace/reports/002.txt", "end");
  const lines = (await fs.readFile("reports/002.txt", "utf8")).split("\n");
  console.log(lines, process.cwd() === "/workspace");
  await fs.rm("/workspace/reports/007.txt");
  await fs.access("/workspace/reports/007.txt").catch((error) => console.log(error.code));
  console.log((await fs.readdir("reports")).length);
}
main();
