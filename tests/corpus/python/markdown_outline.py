import re

lines = open("notes.md").read().splitlines()
fenced = False
outline, links, tables = [], [], []
for number, line in enumerate(lines, 1):
    if line.startswith("```"):
        fenced = not fenced
    if fenced:
        continue
    if heading := re.match(r"(#{1,6})\s+(.*?)\s*#*$", line):
        level = len(heading[1])
        slug = re.sub(r"[^\w\- ]", "", heading[2].lower()).replace(" ", "-")
        outline.append("  " * (level - 1) + f"- [{heading[2]}](#{slug}) (line {number})")
    links += [(m.group("text"), m["url"]) for m in re.finditer(r"\[(?P<text>[^\]]+)\]\((?P<url>[^)\s]+)\)", line)]
    if line.startswith("|") and not re.fullmatch(r"[|\s:\-]+", line):
        tables.append([cell.strip() for cell in line.strip("|").split("|")])
print("\n".join(outline))
print(links)
header, *body = tables
print([dict(zip(header, row)) for row in body])
print(sorted({int(found) for found in re.findall(r"#(\d+)", "\n".join(lines))}))
print(re.sub(r"\*\*(.+?)\*\*|\*(.+?)\*|`(.+?)`", lambda m: f"<{m.lastindex}:{m[m.lastindex]}>", lines[2] + lines[6]))
