const fs = require("fs");

function parseCsv(text) {
  const rows = [[]];
  let field = "", quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') { field += '"'; i++; }
      else if (c === '"') quoted = false;
      else field += c;
    } else if (c === '"') quoted = true;
    else if (c === "," || c === "\n") {
      rows.at(-1).push(field);
      field = "";
      if (c === "\n") rows.push([]);
    } else if (c !== "\r") field += c;
  }
  rows.pop();
  return rows;
}

const [header, ...body] = parseCsv(fs.readFileSync("sales.csv", "utf8"));
const records = body.map((row) => Object.fromEntries(header.map((name, i) => [name, row[i]])));
const totals = records.reduce((sums, { region, units, price }) => {
  sums[region] = (sums[region] ?? 0) + Number(units) * parseFloat(price);
  return sums;
}, {});
for (const [region, total] of Object.entries(totals).sort(([, a], [, b]) => b - a)) console.log(region.padEnd(8), total.toFixed(2).padStart(9));
console.log(records.filter((record) => record.note.includes("\n") || record.note.includes('"')));
console.log(records.length, records[9]);
