// `path` of Node, as it is on a system with slashes.
((kit) => {
  "use strict";
  const { state, wrongType } = kit;
  const text = (name, value) => { if (typeof value !== "string") throw wrongType(name, "of type string", value); return value; };
  const normalize = (path) => {
    text("path", path);
    const parts = [];
    for (const part of path.split("/")) {
      if (part === "..") { if (parts.length && parts.at(-1) !== "..") parts.pop(); else if (!path.startsWith("/")) parts.push(".."); }
      else if (part && part !== ".") parts.push(part);
    }
    const end = parts.length && path.endsWith("/") ? "/" : "";
    return (path.startsWith("/") ? "/" : "") + parts.join("/") + end || (path.endsWith("/") && path !== "/" ? "./" : path.startsWith("/") ? "/" : ".");
  };
  const path = {
    sep: "/", delimiter: ":", normalize,
    join: (...parts) => normalize(parts.map((part) => text("path", part)).filter(Boolean).join("/") || "."),
    resolve: (...parts) => { let full = ""; for (const part of [state.folder, ...parts]) full = text("paths", part).startsWith("/") ? part : full + "/" + part; return normalize(full).replace(/(?<=.)\/$/, ""); },
    isAbsolute: (name) => text("path", name).startsWith("/"),
    basename: (name, end = "") => { const last = text("path", name).replace(/\/+$/, "").split("/").pop(); return end && last.endsWith(end) && last !== end ? last.slice(0, -end.length) : last; },
    dirname: (name) => { const short = text("path", name).replace(/\/+$/, ""), cut = short.lastIndexOf("/"); return cut < 0 ? (short === "" && name !== "" ? "/" : ".") : short.slice(0, cut).replace(/\/+$/, "") || "/"; },
    extname: (name) => /[^./](\.[^./]*)$/.exec(text("path", name).replace(/\/+$/, ""))?.[1] ?? /[^/]\.\.*(\.[^./]*)$/.exec(name)?.[1] ?? "",
    relative: (from, to) => {
      const [a, b] = [path.resolve(from).split("/").filter(Boolean), path.resolve(to).split("/").filter(Boolean)];
      while (a.length && b.length && a[0] === b[0]) { a.shift(); b.shift(); }
      return [...a.map(() => ".."), ...b].join("/");
    },
    parse: (name) => {
      const base = path.basename(name), ext = path.extname(name), dir = name.includes("/") ? path.dirname(name) : "";
      return { root: name.startsWith("/") ? "/" : "", dir, base, ext, name: base.slice(0, base.length - ext.length) };
    },
    format: ({ dir, root, base, name, ext }) => { const last = base ?? (name ?? "") + (ext ? (ext.startsWith(".") ? ext : "." + ext) : ""), folder = dir || root; return !folder ? last : folder === root ? folder + last : folder + "/" + last; },
    toNamespacedPath: (name) => name,
    matchesGlob: () => { throw new TypeError("path.matchesGlob is not in this runtime"); },
  };
  path.posix = path;
  path.win32 = new Proxy({}, { get(_, name) { if (typeof name === "symbol") return undefined; throw new TypeError("path.win32 is not in this runtime: paths have slashes here"); } });
  Object.assign(kit, { path, normalize });
  Object.assign(kit.modules, { path, "path/posix": path });
})
