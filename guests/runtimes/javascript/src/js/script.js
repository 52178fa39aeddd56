// Code with `import` and `export` at its top as a script, whose `let` and `const` stay for the next snippet: a module's would not.
((kit) => {
  "use strict";
  const { stringify } = JSON;

  // Code with blanks for what is written in texts, patterns and comments, which looks like statements and is none.
  const blanked = (code) => {
    const open = [], other = /[^"'`\/{}]+/y, plain = /[\w ,.:;]+/y;
    const made = [];
    let from = 0, at = 0, told = "";
    // The last of what was no blank.
    const latest = () => (told + code.slice(Math.max(from, at - 64), at)).slice(-64);
    const past = (pattern, start) => { pattern.lastIndex = start; return pattern.test(code) ? pattern.lastIndex : start; };
    const endOf = (sign, start) => (code.indexOf(sign, start) + 1 || code.length + 1) - 1;
    const blank = (end, sign) => {
      told = latest();
      made.push(code.slice(from, at), code.slice(at, end).split("\n").map((line) => sign.repeat(line.length)).join("\n"));
      from = at = end;
    };
    // A value before it makes it a division.
    const isPattern = () => {
      if (/(?:\+\+|--)\s*$/.test(latest())) return false;
      const [before = ""] = /(?:[\w$\u0080-\uffff]+|[^])$/.exec(latest().trimEnd()) ?? [];
      return !/[\w$\u0080-\uffff)\]}"'`]$/.test(before) || /^(?:return|typeof|case|in|of|delete|void|throw|new|else|do|yield|await|instanceof)$/.test(before);
    };
    // To its end, which in a class of a pattern is none, or to what is put into it.
    const text = (sign) => {
      let end = ++at, inside = false;
      for (; end < code.length; end += code[end] === "\\" ? 2 : 1) {
        end = past(plain, end);
        if (sign === "/" && (code[end] === "[" || code[end] === "]")) inside = code[end] === "[";
        if (code[end] === sign && !inside) break;
        if (sign === "`" ? code.startsWith("${", end) : code[end] === "\n") break;
      }
      blank(end, "_");
      if (code.startsWith("${", at)) { open.push(0); at += 2; } else at++;
    };
    while ((at = past(other, at)) < code.length) {
      const sign = code[at];
      if (code.startsWith("//", at)) blank(endOf("\n", at), " ");
      else if (code.startsWith("/*", at)) blank(endOf("*/", at + 2) + 2, " ");
      else if (sign === "}" && open.at(-1) === 0) { open.pop(); text("`"); }
      else if (sign === "{" || sign === "}") { at++; if (open.length) open[open.length - 1] += sign === "{" ? 1 : -1; }
      else if (sign === "/" && !isPattern()) at++;
      else text(sign);
    }
    return made.join("") + code.slice(from);
  };
  // `import` at the top of a script, which only a module may have, as what it comes to. Lines stay where they are.
  const imports = /(^[ \t]*|;[ \t]*)import(?:\s+|(?=[{*"']))(?:([\w$]+)\s*(?:,\s*)?)?(?:(\{[^}]*\})|\*\s*as\s+([\w$]+))?\s*(?:from\s*)?(["'])([^"'\n]+)\5(?:(?:\s*\bwith|[ \t]*\bassert)\s*(\{[^{}]*\}))?/dgm;
  // What is exported is there anyway: of a declaration only the word goes, a list goes as a whole, from a module it is imported. What is
  // `export default` is an expression, whose value may be that of the snippet.
  const exports = /(^[ \t]*|;[ \t]*)export(?:\s+|(?=[{*]))(?:(default\s+)?(?=(?:async\s+)?(?:function\b\s*\*?|class\b)\s*(?!extends\b)[\w$])|(?=(?:const|let|var)\b)|(default\b)|(\{[^}]*\}|\*(?:\s*as\s+[\w$]+)?)(?:\s*from\s*(["'])([^"'\n]+)\5)?)/gm;
  const exported = ([whole, space, , isValue, list, , from], named) => {
    const lines = "\n".repeat(whole.split("\n").length - 1);
    if (isValue) return `${space}0,${lines}`;
    if (!list) return space + lines;
    return `${space}${from ? `await import(${stringify(named)});` : ""}${lines}`;
  };
  // A name that a module does not give is an error at once, as for a module.
  const needed = (one, from) => {
    const [, name, as] = /^(\S+)(?:\s+as\s+(\S+))?$/.exec(one) ?? [, one];
    const words = `The requested module '${from}' does not provide an export named '${name.replace(/"/g, "")}'`;
    return `${name}: ${as ?? name} = (() => { throw new SyntaxError(${stringify(words)}) })()`;
  };
  const imported = ([, , one, names, all], from, having) => {
    const told = `await import(${stringify(from)}${having ? `, { with: ${having.replace(/\s+/g, " ")} }` : ""})`, given = `(${told})`;
    const parts = [];
    if (one) parts.push(`var ${one} = ${given}.default`);
    if (names) parts.push(`var { ${names.slice(1, -1).split(",").map((one) => one.trim()).filter(Boolean).map((one) => needed(one, from)).join(", ")} } = ${given}`);
    if (all) parts.push(`var ${all} = ${given}`);
    return `${parts.join("; ") || told};`;
  };
  // `require` is looked up late: a module says `const require = createRequire(import.meta.url)`.
  const meta = (file) => `({ url: ${stringify("file://" + encodeURI(file))}, filename: ${stringify(file)}, dirname: ${stringify(file.replace(/\/[^/]*$/, "") || "/")}, resolve: (name) => require.resolve(name) })`;
  kit.asScript = (code, file) => {
    if (code.startsWith("#!")) code = "//" + code.slice(2);
    if (!/\b(?:im|ex)port\b/.test(code)) return code;
    const bare = blanked(code), found = [], early = [];
    // Where the first statement is that is none of these, nor "use strict": what is imported later comes before it, as in a module.
    let first = /^\s*(?:(["'])_{10}\1(?=[ \t]*[;\n]))?/.exec(bare)[0].length;
    for (const it of bare.matchAll(imports)) {
      const end = it.index + it[0].length, lines = "\n".repeat(it[0].split("\n").length - 1);
      const [from, having] = [it.indices[6], it.indices[7]].map((place) => place && code.slice(...place));
      const text = imported(it, from, having), isFirst = !/[^\s;]/.test(bare.slice(first, it.index));
      if (isFirst) first = end; else early.push(text);
      found.push([it.index, it[1] + (isFirst ? text : "") + lines, end]);
    }
    if (early.length) found.push([first, `;${early.join(" ")}`, first]);
    for (const it of bare.matchAll(exports)) {
      const end = it.index + it[0].length;
      found.push([it.index, exported(it, it[6] && code.slice(end - 1 - it[6].length, end - 1)), end]);
    }
    for (const { index, 0: whole } of bare.matchAll(/\bimport\.meta\b/g)) found.push([index, meta(file), index + whole.length]);
    let at = 0, made = "";
    for (const [start, text, end] of found.sort(([a], [b]) => a - b)) { made += code.slice(at, start) + text; at = end; }
    return made + code.slice(at);
  };
})
