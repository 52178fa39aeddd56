// `import` as in Node: which file a name means, and what of it is a module of its own and what `require` gives.
((kit) => {
  "use strict";
  const { doors, state, path, coded, SafeMap, load, textOf, compiled, isLoaded, require } = kit;
  const { fileURLToPath, pathToFileURL } = kit.modules.url;
  const { dirname, resolve: joined } = path;
  // Files by the names of their modules: with what is after a `?` there may be several of one.
  const files = new SafeMap();
  const kindOf = (file) => { try { return doors.stat(file)[2]; } catch { return -1; } };
  const fileOf = (base) => files.get(base) ?? (isLoaded(base) ? base : undefined);
  const nameOf = (base) => fileOf(base) ?? state.file;
  const told = (error, code, file) => Object.assign(coded(error, code), { url: pathToFileURL(file).href });
  // What the rules do not let it read is as absent.
  const absent = (file, base) => told(new Error(`Cannot find module '${file}' imported from ${nameOf(base)}`), "ERR_MODULE_NOT_FOUND", file);
  let asking = "";
  const resolve = (base, name) => {
    asking = base;
    if (!/^(?:\.{0,2}\/|\.{1,2}$|file:)/.test(name)) return `node:${name.replace(/^node:/, "")}`;
    const [, bare, asked] = /^([^?#]*)([^]*)$/.exec(name);
    // What asks and is no file of a module is the snippet, or one before it.
    const folder = fileOf(base) ? dirname(fileOf(base)) : state.home;
    const file = joined(bare.startsWith("file:") ? fileURLToPath(bare) : joined(folder, decodeURIComponent(bare)));
    const kind = kindOf(file);
    if (kind === 1) throw told(new Error(`Directory import '${file}' is not supported resolving ES modules imported from ${nameOf(base)}`), "ERR_UNSUPPORTED_DIR_IMPORT", file);
    if (kind !== 0) throw absent(file, base);
    files.set(file + asked, file);
    return file + asked;
  };
  // A module that gives what is there already, as its default export and by its names; of many only as the first. The engine compares
  // each with all others.
  const given = (exports, isOpen = exports !== null && ["object", "function"].includes(typeof exports)) => {
    const names = isOpen ? Object.keys(exports).filter((key) => key !== "default" && /^[A-Za-z_$][\w$]*$/.test(key)).slice(0, 1000) : [];
    const text = names.map((name, at) => `const _${at} = it.${name}; export { _${at} as ${name} };`).join("\n");
    return { text: `const it = import.meta.exports; export default it;\n${text}`, meta: { exports } };
  };
  const builtin = (name) => {
    try { return given(require(name)); } catch (error) { throw error.code === "MODULE_NOT_FOUND" ? coded(error, "ERR_MODULE_NOT_FOUND") : error; }
  };
  const configured = (file, beside) => {
    try { return load(file); } catch (error) { throw coded(new Error(`Invalid package config ${file} while importing ${beside}. ${error.message}`), "ERR_INVALID_PACKAGE_CONFIG"); }
  };
  // What the nearest `package.json` says of the `.js` beside and below it.
  const isOfModules = (beside) => {
    for (let folder = dirname(beside); ; folder = dirname(folder)) {
      const file = joined(folder, "package.json");
      if (kindOf(file) === 0) return configured(file, beside)?.type === "module";
      if (folder === "/") return false;
    }
  };
  // Whether `require` takes it. As in Node a `.js` that is no script is a module.
  const isCommon = (file, text) => {
    if (file.endsWith(".mjs")) return false;
    if (isLoaded(file) || file.endsWith(".cjs")) return true;
    if (file.endsWith(".js") && isOfModules(file)) return false;
    try { compiled(file, text); return true; } catch { return false; }
  };
  const askedFor = (attributes, isJson, url) => {
    for (const [key, value] of attributes) {
      if (key !== "type") throw coded(new TypeError(`Import attribute "${key}" with value "${value}" is not supported`), "ERR_IMPORT_ATTRIBUTE_UNSUPPORTED");
      if (value !== "json") throw coded(new TypeError(`Import attribute type "${value}" is unsupported`), "ERR_IMPORT_ASSERTION_TYPE_UNSUPPORTED");
      if (!isJson) throw coded(new TypeError(`Module "${url}" is not of type "json"`), "ERR_IMPORT_ASSERTION_TYPE_FAILED");
    }
    if (isJson && !attributes.length) throw coded(new TypeError(`Module "${url}" needs an import attribute of type "json"`), "ERR_IMPORT_ASSERTION_TYPE_MISSING");
  };
  const source = (name, attributes) => {
    const file = files.get(name), isJson = file?.endsWith(".json"), url = file ? pathToFileURL(file).href : name;
    askedFor(attributes, isJson, url);
    if (!file) return builtin(name.slice(5));
    let text;
    try { text = textOf(file); } catch { throw absent(file, asking); }
    if (isJson) return given(load(file), false);
    if (isCommon(file, text)) return given(load(file));
    const before = text.split("\0", 1)[0].split("\n");
    // The engine takes the text of a module to end there.
    if (text.includes("\0")) throw new SyntaxError(`${file}: a NUL byte at line ${before.length}, column ${before.at(-1).length + 1}, which a file that is imported may not have: write \\0 in a string`);
    return { text: text.replace(/^#!/, "//"), meta: { dirname: dirname(file), filename: file, url: url + name.slice(file.length) } };
  };
  kit.imports = { resolve, load: source };
})
