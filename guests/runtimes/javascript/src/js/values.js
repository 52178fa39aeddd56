// What is told of a value: its text, its JSON, its forms; and `display`.
((kit) => {
  "use strict";
  const { doors, hide, global, inspect, wellFormed } = kit;
  const { stringify } = JSON;
  const cutTo = (text, limit) => {
    const bytes = doors.encode(text);
    return bytes.length <= limit ? [text, false] : [doors.decode(bytes.slice(0, limit)).replace(/\ufffd$/, ""), true];
  };
  const isReadable = (json) => json.isWellFormed() && !/(?:^|[^\\])(?:\\\\)*\\u[dD][89a-fA-F]/.test(json);
  const jsonOf = (value) => {
    if (typeof value === "number" && !Number.isFinite(value)) return null;
    // What a lone surrogate is escaped as is no JSON that others can read.
    try { const json = stringify(value); return typeof json === "string" && isReadable(json) ? json : null; } catch { return null; }
  };
  const describe = (value, limit) => {
    let text;
    try { text = wellFormed(inspect(value)); } catch { text = "<it could not be shown>"; }
    let [shown, cut] = cutTo(text, limit);
    let json = jsonOf(value);
    if (json !== null && doors.encode(json).length > limit) { json = null; cut = true; }
    const forms = [];
    try {
      for (const [mime, data] of Object.entries(value?.[Symbol.for("Jupyter.display")]?.() ?? {}).slice(0, 20)) {
        const form = { mime: wellFormed(mime), data: wellFormed(typeof data === "string" ? data : jsonOf(data) ?? "null"), base64: mime.startsWith("image/") && mime !== "image/svg+xml" };
        if (form.data.length + mime.length <= limit) forms.push(form); else cut = true;
      }
    } catch { /* a form that cannot be made is not there */ }
    return { json, text: shown, cut, forms };
  };
  // What a snippet did to the world may be in the way of telling its value; that it came to its end is told all the same.
  const shownAs = (value) => { try { return describe(value, limit); } catch { return { json: null, text: "<it could not be shown>", cut: false, forms: [] }; } };
  let shown = [];
  let limit = 0;
  hide(global, "display", (...values) => {
    for (const value of values) {
      if (shown.length >= 100) throw new RangeError("no more than 100 values can be shown by one snippet");
      shown.push(shownAs(value));
    }
  });

  hide(Promise.prototype, Symbol.for("nodejs.util.inspect.custom"), function (depth, options) {
    const at = doors.promiseState(this);
    return at === 0 ? "Promise { <pending> }" : `Promise { ${at === 2 ? "<rejected> " : ""}${inspect(doors.promiseResult(this), { ...options, depth: depth - 1 })} }`;
  });
  kit.values = { shownAs, begin: (most) => { shown = []; limit = most; return shown; } };
})
