const { readFileSync } = require("node:fs");

const pattern = /^(?<ip>[\d.]+) - (?<user>\S+) \[(?<when>[^\]]+)\] "(?<method>\w+) (?<path>[^\s?]+)(?:\?(?<query>\S*))? HTTP\/[\d.]+" (?<status>\d{3}) (?<size>\d+|-)/;
const stats = { hits: 0, bytes: 0, bad: [] };
const statuses = {};
readFileSync("access.log", "utf8").trimEnd().split("\n").forEach((line, index) => {
  const groups = pattern.exec(line)?.groups;
  if (!groups) return stats.bad.push(index + 1);
  stats.hits++;
  stats.bytes += Number(groups.size) || 0;
  (statuses[groups.status] ??= []).push(groups.path);
  if (groups.query) console.log(new URLSearchParams(groups.query).get("page"), groups.query.split("&").map((pair) => pair.split("=")));
});
console.log(stats);
console.log(statuses);
const [, day, month, year, time] = /(\d+)\/(\w+)\/(\d+):([\d:]+)/.exec(readFileSync("access.log", "utf8"));
console.log(new Date(`${day} ${month} ${year} ${time} UTC`).toISOString());
