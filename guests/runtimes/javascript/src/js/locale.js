// The little of locales that snippets expect to be there. The engine knows none: what is here is American English, and UTC.
(() => {
  "use strict";
  const hide = (object, name, value) => Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });

  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");
  const signs = { USD: "$", EUR: "€", GBP: "£", JPY: "¥", INR: "₹", CNY: "CN¥", KRW: "₩" };
  const number = (value, options = {}) => {
    if (Number.isNaN(value)) return "NaN";
    const money = options.style === "currency";
    const percent = options.style === "percent";
    if (percent) value *= 100;
    const least = options.minimumFractionDigits ?? (money ? (options.currency === "JPY" ? 0 : 2) : 0);
    const most = Math.max(least, options.maximumFractionDigits ?? (money ? least : percent ? 0 : 3));
    let unit = "";
    if (options.notation === "compact") {
      const [size, name] = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"], [1, ""]].find(([size]) => Math.abs(value) >= size) ?? [1, ""];
      return (value / size).toFixed(Math.abs(value / size) < 100 && name ? 1 : 0).replace(/\.0$/, "") + name;
    }
    if (!Number.isFinite(value)) return value < 0 ? "-∞" : "∞";
    let [whole, part = ""] = Math.abs(value).toFixed(Math.min(most, 20)).split(".");
    while (part.length > least && part.endsWith("0")) part = part.slice(0, -1);
    const text = (options.useGrouping === false ? whole : grouped(whole)) + (part && "." + part);
    const sign = value < 0 || Object.is(value, -0) ? "-" : "";
    return sign + (money ? signs[options.currency] ?? options.currency + "\u00a0" : "") + text + (percent ? "%" : "") + unit;
  };
  hide(Number.prototype, "toLocaleString", function toLocaleString(_, options) { return number(Number(this), options); });
  hide(BigInt.prototype, "toLocaleString", function toLocaleString() { const text = String(this); return text.startsWith("-") ? "-" + grouped(text.slice(1)) : grouped(text); });

  const months = "January February March April May June July August September October November December".split(" ");
  const days = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
  const two = (value) => String(value).padStart(2, "0");
  const date = (at, options, fallback) => {
    if (Number.isNaN(at.getTime())) return "Invalid Date";
    let o = { ...options };
    const asked = ["weekday", "year", "month", "day", "hour", "minute", "second", "dateStyle", "timeStyle"].some((key) => o[key]);
    if (!asked) o = { ...o, ...fallback };
    if (o.dateStyle) o = { ...o, year: o.dateStyle === "short" ? "2-digit" : "numeric", month: { full: "long", long: "long", medium: "short", short: "numeric" }[o.dateStyle], day: "numeric", ...(o.dateStyle === "full" && { weekday: "long" }) };
    if (o.timeStyle) o = { ...o, hour: "numeric", minute: "2-digit", ...(o.timeStyle !== "short" && { second: "2-digit" }) };
    const year = o.year === "2-digit" ? two(at.getUTCFullYear() % 100) : String(at.getUTCFullYear());
    const day = o.day === "2-digit" ? two(at.getUTCDate()) : String(at.getUTCDate());
    let told = "";
    if (o.month === "long" || o.month === "short") {
      const name = months[at.getUTCMonth()];
      told = [o.month === "short" ? name.slice(0, 3) : name, o.day && day].filter(Boolean).join(" ");
      if (o.year) told += (o.day ? ", " : " ") + year;
    } else {
      const month = o.month === "2-digit" ? two(at.getUTCMonth() + 1) : String(at.getUTCMonth() + 1);
      told = [o.month && month, o.day && day, o.year && year].filter(Boolean).join("/");
    }
    if (o.weekday) { const name = days[at.getUTCDay()]; told = [o.weekday === "short" ? name.slice(0, 3) : name, told].filter(Boolean).join(", "); }
    if (o.hour || o.minute || o.second) {
      const full = o.hour12 === false || o.hourCycle === "h23";
      const hour = full ? at.getUTCHours() : at.getUTCHours() % 12 || 12;
      const parts = [o.hour && (o.hour === "2-digit" || full ? two(hour) : String(hour)), o.minute && two(at.getUTCMinutes()), o.second && two(at.getUTCSeconds())].filter(Boolean);
      told = [told, parts.join(":") + (o.hour && !full ? (at.getUTCHours() < 12 ? " AM" : " PM") : "")].filter(Boolean).join(o.dateStyle === "full" || o.dateStyle === "long" ? " at " : ", ");
    }
    return told;
  };
  const dated = { year: "numeric", month: "numeric", day: "numeric" };
  const timed = { hour: "numeric", minute: "2-digit", second: "2-digit" };
  hide(Date.prototype, "toLocaleString", function toLocaleString(_, options) { return date(this, options, { ...dated, ...timed }); });
  hide(Date.prototype, "toLocaleDateString", function toLocaleDateString(_, options) { return date(this, options, dated); });
  hide(Date.prototype, "toLocaleTimeString", function toLocaleTimeString(_, options) { return date(this, options, timed); });

  // The engine's own words for a moment lack the zone's name, which is always the same here.
  for (const name of ["toString", "toTimeString"]) {
    const told = Date.prototype[name];
    hide(Date.prototype, name, { [name]() { const text = told.call(this); return text === "Invalid Date" ? text : text + " (Coordinated Universal Time)"; } }[name]);
  }

  // Letters first, then their marks, then small before capital, as dictionaries have it.
  const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "");
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const rank = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, (sign) => "\u0001" + sign);
  const compare = (a, b, options = {}) => {
    [a, b] = [String(a), String(b)];
    if (options.numeric) {
      const split = (text) => text.split(/(\d+)/);
      const [x, y] = [split(a), split(b)];
      for (let at = 0; at < Math.min(x.length, y.length); at++) {
        const one = at % 2 ? order(Number(x[at]), Number(y[at])) : compare(x[at], y[at], { ...options, numeric: false });
        if (one) return one;
      }
      return order(x.length, y.length);
    }
    const base = order(rank(plain(a)), rank(plain(b)));
    if (base || options.sensitivity === "base") return base;
    const marks = order(a.toLowerCase().normalize("NFD"), b.toLowerCase().normalize("NFD"));
    return marks || options.sensitivity === "accent" ? marks : order(b, a);
  };
  hide(String.prototype, "localeCompare", function localeCompare(other, _, options) { return compare(this, other, options); });

  const parts = { locale: "en-US" };
  hide(globalThis, "Intl", {
    NumberFormat: class NumberFormat { constructor(_, options) { this.format = (value) => number(Number(value), options); } resolvedOptions() { return parts; } },
    DateTimeFormat: class DateTimeFormat { constructor(_, options) { this.format = (at = new Date()) => date(new Date(at), options, dated); } resolvedOptions() { return { ...parts, timeZone: "UTC" }; } },
    Collator: class Collator { constructor(_, options) { this.compare = (a, b) => compare(a, b, options); } },
    PluralRules: class PluralRules { select(count) { return count === 1 ? "one" : "other"; } },
    ListFormat: class ListFormat { constructor(_, { type = "conjunction" } = {}) { const word = type === "disjunction" ? "or" : "and"; this.format = (list) => { const all = [...list]; return all.length < 3 ? all.join(` ${word} `) : `${all.slice(0, -1).join(", ")}, ${word} ${all.at(-1)}`; }; } },
  });
})
