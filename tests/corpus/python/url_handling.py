from urllib.parse import parse_qs, parse_qsl, quote, quote_plus, unquote, urlencode, urljoin, urlparse, urlsplit, urlunsplit

url = urlparse("https://ann:s%40crt@Example.org:8443/a%20b/c;p?q=1&q=2&empty=&x=%C3%A9#frag/ment")
print(url.scheme, url.hostname, url.port, url.username, unquote(url.password), url.path, url.params, url.fragment)
print(parse_qs(url.query), parse_qsl(url.query, keep_blank_values=True))
print(urlencode({"q": "a b&c", "list": [1, 2], "u": "é/ü"}, doseq=True), quote("a b/ü?"), quote_plus("a b/ü?"), quote("/x y", safe=""))
base = "http://h/a/b/c?q#f"
for part in ("g", "./g/", "../g", "../../../g", "/g", "//other/g", "?y", "#s", "", "g;x=1/../y", "mailto:a@b"):
    print(f"{part!r:14} {urljoin(base, part)}")
print(urlunsplit(urlsplit("HTTP://H.org/%7Efoo/../bar?b=2&a=1")._replace(query="a=1", netloc="h.org")))


def clean(address):
    parts = urlsplit(address)
    query = urlencode(sorted((k, v) for k, v in parse_qsl(parts.query) if not k.startswith("utm_")))
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/") or "/", query, ""))


print(clean("https://Shop.Example/items/?utm_source=x&b=2&a=1#top"), clean("http://A.b"))
try:
    urlparse("http://h:99999/").port
except ValueError as error:
    print(error)
