// `fs` of Node: what is asked of it is done at once, and told later where a callback or a promise waits for it.
((kit) => {
  "use strict";
  const { doors, state, bytesOf, coded, wrongType, normalize, Buffer, asBuffer } = kit;
  const words = { ENOENT: "no such file or directory", EACCES: "permission denied", EEXIST: "file already exists", ENOTEMPTY: "directory not empty", ENOTDIR: "not a directory", EISDIR: "illegal operation on a directory", EROFS: "read-only file system", EINVAL: "invalid argument" };
  const fail = (error, call, path, to) => {
    const [code] = /^[A-Z]+/.exec(error.message) ?? ["EIO"];
    const told = `${code}: ${words[code] ?? error.message.replace(/^[A-Z]+: /, "")}, ${call} '${path}'${to === undefined ? "" : ` -> '${to}'`}`;
    return Object.assign(new Error(told), { errno: { ENOENT: -2, EACCES: -13, EEXIST: -17, ENOTDIR: -20, EISDIR: -21, EINVAL: -22, EROFS: -30, ENOTEMPTY: -39 }[code] ?? -5, code, syscall: call, path, ...(to !== undefined && { dest: to }) });
  };
  const nameOf = (path) => {
    if (path instanceof kit.URL) return kit.modules.url.fileURLToPath(path);
    if (ArrayBuffer.isView(path)) return doors.decode(new Uint8Array(bytesOf(path)));
    if (typeof path !== "string") throw wrongType("path", "of type string or an instance of Buffer or URL", path);
    return path;
  };
  const at = (path) => { const name = nameOf(path); return normalize(name.startsWith("/") ? name : state.folder + "/" + name); };
  const attempt = (call, path, act) => { const full = at(path); try { return act(full); } catch (error) { if (error.code) throw error; throw fail(error, call, nameOf(path)); } };
  const encodingOf = (options) => (typeof options === "string" ? options : options?.encoding);
  const statOf = ([size, mtimeMs, kind]) => {
    const when = new Date(mtimeMs), is = (one) => () => kind === one, no = () => false;
    const stats = { dev: 0, mode: kind === 1 ? 0o40755 : 0o100644, nlink: 1, uid: 0, gid: 0, rdev: 0, blksize: 4096, ino: 0, size, blocks: Math.ceil(size / 512), atimeMs: mtimeMs, mtimeMs, ctimeMs: mtimeMs, birthtimeMs: mtimeMs, atime: when, mtime: when, ctime: when, birthtime: when };
    return Object.assign(Object.create({ isFile: is(0), isDirectory: is(1), isSymbolicLink: no, isFIFO: no, isSocket: no, isBlockDevice: no, isCharacterDevice: no }), stats);
  };
  const isThere = (full) => { try { doors.stat(full); return true; } catch { return false; } };
  const isFolder = (full) => { try { return doors.stat(full)[2] === 1; } catch { return false; } };
  class Dirent {
    #kind;
    constructor(name, parentPath, kind) { this.name = name; this.parentPath = this.path = parentPath; this.#kind = kind; }
    isFile() { return this.#kind === 0; }
    isDirectory() { return this.#kind === 1; }
    isSymbolicLink() { return false; }
  }
  const write = (path, data, options, flag) => {
    flag = (typeof options === "object" && options?.flag) || flag;
    if (!/^(?:[wa]x?|as|rs?(?=\+))\+?$/.test(flag)) throw coded(new TypeError(`The argument 'flags' is invalid. Received ${kit.inspect(flag)}`), "ERR_INVALID_ARG_VALUE");
    if (typeof data !== "string" && !ArrayBuffer.isView(data) && !(data instanceof ArrayBuffer)) throw wrongType("data", "of type string or an instance of Buffer, TypedArray, or DataView", data);
    const encoding = encodingOf(options);
    const bytes = typeof data === "string" && encoding && !/^utf-?8$/i.test(encoding) ? Buffer.from(data, encoding) : bytesOf(data);
    attempt("open", path, (full) => {
      if (flag.includes("x") && isThere(full)) throw new Error("EEXIST: ");
      doors.writeFile(full, new Uint8Array(bytes), flag[0]);
    });
  };
  const list = (path, options) => {
    const isDeep = Boolean(options?.recursive), root = nameOf(path), found = [];
    const walk = (folder, shown) => {
      for (const name of attempt("scandir", folder, doors.listFolder)) {
        const kind = options?.withFileTypes || isDeep ? doors.stat(at(folder) + "/" + name)[2] : 0;
        found.push(options?.withFileTypes ? new Dirent(name, folder, kind) : shown + name);
        if (isDeep && kind === 1) walk(folder.replace(/\/$/, "") + "/" + name, shown + name + "/");
      }
    };
    walk(root, "");
    return found;
  };
  const copy = (from, to, options) => {
    if (!isFolder(at(from))) return fs.copyFileSync(from, to);
    if (!options?.recursive) throw coded(new Error(`Recursive option not enabled, cannot copy a directory: ${nameOf(from)}`), "ERR_FS_EISDIR");
    fs.mkdirSync(to, { recursive: true });
    for (const name of fs.readdirSync(from)) copy(nameOf(from) + "/" + name, nameOf(to) + "/" + name, options);
  };
  const fs = {
    readFileSync: (path, options) => {
      if (options?.flag && !/^rs?\+?$/.test(options.flag)) throw coded(new Error(`fs.readFile with the flag ${kit.inspect(options.flag)} is not in this runtime: it reads what is there`), "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM");
      const encoding = encodingOf(options);
      if (path === 0 || path === "/dev/stdin") { const text = doors.readInput(); return encoding ? text : Buffer.from(text); }
      const bytes = attempt("open", path, (full) => { try { return doors.readFile(full); } catch (error) { if (/^EISDIR/.test(error.message)) throw Object.assign(new Error("EISDIR: illegal operation on a directory, read"), { errno: -21, code: "EISDIR", syscall: "read" }); throw error; } });
      return !encoding || encoding === "buffer" ? asBuffer(bytes) : /^utf-?8$/i.test(encoding) ? doors.decode(bytes) : asBuffer(bytes).toString(encoding);
    },
    writeFileSync: (path, data, options) => write(path, data, options, "w"),
    appendFileSync: (path, data, options) => write(path, data, options, "a"),
    accessSync: (path) => void attempt("access", path, doors.stat),
    existsSync: (path) => { try { return isThere(at(path)); } catch { return false; } },
    statSync: (path, options) => { try { return statOf(attempt("stat", path, doors.stat)); } catch (error) { if (options?.throwIfNoEntry === false && error.code === "ENOENT") return undefined; throw error; } },
    lstatSync: (path, options) => { try { return statOf(attempt("lstat", path, doors.stat)); } catch (error) { if (options?.throwIfNoEntry === false && error.code === "ENOENT") return undefined; throw error; } },
    readdirSync: list,
    mkdirSync: (path, options) => {
      const full = at(path).replace(/(?<=.)\/$/, ""), isDeep = typeof options === "object" && Boolean(options?.recursive);
      let first = isDeep && !isThere(full) ? full : undefined;
      while (first && first.lastIndexOf("/") > 0 && !isThere(first.slice(0, first.lastIndexOf("/")))) first = first.slice(0, first.lastIndexOf("/"));
      attempt("mkdir", path, () => doors.makeFolder(full, isDeep));
      return first;
    },
    mkdtempSync: (prefix) => { const name = prefix + Array.from(doors.random(6), (byte) => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[byte % 62]).join(""); fs.mkdirSync(name); return name; },
    unlinkSync: (path) => attempt("unlink", path, (full) => doors.remove(full, false, false)),
    rmdirSync: (path, options) => attempt("rmdir", path, (full) => doors.remove(full, true, Boolean(options?.recursive))),
    rmSync: (path, options) => {
      try {
        const [, , kind] = attempt("lstat", path, doors.stat);
        attempt("rm", path, (full) => {
          const isDirectory = kind === 1;
          if (isDirectory && !options?.recursive) throw Object.assign(new Error(`Path is a directory: rm returned EISDIR (is a directory) ${nameOf(path)}`), { name: "SystemError", code: "ERR_FS_EISDIR", errno: 21, syscall: "rm", path: nameOf(path) });
          doors.remove(full, isDirectory, Boolean(options?.recursive));
        });
      } catch (error) { if (!options?.force || error.code !== "ENOENT") throw error; }
    },
    renameSync: (from, to) => { try { doors.rename(at(from), at(to)); } catch (error) { throw fail(error, "rename", nameOf(from), nameOf(to)); } },
    copyFileSync: (from, to, mode = 0) => {
      try {
        if (mode & fs.constants.COPYFILE_EXCL && isThere(at(to))) throw new Error("EEXIST: ");
        doors.writeFile(at(to), doors.readFile(at(from)), "w");
      } catch (error) { throw fail(error, "copyfile", nameOf(from), nameOf(to)); }
    },
    cpSync: copy,
    truncateSync: (path, length = 0) => { const held = attempt("open", path, doors.readFile), bytes = new Uint8Array(length); bytes.set(held.subarray(0, length)); fs.writeFileSync(path, bytes); },
    realpathSync: (path) => { attempt("lstat", path, doors.stat); return at(path).replace(/(?<=.)\/$/, ""); },
  };
  fs.realpathSync.native = fs.realpathSync;
  // A thing of its own in the loop, as it is where a system is asked.
  const later = (act) => setImmediate(act);
  const promised = (act) => async (...args) => { await new Promise(later); return act(...args); };
  const promises = Object.fromEntries(Object.entries(fs).filter(([name]) => name !== "existsSync").map(([name, act]) => [name.slice(0, -4), promised(act)]));
  for (const [name, act] of Object.entries(fs).filter(([name]) => name.endsWith("Sync")).map(([name, act]) => [name.slice(0, -4), act]))
    fs[name] = (...args) => {
      const done = args.pop();
      if (typeof done !== "function") throw wrongType("cb", "of type function", done);
      if (name === "exists") return void later(() => done(act(...args)));
      let told;
      try { told = [null, act(...args)]; } catch (error) { if (error.code?.startsWith("ERR_INVALID_ARG")) throw error; told = [error]; }
      later(() => done(...(told[1] === undefined ? [told[0]] : told)));
    };
  fs.promises = promises;
  fs.constants = promises.constants = { F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4, COPYFILE_EXCL: 1 };
  Object.assign(fs, fs.constants, { Dirent });
  const absent = {
    "open openSync close closeSync read readSync write writeSync fstat fstatSync ftruncate fsync opendir opendirSync": "files are read and written whole: use readFile, writeFile, createReadStream or createWriteStream",
    "watch watchFile unwatchFile": "nothing outside of the snippet changes its files while it runs",
    "symlink symlinkSync link linkSync readlink readlinkSync": "no links are made or followed by name here",
    "chmod chmodSync chown chownSync utimes utimesSync": "files have no owners, modes and times of their own here",
  };
  for (const [names, why] of Object.entries(absent))
    for (const name of names.split(" ")) {
      const refuse = () => { throw coded(new Error(`fs.${name} is not in this runtime: ${why}`), "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM"); };
      fs[name] = refuse;
      if (!name.endsWith("Sync")) promises[name] = async () => refuse();
    }
  Object.assign(kit, { fs, at, isFolder });
  Object.assign(kit.modules, { fs, "fs/promises": promises });
})
