const { readFileSync } = require("fs");
const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (c) => escapes[c]);
const lookup = (scope, path) => path.split(".").reduce((value, key) => value?.[key], scope);
const render = (template, scope) => template
  .replace(/\{\{#each (\S+)\}\}([^]*?)\{\{\/each\}\}/g, (_, path, body) => (lookup(scope, path) ?? []).map((item, index) => render(body, { ...scope, this: item, index })).join(""))
  .replace(/\{\{#if (\S+)\}\}([^]*?)(?:\{\{else\}\}([^]*?))?\{\{\/if\}\}/g, (_, path, yes, no = "") => render(lookup(scope, path) ? yes : no, scope))
  .replace(/\{\{(&?)([\w.]+)(?:\s*\|\s*(\w+))?\}\}/g, (_, raw, path, filter) => { let value = lookup(scope, path) ?? ""; if (filter) value = { upper: (v) => String(v).toUpperCase(), json: JSON.stringify, money: (v) => Number(v).toFixed(2) }[filter](value); return raw ? value : escapeHtml(value); });
console.log(render("Hi {{user.name | upper}}! {{#if items.length}}You have:{{#each items}}\n {{index}}. {{this.0}} at {{this.1 | money}}{{/each}}{{else}}Nothing.{{/if}} {{&html}} {{html}} {{none}}", { user: { name: "zoë" }, items: [["anvil", 1999.5], ["<rocket>", 12]], html: "<b>&</b>" }));
console.log(render("{{#if a}}yes{{else}}no{{/if}} {{data | json}}", { data: { q: "'" } }));
const markdown = readFileSync("notes.md", "utf8");
const inline = (text) => escapeHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>").replace(/\*\*(.+?)\*\*/g, "<b>$1</b>").replace(/\*(.+?)\*/g, "<i>$1</i>").replace(/\[([^\]]+)\]\(([^)]+)\)/g, '<a href="$2">$1</a>');
let fenced = false;
const html = markdown.split("\n").map((line) => {
  if (line.startsWith("```")) return (fenced = !fenced) ? `<pre class="${line.slice(3)}">` : "</pre>";
  if (fenced) return escapeHtml(line);
  const heading = /^(#+)\s+(.*)/.exec(line);
  if (heading) return `<h${heading[1].length}>${inline(heading[2])}</h${heading[1].length}>`;
  const item = /^\s*(?:[-*]|\d+\.)\s+(.*)/.exec(line);
  return item ? `<li>${inline(item[1])}</li>` : line && `<p>${inline(line)}</p>`;
}).filter(Boolean);
console.log(html.join("\n"));
