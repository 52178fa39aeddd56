const date = new Date("2026-03-01T15:04:05Z");
console.log(date.toLocaleDateString("en-US", { weekday: "long", year: "numeric", month: "long", day: "numeric" }));
console.log(date.toLocaleDateString("en-US"), date.toLocaleDateString("en-US", { month: "short", day: "2-digit" }));
console.log(date.toLocaleTimeString("en-US", { hour: "2-digit", minute: "2-digit", hour12: false }));
console.log((1234567.891).toLocaleString("en-US"), (0.256).toLocaleString("en-US", { style: "percent" }), (5).toLocaleString("en-US", { minimumFractionDigits: 2 }));
console.log(new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }).format(-1234.5));
console.log(["résumé", "resume", "Zebra", "apple", "Äpfel"].sort((a, b) => a.localeCompare(b)), ["a10", "a9", "a1"].sort((a, b) => a.localeCompare(b, undefined, { numeric: true })));
console.log(new Intl.PluralRules("en-US").select(1), ["a", "B"].sort(new Intl.Collator("en").compare), new Intl.ListFormat("en", { type: "conjunction" }).format(["x", "y", "z"]));
console.log(date.toLocaleString("en-US", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" }).replace(/\u202f/g, " "));
