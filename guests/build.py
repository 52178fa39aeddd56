#!/usr/bin/env python3
"""Builds the sample programs into guests/build or $RINGFENCE_GUESTS_DIR, with what toolchain there is or can be had.

Rust: the rustup target wasm32-wasip1 where it is installed or can be added, else Debian's Rust with its library source.
Python and JavaScript: componentize-py and componentize-js at the versions below, kept outside of the tree, in
$RINGFENCE_TOOLS_DIR or ~/.cache/ringfence/tools.
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
CACHE = pathlib.Path.home() / ".cache" / "ringfence"
TOOLS = pathlib.Path(os.environ.get("RINGFENCE_TOOLS_DIR") or CACHE / "tools").absolute()
OUT = pathlib.Path(os.environ.get("RINGFENCE_GUESTS_DIR") or HERE / "build")
COMPONENTIZE_PY = "0.25.0"
COMPONENTIZE_JS = "0.23.0"
DEBIAN = ["rustc-web", "cargo-web", "rust-web-src", "lld", "wasi-libc", "libclang-rt-14-dev-wasm32"]
DEBIAN_SOURCE = pathlib.Path("/usr/lib/rustlib/src")
WASI = pathlib.Path("/usr/lib/wasm32-wasi")
COMMANDS = ["hello", "files", "probe"]
LIBRARIES = ["types", "compute", "wordcount"]


def say(text):
    print(f"guests: {text}", file=sys.stderr, flush=True)


def fail(text):
    say(text)
    sys.exit(1)


def run(command, **options):
    env = {**os.environ, **options.pop("env", {})}
    # It would win over the RUSTFLAGS that are set here.
    env.pop("CARGO_ENCODED_RUSTFLAGS", None)
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, timeout=1800, **options
        )
    except FileNotFoundError:
        fail(f"{command[0]} is not installed")
    except subprocess.TimeoutExpired:
        fail(f"took too long: {' '.join(map(str, command[:4]))} …")
    if done.returncode != 0:
        print(done.stdout[-6000:], file=sys.stderr)
        fail(f"failed: {' '.join(map(str, command[:4]))} …")
    return done.stdout


def rustup_target():
    """Whether rustup has, or can get, the target."""
    if not shutil.which("rustup"):
        return False
    has = subprocess.run(["rustup", "target", "list", "--installed"], capture_output=True, text=True, cwd=HERE)
    if "wasm32-wasip1" in has.stdout.split():
        return True
    try:
        # Without a network it may hang.
        adding = subprocess.run(
            ["rustup", "target", "add", "wasm32-wasip1"], capture_output=True, timeout=30, cwd=HERE
        )
    except subprocess.TimeoutExpired:
        return False
    return adding.returncode == 0


def debian_rust():
    """Installs Debian's Rust for WebAssembly where it is missing."""
    needed = ["/usr/bin/cargo", "/usr/bin/rustc", "/usr/bin/wasm-ld", WASI / "crt1-command.o", DEBIAN_SOURCE]
    if all(pathlib.Path(path).exists() for path in needed):
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
    venv = TOOLS / f"componentize-py-{COMPONENTIZE_PY}"
    tool = venv / "bin" / "componentize-py"
    ready = venv / "ready"
    if not ready.exists():
        say("installing componentize-py (once)")
        shutil.rmtree(venv, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(venv)])
        run([str(venv / "bin" / "pip"), "install", "--quiet", f"componentize-py=={COMPONENTIZE_PY}"])
        ready.touch()
    options = ["-d", "world.wit", "-w", "python", "componentize", "app", "-o", str(out / "python.wasm")]
    run([str(tool), *options], cwd=HERE / "python")


def build_javascript(out):
    prefix = TOOLS / f"componentize-js-{COMPONENTIZE_JS}"
    ready = prefix / "ready"
    if not ready.exists():
        if not shutil.which("npm"):
            fail("no npm: install Node.js")
        say("installing componentize-js (once)")
        # What an interrupted installation left behind is not to be built upon.
        shutil.rmtree(prefix, ignore_errors=True)
        prefix.mkdir(parents=True)
        (prefix / "package.json").write_text('{"private": true, "type": "module"}')
        package = f"@bytecodealliance/componentize-js@{COMPONENTIZE_JS}"
        run(["npm", "install", "--silent", "--no-audit", "--no-fund", package], cwd=prefix)
        ready.touch()
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
        return (out / f"{name}.wasm").exists() and mark.exists() and mark.read_text() == stamps[name]

    stale = [name for name in names if not is_fresh(name)]
    rust = [name for name in stale if name in COMMANDS + LIBRARIES]
    steps = [(rust, lambda: build_rust(rust, out))] if rust else []
    steps += [(["python"], lambda: build_python(out))] if "python" in stale else []
    steps += [(["javascript"], lambda: build_javascript(out))] if "javascript" in stale else []
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
