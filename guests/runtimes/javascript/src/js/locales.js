// What this runtime knows of languages: six of them, as Unicode's CLDR has them. Anything else is refused, by name.
((kit) => {
  "use strict";
  const list = (text) => text.split(" ");
  // A code is three capitals, its sign is what follows.
  const signs = (text) => Object.fromEntries(list(text).map((one) => [one.slice(0, 3), one.slice(3).replace("_", " ")]));
  const usual = signs("AUDA$ BRLR$ CADCA$ CNYCN¥ EUR€ GBP£ HKDHK$ ILS₪ INR₹ JPY¥ KRW₩ MXNMX$ NZDNZ$ PHP₱ TWDNT$ USD$ VND₫ XAFFCFA XCDEC$ XCGCg. XOFF\u202fCFA XPFCFPF");
  const narrow = signs("AFN؋ AMD֏ AOAKz ARS$ AUD$ AZN₼ BAMKM BBD$ BDT৳ BMD$ BND$ BOBBs BRLR$ BSD$ BWPP BZD$ CAD$ CLP$ CNY¥ COP$ CRC₡ CUC$ CUP$ CZKKč DKKkr DOP$ EGPE£ EUR€ FJD$ FKP£ GBP£ GEL₾ GHSGH₵ GIP£ GNFFG GTQQ GYD$ HKD$ HNLL HRKkn HUFFt IDRRp ILS₪ INR₹ ISKkr JMD$ JPY¥ KGS⃀ KHR៛ KMFCF KPW₩ KRW₩ KYD$ KZT₸ LAK₭ LBPL£ LKRRs LRD$ MGAAr MMKK MNT₮ MURRs MXN$ MYRRM NAD$ NGN₦ NIOC$ NOKkr NPRRs NZD$ PHP₱ PKRRs PLNzł PYG₲ RONlei RUB₽ RWFRF SBD$ SEKkr SGD$ SHP£ SRD$ SSP£ STNDb SYP£ THB฿ TOPT$ TRY₺ TTD$ TWD$ UAH₴ USD$ UYU$ VND₫ XAFFCFA XCD$ XCGCg. XOFF\u202fCFA XPFCFPF ZARR ZMWZK");
  // Those whose amounts have not two digits after the point.
  const digits = Object.fromEntries(list("AFN0 ALL0 BHD3 BIF0 CLP0 COP0 DJF0 GNF0 HUF0 IDR0 IQD0 IRR0 ISK0 JOD3 JPY0 KMF0 KPW0 KRW0 KWD3 LAK0 LBP0 LYD3 MGA0 MMK0 OMR3 PKR0 PYG0 RWF0 SLL0 SOS0 SYP0 TND3 UGX0 VND0 VUV0 XAF0 XOF0 XPF0 YER0").map((one) => [one.slice(0, 3), Number(one[3])]));

  // Patterns of dates by what is asked for: w a weekday, y a year, t a month in words, m one in digits, d a day. E, Y, B, M and D
  // are as they are asked for, L a short month that stands alone, d and m have two digits, 1 has one. In a list: where both month
  // and day are asked for as "numeric", otherwise, where only the month has two digits.
  const english = {
    point: ".", group: ",", minus: "-", before: true, percent: "%", accounting: true, plural: (n, i, v) => (i === 1 && v === 0 ? "one" : "other"),
    ordinal: (n) => (n % 100 >= 11 && n % 100 <= 13 ? "other" : { 1: "one", 2: "two", 3: "few" }[n % 10] ?? "other"), ordinals: ["few", "one", "two", "other"],
    months: { long: list("January February March April May June July August September October November December"), short: list("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec") },
    days: { long: list("Sunday Monday Tuesday Wednesday Thursday Friday Saturday"), short: list("Sun Mon Tue Wed Thu Fri Sat"), narrow: list("S M T W T F S") },
    universal: "Coordinated Universal Time", gmt: "GMT", joins: [", ", ", ", " at "], halves: ["AM", "PM"], hours: ["", "h"],
    and: { long: [", ", "and"], short: [", ", "and"], narrow: [", "] }, or: "or", thousands: ["K", "M", "B", "T"],
  };
  const locales = {
    en: {
      ...english, signs: {}, twelve: true, and: { ...english.and, short: [", ", "&"] }, oxford: true, weekdayJoin: () => " ",
      dates: { ym: "M/Y", md: "M/D", ymd: "M/D/Y", wmd: "E, M/D", wymd: "E, M/D/Y", yt: "B Y", td: "B D", ytd: "B D, Y", wtd: "E, B D", wytd: "E, B D, Y", wd: "D E" },
      styles: { short: ["2-digit", "numeric", "numeric"] },
    },
    "en-GB": {
      ...english, signs: signs("JPYJP¥ USDUS$"), halves: ["am", "pm"], weekdayJoin: (minutes) => (minutes ? " " : ", "), thousands: ["k", "m", "bn", "tn"],
      months: { ...english.months, short: list("Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec") },
      dates: { ym: "m/Y", md: ["d/m", "D/M"], ymd: ["d/m/Y", "D/M/Y"], wmd: "E d/m", wymd: "E, d/m/Y", yt: "B Y", td: "D B", ytd: "D B Y", wtd: "E D B", wytd: "E, D B Y", wd: "E D" },
      styles: { short: ["numeric", "numeric", "numeric"] },
    },
    "en-CA": {
      ...english, signs: signs("CAD$ JPYJP¥ USDUS$"), twelve: true, halves: ["a.m.", "p.m."], weekdayJoin: () => " ",
      dates: { ym: "Y-m", md: ["m-d", "M-D"], ymd: ["Y-m-d", "Y-M-D"], wmd: "E, m-d", wymd: "E, Y-m-d", yt: "B Y", td: "B D", ytd: "B D, Y", wtd: "E, B D", wytd: "E, B D, Y", wd: "E D" },
      styles: { short: ["numeric", "numeric", "numeric"] },
    },
    sv: {
      point: ",", group: "\u00a0", minus: "\u2212", percent: "\u00a0%", plural: english.plural, ordinal: (n) => ([1, 2].includes(n % 10) && ![11, 12].includes(n % 100) ? "one" : "other"), ordinals: ["one", "other"],
      signs: signs("AUDAUD BBDBds$ BMDBM$ BRLBR$ BSDBS$ BZDBZ$ CNYCNY DKKDkr DOPRD$ EGPEG£ GBPGBP HKDHKD INRINR ISKIkr JMDJM$ JPYJPY KRWKRW NOKNkr NZDNZD PHPPHP SEKkr TWDTWD USDUS$ VNDVND XCGXCG"),
      narrow: signs("BYNр. RONL TWDNT$ XCGXCG"),
      months: { long: list("januari februari mars april maj juni juli augusti september oktober november december"), short: list("jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec.") },
      days: { long: list("söndag måndag tisdag onsdag torsdag fredag lördag"), short: list("sön mån tis ons tors fre lör"), narrow: list("S M T O T F L") },
      universal: "koordinerad universell tid", gmt: "GMT", joins: [" ", " ", " kl. "], weekdayJoin: () => " ", halves: ["fm", "em"], hours: ["", "h"],
      dates: { ym: "Y-m", md: ["D/M", "D/M", "D/1"], ymd: ["Y-m-d", "Y-M-D"], wmd: "E D/M", wymd: "E, Y-m-d", yt: "B Y", td: "D B", ytd: "D B Y", wtd: "E D B", wytd: "E D B Y", wd: "E D" },
      styles: { short: ["numeric", "numeric", "numeric"] }, and: { long: [", ", "och"], short: [", ", "och"], narrow: [", "] }, or: "eller",
    },
    de: {
      point: ",", group: ".", minus: "-", percent: "\u00a0%", plural: english.plural, ordinal: () => "other", ordinals: ["other"], signs: signs("AUDAU$ PHPPHP THB฿"),
      narrow: signs("BYNр. CUCCub$ FKPFl£ GHS₵ GNFF.G. KMFFC RONL RWFF.Rw SYPSYP TWDNT$ ZMWK"),
      months: { long: list("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"), short: list("Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."), alone: list("Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez") },
      days: { long: list("Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag"), short: list("So. Mo. Di. Mi. Do. Fr. Sa."), alone: list("So Mo Di Mi Do Fr Sa"), narrow: list("S M D M D F S") },
      universal: "Koordinierte Weltzeit", gmt: "GMT", joins: [", ", ", ", " um "], weekdayJoin: () => ", ", halves: ["AM", "PM"], hours: [" Uhr", " Uhr"],
      dates: { ym: "M/Y", md: ["D.M.", "D.M.", "d.M."], ymd: "D.M.Y", wmd: "E, D.M.", wymd: "E, D.M.Y", yt: "B Y", td: "D. B", ytd: "D. B Y", wtd: "E, D. B", wytd: "E, D. B Y", wd: "E, D." },
      styles: { short: ["2-digit", "2-digit", "2-digit"], medium: ["numeric", "2-digit", "2-digit"] }, and: { long: [", ", "und"], short: [", ", "und"], narrow: [", ", "und"] }, or: "oder",
    },
    fr: {
      point: ",", group: "\u202f", minus: "-", percent: "\u00a0%", accounting: true, ordinal: (n) => (n === 1 ? "one" : "other"), ordinals: ["one", "other"], plurals: ["many", "one", "other"],
      plural: (n, i, v) => (i < 2 ? "one" : v === 0 && i % 1e6 === 0 ? "many" : "other"),
      signs: signs("ARS$AR AUD$AU BMD$BM BND$BN BZD$BZ CAD$CA CLP$CL CNYCNY COP$CO FJD$FJ FKP£FK GBP£GB GIP£GI HKDHKD JPYJPY LBP£LB MXN$MX NAD$NA NZD$NZ PHPPHP SBD$SB SGD$SG SRD$SR TTD$TT TWDTWD USD$US UYU$UY WST$WS XCDXCD XPFFCFP"),
      narrow: signs("BYNр. EGP£E KMFFC LBP£L NIO$C RONL RWFFR TOP$T TWDNT$ WST$WS XPFFCFP ZMWKw"),
      months: { long: list("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"), short: list("janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.") },
      days: { long: list("dimanche lundi mardi mercredi jeudi vendredi samedi"), short: list("dim. lun. mar. mer. jeu. ven. sam."), narrow: list("D L M M J V S") },
      universal: "temps universel coordonné", gmt: "UTC", joins: [" ", ", ", " à "], weekdayJoin: () => " ", halves: ["AM", "PM"], hours: [" h", " h"],
      dates: { ym: "m/Y", md: "d/m", ymd: ["d/m/Y", "D/M/Y"], wmd: "E d/m", wymd: "E d/m/Y", yt: "B Y", td: "D B", ytd: "D B Y", wtd: "E D B", wytd: "E D B Y", wd: "E D" },
      styles: { short: ["numeric", "numeric", "numeric"] }, and: { long: [", ", "et"], short: [", ", "et"], narrow: [", ", "et"] }, or: "ou",
    },
  };
  const there = { en: "en", "en-us": "en", "en-gb": "en-GB", "en-ca": "en-CA", sv: "sv", "sv-se": "sv", de: "de", "de-de": "de", fr: "fr", "fr-fr": "fr" };
  const names = "en-US, en-GB, en-CA, sv-SE, de-DE and fr-FR";

  // Node's words for what is wrong, ours for what is right and not here.
  const wrong = () => new RangeError("Incorrect locale information provided");
  const canonical = (tag) => {
    if (typeof tag !== "string" && (typeof tag !== "object" || tag === null)) throw new TypeError("Incorrect locale information provided");
    tag = String(tag);
    if (!/^[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(?:-[a-wyz\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?$/i.test(tag)) throw wrong();
    const parts = tag.toLowerCase().split("-"), end = parts.findIndex((part) => part.length === 1);
    return parts.map((part, at) => (!at || (end > 0 && at >= end) ? part : part.length === 2 ? part.toUpperCase() : part.length === 4 && /^[a-z]/.test(part) ? part[0].toUpperCase() + part.slice(1) : part)).join("-");
  };
  const canonicals = (asked) => (asked === undefined ? [] : [...new Set((typeof asked === "string" ? [asked] : asked === null ? canonical(asked) : Array.from(asked)).map(canonical))]);
  const find = (asked) => {
    const [tag = "en-US"] = asked === undefined ? [] : canonicals(asked);
    const key = there[tag.toLowerCase()];
    if (key) return [tag, locales[key]];
    throw new RangeError(`the locale ${tag} is not in this runtime: there are ${names}`);
  };
  // What is given for an option: one of those that the standard has, and of those that are here.
  const option = (options, name, values, where, here = values) => {
    const given = options[name];
    if (given === undefined) return undefined;
    const text = String(given);
    if (!values.includes(text)) throw new RangeError(`Value ${text} out of range for ${where} options property ${name}`);
    if (!here.includes(text)) throw new RangeError(`the option ${name}: '${text}' is not in this runtime: there ${here.length > 1 ? "are" : "is"} ${here.join(", ")}`);
    return text;
  };
  const only = (options, name, value) => {
    if (options[name] !== undefined && String(options[name]) !== value) throw new RangeError(`the option ${name}: '${options[name]}' is not in this runtime: there is ${value}`);
  };
  const absent = (what, instead) => { throw new TypeError(`${what} is not in this runtime${instead ? `: ${instead}` : ""}`); };
  Object.assign(kit, { locales: { find, canonicals, option, only, absent, usual, narrow, digits, there } });
})
