const fs = require("fs");
function parseXml(text) {
  const root = { tag: "#root", kids: [] }, stack = [root];
  const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  for (const [token, comment, close, tag, attrs, selfClosing, content] of text.replace(/<\?.*?\?>/, "").matchAll(/(<!--[^]*?-->)|<\/([\w:]+)>|<([\w:]+)((?:\s+[\w:]+="[^"]*")*)\s*(\/?)>|([^<]+)/g)) {
    const top = stack.at(-1);
    if (comment) continue;
    if (close) { if (stack.pop().tag !== close) throw new Error(`unexpected </${close}>`); }
    else if (tag) { const node = { tag, attrs: Object.fromEntries([...attrs.matchAll(/([\w:]+)="([^"]*)"/g)].map(([, k, v]) => [k, v])), kids: [] }; top.kids.push(node); if (!selfClosing) stack.push(node); }
    else if (content.trim()) top.kids.push(content.trim().replace(/&(\w+);/g, (_, name) => entities[name] ?? `&${name};`));
  }
  return root.kids[0];
}
const catalog = parseXml(fs.readFileSync("catalog.xml", "utf8"));
for (const book of catalog.kids) console.log(book.attrs.id, Object.fromEntries(book.kids.map(({ tag, kids }) => [tag, kids[0]])), book.kids.find((kid) => kid.tag === "price").attrs.currency);
console.log(JSON.stringify(catalog).length, catalog.kids[1]);
try { parseXml("<a><b></a>"); } catch (error) { console.log(error.message); }
const ini = {};
let section = (ini.DEFAULT = {}), last;
for (const line of fs.readFileSync("settings.ini", "utf8").split(/\r?\n/)) {
  let match;
  if (/^\s*(#|;|$)/.test(line)) continue;
  if ((match = /^\[(.+)\]$/.exec(line))) section = ini[match[1]] = Object.create(ini.DEFAULT);
  else if (/^\s/.test(line)) section[last] += "\n" + line.trim();
  else if ((match = /^([^=]+?)\s*=\s*(.*)$/.exec(line))) section[(last = match[1])] = match[2];
}
console.log(ini.server.retries, ini.server.timeout, ini.server.paths.split("\n"), Object.keys(ini.server), { ...ini["feature.flags"] });
const flat = []; for (const key in ini.server) flat.push(key); console.log(flat);
fs.writeFileSync("out.ini", Object.entries(ini).map(([name, values]) => `[${name}]\n${Object.entries(values).map(([k, v]) => `${k}=${v.replaceAll("\n", " ")}`).join("\n")}\n`).join("\n"));
console.log(fs.readFileSync("out.ini", "utf8"));
