import gzip
import io
import tarfile
import zipfile

with zipfile.ZipFile("bundle.zip", "w", zipfile.ZIP_DEFLATED) as bundle:
    for name in ("notes.md", "settings.ini"):
        bundle.write(name, f"docs/{name}")
    bundle.writestr(zipfile.ZipInfo("made/up.txt", (2026, 1, 2, 3, 4, 6)), "hello " * 100)
with zipfile.ZipFile("bundle.zip") as bundle:
    for info in bundle.infolist():
        print(info.filename, info.file_size, info.compress_type, info.CRC)
    print(bundle.read("made/up.txt")[:11], bundle.testzip(), zipfile.is_zipfile("notes.md"))
    print(bundle.getinfo("made/up.txt").date_time, [path.name for path in zipfile.Path(bundle, "docs/").iterdir()])
import os
os.remove("bundle.zip")
with gzip.open("log.gz", "wt", encoding="utf-8") as out:
    out.writelines(f"zeile {n} ü\n" for n in range(1000))
with gzip.open("log.gz", "rt", encoding="utf-8") as back:
    lines = back.readlines()
print(len(lines), lines[-1], os.path.getsize("log.gz") < 4000)
os.remove("log.gz")
memory = io.BytesIO()
with tarfile.open(fileobj=memory, mode="w:gz") as tar:
    info = tarfile.TarInfo("a/b.txt")
    info.size = 5
    tar.addfile(info, io.BytesIO(b"12345"))
    tar.add("config.toml", "conf/config.toml")
memory.seek(0)
with tarfile.open(fileobj=memory) as tar:
    print([(member.name, member.size, member.isfile()) for member in tar], tar.extractfile("a/b.txt").read())
try:
    zipfile.ZipFile("notes.md")
except zipfile.BadZipFile as error:
    print(error)
