#!/usr/bin/env python3
"""Runs a sample of test262, the tests of ECMA-262, in the fence, and writes its part of docs/compatibility.md.

The tests are those that the source package of an engine carries (Debian's mozjs78, test262 of April 2020). No package of npm,
PyPI or crates.io was found to have them; Debian's mozjs102 cannot be fetched, and the source of Firefox is half a gigabyte and
another one after each update. They and its harness are kept outside of the tree, in $RINGFENCE_TOOLS_DIR or
~/.cache/ringfence/tools. Each runs in a fresh interpreter; what fails is run by `node` as well, where the machine has it.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "compatibility.md"
TOOLS = pathlib.Path(os.environ.get("RINGFENCE_TOOLS_DIR") or pathlib.Path.home() / ".cache" / "ringfence" / "tools")
LIBRARY = TOOLS / "test262"
PACKAGE = "mozjs78"
ARCHIVE = "2f33dcb6130b08adca5d81fee9dbfcb5e87c51a4a969f46b46df61170298b4ca"
EVERY = 15
# All tests of what the runtime puts in place itself, where the engine has none or another (`js/intl.js`, `js/crypto.js`).
OWN = re.compile(r"built-ins/(Date/prototype/to(Locale|String/|TimeString)|(Number|BigInt|String)/prototype/(toLocaleS|localeC)|Math/random)")
# Changed whenever what is kept of the archive changes.
READY = f"{ARCHIVE} {EVERY} 1"
LIMITS = {"deadline-ms": "60000", "memory-bytes": "256MiB", "fuel": "1000000000000"}

# What a host has to give by test262's own INTERPRETING.md, as far as there is such a thing inside.
SHIM = """
var print = console.log;
var $262 = { global: globalThis, detachArrayBuffer: (buffer) => void buffer.transfer() };
function $DONE(error) {
  print(error ? `Test262:AsyncTestFailure:${error.name ?? "Test262Error"}: ${error.message ?? error}` : "Test262:AsyncTestComplete");
}
"""
HOST = re.compile(r"\$262\.(?!detachArrayBuffer|global\b)(\w+)")
SKIPPED = {
    "SharedArrayBuffer": "there are no threads inside, so nothing to share memory with",
    "Atomics": "there are no threads inside, so nothing to share memory with",
    "tail-call-optimization": "QuickJS-ng has no tail calls, as hardly any engine has",
    "FinalizationRegistry": "it was a draft in 2020, and its tests are of that draft",
    "host-gc-required": "code inside cannot ask for a collection",
}
# What Node fails as well, by parts of names.
CHANGED = [
    ("property-escapes", "Unicode has more characters since"),
    ("dynamic-import/syntax", "`import()` has a second argument since"),
    ("TypedArray", "typed arrays were changed since (detached buffers, names that are no index)"),
    ("match-indices", "it became the flag `d`"),
    ("AggregateError/prototype/errors", "`errors` became a property of each error"),
    ("named-groups", "names of groups may have more characters since"),
    ("built-ins/Promise", "a rejection that nobody handles ends a snippet, as it ends Node"),
    ("assignment/S11.13", "neither goes on with a `with` whose variable is deleted meanwhile"),
    ("-ticks", "promises are awaited in fewer steps since"),
]


def say(text):
    print(text, file=sys.stderr, flush=True)


def fetch():
    ready = LIBRARY / "ready"
    if not ready.exists() or ready.read_text() != READY:
        fetch_all(ready)
    # What is imported is a module, whatever else it might be.
    (LIBRARY / "modules" / "package.json").write_text('{"type": "module"}\n')


def fetch_all(ready):
    say("compat: fetching the tests of ECMA-262 (once; 60 MB)")
    with tempfile.TemporaryDirectory() as folder:
        archive = next(iter(download(pathlib.Path(folder)).glob("*.orig.tar.xz")), None)
        if archive is None or hashlib.sha256(archive.read_bytes()).hexdigest() != ARCHIVE:
            sys.exit(f"compat: the source of {PACKAGE} is not the one that is known; see ARCHIVE in {__file__}")
        unpack = ["tar", "-xJf", str(archive), "-C", folder, "--wildcards", "*/js/src/tests/test262/*"]
        subprocess.run(unpack, check=True)
        keep(next(pathlib.Path(folder).glob("*/js/src/tests/test262")))
    ready.write_text(READY)


def download(folder):
    """By apt, with the lists of the machine, but those of sources, in folders of our own."""
    (folder / "parts").mkdir()
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True)
    for known in (pathlib.Path("/etc/apt/sources.list.d/debian.sources"), pathlib.Path("/etc/apt/sources.list")):
        if known.exists():
            told = re.sub(r"^(Types: *|)deb\b(?!-src)", r"\1deb-src", known.read_text(), flags=re.M)
            (folder / "parts" / (known.name if known.suffix == ".sources" else "debian.list")).write_text(told)
    settings = folder / "apt.conf"
    settings.write_text(
        f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{folder}/parts";\nDir::State::Lists "{folder}/lists";\n'
        f'Dir::Cache "{folder}/cache";\nAPT::Sandbox::User "root";\n'
    )
    env = {**os.environ, "APT_CONFIG": str(settings)}
    for command in (["apt-get", "update"], ["apt-get", "source", "--download-only", PACKAGE]):
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"compat: the source of {PACKAGE} cannot be had: {done.stderr.strip()}")
    return folder


def keep(source):
    """What is run, as test262 has it: without the marks of the engine that it was packaged with."""
    shutil.rmtree(LIBRARY, ignore_errors=True)
    harness = {"shim.js": SHIM}
    for shell in sorted(source.rglob("shell.js")):
        for name, text in re.findall(r"^// file: (\S+)\n(.*?)(?=^// file: |\Z)", text_of(shell), flags=re.M | re.S):
            harness.setdefault(name, text)
    own = {"shell.js", "browser.js"}
    files = [path for part in ("language", "built-ins") for path in (source / part).rglob("*.js") if path.name not in own]
    names = sorted(str(path.relative_to(source)) for path in files)
    tests = [name for name in names if not name.endswith("_FIXTURE.js")]
    cases = [case(name, text_of(source / name), harness) for at, name in enumerate(tests) if at % EVERY == 0 or OWN.match(name)]
    for name in [one["name"] for one in cases if one["module"]] + [name for name in names if name.endswith("_FIXTURE.js")]:
        place = LIBRARY / "modules" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(plain(text_of(source / name)).encode())
    used = {name for one in cases for name in one["includes"]}
    commit = (source / "GIT-INFO").read_text().split()[1]
    told = {"commit": commit, "of": len(tests), "harness": {name: harness[name] for name in sorted(used)}, "cases": cases}
    (LIBRARY / "cases.json").write_text(json.dumps(told))


def text_of(path):
    """With the line ends that it has: some tests are of them."""
    return path.read_bytes().decode()


def plain(text):
    text = re.sub(r"\A// \|reftest\|.*\n", "", text)
    return re.sub(r"\nreportCompare\(0, 0\);\s*\Z", "\n", text)


def listed(front, key):
    """A list of the front matter, in either way of writing it."""
    found = re.search(rf"^\s*{key}:\s*(\[[^\]]*\]|(?:\n\s*-\s*\S+)+)", front, flags=re.M)
    return re.findall(r"[^\s,\[\]]+", found[1].replace("\n", " ").replace(" - ", " ")) if found else []


def case(name, text, harness):
    text = plain(text)
    front = re.search(r"/\*---(.*?)---\*/", text, flags=re.S)[1]
    flags, includes = listed(front, "flags"), listed(front, "includes")
    negative = re.search(r"^negative:.*?\btype:\s*(\w+)", front, flags=re.M | re.S)
    if "onlyStrict" in flags:
        text = text.removeprefix("'use strict';\n")
    alone = {"raw": ["sloppy"], "module": ["module"], "onlyStrict": ["strict"], "noStrict": ["sloppy"]}
    modes = next((modes for flag, modes in alone.items() if flag in flags), ["sloppy", "strict"])
    why = next((SKIPPED[feature] for feature in listed(front, "features") if feature in SKIPPED), None)
    if host := HOST.search(text):
        why = why or f"it asks the host of the engine for something (`$262.{host[1]}`)"
    if unknown := [one for one in includes if one not in harness]:
        why = why or f"the package has no {unknown[0]}"
    if "_FIXTURE" in text and "module" not in modes:
        # A snippet is no file: what it imports beside itself is where the fixtures are.
        text = re.sub(r"(['\"`])\./", rf"\1/workspace/{name.rpartition('/')[0]}/", text)
    return {
        "name": name, "code": text, "modes": modes, "negative": negative and negative[1], "async": "async" in flags, "skip": why,
        "includes": [] if "raw" in flags or why else ["shim.js", "assert.js", "sta.js", *includes], "module": modes == ["module"],
    }


def composed(one, harness, mode):
    """The snippet that a test is."""
    before = "\n".join(harness[name] for name in one["includes"])
    if mode == "module":
        return f"{before}\nawait import({json.dumps('/workspace/' + one['name'])});"
    return ("'use strict';\n" if mode == "strict" else "") + (before + "\n" if before else "") + one["code"]


def judged(one, error, stdout):
    """Nothing, or what is wrong."""
    name, words = error or ("", "")
    if one["negative"]:
        met = one["negative"] == name or words.startswith(one["negative"])
        return None if met else f"{one['negative']} is expected, not {name + ': ' + words if error else 'its end'}"
    if error:
        return f"{name}: {words}"
    done = "Test262:AsyncTestComplete" in stdout
    return None if done or not one["async"] else (stdout.strip() or "it never says that it is done")


def inside(binary, code, room):
    (room / "test.js").write_bytes(code.encode())
    command = [binary, "exec", "javascript", "--file", str(room / "test.js"), "--json", "--dir", f"{LIBRARY}/modules::/workspace:ro"]
    command += [part for name, value in LIMITS.items() for part in (f"--{name}", value)]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        told = json.loads(done.stdout)
        error = told["outcome"]["answer"].get("error")
        return (error["name"], error["value"]) if error else None, told["stdout"]["text"]
    except (ValueError, KeyError):
        return ("Ended", (done.stdout or done.stderr)[:200]), ""


NATIVE = """
const told = (error) => { console.log("\\nfailed:" + JSON.stringify([String(error?.name ?? typeof error), String(error?.message ?? error)])); process.exit(1); };
process.on("uncaughtException", told);
// Older ones have another way only.
ArrayBuffer.prototype.transfer ??= function () { structuredClone(this, { transfer: [this] }); };
const vm = require("vm");
vm.runInThisContext(require("fs").readFileSync(process.argv[1], "utf8"), { importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER });
"""


def natively(one, code, room):
    """Whether the machine's node fails it as well."""
    (room / "test.js").write_bytes(code.encode())
    try:
        done = subprocess.run(["node", "-e", NATIVE, str(room / "test.js")], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    error = re.search(r"^failed:(.*)$", done.stdout, flags=re.M)
    return judged(one, error and json.loads(error[1]), done.stdout) is not None


def version():
    """Of the machine's node, where there is one."""
    if not shutil.which("node"):
        return None
    return subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip().removeprefix("v")


def reason(name, words, too):
    words = re.sub(r"\s+", " ", words).replace("|", "/").replace("`", "'")
    shown = re.search(r"Test262Error \{ message: (.*) \}$", words)
    if not too:
        return f"`{(shown[1] if shown else words)[:110]}`"
    why = next((why for part, why in CHANGED if part in name), "the standard was changed since, or neither has it")
    return f"fails in Node too: {why}"


def run_all(binary):
    told = json.loads((LIBRARY / "cases.json").read_text())
    rows, failures, skips = {}, {}, Counter()
    with tempfile.TemporaryDirectory() as folder:
        room = pathlib.Path(folder)
        for one in told["cases"]:
            counts = rows.setdefault("/".join(one["name"].split("/")[:2]), Counter())
            if one["skip"]:
                counts["skipped"] += 1
                skips[one["skip"]] += 1
                continue
            wrong = None
            for mode in one["modes"]:
                code = composed(one, told["harness"], mode)
                wrong = wrong or judged(one, *inside(binary, code, room))
                if wrong:
                    too = not one["module"] and natively(one, code, room)
                    failures.setdefault(reason(one["name"], wrong, too), []).append(one["name"])
                    say(f"compat: {one['name']} ({mode}): {wrong}")
                    break
            counts["failed" if wrong else "passed"] += 1
    write(told, rows, failures, skips)


def write(told, rows, failures, skips):
    totals, node = sum(rows.values(), Counter()), version()
    lines = [
        "## test262: the tests of ECMA-262", "",
        f"*Written by `tests/compat/test262.py`, of test262 at {told['commit'][:12]} (April 2020), the newest that a package of sensible size was found to have.*", "",
        f"Each {EVERY}th by name of its {told['of']:,} tests of the language and of the built-ins, and all of what the runtime puts in place itself, each in a fresh interpreter as a snippet of its own, "
        f"in sloppy and in strict mode where it may be either: {totals['passed']:,} pass, {totals['skipped']} are skipped, {totals['failed']} fail. "
        + (f"What fails was also run by native Node {node}. " if node else "No Node was there to compare with. ") + "`make test` runs a part, and fails where it differs from this list. What came into the language since then is in the corpus (`es_*`); "
        "QuickJS-ng runs the test262 of its day upstream, and what fails there is listed in `test262_errors.txt` of the crate `rquickjs-sys`.", "",
        "| folder | passed | skipped | failed |", "| --- | --- | --- | --- |",
        *(f"| `{name}` | {c['passed']} | {c['skipped']} | {c['failed']} |" for name, c in rows.items()), "",
        "### What is skipped, and why", "", *(f"- {why}: {count}" for why, count in skips.most_common()), "",
        "### What fails, and with what", "",
    ]
    for why, names in failures.items():
        lines += [f"- {why}", *(f"  - `{name}`" for name in names)]
    page = PAGE.read_text() if PAGE.exists() else "# Compatibility\n"
    page = re.sub(r"\n## test262: .*?(?=\n## |\Z)", "", page, flags=re.S).rstrip()
    PAGE.write_text(page + "\n\n" + "\n".join(lines).rstrip() + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", nargs="?", help="the ringfence to run; the runtime is that of guests/build")
    parser.add_argument("--fetch", action="store_true", help="only see to it that the tests are there")
    args = parser.parse_args()
    fetch()
    if args.fetch:
        return
    if not args.binary:
        parser.error("name the ringfence to run, or --fetch")
    with tempfile.TemporaryDirectory() as data:
        os.environ["RINGFENCE_DATA_DIR"] = data
        runtime = HERE.parent.parent / "guests" / "build" / "javascript-runtime.wasm"
        subprocess.run([args.binary, "runtime", "add", "javascript", str(runtime)], check=True, stdout=subprocess.DEVNULL)
        run_all(args.binary)


if __name__ == "__main__":
    main()
