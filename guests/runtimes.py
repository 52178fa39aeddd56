"""Builds the language runtimes: whole interpreters that are already started when a snippet begins (wit/runtime.wit)."""

import pathlib
import shutil
import tempfile

import seeded
from lasting import make_lasting
from merged import exports, merge
from stack import deepened
from toolbox import CACHE, HERE, TOOLS, WASI, componentize_js, componentize_py, debian_rust, npm, run, say

FOLDERS = {"python-runtime": "python", "javascript-runtime": "javascript"}
TZDATA = "2026.6"
# The one that writes as Node 20 and 22 do.
INSPECT = "3.0.2"
RUNTIME_WIT = HERE.parent / "wit" / "runtime.wit"
# QuickJS is C: Debian's compiler of this version knows wasm32 with threads off and bulk memory on.
CLANG = [("clang-19", "/usr/bin/clang-19"), ("llvm", "/usr/bin/llvm-ar")]


def time_zones():
    """The zones of the world, for `zoneinfo`: a package of its own, beside the standard library."""
    folder = TOOLS / f"tzdata-{TZDATA}"
    ready = folder / "ready"
    if not ready.exists():
        say("installing tzdata (once)")
        shutil.rmtree(folder, ignore_errors=True)
        pip = componentize_py().parent / "pip"
        run([str(pip), "install", "--quiet", "--no-compile", "--target", str(folder), f"tzdata=={TZDATA}"])
        ready.touch()
    return folder


def build_python(out):
    tool = componentize_py()
    # What happens to be installed on this machine is no part of the runtime.
    empty = TOOLS / "empty"
    empty.mkdir(parents=True, exist_ok=True)
    worlds = ["-d", str(RUNTIME_WIT), "-d", "world.wit", "-w", "ringfence:python/python"]
    # Names that no snippet has for a module of its own.
    names = ["--world-module", "_ringfence_world"]
    options = ["-q", *worlds, *names, "componentize", "-p", ".", "-p", str(time_zones()), "_ringfence_app"]
    with tempfile.TemporaryDirectory() as folder:
        linked = pathlib.Path(folder) / "linked.wasm"
        run(
            [str(tool), *options, "-o", str(linked)],
            cwd=HERE / "runtimes" / "python",
            env={"VIRTUAL_ENV": str(empty), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        merge(linked, out / "python-runtime.wasm", made_ready)


def made_ready(modules):
    """The modules with two of them changed: the one with the memory, and the one that is Python itself."""
    memory = max(modules, key=len)
    python = next(module for module in modules if any(name == "_Py_Dealloc" for name, *_ in exports(module)))
    image = seeded.Image(memory)
    roomy, place = seeded.room(make_lasting(memory), image.known(), image.salt)
    changed = {id(memory): roomy, id(python): seeded.hashing(deepened(python), place, begun=True)}
    return [changed.get(id(module), module) for module in modules]


def build_javascript(out):
    folder = HERE / "runtimes" / "javascript"
    debian_rust(CLANG)
    inspect = npm(f"node-inspect-extracted-{INSPECT}", f"node-inspect-extracted@{INSPECT}")
    found = inspect / "node_modules" / "node-inspect-extracted" / "dist" / "inspect.js"
    shutil.copyfile(found, folder / "src" / "js" / "inspect.js")
    wit = folder / "wit"
    wit.mkdir(exist_ok=True)
    shutil.copyfile(RUNTIME_WIT, wit / "runtime.wit")
    target = CACHE / "guests-target" / "javascript-runtime"
    start = WASI / "crt1-reactor.o"
    include = f"--target=wasm32-wasi -isystem /usr/include/wasm32-wasi -D_WASI_EMULATED_SIGNAL -include {folder / 'stack.h'}"
    env = {
        "CARGO_TARGET_DIR": str(target),
        "RUSTC": "/usr/bin/rustc",
        "RUSTC_BOOTSTRAP": "1",
        "RQUICKJS_SYS_NO_WASI_SDK": "1",
        "CC_wasm32_wasip1": "clang-19",
        "AR_wasm32_wasip1": "llvm-ar",
        "CFLAGS_wasm32_wasip1": include,
        "RUSTFLAGS": f"-Clinker=/usr/bin/wasm-ld -Clink-self-contained=no -Clink-arg={start} -L{WASI}",
    }
    flags = ["--release", "--locked", "-Zbuild-std=std,panic_abort", "--target", "wasm32-wasip1"]
    run(["/usr/bin/cargo", "build", *flags], cwd=folder, env=env)
    started(target / "wasm32-wasip1" / "release" / "javascript_runtime.wasm", out / "javascript-runtime.wasm")


def started(module, result):
    """Starts the engine in a module, takes its image, and makes a component of that: 40 ms less for each run."""
    prefix = componentize_js()
    image = module.with_suffix(".image.wasm")
    wizer = next((prefix / "node_modules" / "@bytecodealliance").glob("wizer-*/wizer"))
    options = ["--allow-wasi", "--wasm-bulk-memory", "true", "--init-func", "wizer-initialize"]
    run([str(wizer), str(module), *options, "-o", str(image)])
    script = prefix / "component.mjs"
    script.write_text(
        'import { componentNew, preview1AdapterReactorPath } from "@bytecodealliance/jco";\n'
        'import { readFile, writeFile } from "node:fs/promises";\n'
        "const [input, output] = process.argv.slice(2);\n"
        "const adapter = await readFile(preview1AdapterReactorPath());\n"
        'await writeFile(output, await componentNew(await readFile(input), [["wasi_snapshot_preview1", adapter]]));\n'
    )
    run(["node", str(script), str(image), str(pathlib.Path(result))], cwd=prefix)
