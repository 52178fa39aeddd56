const start = new Date(Date.UTC(2026, 1, 27, 22, 30));
const days = (date, count) => new Date(date.getTime() + count * 86_400_000);
for (let n = 0; n < 4; n++) console.log(days(start, n).toISOString(), days(start, n).getUTCDay());
const diff = (a, b) => {
  let seconds = Math.abs(b - a) / 1000;
  const parts = {};
  for (const [unit, size] of [["days", 86400], ["hours", 3600], ["minutes", 60]]) {
    parts[unit] = Math.floor(seconds / size);
    seconds %= size;
  }
  return { ...parts, seconds };
};
console.log(diff(start, new Date("2025-12-24T18:30:15.250Z")));
console.log(["2026-02-30", "2026-02-28", "2026-02-28T10:00", "2026-02-28T10:00:00+05:30", "nonsense", "Mar 3, 2026"].map((text) => { const date = new Date(text); return isNaN(date) ? "invalid" : date.toJSON(); }));
const addMonths = (date, months) => { const d = new Date(date); const day = d.getUTCDate(); d.setUTCMonth(d.getUTCMonth() + months, 1); d.setUTCDate(Math.min(day, new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1, 0)).getUTCDate())); return d; };
console.log([1, 2, 13, -2].map((n) => addMonths("2026-01-31T00:00:00Z", n).toISOString().slice(0, 10)));
const week = (date) => { const d = new Date(date); d.setUTCDate(d.getUTCDate() + 4 - (d.getUTCDay() || 7)); return Math.ceil(((d - Date.UTC(d.getUTCFullYear(), 0, 1)) / 864e5 + 1) / 7); };
console.log(["2026-01-01", "2024-12-30", "2026-12-31"].map(week));
console.log(start, String(start), start.toUTCString(), +start, typeof (start + 1), start.toDateString());
console.log(new Date(2020, 0, 31, 12).getTime() === Date.parse("2020-01-31T12:00:00Z"), new Date(NaN).getTime(), Date.UTC(1970, 0), new Date(8.64e15 + 1));
console.log([2000, 1900, 2024, 2023].map((year) => new Date(year, 1, 29).getMonth() === 1), { when: start });
