import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

tree = ET.parse("catalog.xml")
root = tree.getroot()
for book in root.findall("book"):
    rank = book.findtext("{urn:extra}rank", default="-")
    price = book.find("price")
    print(book.get("id"), book.findtext("title"), float(price.text), price.attrib["currency"], rank)
print([title.text for title in root.iterfind(".//book[@lang='en']/title")], len(list(root.iter())))
for price in root.iter("price"):
    price.text = f"{float(price.text) * 1.1:.2f}"
    price.set("old", "yes")
root.remove(root[1])
extra = ET.SubElement(root, "book", {"id": "b4"})
ET.SubElement(extra, "title").text = "A < B & \"C\""
ET.indent(tree)
tree.write("changed.xml", encoding="unicode")
print(open("changed.xml").read())
print(escape("<a & b>"), quoteattr('say "hi"'), ET.canonicalize("<a  z='1' b='2'><c/></a>"))
try:
    ET.fromstring("<a><b></a>")
except ET.ParseError as error:
    print(error, error.position)
