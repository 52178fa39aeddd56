const path = require("path");
const query0 = (text) => new URLSearchParams(text);
console.log(path.join("a/", "b/"), path.normalize("./x/../"), path.resolve("/q/"), path.join("/a", "../b", "./c", "..", "d"), path.resolve("/x/y", "../z", "w"), path.normalize("a//b/./c/.."), path.relative("/a/b/c", "/a/d"), path.isAbsolute("a"));
console.log(path.parse("/home/ann/file.tar.gz"), path.format({ dir: "/x", name: "f", ext: ".js" }), path.dirname("/a/b/"), path.basename("/a/b.html", ".html"), path.extname(".bashrc"), path.extname("a.b."), path.sep);
const url = new URL("https://ann:pw@Example.org:8443/a%20b/../c/?q=1&q=2&x=%C3%A9#frag");
console.log(url.href, url.host, url.hostname, url.port, url.pathname, url.search, url.hash, url.origin, url.username, url.protocol);
url.searchParams.append("new", "a b&c");
url.searchParams.delete("q");
url.pathname = "/other path";
console.log(String(url), [...url.searchParams], url.searchParams.has("x"), url.searchParams.getAll("none"));
for (const part of ["g", "./g/", "../g", "/g", "//h/g", "?y", "#s", "g?y#s"]) console.log(part.padEnd(6), new URL(part, "http://a/b/c/d?q").href);
console.log(url, query0("?a=1&b=x+y"));
const query = new URLSearchParams({ b: "2", a: "x y", u: "é&=" });
query.sort();
console.log(query.toString(), Object.fromEntries(new URLSearchParams("?k=v&empty=&flag&k=w+z")), new URLSearchParams([["a", 1]]).get("a"));
for (const bad of ["not a url", "http://", "/relative"]) try { new URL(bad); } catch (error) { console.log(error.code, error.name); }
console.log(new URL("HTTP://EXAMPLE.com:80/%7Efoo").href, new URL("file:///etc/x").pathname, JSON.stringify({ u: new URL("https://x.y/") }), URL.canParse("http://ok"));
const tracking = (address) => { const u = new URL(address); for (const key of [...u.searchParams.keys()]) if (key.startsWith("utm_")) u.searchParams.delete(key); u.hash = ""; return u.toString(); };
console.log(tracking("https://shop.example/items/?utm_source=x&b=2&utm_medium=y#top"));
