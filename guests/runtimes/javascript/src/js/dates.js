// Moments as people of a language write them: `Intl.DateTimeFormat` without its class.
((kit) => {
  "use strict";
  const { find, option, only, absent } = kit.locales;
  const { zone } = kit.doors;
  const where = "Intl.DateTimeFormat";
  const two = ["numeric", "2-digit"], words = ["narrow", "short", "long"];
  const fields = [
    ["weekday", words], ["era", words, []], ["year", two], ["month", [...two, ...words], [...two, "short", "long"]], ["day", two], ["dayPeriod", words, []],
    ["hour", two], ["minute", two], ["second", two], ["timeZoneName", ["short", "long", "shortOffset", "longOffset", "shortGeneric", "longGeneric"], ["short", "long", "shortOffset", "longOffset"]],
  ];
  const styles = ["full", "long", "medium", "short"];
  const ofDate = ["weekday", "year", "month", "day"], ofTime = ["dayPeriod", "hour", "minute", "second", "fractionalSecondDigits"];
  const zoneOf = (asked) => {
    if (asked === undefined) return "UTC";
    const name = String(asked);
    if (/^(?:UTC|GMT|Etc\/(?:UTC|GMT|UCT|Zulu|Universal|Greenwich))$/i.test(name)) return "UTC";
    const found = /^[a-z][\w+-]*(?:\/[\w+-]+)*$/i.test(name) && zone(name, 0);
    if (!found) throw new RangeError(`Invalid time zone specified: ${name}`);
    return found[0];
  };
  const asked = (options) => {
    const told = {};
    for (const [name, values, here] of fields) {
      const given = option(options, name, values, where, here?.length ? here : values);
      if (given !== undefined && here?.length === 0) absent(`the option ${name} of ${where}`);
      if (given !== undefined) told[name] = given;
    }
    const part = options.fractionalSecondDigits;
    if (part !== undefined && !(part >= 1 && part <= 3)) throw new RangeError("fractionalSecondDigits value is out of range.");
    if (part !== undefined) told.fractionalSecondDigits = Math.floor(part);
    return told;
  };
  // `required` and `defaults` are those of the standard: date, time, any and all.
  const resolve = (locales, given, required = "any", defaults = "date") => {
    const [locale, language] = find(locales);
    if (given === null) throw new TypeError("Cannot convert undefined or null to object");
    const options = given === undefined ? {} : Object(given);
    only(options, "calendar", "gregory");
    only(options, "numberingSystem", "latn");
    const timeZone = zoneOf(options.timeZone);
    let told = asked(options);
    const dateStyle = option(options, "dateStyle", styles, where), timeStyle = option(options, "timeStyle", styles, where);
    if (dateStyle || timeStyle) {
      const [both] = Object.keys(told);
      if (both) throw new TypeError(`Can't set option ${both} when ${dateStyle ? "dateStyle" : "timeStyle"} is used`);
      if (required === "date" && timeStyle) throw new TypeError("Invalid option : timeStyle");
      if (required === "time" && dateStyle) throw new TypeError("Invalid option : dateStyle");
      told = { ...dateOf(dateStyle, language), ...timeOf(timeStyle) };
    } else {
      const has = (names) => names.some((name) => told[name] !== undefined);
      if (!((required !== "time" && has(ofDate)) || (required !== "date" && has(ofTime)))) {
        if (defaults !== "time") told = { ...told, year: "numeric", month: "numeric", day: "numeric" };
        if (defaults !== "date") told = { ...told, hour: "numeric", minute: "numeric", second: "numeric" };
      }
    }
    let hourCycle;
    if (told.hour) {
      hourCycle = option(options, "hourCycle", ["h11", "h12", "h23", "h24"], where, ["h11", "h12", "h23"]) ?? (language.twelve ? "h12" : "h23");
      if (options.hour12 !== undefined) hourCycle = options.hour12 ? (language.twelve ? "h12" : "h11") : language.twelve ? "h24" : "h23";
    }
    if (told.timeZoneName === "short" && timeZone !== "UTC" && !language.twelve) absent(`timeZoneName: 'short' of ${timeZone} in ${locale}`, "'shortOffset' is, and in en-US and en-CA it is as well");
    if (told.timeZoneName === "long" && timeZone !== "UTC") absent(`timeZoneName: 'long' of ${timeZone}`, "'short' and 'longOffset' are");
    if (told.fractionalSecondDigits && told.minute) told.second ??= "numeric";
    const o = { locale, language, timeZone, hourCycle, dateStyle, timeStyle, ...told };
    return { ...o, pattern: patternOf(o) };
  };
  const dateOf = (style, { styles }) => {
    if (!style) return {};
    const [year, month, day] = styles[style] ?? ["numeric", style === "medium" ? "short" : "long", "numeric"];
    return { ...(style === "full" && { weekday: "long" }), year, month, day };
  };
  const timeOf = (style) => (style ? { hour: "numeric", minute: "2-digit", ...(style !== "short" && { second: "2-digit" }), ...(style === "long" && { timeZoneName: "short" }), ...(style === "full" && { timeZoneName: "long" }) } : {});

  const isText = (month) => month === "short" || month === "long";
  // Its date alone; nothing where no date is asked for.
  const datePattern = ({ language, locale, weekday, year, month, day, hour, minute, second }) => {
    const key = (weekday ? "w" : "") + (year ? "y" : "") + (month ? (isText(month) ? "t" : "m") : "") + (day ? "d" : "");
    if (!key) return "";
    const alone = { w: "E", y: "Y", m: "M", t: month === "short" && language.months.alone ? "L" : "B", d: "D" }[key];
    const found = alone ?? language.dates[key];
    if (!found) absent(`a date of only ${[weekday && "weekday", year && "year", month && "month", day && "day"].filter(Boolean).join(", ")} in ${locale}`);
    if (!Array.isArray(found)) return found;
    return month === "numeric" && day === "numeric" ? found[0] : month === "2-digit" && day === "numeric" ? found[2] ?? found[1] : found[1];
  };
  const timePattern = ({ hour, minute, second, fractionalSecondDigits }) =>
    [hour && "h", minute && "i", (second || fractionalSecondDigits) && "s"].filter(Boolean).join(":");
  const patternOf = (o) => {
    const date = datePattern(o), time = timePattern(o), { language } = o;
    let later = time;
    if (o.hour && o.minute === undefined && (o.second || o.fractionalSecondDigits)) absent("an hour with seconds and without minutes");
    if (o.hour && /h1/.test(o.hourCycle)) later += "\u202fp";
    else if (time === "h") later += o.timeZoneName ? "U" : "u";
    if (o.timeZoneName) later += (later ? " " : "") + "z";
    if (!date || !later) return date || later;
    if (o.hour && !o.day && !o.weekday) absent("a date without its day, with an hour");
    const isUsual = o.hourCycle === (language.twelve ? "h12" : "h23");
    if (date === "E" && o.hour && (o.timeZoneName || o.fractionalSecondDigits || !isUsual || !(o.minute || language.twelve))) absent(`a weekday without its date, with such a time, in ${o.locale}`);
    if (o.hour === "numeric" && language.months.alone && o.month && !isText(o.month) && !o.year) absent(`a month in digits without its year, with an hour of one digit, in ${o.locale}`, "hour: '2-digit' is");
    const kind = date === "E" && o.hour ? language.weekdayJoin(Boolean(o.minute)) : language.joins[o.month === "long" ? 2 : o.month === "short" ? 1 : 0];
    return `${date}\u0000${kind}\u0000${later}`;
  };

  // The fields of a moment in a zone.
  const seen = (ms, timeZone) => {
    const found = timeZone === "UTC" ? ["UTC", 0, "UTC"] : zone(timeZone, ms);
    if (!found) throw new RangeError(`the time zone ${timeZone} is not known at this time`);
    const at = new Date(Math.floor(ms) + found[1] * 1000);
    const year = at.getUTCFullYear();
    return {
      year: year > 0 ? year : 1 - year, month: at.getUTCMonth(), day: at.getUTCDate(), weekday: at.getUTCDay(), hour: at.getUTCHours(),
      minute: at.getUTCMinutes(), second: at.getUTCSeconds(), ms: at.getUTCMilliseconds(), offset: found[1], letters: found[2],
    };
  };
  const american = /^(?:America\/|US\/|Canada\/|Atlantic\/Bermuda$|Pacific\/Honolulu$)/, lettered = /^(?:AK|A|C|M|E|P)[SD]T$|^HST$/;
  const unlettered = /^America\/(?:Havana|Hermosillo|Mazatlan) |^America\/(?:Dawson|Whitehorse) MST$/;
  const zoneName = (at, { timeZoneName, timeZone, language }) => {
    if (timeZone === "UTC" && timeZoneName === "short") return "UTC";
    if (timeZone === "UTC" && timeZoneName === "long") return language.universal;
    if (timeZoneName === "short" && timeZone === "America/Adak") return at.letters.replace(/^H(?=[SD])/, "HA");
    if (timeZoneName === "short" && american.test(timeZone) && lettered.test(at.letters) && !unlettered.test(`${timeZone} ${at.letters}`)) return at.letters;
    if (timeZoneName === "short" && at.letters === "GMT") return language.gmt;
    const minutes = Math.abs(Math.trunc(at.offset / 60)), hours = Math.floor(minutes / 60), rest = String(minutes % 60).padStart(2, "0");
    const sign = at.offset < 0 ? (language.group === "." || language.point === "." ? "-" : "\u2212") : "+";
    if (timeZoneName === "longOffset") return `${language.gmt}${sign}${String(hours).padStart(2, "0")}:${rest}`;
    return `${language.gmt}${sign}${hours}${minutes % 60 ? ":" + rest : ""}`;
  };
  const hourOf = ({ hour }, cycle) => ({ h11: hour % 12, h12: hour % 12 || 12, h23: hour, h24: hour || 24 })[cycle];
  const padded = (value, wide) => String(value).padStart(wide ? 2 : 1, "0");
  // A day of 24 hours has two digits, but for what Unicode's patterns make of this case.
  const isWide = ({ language, hourCycle, timeStyle, weekday, day, hour, minute, second, timeZoneName, fractionalSecondDigits }) => {
    if (hour === "2-digit") return true;
    if (timeStyle) return !language.twelve || /h2/.test(hourCycle);
    if (/h2/.test(hourCycle) && !language.twelve && (timeZoneName || fractionalSecondDigits)) {
      if (!second) return true;
      if (fractionalSecondDigits || timeZoneName === "longOffset") return minute !== "2-digit" || second !== "2-digit";
      return timeZoneName === "shortOffset" && minute === "numeric" && second === "numeric";
    }
    return /h2/.test(hourCycle) && (language.twelve || minute !== "2-digit" || second === "numeric" || Boolean(weekday && !day));
  };
  const field = (sign, at, o) => {
    const { language } = o;
    switch (sign) {
      case "E": {
        const list = o.weekday === "short" && o.pattern.split("\u0000")[0] === "E" && !o.hour ? language.days.alone ?? language.days.short : language.days[o.weekday];
        return ["weekday", list[at.weekday]];
      }
      case "Y": return ["year", o.year === "2-digit" ? padded(at.year % 100, true) : String(at.year)];
      case "B": return ["month", language.months[o.month][at.month]];
      case "L": return ["month", language.months.alone[at.month]];
      case "M": return ["month", padded(at.month + 1, o.month === "2-digit")];
      case "m": return ["month", padded(at.month + 1, true)];
      case "1": return ["month", String(at.month + 1)];
      case "D": return ["day", padded(at.day, o.day === "2-digit")];
      case "d": return ["day", padded(at.day, true)];
      case "h": return ["hour", padded(hourOf(at, o.hourCycle), isWide(o))];
      case "i": return ["minute", padded(at.minute, Boolean(o.hour || o.second || o.fractionalSecondDigits))];
      case "s": return ["second", padded(at.second, Boolean(o.minute))];
      case "p": return ["dayPeriod", language.halves[at.hour < 12 ? 0 : 1]];
      case "u": return ["literal", language.hours[0]];
      case "U": return ["literal", language.hours[1]];
      case "z": return ["timeZoneName", zoneName(at, o)];
      default: return ["literal", sign];
    }
  };
  const parts = (ms, o) => {
    if (!(Math.abs(ms) <= 8.64e15)) throw new RangeError("Invalid time value");
    const at = seen(ms, o.timeZone), made = [];
    const add = (type, value) => {
      if (value === "") return;
      if (type === "literal" && made.at(-1)?.type === "literal") made.at(-1).value += value; else made.push({ type, value });
    };
    o.pattern.split("\u0000").forEach((piece, turn) => {
      if (turn === 1) return add("literal", piece);
      for (const sign of piece) {
        if (sign === "s" && o.fractionalSecondDigits) {
          if (o.second) { add(...field("s", at, o)); add("literal", o.language.point); }
          add("fractionalSecond", String(at.ms).padStart(3, "0").slice(0, o.fractionalSecondDigits));
        } else add(...field(sign, at, o));
      }
    });
    return made;
  };
  // As Node: the narrow blank of the language is one in the parts only.
  const format = (ms, o) => parts(ms, o).map((part) => part.value).join("").replace("\u202f", " ");
  const told = (o) => {
    const all = { locale: o.locale, calendar: "gregory", numberingSystem: "latn", timeZone: o.timeZone };
    if (o.hourCycle) Object.assign(all, { hourCycle: o.hourCycle, hour12: /h1/.test(o.hourCycle) });
    if (!o.dateStyle && !o.timeStyle) {
      for (const [name] of fields) {
        if (name === "timeZoneName" && o.fractionalSecondDigits) all.fractionalSecondDigits = o.fractionalSecondDigits;
        if (o[name]) all[name] = o[name];
      }
      if (o.hour) all.hour = isWide(o) ? "2-digit" : "numeric";
      const [date] = o.pattern.split("\u0000");
      if (/[m1]/.test(date)) all.month = date.includes("m") ? "2-digit" : "numeric";
      if (/d/.test(date)) all.day = "2-digit";
      if (o.minute) all.minute = o.hour || o.second ? "2-digit" : "numeric";
      if (o.second) all.second = o.minute ? "2-digit" : "numeric";
    }
    if (o.dateStyle) all.dateStyle = o.dateStyle;
    if (o.timeStyle) all.timeStyle = o.timeStyle;
    return all;
  };
  Object.assign(kit, { dates: { resolve, parts, format, told } });
})
