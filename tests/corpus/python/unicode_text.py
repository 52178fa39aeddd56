import unicodedata

words = ["Ångström", "A\u030angstro\u0308m", "ﬁnance", "Straße", "İstanbul", "naïve café", "👩‍👩‍👧 family", "Ⅷ ½ ²"]
for word in words:
    nfc, nfkd = unicodedata.normalize("NFC", word), unicodedata.normalize("NFKD", word)
    plain = "".join(sign for sign in nfkd if not unicodedata.combining(sign))
    print(len(word), len(nfc), len(word.encode()), len(word.encode("utf-16-le")) // 2, plain, word.casefold(), word.upper(), word.title())
for sign in "é€😀\u200b٣":
    print(f"U+{ord(sign):04X}", unicodedata.name(sign), unicodedata.category(sign), unicodedata.numeric(sign, None), sign.isprintable())
print("٣".isdigit(), int("٣٤"), "²".isdigit(), "²".isdecimal(), "½".isnumeric(), "ǅ".istitle())
print("héllo".encode("latin-1"), b"\xe9\x80".decode("latin-1"), "日本".encode("shift_jis"), "Ω".encode("cp1253"))
for policy in ("replace", "ignore", "xmlcharrefreplace", "backslashreplace", "namereplace"):
    print("snow ☃".encode("ascii", policy))
print(b"ok \xff\xfe end".decode("utf-8", "replace"), b"\xff".decode("utf-8", "backslashreplace"), "\ud800".encode("utf-8", "surrogatepass"))
try:
    b"\xc3(".decode()
except UnicodeDecodeError as error:
    print(error)
print("abc"[::-1], "ß" < "z", sorted("éeèE"), ascii("ñ"), "\N{GREEK SMALL LETTER PI}", "x\u0301".isidentifier())
