import json
import os
from pathlib import Path

base = Path("/workspace")
people = json.loads((base / "people.json").read_text(encoding="utf-8"))
out = base / "reports"
out.mkdir(exist_ok=True)
for person in people:
    name = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in person["name"]).strip("_").lower()
    target = out / f"{person['id']:03d}-{name or 'person'}.txt"
    target.write_text(f"{person['name']}\n{', '.join(sorted(set(person['tags']))) or '-'}\n", encoding="utf-8")
for path in sorted(out.iterdir()):
    print(path.name, path.stat().st_size, path.read_text(encoding="utf-8").splitlines())
with open("/workspace/reports/all.log", "a") as log:
    for n in range(3):
        log.write(f"line {n}\n")
with open("/workspace/reports/all.log", "r+") as log:
    log.readline()
    at = log.tell()
    log.seek(at)
    log.write("LINE")
    log.truncate()
print((out / "all.log").read_text().split("\n"), os.path.getsize("/workspace/reports/all.log"), os.getcwd() == "/workspace")
