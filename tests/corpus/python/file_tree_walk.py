import errno
import fnmatch
import os
import pathlib
import shutil

root = pathlib.Path("project")
files = {"src/main.py": "print('hi')\n", "src/lib/util.py": "x = 1\n" * 20, "docs/index.md": "# doc\n", "docs/img/a.svg": "<svg/>", ".hidden": "", "README": "read\nme\n"}
for name, text in files.items():
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
for folder, folders, names in os.walk(root):
    folders.sort()
    print(pathlib.PurePath(folder).as_posix(), sorted(folders), sorted(names))
print(sorted(path.as_posix() for path in root.rglob("*.py")), sorted(fnmatch.filter(files, "docs/*")))
print({path.suffix or path.name: path.stat().st_size for path in sorted(root.rglob("*")) if path.is_file()})
shutil.copytree(root / "src", root / "copy")
shutil.move(root / "copy" / "main.py", root / "moved.py")
(root / "README").rename(root / "README.txt")
shutil.rmtree(root / "docs")
print(sorted(path.relative_to(root).as_posix() for path in root.rglob("*")))
path = pathlib.PurePosixPath("/srv/data/archive.tar.gz")
print(path.stem, path.suffixes, path.parent, path.parts, path.with_suffix(".zip"), path.relative_to("/srv"), path.match("*.gz"))
print(os.path.join("a", "/b", "c"), os.path.normpath("a/./b/../../c"), os.path.splitext("x.tar.gz"), os.path.commonpath(["/a/b/c", "/a/b/d"]))
for act in (lambda: (root / "none").read_text(), lambda: os.mkdir(root), lambda: os.rmdir(root), lambda: open(root)):
    try:
        act()
    except OSError as error:
        print(type(error).__name__, errno.errorcode[error.errno], error.strerror)
