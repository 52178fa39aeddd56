// URL and URLSearchParams, as far as snippets go: of the standard's rules those on parts, paths, defaults and escapes.
((kit) => {
  "use strict";
  const { doors, inspect } = kit;
  const custom = Symbol.for("nodejs.util.inspect.custom");
  const escape = (sign) => Array.from(doors.encode(sign), (byte) => "%" + byte.toString(16).toUpperCase().padStart(2, "0")).join("");
  const escapes = {
    who: /[^\x21-\x7e]|["#<>?`{}/:;=@[\\\]^|]/gu, pathname: /[^\x21-\x7e]|["#<>?`{}]/gu,
    search: /[^\x21-\x7e]|["#<>']/gu, hash: /[^\x21-\x7e]|["<>`]/gu,
  };
  const escaped = (part, text) => text.replace(escapes[part], escape);

  let link, refill;
  class URLSearchParams {
    #pairs = [];
    #changed = () => {};
    static {
      link = (params, changed) => { params.#changed = changed; };
      refill = (params, text) => { params.#pairs = pairsOf(text); };
    }
    constructor(from = "") {
      if (typeof from !== "object" || from === null) this.#pairs = pairsOf(String(from));
      else for (const [name, value] of Symbol.iterator in from ? from : Object.entries(from)) this.#pairs.push([String(name), String(value)]);
    }
    get(name) { return this.#pairs.find(([key]) => key === name)?.[1] ?? null; }
    getAll(name) { return this.#pairs.filter(([key]) => key === name).map(([, value]) => value); }
    has(name) { return this.#pairs.some(([key]) => key === name); }
    append(name, value) { this.#pairs.push([String(name), String(value)]); this.#changed(); }
    set(name, value) {
      const at = this.#pairs.findIndex(([key]) => key === name);
      if (at < 0) return this.append(name, value);
      this.#pairs = this.#pairs.filter(([key], index) => key !== name || index === at);
      this.#pairs[at] = [String(name), String(value)];
      this.#changed();
    }
    delete(name) { this.#pairs = this.#pairs.filter(([key]) => key !== name); this.#changed(); }
    sort() { this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)); this.#changed(); }
    forEach(act) { for (const [name, value] of this.#pairs) act(value, name, this); }
    keys() { return this.#pairs.map(([name]) => name).values(); }
    values() { return this.#pairs.map(([, value]) => value).values(); }
    entries() { return this.#pairs.map((pair) => [...pair]).values(); }
    get size() { return this.#pairs.length; }
    [Symbol.iterator]() { return this.entries(); }
    [custom](_, options) { return `URLSearchParams {${this.#pairs.map(([name, value]) => ` ${inspect(name, options)} => ${inspect(value, options)}`).join(",")}${this.#pairs.length ? " " : ""}}`; }
    toString() {
      const coded = (text) => encodeURIComponent(text.toWellFormed()).replace(/%20/g, "+").replace(/[!'()~]/g, escape);
      return this.#pairs.map(([name, value]) => `${coded(name)}=${coded(value)}`).join("&");
    }
  }
  const plain = (text) => { text = text.replace(/\+/g, " "); try { return decodeURIComponent(text); } catch { return text; } };
  const pairsOf = (text) => text.replace(/^\?/, "").split("&").filter(Boolean).map((pair) => {
    const [name, ...rest] = pair.split("=");
    return [plain(name), plain(rest.join("="))];
  });

  // The schemes whose addresses have a host, with the port that need not be said.
  const special = { "http:": "80", "https:": "443", "ftp:": "21", "ws:": "80", "wss:": "443", "file:": "" };
  const isSpecial = (protocol) => Object.hasOwn(special, protocol);
  const invalid = (input, base) => Object.assign(new TypeError("Invalid URL"), { code: "ERR_INVALID_URL", input, ...(base !== undefined && { base: String(base) }) });
  const withoutDots = (path) => {
    const kept = [];
    const parts = path.replace(/^\//, "").split("/");
    parts.forEach((part, at) => {
      const dots = part.replace(/%2e/gi, ".");
      if (dots === "..") kept.pop();
      else if (dots !== ".") return kept.push(part);
      if (at === parts.length - 1) kept.push("");
    });
    return "/" + kept.join("/");
  };
  const hostOf = (text, protocol) => {
    const [, hostname, port = ""] = /^(\[[\da-f:.]+\]|[^:]*)(?::(\d*))?$/i.exec(text) ?? [];
    if (hostname === undefined || (!hostname && isSpecial(protocol) && protocol !== "file:") || /[\s<>^|%\\]/.test(plain(hostname)) || Number(port) > 65535) return null;
    return { hostname: isSpecial(protocol) ? plain(hostname).toLowerCase() : hostname, port: port === "" || special[protocol] === String(Number(port)) ? "" : String(Number(port)) };
  };
  const split = (text) => /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(text).slice(1);
  const finish = (parts, pathname, search, hash) => ({
    ...parts, pathname, search: search && search !== "?" ? escaped("search", search) : "", hash: hash && hash !== "#" ? escaped("hash", hash) : "",
  });
  const slashed = (rest, protocol) => (protocol !== "file:" ? rest.replace(/^\/*/, "//") : rest.startsWith("//") ? rest : "//" + rest.replace(/^\/?/, "/"));
  const partsOf = (text, base) => {
    const scheme = /^[a-z][a-z\d+.-]*:/i.exec(text)?.[0];
    if (!scheme) return base ? relative(text, base) : null;
    const protocol = scheme.toLowerCase();
    let [rest, search, hash] = split(text.slice(scheme.length));
    if (isSpecial(protocol)) rest = slashed(rest.replace(/\\/g, "/"), protocol);
    const none = { protocol, username: "", password: "", hostname: "", port: "" };
    if (!rest.startsWith("//")) return finish(none, rest.startsWith("/") ? escaped("pathname", withoutDots(rest)) : rest, search, hash);
    const [, authority, path] = /^\/\/([^/]*)(.*)$/s.exec(rest);
    const at = authority.lastIndexOf("@");
    const [username, ...password] = authority.slice(0, Math.max(at, 0)).split(":");
    const host = hostOf(authority.slice(at + 1), protocol);
    const who = { username: escaped("who", username), password: escaped("who", password.join(":")) };
    return host && finish({ ...none, ...who, ...host }, path || isSpecial(protocol) ? escaped("pathname", withoutDots(path)) : "", search, hash);
  };
  const relative = (text, base) => {
    if (isSpecial(base.protocol)) text = text.replace(/^[^?#]*/, (path) => path.replace(/\\/g, "/"));
    if (!base.pathname.startsWith("/") && !text.startsWith("#")) return null;
    if (text.startsWith("//")) return partsOf(base.protocol + text);
    const [path, search, hash] = split(text);
    if (!path) return { ...finish(base, base.pathname, search, hash), ...(search === undefined && { search: base.search }) };
    const full = path.startsWith("/") ? path : base.pathname.replace(/[^/]*$/, "") + path;
    return finish(base, escaped("pathname", withoutDots(full)), search, hash);
  };

  class URL {
    #parts;
    #params;
    constructor(text, base) {
      text = String(text);
      const on = base === undefined ? undefined : new URL(base).#parts;
      this.#parts = partsOf(text.trim().replace(/[\t\n\r]/g, ""), on);
      if (!this.#parts) throw invalid(text, base);
      this.#params = new URLSearchParams(this.#parts.search);
      link(this.#params, () => { const now = this.#params.toString(); this.#parts.search = now && "?" + now; });
    }
    get searchParams() { return this.#params; }
    get protocol() { return this.#parts.protocol; }
    set protocol(text) { const [now] = /^[a-z][a-z\d+.-]*/i.exec(text) ?? []; if (now && isSpecial(now.toLowerCase() + ":") === isSpecial(this.protocol)) { this.#parts.protocol = now.toLowerCase() + ":"; this.port = this.port; } }
    get username() { return this.#parts.username; }
    set username(text) { if (this.hostname) this.#parts.username = escaped("who", String(text)); }
    get password() { return this.#parts.password; }
    set password(text) { if (this.hostname) this.#parts.password = escaped("who", String(text)); }
    get hostname() { return this.#parts.hostname; }
    set hostname(text) { const host = hostOf(String(text), this.protocol); if (host?.hostname) this.#parts.hostname = host.hostname; }
    get port() { return this.#parts.port; }
    set port(text) { const [now = ""] = /^\d*/.exec(String(text)); if (Number(now) <= 65535) this.#parts.port = now === special[this.protocol] ? "" : now && String(Number(now)); }
    get host() { return this.hostname + (this.port && ":" + this.port); }
    set host(text) { const host = hostOf(String(text), this.protocol); if (host?.hostname) Object.assign(this.#parts, { hostname: host.hostname, ...(/:\d/.test(text) && { port: host.port }) }); }
    get origin() { return isSpecial(this.protocol) && this.protocol !== "file:" ? `${this.protocol}//${this.host}` : "null"; }
    get pathname() { return this.#parts.pathname; }
    set pathname(text) { if (this.pathname.startsWith("/")) this.#parts.pathname = escaped("pathname", withoutDots(String(text))); }
    get search() { return this.#parts.search; }
    set search(text) { text = String(text); this.#parts.search = text && text !== "?" ? escaped("search", text.startsWith("?") ? text : "?" + text) : ""; refill(this.#params, this.#parts.search); }
    get hash() { return this.#parts.hash; }
    set hash(text) { text = String(text); this.#parts.hash = text && text !== "#" ? escaped("hash", text.startsWith("#") ? text : "#" + text) : ""; }
    get href() {
      const who = this.username || this.password ? this.username + (this.password && ":" + this.password) + "@" : "";
      return this.protocol + (this.hostname || isSpecial(this.protocol) ? "//" + who + this.host : "") + this.pathname + this.search + this.hash;
    }
    set href(text) { const now = new URL(text); this.#parts = now.#parts; refill(this.#params, this.search); }
    toString() { return this.href; }
    toJSON() { return this.href; }
    [custom](_, options) {
      const names = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "searchParams", "hash"];
      return "URL " + inspect(Object.fromEntries(names.map((name) => [name, this[name]])), options);
    }
    static canParse(text, base) { try { return !!new URL(text, base); } catch { return false; } }
  }
  Object.assign(kit, { URL, URLSearchParams });
  for (const [name, value] of Object.entries({ URL, URLSearchParams }))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
})
