// Numbers as people of a language write them: `Intl.NumberFormat` without its class.
((kit) => {
  "use strict";
  const { find, option, only, absent, usual, narrow, digits } = kit.locales;
  const where = "Intl.NumberFormat";

  // What is rounded is the shortest decimal of a number, so that 1.005 is 1.01 and no digit is told that it does not have.
  const decimal = (value) => {
    const [told, power = "0"] = String(value).replace(/^-/, "").toLowerCase().split("e");
    const [ones, part = ""] = told.split(".");
    const [a, b] = moved([Number(power) < 0 ? "0".repeat(-power) + ones : ones, part], Number(power));
    return [a.replace(/^0+(?=\d)/, "") || "0", b];
  };
  const moved = ([ones, part], by) =>
    by < 0 ? [ones.slice(0, by) || "0", ones.slice(by) + part] : [ones + part.slice(0, by).padEnd(by, "0"), part.slice(by)];
  const rounded = ([ones, part], most) => {
    if (most < 0) {
      const [a] = rounded(moved([ones.padStart(1 - most, "0"), part], most), 0);
      return [a === "0" ? "0" : a + "0".repeat(-most), ""];
    }
    const kept = BigInt(ones + part.slice(0, most).padEnd(most, "0")) + (part[most] >= "5" ? 1n : 0n);
    const told = String(kept).padStart(most + 1, "0");
    return [told.slice(0, told.length - most), told.slice(told.length - most)];
  };
  const isZero = ([ones, part]) => /^0*$/.test(ones + part);
  // Where the first digit that counts stands: 1 for 5, 3 for 123, 0 for 0.5.
  const size = ([ones, part]) => (ones !== "0" ? ones.length : part === "" || /^0*$/.test(part) ? 1 : -/^0*/.exec(part)[0].length);

  const integer = (options, name, low, high) => {
    if (options[name] === undefined) return undefined;
    const value = Number(options[name]);
    if (!(value >= low && value <= high)) throw new RangeError(`${name} value is out of range.`);
    return Math.floor(value);
  };
  const precision = (options, least, most, compact) => {
    const told = { minimumIntegerDigits: integer(options, "minimumIntegerDigits", 1, 21) ?? 1 };
    const low = integer(options, "minimumFractionDigits", 0, 100), high = integer(options, "maximumFractionDigits", 0, 100);
    if (options.minimumSignificantDigits !== undefined || options.maximumSignificantDigits !== undefined) {
      told.minimumSignificantDigits = integer(options, "minimumSignificantDigits", 1, 21) ?? 1;
      told.maximumSignificantDigits = integer(options, "maximumSignificantDigits", told.minimumSignificantDigits, 21) ?? 21;
      return told;
    }
    if (compact && low === undefined && high === undefined) return { ...told, minimumFractionDigits: 0, maximumFractionDigits: 0, isCompact: true };
    if (low !== undefined && high !== undefined && low > high) throw new RangeError("maximumFractionDigits value is out of range.");
    told.minimumFractionDigits = low ?? Math.min(least, high ?? least);
    told.maximumFractionDigits = high ?? Math.max(most, told.minimumFractionDigits);
    return told;
  };
  const resolve = (asked, given) => {
    const [locale, language] = find(asked);
    const options = given === undefined ? {} : Object(given);
    if (given === null) throw new TypeError("Cannot convert undefined or null to object");
    only(options, "numberingSystem", "latn");
    const style = option(options, "style", ["decimal", "percent", "currency", "unit"], where, ["decimal", "percent", "currency"]) ?? "decimal";
    let currency = options.currency;
    if (currency !== undefined && !/^[a-z]{3}$/i.test(currency)) throw new RangeError(`Invalid currency code : ${currency}`);
    if (style === "currency" && currency === undefined) throw new TypeError("Currency code is required with currency style.");
    currency = currency && String(currency).toUpperCase();
    const display = option(options, "currencyDisplay", ["symbol", "narrowSymbol", "code", "name"], where, ["symbol", "narrowSymbol", "code"]) ?? "symbol";
    const currencySign = option(options, "currencySign", ["standard", "accounting"], where) ?? "standard";
    const notation = option(options, "notation", ["standard", "scientific", "engineering", "compact"], where) ?? "standard";
    const compactDisplay = option(options, "compactDisplay", ["short", "long"], where) ?? "short";
    if (notation !== "standard" && notation !== "compact" && language.group === "\u00a0") absent(`notation: '${notation}' in ${locale}`, "there it is in the other languages");
    if (notation === "compact" && !language.thousands) absent(`notation: 'compact' in ${locale}`, "there it is in English");
    if (notation === "compact" && currencySign === "accounting") absent("currencySign: 'accounting' with notation: 'compact'");
    only(options, "roundingMode", "halfExpand");
    only(options, "roundingIncrement", "1");
    only(options, "roundingPriority", "auto");
    const usualDigits = style === "currency" ? digits[currency] ?? 2 : 0;
    const told = precision(options, usualDigits, style === "currency" ? usualDigits : style === "percent" ? 0 : 3, notation === "compact");
    const trailing = option(options, "trailingZeroDisplay", ["auto", "stripIfInteger"], where) ?? "auto";
    let grouping = options.useGrouping;
    if (grouping === undefined || grouping === "true" || grouping === "false") grouping = notation === "compact" ? "min2" : "auto";
    else if (grouping === true) grouping = "always";
    else if (!grouping) grouping = false;
    else grouping = option({ useGrouping: grouping }, "useGrouping", ["min2", "auto", "always"], where);
    const signDisplay = option(options, "signDisplay", ["auto", "never", "always", "exceptZero", "negative"], where) ?? "auto";
    return { locale, language, style, currency, display, currencySign, notation, compactDisplay, ...told, trailing, grouping, signDisplay };
  };

  // Two digits that count, or all before the point; in thousands of thousands.
  const compact = (exact, o) => {
    const group = Math.min(4, Math.max(0, Math.floor((size(exact) - 1) / 3)));
    const scaled = moved(exact, -3 * group);
    const told = digitsOf(scaled, o);
    return told[0] === "1000" && group < 4 ? [["1", told[1]], group + 1] : [told, group];
  };
  const scientific = (exact, o) => {
    const step = o.notation === "engineering" ? 3 : 1;
    const at = isZero(exact) ? 0 : Math.floor((size(exact) - 1) / step) * step;
    const shift = (by) => { const [a, b] = by > 0 ? moved([exact[0].padStart(by + 1, "0"), exact[1]], -by) : moved(exact, -by); return [a.replace(/^0+(?=\d)/, ""), b]; };
    const told = digitsOf(shift(at), o);
    return told[0].length > step ? [digitsOf(shift(at + step), o), at + step] : [told, at];
  };
  const trimmed = (part, least) => part.slice(0, Math.max(least, part.replace(/0+$/, "").length));
  const digitsOf = (exact, o) => {
    if (o.isCompact) {
      const told = rounded(exact, Math.max(0, 2 - size(exact)));
      return [told[0], trimmed(told[1], 0)];
    }
    if (o.maximumSignificantDigits === undefined) {
      const [ones, part] = rounded(exact, o.maximumFractionDigits);
      return [ones, trimmed(part, o.minimumFractionDigits)];
    }
    const told = rounded(exact, o.maximumSignificantDigits - size(exact));
    const least = Math.max(0, o.minimumSignificantDigits - size(isZero(told) ? ["0", ""] : told));
    return [told[0], trimmed(told[1], least).padEnd(least, "0")];
  };

  const scales = ["thousand", "million", "billion", "trillion"];
  const integers = (ones, o) => {
    const { group } = o.language, parts = [];
    const isGrouped = o.grouping !== false && ones.length > (o.grouping === "min2" || (o.notation === "compact" && o.grouping === "auto") ? 4 : 3);
    const pieces = isGrouped ? ones.replace(/\B(?=(\d{3})+$)/g, "_").split("_") : [ones];
    pieces.forEach((value, at) => { if (at) parts.push({ type: "group", value: group }); parts.push({ type: "integer", value }); });
    return parts;
  };
  const body = (value, o) => {
    if (value === "NaN") return [[{ type: "nan", value: "NaN" }], false];
    if (value === "Infinity") return [[{ type: "infinity", value: "∞" }], false];
    let exact = decimal(value), unit = "", power;
    if (o.style === "percent") { exact = moved(exact, 2); exact[0] = exact[0].replace(/^0+(?=\d)/, ""); }
    let told;
    if (o.notation === "compact") { let group; [told, group] = compact(exact, o); if (group) unit = o.compactDisplay === "long" && o.style !== "currency" ? "\u0020" + scales[group - 1] : o.language.thousands[group - 1]; }
    else if (o.notation !== "standard") [told, power] = scientific(exact, o);
    else told = digitsOf(exact, o);
    let [ones, part] = told;
    if (o.trailing === "stripIfInteger" && /^0*$/.test(part)) part = "";
    const parts = integers(ones.padStart(o.minimumIntegerDigits, "0"), o);
    if (part) parts.push({ type: "decimal", value: o.language.point }, { type: "fraction", value: part });
    if (power !== undefined) {
      parts.push({ type: "exponentSeparator", value: "E" });
      if (power < 0) parts.push({ type: "exponentMinusSign", value: "-" });
      parts.push({ type: "exponentInteger", value: String(Math.abs(power)) });
    }
    if (unit[0] === " ") parts.push({ type: "literal", value: " " });
    if (unit) parts.push({ type: "compact", value: unit.trim() });
    return [parts, isZero(told)];
  };
  const signOf = (isNegative, isZero, o) => {
    const shows = { auto: isNegative ? "-" : "", always: isNegative ? "-" : "+", never: "", exceptZero: isZero ? "" : isNegative ? "-" : "+", negative: isNegative && !isZero ? "-" : "" }[o.signDisplay];
    return shows === "-" ? [{ type: "minusSign", value: o.language.minus }] : shows ? [{ type: "plusSign", value: "+" }] : [];
  };
  const signOfCurrency = ({ language, currency, display }) => {
    if (display === "code") return currency;
    return display === "narrowSymbol" ? language.narrow?.[currency] ?? narrow[currency] ?? currency : language.signs[currency] ?? usual[currency] ?? currency;
  };
  // `value` is a number, a BigInt, or a decimal in words.
  const parts = (value, o) => {
    const isNegative = typeof value === "number" ? value < 0 || Object.is(value, -0) : typeof value === "bigint" ? value < 0n : value.startsWith("-");
    const text = typeof value === "number" ? String(Math.abs(value)) : String(value).replace(/^[-+]/, "");
    const [number, isZero] = body(text, o);
    let sign = signOf(isNegative && text !== "NaN", isZero || text === "NaN", o);
    if (o.style === "percent") return [...sign, ...number, ...(o.language.percent[1] ? [{ type: "literal", value: o.language.percent[0] }] : []), { type: o.notation === "compact" ? "unit" : "percentSign", value: "%" }];
    if (o.style !== "currency") return [...sign, ...number];
    const money = { type: "currency", value: signOfCurrency(o) }, blank = { type: "literal", value: "\u00a0" };
    const whole = o.language.before ? [money, ...(/\p{S}$/u.test(money.value) || number[0].type !== "integer" ? [] : [blank]), ...number] : [...number, blank, money];
    if (o.currencySign === "accounting" && o.language.accounting && sign[0]?.type === "minusSign") return [{ type: "literal", value: "(" }, ...whole, { type: "literal", value: ")" }];
    return [...sign, ...whole];
  };
  const format = (value, o) => parts(value, o).map((part) => part.value).join("");
  const numeric = (value) => {
    if (typeof value === "object" && value !== null) value = value[Symbol.toPrimitive] || value.valueOf() !== value ? value.valueOf() : String(value);
    if (typeof value === "string" && /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,3})?\s*$/i.test(value)) return value.trim().replace(/^([-+]?)\./, "$10.");
    return typeof value === "bigint" ? value : Number(value);
  };
  const told = ({ locale, style, currency, display, currencySign, notation, compactDisplay, minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits, minimumSignificantDigits, maximumSignificantDigits, isCompact, grouping, signDisplay, trailing }) => {
    const all = {
      locale, numberingSystem: "latn", style, ...(style === "currency" && { currency, currencyDisplay: display, currencySign }), minimumIntegerDigits,
      ...(isCompact ? { minimumSignificantDigits: 1, maximumSignificantDigits: 2 } : { minimumSignificantDigits, maximumSignificantDigits }), minimumFractionDigits, maximumFractionDigits,
      useGrouping: grouping, notation, ...(notation === "compact" && { compactDisplay }), signDisplay, roundingMode: "halfExpand", roundingIncrement: 1,
      trailingZeroDisplay: trailing, roundingPriority: isCompact ? "morePrecision" : "auto",
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  };
  // How many digits are seen after the point, for the rules of plurals.
  const seen = (value, o) => {
    const [number] = body(String(Math.abs(value)), { ...o, grouping: false });
    return [number.find((part) => part.type === "integer")?.value ?? "", number.find((part) => part.type === "fraction")?.value ?? ""];
  };
  Object.assign(kit, { numbers: { resolve, parts, format, numeric, told, seen, precision } });
})
