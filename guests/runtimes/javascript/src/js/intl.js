// `Intl`, and the methods of numbers, texts and dates that go by it. The engine has neither; what there is of languages is in
// `locales.js`, and what is asked beyond that is an error that names it.
((kit) => {
  "use strict";
  const { hide, locales, numbers, dates, collation } = kit;
  const { find, canonicals, option, absent } = locales;
  // As methods of the engine are: no constructors, and as long as the standard says. It reserves what comes after for locales.
  const give = (object, methods) => { for (const name of Object.keys(methods)) hide(object, name, methods[name]); };
  const numberOf = Function.prototype.call.bind(Number.prototype.valueOf);
  const bigOf = Function.prototype.call.bind(BigInt.prototype.valueOf);
  const timeOf = Function.prototype.call.bind(Date.prototype.getTime);
  const usual = { number: numbers.resolve(), all: dates.resolve(undefined, undefined, "any", "all"), date: dates.resolve(undefined, undefined, "date", "date"), time: dates.resolve(undefined, undefined, "time", "time") };
  const isPlain = (locale, options) => locale === undefined && options === undefined;

  give(Number.prototype, { toLocaleString(locale = undefined, options = undefined) { const value = numberOf(this); return numbers.format(value, isPlain(locale, options) ? usual.number : numbers.resolve(locale, options)); } });
  give(BigInt.prototype, { toLocaleString(locale = undefined, options = undefined) { const value = bigOf(this); return numbers.format(value, numbers.resolve(locale, options)); } });
  const dated = (at, locale, options, required, defaults, plain) => {
    const ms = timeOf(at), o = isPlain(locale, options) ? plain : dates.resolve(locale, options, required, defaults);
    return Number.isNaN(ms) ? "Invalid Date" : dates.format(ms, o);
  };
  give(Date.prototype, {
    toLocaleString(locale = undefined, options = undefined) { return dated(this, locale, options, "any", "all", usual.all); },
    toLocaleDateString(locale = undefined, options = undefined) { return dated(this, locale, options, "date", "date", usual.date); },
    toLocaleTimeString(locale = undefined, options = undefined) { return dated(this, locale, options, "time", "time", usual.time); },
  });
  // The engine's own words for a moment lack the zone's name, which is always the same here.
  for (const name of ["toString", "toTimeString"]) {
    const told = Date.prototype[name];
    hide(Date.prototype, name, { [name]() { const text = told.call(this); return text === "Invalid Date" ? text : text + " (Coordinated Universal Time)"; } }[name]);
  }
  give(String.prototype, {
    localeCompare(other, locale = undefined, options = undefined) {
      if (this === undefined || this === null) throw new TypeError("String.prototype.localeCompare called on null or undefined");
      return collation.compare(String(this), String(other), isPlain(locale, options) ? collation.usual : collation.resolve(locale, options));
    },
  });
  for (const name of ["toLocaleLowerCase", "toLocaleUpperCase"]) {
    const told = String.prototype[name];
    give(String.prototype, { [name](locale = undefined) { if (locale !== undefined) find(locale); return told.call(this); } });
  }

  const lists = (name) => ({ supportedLocalesOf(asked, options = undefined) { return canonicals(asked).filter((tag) => tag.toLowerCase() in locales.there); } });
  const range = (name) => ({ formatRange() { absent(`Intl.${name}.prototype.formatRange`); }, formatRangeToParts() { absent(`Intl.${name}.prototype.formatRangeToParts`); } });
  class NumberFormat {
    #o;
    #bound;
    constructor(locale, options) { this.#o = numbers.resolve(locale, options); }
    get format() { return this.#bound ??= (value) => numbers.format(numbers.numeric(value), this.#o); }
    formatToParts(value) { return numbers.parts(numbers.numeric(value), this.#o); }
    resolvedOptions() { return numbers.told(this.#o); }
  }
  const moment = (at) => (at === undefined ? Date.now() : Number(at));
  class DateTimeFormat {
    #o;
    #bound;
    constructor(locale, options) { this.#o = dates.resolve(locale, options); }
    get format() { return this.#bound ??= (at) => dates.format(moment(at), this.#o); }
    formatToParts(at) { return dates.parts(moment(at), this.#o); }
    resolvedOptions() { return dates.told(this.#o); }
  }
  class Collator {
    #o;
    #bound;
    constructor(locale, options) { this.#o = collation.resolve(locale, options); }
    get compare() { return this.#bound ??= (a, b) => collation.compare(String(a), String(b), this.#o); }
    resolvedOptions() { const { swedish, ...told } = this.#o; return told; }
  }
  class PluralRules {
    #o;
    #language;
    constructor(locale, options = {}) {
      const [name, language] = find(locale);
      const type = option(options, "type", ["cardinal", "ordinal"], "Intl.PluralRules") ?? "cardinal";
      this.#language = language;
      this.#o = { ...numbers.resolve(locale, { ...options, style: "decimal", notation: "standard" }), locale: locale === undefined ? name : name.split("-")[0], type };
    }
    select(count) {
      const value = Number(count);
      if (!Number.isFinite(value)) return "other";
      if (this.#o.type === "ordinal") return this.#language.ordinal(Math.abs(value));
      const [ones, part] = numbers.seen(value, this.#o);
      return this.#language.plural(Math.abs(value), Number(ones), part.length);
    }
    resolvedOptions() {
      const { locale, minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits } = numbers.told(this.#o), { type } = this.#o;
      const pluralCategories = type === "ordinal" ? this.#language.ordinals : this.#language.plurals ?? ["one", "other"];
      return { locale, type, minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits, pluralCategories };
    }
  }
  class ListFormat {
    #o;
    #language;
    constructor(locale, options = {}) {
      const [name, language] = find(locale);
      this.#language = language;
      this.#o = { locale: name, type: option(options, "type", ["conjunction", "disjunction", "unit"], "Intl.ListFormat") ?? "conjunction", style: option(options, "style", ["long", "short", "narrow"], "Intl.ListFormat") ?? "long" };
    }
    formatToParts(list) {
      const all = Array.from(list, (one) => { if (typeof one !== "string") throw new TypeError("Iterable yielded " + kit.inspect(one) + " which is not a string"); return one; });
      const { type, style } = this.#o, { and, or, oxford } = this.#language;
      let [comma, word] = type === "disjunction" ? [", ", or] : type === "conjunction" ? and[style] : [style === "narrow" && !and.narrow[1] ? " " : ", ", undefined];
      // German and French have a word in the list of a unit as well, German only where it is longer than two.
      if (type === "unit" && and.narrow[1] && !(style === "narrow" && and.narrow[1] === "et")) word = and.narrow[1] === "und" && all.length === 2 ? undefined : and.narrow[1];
      if (type === "unit" && style === "narrow" && and.narrow[1] === "et") comma = " ";
      if (type === "conjunction" && style === "narrow" && and.narrow[1] === "et") word = undefined;
      const parts = [];
      all.forEach((value, at) => {
        if (at) parts.push({ type: "literal", value: at < all.length - 1 || !word ? comma : (oxford && all.length > 2 ? "," : "") + ` ${word} ` });
        parts.push({ type: "element", value });
      });
      return parts;
    }
    format(list) { return this.formatToParts(list).map((part) => part.value).join(""); }
    resolvedOptions() { return { ...this.#o }; }
  }
  const units = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"];
  const near = { day: ["yesterday", "today", "tomorrow"], second: [undefined, "now"], minute: [undefined, "this minute"], hour: [undefined, "this hour"] };
  class RelativeTimeFormat {
    #o;
    constructor(locale, options = {}) {
      const [name, language] = find(locale);
      if (!language.thousands) absent(`Intl.RelativeTimeFormat in ${name}`, "there it is in English");
      const style = option(options, "style", ["long", "short", "narrow"], "Intl.RelativeTimeFormat", ["long"]) ?? "long";
      this.#o = { locale: name, style, numeric: option(options, "numeric", ["always", "auto"], "Intl.RelativeTimeFormat") ?? "always", numberingSystem: "latn" };
    }
    format(count, asked) {
      const value = Number(count), unit = String(asked).replace(/s$/, "");
      if (!units.includes(unit)) throw new RangeError(`Invalid unit argument for format() '${asked}'`);
      if (!Number.isFinite(value)) throw new RangeError("Invalid time value");
      if (this.#o.numeric === "auto") {
        const word = [-1, 0, 1].includes(value) ? (near[unit] ?? ["last " + unit, "this " + unit, "next " + unit])[value + 1] : undefined;
        if (word) return word;
      }
      const told = `${numbers.format(Math.abs(value), usual.number)} ${unit}${Math.abs(value) === 1 ? "" : "s"}`;
      return value < 0 || Object.is(value, -0) ? `${told} ago` : `in ${told}`;
    }
    formatToParts() { absent("Intl.RelativeTimeFormat.prototype.formatToParts", "format is"); }
    resolvedOptions() { return { ...this.#o }; }
  }
  // What a reader takes for one character.
  const grapheme = /\r\n|\p{RI}{2}|(?:\p{Extended_Pictographic}[\p{M}\p{EMod}]*(?:\u200d\p{Extended_Pictographic}[\p{M}\p{EMod}]*)*|[\u1100-\u115f]*[\uac00-\ud7a3\u1160-\u11a7][\u1160-\u11ff]*|[^])[\p{M}\p{EMod}\u200d\u{e0020}-\u{e007f}]*/gu;
  class Segmenter {
    #locale;
    constructor(locale, options = {}) { [this.#locale] = find(locale); option(options, "granularity", ["grapheme", "word", "sentence"], "Intl.Segmenter", ["grapheme"]); }
    segment(text) {
      const input = String(text);
      return { [Symbol.iterator]: function* () { for (const found of input.matchAll(grapheme)) yield { segment: found[0], index: found.index, input }; } };
    }
    resolvedOptions() { return { locale: this.#locale, granularity: "grapheme" }; }
  }
  // Some of them are also called without `new`.
  const either = (made) => {
    const called = new Proxy(made, { apply: (_, __, args) => new made(...args) });
    hide(made.prototype, "constructor", called);
    return called;
  };
  const missing = (name) => hide(kit.Intl, name, { [name]: class { constructor() { absent(`Intl.${name}`); } } }[name]);
  kit.Intl = {};
  hide(globalThis, "Intl", kit.Intl);
  Object.defineProperty(kit.Intl, Symbol.toStringTag, { value: "Intl", configurable: true });
  const classes = { NumberFormat, DateTimeFormat, Collator, PluralRules, ListFormat, RelativeTimeFormat, Segmenter };
  for (const [name, made] of Object.entries(classes)) {
    give(made, lists(name));
    if (name === "NumberFormat" || name === "DateTimeFormat") give(made.prototype, range(name));
    Object.defineProperty(made.prototype, Symbol.toStringTag, { value: `Intl.${name}`, configurable: true });
    hide(kit.Intl, name, ["NumberFormat", "DateTimeFormat", "Collator"].includes(name) ? either(made) : made);
  }
  ["DisplayNames", "Locale", "DurationFormat"].forEach(missing);
  give(kit.Intl, {
    getCanonicalLocales(asked) { return canonicals(asked); },
    supportedValuesOf(key) {
      const known = { calendar: () => ["gregory"], collation: () => [], numberingSystem: () => ["latn"], unit: () => [], currency: () => Object.keys({ ...locales.usual, ...locales.narrow, ...locales.digits }).sort(), timeZone: () => [...kit.doors.zones(), "UTC"].sort() };
      if (!Object.hasOwn(known, String(key))) throw new RangeError(`Invalid key : ${key}`);
      return known[key]();
    },
  });
})
