// The little of locales that snippets expect to be there. The engine knows none: what is here is American English, and UTC.
(() => {
  "use strict";
  const hide = (object, name, value) => Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
  // As methods of the engine are: no constructors, and as long as the standard says. It reserves what comes after for locales.
  const give = (object, methods) => { for (const name of Object.keys(methods)) hide(object, name, methods[name]); };
  const numberOf = Function.prototype.call.bind(Number.prototype.valueOf);
  const bigOf = Function.prototype.call.bind(BigInt.prototype.toString);
  const timeOf = Function.prototype.call.bind(Date.prototype.getTime);

  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");
  const signs = { USD: "$", EUR: "€", GBP: "£", JPY: "¥", INR: "₹", CNY: "CN¥", KRW: "₩" };
  const whole = new Set(["JPY", "KRW", "VND", "CLP"]);
  // What is rounded is the shortest decimal of a number, so that 1.005 is 1.01 and no digit is told that it does not have.
  const decimal = (value) => {
    const [digits, power = "0"] = String(Math.abs(value)).split("e");
    const [ones, part = ""] = digits.split(".");
    return power < 0 ? ["0", ones.padStart(-power, "0") + part] : moved([ones, part], Number(power));
  };
  const moved = ([ones, part], by) =>
    by < 0 ? [ones.slice(0, by) || "0", ones.slice(by) + part] : [ones + part.slice(0, by).padEnd(by, "0"), part.slice(by)];
  const rounded = ([ones, part], most) => {
    const kept = BigInt(ones + part.slice(0, most).padEnd(most, "0")) + (part[most] >= "5" ? 1n : 0n);
    const digits = String(kept).padStart(most + 1, "0");
    return [digits.slice(0, digits.length - most), digits.slice(digits.length - most)];
  };
  // Two digits that count, or all before the point; in thousands of thousands.
  const compact = (exact, wanted) => {
    const group = Math.min(4, Math.floor((exact[0].length - 1) / 3));
    const scaled = moved(exact, -3 * group);
    const most = wanted ?? (scaled[0] === "0" ? /^0*/.exec(scaled[1])[0].length + 2 : Math.max(0, 2 - scaled[0].length));
    const told = rounded(scaled, most);
    return told[0] === "1000" && group < 4 ? [["1", ""], group + 1] : [told, group];
  };
  const scales = { short: ["", "K", "M", "B", "T"], long: ["", " thousand", " million", " billion", " trillion"] };
  const number = (value, options = {}) => {
    if (Number.isNaN(value)) return "NaN";
    const money = options.style === "currency", percent = options.style === "percent", short = options.notation === "compact";
    const usual = money && !short ? (whole.has(options.currency) ? 0 : 2) : 0;
    const least = options.minimumFractionDigits ?? Math.min(usual, options.maximumFractionDigits ?? usual);
    const most = Math.max(least, options.maximumFractionDigits ?? (money ? usual : percent ? 0 : 3));
    let text = "∞", unit = "";
    if (Number.isFinite(value)) {
      const exact = percent ? moved(decimal(value), 2) : decimal(value);
      exact[0] = exact[0].replace(/^0+(?=\d)/, "");
      let [ones, part] = rounded(exact, Math.min(most, 100));
      if (short) {
        const [told, group] = compact(exact, options.maximumFractionDigits);
        [ones, part] = told;
        unit = scales[options.compactDisplay ?? "short"][group];
      }
      while (part.length > least && part.endsWith("0")) part = part.slice(0, -1);
      ones = ones.padStart(options.minimumIntegerDigits ?? 1, "0");
      text = (options.useGrouping === false || (short && ones.length < 5) ? ones : grouped(ones)) + (part && "." + part);
    }
    const sign = value < 0 || Object.is(value, -0) ? "-" : "";
    return sign + (money ? signs[options.currency] ?? options.currency + "\u00a0" : "") + text + (percent ? "%" : "") + unit;
  };
  give(Number.prototype, { toLocaleString(_ = undefined, options = undefined) { return number(numberOf(this), options); } });
  give(BigInt.prototype, { toLocaleString() { return bigOf(this).replace(/\d+/, grouped); } });

  const months = "January February March April May June July August September October November December".split(" ");
  const days = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
  const two = (value) => String(value).padStart(2, "0");
  const date = (at, options, fallback) => {
    if (Number.isNaN(timeOf(at))) return "Invalid Date";
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
  give(Date.prototype, {
    toLocaleString(_ = undefined, options = undefined) { return date(this, options, { ...dated, ...timed }); },
    toLocaleDateString(_ = undefined, options = undefined) { return date(this, options, dated); },
    toLocaleTimeString(_ = undefined, options = undefined) { return date(this, options, timed); },
  });

  // The engine's own words for a moment lack the zone's name, which is always the same here.
  for (const name of ["toString", "toTimeString"]) {
    const told = Date.prototype[name];
    hide(Date.prototype, name, { [name]() { const text = told.call(this); return text === "Invalid Date" ? text : text + " (Coordinated Universal Time)"; } }[name]);
  }

  // Letters first, then their marks, then small before capital, as dictionaries have it.
  const plain = (text) => text.replace(/[\u0300-\u036f]/g, "");
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const rank = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, (sign) => "\u0001" + sign);
  const compare = (a, b, options = {}) => {
    // However a letter and its mark are written, they are the same.
    [a, b] = [String(a).normalize("NFD"), String(b).normalize("NFD")];
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
    const marks = order(a.toLowerCase(), b.toLowerCase());
    return marks || options.sensitivity === "accent" ? marks : order(b, a);
  };
  give(String.prototype, {
    localeCompare(other, _ = undefined, options = undefined) {
      if (this === undefined || this === null) throw new TypeError("String.prototype.localeCompare called on null or undefined");
      return compare(this, other, options);
    },
  });

  const parts = { locale: "en-US" };
  // Some of them are also called without `new`.
  const either = (made) => {
    const called = new Proxy(made, { apply: (_, __, args) => new made(...args) });
    hide(made.prototype, "constructor", called);
    return called;
  };
  hide(globalThis, "Intl", {});
  give(Intl, {
    NumberFormat: either(class NumberFormat { constructor(_, options) { this.format = (value) => number(Number(value), options); } resolvedOptions() { return parts; } }),
    DateTimeFormat: either(class DateTimeFormat { constructor(_, options) { this.format = (at = new Date()) => date(new Date(at), options, dated); } resolvedOptions() { return { ...parts, timeZone: "UTC" }; } }),
    Collator: either(class Collator { constructor(_, options) { this.compare = (a, b) => compare(a, b, options); } }),
    PluralRules: class PluralRules { select(count) { return count === 1 ? "one" : "other"; } },
    ListFormat: class ListFormat { constructor(_, { type = "conjunction" } = {}) { const word = type === "disjunction" ? "or" : "and"; this.format = (list) => { const all = [...list]; return all.length < 3 ? all.join(` ${word} `) : `${all.slice(0, -1).join(", ")}, ${word} ${all.at(-1)}`; }; } },
  });
})
