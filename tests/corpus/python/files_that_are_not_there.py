import os
import pathlib
import shutil

open("here", "w").close()
for what, call in {
    "chmod": lambda: os.chmod("nope", 0o644),
    "Path.chmod": lambda: pathlib.Path("nope").chmod(0o644),
    "utime": lambda: os.utime("nope"),
    "copymode": lambda: shutil.copymode("here", "nope"),
    "copystat": lambda: shutil.copystat("here", "nope"),
    "copy2": lambda: shutil.copy2("nope", "here"),
    "access": lambda: (os.access("nope", os.F_OK), os.access("here", os.R_OK | os.W_OK), os.access("here", os.X_OK), os.access(".", os.X_OK)),
    "chmod here": lambda: os.chmod("here", 0o600),
    "which": lambda: shutil.which("here", path="."),
}.items():
    try:
        print(what, call())
    except OSError as error:
        print(what, type(error).__name__)
