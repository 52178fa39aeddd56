#!/usr/bin/env python3
"""Builds the sample programs into guests/build, with whatever toolchain the machine has or can get.

Rust: the rustup target wasm32-wasip1 where it is installed or can be added, else Debian's Rust with its library source.
Python and JavaScript: componentize-py and componentize-js at the versions below, kept outside of the tree.
A guest whose sources, tools and this script have not changed is left alone.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("RINGFENCE_TOOLS_DIR") or pathlib.Path.home() / ".cache" / "ringfence" / "tools")
COMPONENTIZE_PY = "0.25.0"
COMPONENTIZE_JS = "0.23.0"
DEBIAN = ["rustc-web", "cargo-web", "rust-web-src", "lld", "wasi-libc", "libclang-rt-14-dev-wasm32"]
WASI = pathlib.Path("/usr/lib/wasm32-wasi")
COMMANDS = ["hello", "files"]
LIBRARIES = ["types", "compute", "wordcount"]


def say(text):
    print(f"guests: {text}", file=sys.stderr, flush=True)


def fail(text):
    say(text)
    sys.exit(1)


def run(command, **options):
    env = {**os.environ, **options.pop("env", {})}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, **options)
    if done.returncode != 0:
        print(done.stdout[-6000:], file=sys.stderr)
        fail(f"failed: {' '.join(map(str, command[:4]))} …")
    return done.stdout


def rustup_target():
    """Whether rustup has, or can get, the target."""
    if not shutil.which("rustup"):
        return False
    has = subprocess.run(["rustup", "target", "list", "--installed"], capture_output=True, text=True)
    if "wasm32-wasip1" in has.stdout.split():
        return True
    try:
        adding = subprocess.run(["rustup", "target", "add", "wasm32-wasip1"], capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        return False
    return adding.returncode == 0


def debian_rust():
    """Installs Debian's Rust for WebAssembly where it is missing."""
    if pathlib.Path("/usr/bin/cargo").exists() and (WASI / "crt1-command.o").exists():
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        fail("no Rust for WebAssembly: run `rustup target add wasm32-wasip1`, or install " + " ".join(DEBIAN))
    say("installing Debian's Rust for WebAssembly (once)")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update"], env=quiet)
    run(["apt-get", "install", "-y", "--no-install-recommends", *DEBIAN], env=quiet)


def cargo(names, library, rustup):
    target = CACHE / "guests-target"
    packages = [part for name in names for part in ("-p", name)]
    flags = ["--release", "--target", "wasm32-wasip1", *packages]
    env = {"CARGO_TARGET_DIR": str(target), "RUSTFLAGS": ""}
    if rustup:
        run(["cargo", "build", "--locked", *flags], cwd=HERE, env=env)
    else:
        start = WASI / ("crt1-reactor.o" if library else "crt1-command.o")
        env |= {
            "RUSTC": "/usr/bin/rustc",
            "RUSTC_BOOTSTRAP": "1",
            "RUSTFLAGS": f"-Clinker=/usr/bin/wasm-ld -Clink-self-contained=no -Clink-arg={start} -L{WASI}",
            # Each kind links another start file, which is part of the flags: one folder each, or all is rebuilt.
            "CARGO_TARGET_DIR": str(target / ("library" if library else "command")),
        }
        run(["/usr/bin/cargo", "build", "--locked", "-Zbuild-std=std,panic_abort", *flags], cwd=HERE, env=env)
    folder = pathlib.Path(env["CARGO_TARGET_DIR"]) / "wasm32-wasip1" / "release"
    return {name: folder / f"{name}.wasm" for name in names}


def build_rust(names, out):
    rustup = rustup_target()
    if not rustup:
        debian_rust()
    for library, group in ((False, COMMANDS), (True, LIBRARIES)):
        wanted = [name for name in names if name in group]
        if wanted:
            for name, built in cargo(wanted, library, rustup).items():
                shutil.copyfile(built, out / f"{name}.wasm")


def build_python(out):
    venv = CACHE / f"componentize-py-{COMPONENTIZE_PY}"
    tool = venv / "bin" / "componentize-py"
    if not tool.exists():
        say("installing componentize-py (once)")
        run([sys.executable, "-m", "venv", str(venv)])
        run([str(venv / "bin" / "pip"), "install", "--quiet", f"componentize-py=={COMPONENTIZE_PY}"])
    source = HERE / "python"
    run([str(tool), "-d", "world.wit", "-w", "python", "componentize", "app", "-o", str(out / "python.wasm")], cwd=source)


def build_javascript(out):
    prefix = CACHE / f"componentize-js-{COMPONENTIZE_JS}"
    package = prefix / "node_modules" / "@bytecodealliance" / "componentize-js"
    if not package.exists():
        if not shutil.which("npm"):
            fail("no npm: install Node.js")
        say("installing componentize-js (once)")
        prefix.mkdir(parents=True, exist_ok=True)
        (prefix / "package.json").write_text('{"private": true, "type": "module"}')
        run(["npm", "install", "--silent", "--no-audit", "--no-fund", f"@bytecodealliance/componentize-js@{COMPONENTIZE_JS}"], cwd=prefix)
    script = prefix / "build.mjs"
    script.write_text(
        'import { componentize } from "@bytecodealliance/componentize-js";\n'
        'import { writeFile } from "node:fs/promises";\n'
        "const [sourcePath, witPath, out] = process.argv.slice(2);\n"
        'const { component } = await componentize({ sourcePath, witPath, worldName: "javascript", disableFeatures: ["http", "fetch-event"] });\n'
        "await writeFile(out, component);\n"
    )
    source = HERE / "javascript"
    run(["node", str(script), str(source / "app.js"), str(source / "world.wit"), str(out / "javascript.wasm")], cwd=prefix)


def stamp(name):
    """What the guest is made of: its sources, the shared ones, the tools and this script."""
    digest = hashlib.sha256(pathlib.Path(__file__).read_bytes())
    shared = [HERE / "Cargo.toml", HERE / "Cargo.lock", HERE.parent / "wit" / "agent.wit"]
    files = sorted(path for path in (HERE / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in [*shared, *files]:
        digest.update(str(path.relative_to(HERE.parent)).encode())
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def main():
    every = [*COMMANDS, *LIBRARIES, "python", "javascript"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="GUEST", help=f"only these: {', '.join(every)}")
    names = parser.parse_args().names or every
    unknown = [name for name in names if name not in every]
    if unknown:
        fail(f"no guest is called {', '.join(unknown)}; there are {', '.join(every)}")
    out = HERE / "build"
    out.mkdir(exist_ok=True)
    stamps = {name: stamp(name) for name in names}

    def is_fresh(name):
        mark = out / f"{name}.stamp"
        return (out / f"{name}.wasm").exists() and mark.exists() and mark.read_text() == stamps[name]

    stale = [name for name in names if not is_fresh(name)]
    rust = [name for name in stale if name in COMMANDS + LIBRARIES]
    steps = [(rust, lambda: build_rust(rust, out))] if rust else []
    steps += [([name], lambda build=build: build(out)) for name, build in (("python", build_python), ("javascript", build_javascript)) if name in stale]
    for built, build in steps:
        say(f"building {', '.join(built)}")
        build()
        for name in built:
            (out / f"{name}.stamp").write_text(stamps[name])
    say("up to date" if not stale else f"built {', '.join(stale)}")


if __name__ == "__main__":
    main()
