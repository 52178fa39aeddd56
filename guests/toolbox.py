"""What the build scripts of the guests share: where things are, and running commands with a word when they fail."""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path.home() / ".cache" / "ringfence"
TOOLS = pathlib.Path(os.environ.get("RINGFENCE_TOOLS_DIR") or CACHE / "tools").absolute()
COMPONENTIZE_PY = "0.25.0"
COMPONENTIZE_JS = "0.23.0"
BINARYEN = "132.0.0"
DEBIAN = ["rustc-web", "cargo-web", "rust-web-src", "lld", "wasi-libc", "libclang-rt-14-dev-wasm32"]
DEBIAN_SOURCE = pathlib.Path("/usr/lib/rustlib/src")
WASI = pathlib.Path("/usr/lib/wasm32-wasi")


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


def debian_rust(more=()):
    """Installs Debian's Rust for WebAssembly where it is missing; `more` are packages, each with a file that shows it."""
    needed = ["/usr/bin/cargo", "/usr/bin/rustc", "/usr/bin/wasm-ld", WASI / "crt1-command.o", DEBIAN_SOURCE]
    if all(pathlib.Path(path).exists() for path in [*needed, *(path for _, path in more)]):
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        fail("no Rust for WebAssembly: run `rustup target add wasm32-wasip1`, or install " + " ".join(DEBIAN))
    say("installing Debian's Rust for WebAssembly (once)")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update"], env=quiet)
    run(["apt-get", "install", "-y", "--no-install-recommends", *DEBIAN, *(package for package, _ in more)], env=quiet)


def componentize_py():
    """The tool, installed once."""
    venv = TOOLS / f"componentize-py-{COMPONENTIZE_PY}"
    ready = venv / "ready"
    if not ready.exists():
        say("installing componentize-py (once)")
        shutil.rmtree(venv, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(venv)])
        run([str(venv / "bin" / "pip"), "install", "--quiet", f"componentize-py=={COMPONENTIZE_PY}"])
        ready.touch()
    return venv / "bin" / "componentize-py"


def componentize_js():
    """The folder in which the tool is installed, with wizer and jco, which it uses itself."""
    return npm(f"componentize-js-{COMPONENTIZE_JS}", f"@bytecodealliance/componentize-js@{COMPONENTIZE_JS}")


def npm(folder, package):
    """A folder with one package, installed once."""
    prefix = TOOLS / folder
    ready = prefix / "ready"
    if not ready.exists():
        if not shutil.which("npm"):
            fail("no npm: install Node.js")
        say(f"installing {package} (once)")
        # What an interrupted installation left behind is not to be built upon.
        shutil.rmtree(prefix, ignore_errors=True)
        prefix.mkdir(parents=True)
        (prefix / "package.json").write_text('{"private": true, "type": "module"}')
        run(["npm", "install", "--silent", "--no-audit", "--no-fund", package], cwd=prefix)
        ready.touch()
    return prefix
