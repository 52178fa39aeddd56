// The order of texts: `localeCompare` and `Intl.Collator` without its class. Unicode's order for all languages, as far as Latin
// letters, digits and signs of ASCII go; other letters by their numbers.
((kit) => {
  "use strict";
  const { find, option, only } = kit.locales;
  const where = "Intl.Collator";
  // Signs stand before digits, and those before letters.
  const signs = new Map(Array.from(" _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$", (sign, at) => [sign, String.fromCharCode(at + 1)]));
  const spelled = { "ß": "s\u0338s", "æ": "a\u0338e", "œ": "o\u0338e", "ø": "o\u0338", "ł": "l\u0335", "đ": "d\u0335", "ð": "d\u0335" };
  const marks = new Map(Array.from("\u0301\u0300\u0306\u0302\u030c\u030a\u0308\u030b\u0303\u0307\u0335\u0338\u0327\u0328\u0304", (mark, at) => [mark, String.fromCharCode(at + 2)]));
  const swedish = {
    "a\u030a": "z\uffff\u0001", "a\u0308": "z\uffff\u0002", "o\u0308": "z\uffff\u0003", "u\u0308": "y\u0308",
    "æ": "z\uffff\u0002\u0308", "ø": "z\uffff\u0003\u0338", "œ": "z\uffff\u0003\u0308",
  };
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const zeros = /(?<!\d)0+(?=\d)/g;
  const digits = (run) => "0" + String.fromCharCode(0x30 + run.length) + run;
  const unpointed = (text) => text.replace(/[\p{P}\p{Z}\t\n\r]/gu, "");
  const lower = (text, o) => {
    let told = text.toLowerCase();
    if (/[^\0-\x7f]/.test(told)) {
      // However a letter and its mark are written, they are the same.
      told = told.normalize("NFD");
      if (o.swedish) told = told.replace(/a\u030a|[aou]\u0308|[æøœ]/g, (letter) => swedish[letter]);
      told = told.replace(/[ßæœøłđð]/g, (letter) => spelled[letter]);
    }
    return told;
  };
  const primary = (text, o) => {
    let told = text.replace(/\p{M}/gu, "");
    told = told.replace(/[^\p{L}\p{N}\u0001-\u0003\uffff]/gu, (sign) => signs.get(sign) ?? (sign < " " ? (/[\t-\r]/.test(sign) ? "\u0000" + sign : "") : "\u0021" + sign));
    return o.numeric ? told.replace(/\d+/g, digits) : told;
  };
  const secondary = (text) => text.replace(/[^]/gu, (sign) => (/\p{M}/u.test(sign) ? marks.get(sign) ?? sign : "\u0001"));
  // Small before capital, and a letter before what it may be spelled as.
  const cased = (text, o) => {
    const [small, capital] = o.caseFirst === "upper" ? ["1", "0"] : ["0", "1"], spelled = o.sensitivity === "case" ? small + small : "22";
    const told = text.normalize("NFD").replace(/[^]/gu, (sign) => (/\p{M}/u.test(sign) ? "" : /[ßæœ]/.test(sign) ? spelled : /[ÆŒ]/.test(sign) ? "33" : sign.toLowerCase() === sign ? (o.numeric && /\d/.test(sign) ? "n" : small) : capital));
    return told.replace(/n+/g, small);
  };
  const compare = (one, other, o) => {
    if (o.ignorePunctuation) [one, other] = [unpointed(one), unpointed(other)];
    if (o.numeric) [one, other] = [one.replace(zeros, ""), other.replace(zeros, "")];
    if (one === other) return 0;
    const [a, b] = [lower(one, o), lower(other, o)];
    if (a !== b) {
      const first = order(primary(a, o), primary(b, o));
      if (first) return first;
    }
    if (o.sensitivity === "accent" || o.sensitivity === "variant") {
      const second = a === b ? 0 : order(secondary(a), secondary(b));
      if (second) return second;
    }
    if (o.sensitivity === "case" || o.sensitivity === "variant") {
      return order(cased(one, o), cased(other, o));
    }
    return 0;
  };
  const resolve = (asked, given) => {
    const [locale, language] = find(asked);
    const options = given === undefined ? {} : Object(given);
    if (given === null) throw new TypeError("Cannot convert undefined or null to object");
    only(options, "collation", "default");
    return {
      locale, usage: option(options, "usage", ["sort", "search"], where) ?? "sort",
      sensitivity: option(options, "sensitivity", ["base", "accent", "case", "variant"], where) ?? "variant",
      ignorePunctuation: Boolean(options.ignorePunctuation), collation: "default", numeric: Boolean(options.numeric),
      caseFirst: option(options, "caseFirst", ["upper", "lower", "false"], where) ?? "false", swedish: language.hours[1] === "h" && language.minus === "\u2212",
    };
  };
  Object.assign(kit, { collation: { resolve, compare, usual: resolve() } });
})
