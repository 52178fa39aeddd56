#!/usr/bin/env python3
"""Builds the sample programs into guests/build or $RINGFENCE_GUESTS_DIR, with what toolchain there is or can be had.

Rust: the rustup target wasm32-wasip1 where it is installed or can be added, else Debian's Rust with its library source.
`bench` is built twice from one source: as a component, and as a static program of this machine in native/, to be compared.
Python and JavaScript: componentize-py, componentize-js and binaryen at the versions in toolbox.py, kept outside of the tree, in
$RINGFENCE_TOOLS_DIR or ~/.cache/ringfence/tools.
A guest whose sources, tools and this script have not changed is left alone.
"""

import argparse
import hashlib
import os
import pathlib
import shutil

from toolbox import CACHE, HERE, WASI, componentize_js, componentize_py, debian_rust, fail, run, rustup_target, say

import runtimes

OUT = pathlib.Path(os.environ.get("RINGFENCE_GUESTS_DIR") or HERE / "build")
COMMANDS = ["hello", "files", "probe"]
LIBRARIES = ["types", "compute", "wordcount"]
# What is compared with itself as a native program, which has vectors: so has the component.
COMPARED = ["bench"]
VECTORS = "-Ctarget-feature=+simd128"


def cargo(names, library, rustup, flags_of_rust=""):
    # Flags are part of what is kept: one folder for each, or all is rebuilt.
    target = CACHE / "guests-target" / ("vectors" if flags_of_rust else "")
    packages = [part for name in names for part in ("-p", name)]
    flags = ["--release", "--target", "wasm32-wasip1", *packages]
    env = {"CARGO_TARGET_DIR": str(target), "RUSTFLAGS": flags_of_rust}
    if rustup:
        run(["cargo", "build", "--locked", *flags], cwd=HERE, env=env)
    else:
        start = WASI / ("crt1-reactor.o" if library else "crt1-command.o")
        env |= {
            "RUSTC": "/usr/bin/rustc",
            "RUSTC_BOOTSTRAP": "1",
            "RUSTFLAGS": f"-Clinker=/usr/bin/wasm-ld -Clink-self-contained=no -Clink-arg={start} -L{WASI} {flags_of_rust}",
            # Each kind links another start file, which is part of the flags: one folder each, or all is rebuilt.
            "CARGO_TARGET_DIR": str(target / ("library" if library else "command")),
        }
        run(["/usr/bin/cargo", "build", "--locked", "-Zbuild-std=std,panic_abort", *flags], cwd=HERE, env=env)
    folder = pathlib.Path(env["CARGO_TARGET_DIR"]) / "wasm32-wasip1" / "release"
    return {name: folder / f"{name}.wasm" for name in names}


def native(name, out, rustup):
    """A program of this machine that needs nothing but its kernel: it runs in any image, and from a folder alone."""
    target = CACHE / "guests-target" / "native"
    flags = "-Ctarget-feature=+crt-static"
    env = {"CARGO_TARGET_DIR": str(target), "RUSTFLAGS": flags, "CARGO_PROFILE_RELEASE_STRIP": "symbols"}
    if not rustup:
        env["RUSTC"] = "/usr/bin/rustc"
    run(["cargo" if rustup else "/usr/bin/cargo", "build", "--locked", "--release", "-p", name], cwd=HERE, env=env)
    # Alone in its folder, which is given to fences as a whole.
    (out / "native").mkdir(exist_ok=True)
    # Put in place as a new file: the old one may be running.
    fresh = out / f"{name}.new"
    shutil.copy(target / "release" / name, fresh)
    fresh.replace(out / "native" / name)


def build_rust(names, out):
    rustup = rustup_target()
    if not rustup:
        debian_rust()
    for library, group, flags in ((False, COMMANDS, ""), (True, LIBRARIES, ""), (False, COMPARED, VECTORS)):
        wanted = [name for name in names if name in group]
        if wanted:
            for name, built in cargo(wanted, library, rustup, flags).items():
                shutil.copyfile(built, out / f"{name}.wasm")
    for name in COMPARED:
        if name in names:
            native(name, out, rustup)


def build_python(out):
    options = ["-d", "world.wit", "-w", "python", "componentize", "app", "-o", str(out / "python.wasm")]
    run([str(componentize_py()), *options], cwd=HERE / "python")


def build_javascript(out):
    prefix = componentize_js()
    script = prefix / "build.mjs"
    script.write_text(
        'import { componentize } from "@bytecodealliance/componentize-js";\n'
        'import { writeFile } from "node:fs/promises";\n'
        "const [sourcePath, witPath, out] = process.argv.slice(2);\n"
        'const disableFeatures = ["http", "fetch-event"];\n'
        'const options = { sourcePath, witPath, worldName: "javascript", disableFeatures };\n'
        "const { component } = await componentize(options);\n"
        "await writeFile(out, component);\n"
    )
    source = HERE / "javascript"
    paths = [source / "app.js", source / "world.wit", out / "javascript.wasm"]
    run(["node", str(script), *map(str, paths)], cwd=prefix)


def stamp(name):
    """What the guest is made of: its sources, the shared ones, the tools and this script."""
    scripts = [HERE / name for name in ("build.py", "toolbox.py", "runtimes.py", "merged.py", "lasting.py", "seeded.py", "stack.py")]
    digest = hashlib.sha256(b"".join(script.read_bytes() for script in scripts))
    wit = [HERE.parent / "wit" / file for file in ("agent.wit", "runtime.wit")]
    shared = [HERE / "Cargo.toml", HERE / "Cargo.lock", *wit]
    folder = HERE / "runtimes" / runtimes.FOLDERS[name] if name in runtimes.FOLDERS else HERE / name
    made = {"__pycache__", "wit", "target", "inspect.js"}
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not made & set(path.parts))
    for path in [*shared, *files]:
        digest.update(str(path.relative_to(HERE.parent)).encode())
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def main():
    every = [*COMMANDS, *COMPARED, *LIBRARIES, "python", "javascript", *runtimes.FOLDERS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of {', '.join(every)}")
    parser.add_argument("--out", type=pathlib.Path, default=OUT, metavar="DIR", help="where the programs go")
    args = parser.parse_args()
    names = args.only or every
    unknown = [name for name in names if name not in every]
    if unknown:
        fail(f"no guest is called {', '.join(unknown)}; there are {', '.join(every)}")
    out = args.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    stamps = {name: stamp(name) for name in names}

    def is_fresh(name):
        mark = out / f"{name}.stamp"
        there = (out / f"{name}.wasm").exists() and (name not in COMPARED or (out / "native" / name).exists())
        return there and mark.exists() and mark.read_text() == stamps[name]

    stale = [name for name in names if not is_fresh(name)]
    rust = [name for name in stale if name in COMMANDS + COMPARED + LIBRARIES]
    steps = [(rust, lambda: build_rust(rust, out))] if rust else []
    steps += [(["python"], lambda: build_python(out))] if "python" in stale else []
    steps += [(["javascript"], lambda: build_javascript(out))] if "javascript" in stale else []
    steps += [(["python-runtime"], lambda: runtimes.build_python(out))] if "python-runtime" in stale else []
    steps += [(["javascript-runtime"], lambda: runtimes.build_javascript(out))] if "javascript-runtime" in stale else []
    for built, build in steps:
        say(f"building {', '.join(built)}")
        # A build that is cut short must not look fresh when the sources go back.
        for name in built:
            (out / f"{name}.stamp").unlink(missing_ok=True)
        build()
        for name in built:
            (out / f"{name}.stamp").write_text(stamps[name])
    say("up to date" if not stale else f"built {', '.join(stale)}")


if __name__ == "__main__":
    main()
