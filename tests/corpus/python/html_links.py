import html
from html.parser import HTMLParser
from urllib.parse import urljoin

PAGE = """<!DOCTYPE html><html><head><title>Shop &amp; Co</title><style>p { color: red }</style></head>
<body><h1 class="big main">Hello<br>World</h1><p>Prices from 5&nbsp;&euro; &#x263A; <a href="/buy?x=1&amp;y=2">buy <b>now</b></a>
<a href='help.html#top'>help</a><img src=logo.png alt="a > b"/><!-- hidden <a href="no"> --></p>
<script>if (a < b) { document.write("<a href='nope'>") }</script><ul><li>one<li>two</ul></body></html>"""


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.text, self.stack, self.skip = [], [], [], 0

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.stack.append(tag)
        self.skip += tag in ("script", "style")
        if tag == "a":
            self.links.append(urljoin("https://shop.example/a/b.html", attrs["href"]))
        if tag in ("h1", "img"):
            print(tag, attrs)

    def handle_endtag(self, tag):
        self.skip -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.skip and data.strip():
            self.text.append(" ".join(data.split()))

    def handle_comment(self, data):
        print("comment", data.strip())


reader = Reader()
reader.feed(PAGE)
print(reader.links)
print(reader.text, len(reader.stack))
print(html.escape('<a href="x">\'&'), html.unescape("&lt;&frac12;&notit;&#128512;&amp;amp;"))
