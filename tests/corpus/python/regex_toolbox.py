import re

text = "Contact: ann@example.org, bob.smith+news@mail.example.co.uk; broken@; tel. +49 (221) 123-456, 0221/99 88 77. #tag #Tag2 ## no"
print(re.findall(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", text))
print(re.findall(r"(?<!#)#(\w+)", text), [re.sub(r"\D", "", found) for found in re.findall(r"[+\d][\d\s()/-]{6,}\d", text)])
print(re.split(r"\s*[;,.]\s+", text, maxsplit=3))
print(re.sub(r"(?P<first>\w+)@(?P<host>[\w.]+)", r"\g<host> at \g<first>", text, count=1))
print(re.fullmatch(r"(?i:ab+)c", "ABBBc"), re.search(r"\bt\w+", text, re.I).span())
print(re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", "1234567890"))
camel = lambda name: re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
print([camel(name) for name in ("parseHTTPResponse", "userID2Name", "simple", "XMLParser")])
print(re.findall(r"(?s)<(\w+)>(.*?)</\1>", "<a>x\ny</a><b>z</c></b>"), re.escape("a.b*c (d)"))
print([m.start() for m in re.finditer("(?=aba)", "ababababa")], re.subn(r"\s+", " ", "a \t b\n\nc"))
print(re.match(r"(a)|(b)", "b").groups(), re.match(r"(\d+)(?:\.(\d+))?", "42").groups(default="0"))
print(re.compile(r"^\w+", re.M | re.U).findall("één\nдва three\n第四 x"), re.findall(r"(?a:\w+)", "één"))
try:
    re.compile(r"(unclosed")
except re.error as error:
    print(error.msg, error.pos)
