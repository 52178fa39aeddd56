#!/usr/bin/env python3
"""Runs CPython's own tests of pure modules in the fence, and writes docs/compatibility.md.

The tests are those of Debian's packages of Python 3.11, the newest that a package registry has; those of sqlite3, which these leave
out, are CPython's of 3.9, which Debian has in PyPy's. They are kept outside of the tree, in $RINGFENCE_TOOLS_DIR or
~/.cache/ringfence/tools. A test that fails is run by a newer native Python as well, where
the machine has one: what fails there too is a matter of the version, and not of the fence.
"""

import argparse
import glob
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
LIBRARY = TOOLS / "cpython-tests"
# Packages, the folder of tests in them, where it is kept, and what tells that it is there.
SOURCES = [
    (["libpython3.11-testsuite", "libpython3.11-stdlib"], "usr/lib/python3.11/test", "test", "ready"),
    (["pypy3-lib-testsuite"], "usr/lib/pypy3.9/sqlite3/test", "test/test_sqlite3", "sqlite3"),
]
MODULES = """
test_abc test_array test_ast test_augassign test_base64 test_binascii test_bisect test_bool test_bytes test_calendar
test_cmath test_collections test_colorsys test_contextlib test_copy test_coroutines test_csv test_dataclasses test_datetime
test_decimal test_deque test_dict test_difflib test_enum test_exception_group test_fnmatch test_fractions test_functools test_generators
test_graphlib test_gzip test_hashlib test_heapq test_hmac test_html test_ipaddress test_iter test_itertools test_json
test_keyword test_list test_long test_math test_memoryview test_named_expressions test_operator test_ordered_dict
test_patma test_posixpath test_pow test_pprint test_property test_quopri test_random test_range test_re test_reprlib
test_richcmp test_scope test_secrets test_set test_shlex test_slice test_sort
test_sqlite3.backup test_sqlite3.dbapi test_sqlite3.dump test_sqlite3.factory test_sqlite3.hooks test_sqlite3.regression
test_sqlite3.transactions test_sqlite3.types test_sqlite3.userfunctions test_statistics test_string test_strtod
test_struct test_super test_textwrap test_time test_timeit test_tuple test_types test_unicode test_unicodedata
test_urlparse test_userdict test_userlist test_userstring test_weakref test_with test_zlib
""".split()
LIMITS = {"deadline-ms": "120000", "memory-bytes": "512MiB", "fuel": "1000000000000"}
LIMITS |= {"result-bytes": "16MiB", "hostcall-bytes": "64MiB"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def fetch():
    for packages, source, target, mark in SOURCES:
        if not (LIBRARY / mark).exists():
            say(f"compat: fetching {', '.join(packages)} (once)")
            fetch_one(packages, source, LIBRARY / target)
            (LIBRARY / mark).touch()


def fetch_one(packages, source, target):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["apt-get", "download", *packages], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            subprocess.run(["apt-get", "update"], capture_output=True)
            done = subprocess.run(["apt-get", "download", *packages], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"compat: the packages {', '.join(packages)} cannot be had: {done.stderr.strip()}")
        for package in pathlib.Path(folder).glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), f"{folder}/all"], check=True)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(f"{folder}/all/{source}", target)
        (target / "__init__.py").touch()


def inside(binary, module, room):
    command = [binary, "exec", "python", "--file", str(HERE / "cpython.py"), "--json"]
    command += ["--dir", f"{LIBRARY}::/workspace:ro", "--dir", f"{room}::/tmp"]
    command += [part for name, value in LIMITS.items() for part in (f"--{name}", value)]
    done = subprocess.run([*command, "--", module], capture_output=True, text=True)
    try:
        outcome = json.loads(done.stdout)["outcome"]
        return outcome["answer"]["value"]["json"]
    except (ValueError, KeyError):
        return {module: ["failed", f"the run ended: {(done.stdout or done.stderr)[:200]}"]}


def natively(python, module, room):
    command = [python, "-W", "ignore", "-c", f"import sys; sys.argv = sys.argv[1:]\n{(HERE / 'cpython.py').read_text()}\nimport json; print(json.dumps(outermost(results.told)))"]
    command += ["cpython.py", module, str(LIBRARY), str(room)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return {}


def newer_python():
    """The newest CPython of the machine that is not of the version of the tests."""
    found = glob.glob(str(pathlib.Path.home() / ".pyenv/versions/3.1[2-9]*/bin/python3")) + glob.glob("/usr/bin/python3.1[2-9]")
    version = lambda path: [int(part) for part in re.findall(r"\d+", path.partition("versions/")[2] or path.rpartition("python")[2])]
    return max(found, key=version, default=None)


def reason(name, words, native):
    if native.get(name, [""])[0] == "failed":
        return "fails on newer native CPython too: what it expects was changed since"
    for part, why in [
        ("cannot pickle", "3.14 no longer copies and pickles iterators"),
        ("_testcapi", "it needs the C modules of CPython's own build for tests"),
        ("/_ringfence/bundle.py", "the library is in memory, and warnings name where it is loaded"),
        ("has no attribute", "it uses what a later version or this build has not"),
        ("not permitted", "files inside are under the rules of the fence"),
        ("thread", "there are no threads inside"), ("process", "there are no processes inside"), ("Errno 58", "there are no sockets inside"),
    ]:
        if part in words:
            return why
    return "`" + re.sub(r"\s+", " ", words).replace("|", "/").replace("`", "'")[:110] + "`"


def write(rows, version):
    totals = Counter()
    for _, counts, _ in rows:
        totals.update(counts)
    lines = [
        "# Compatibility", "",
        "*Written by `make compat` (`tests/compat/run.py`, `tests/compat/test262.py`).*", "",
        (HERE / "notes.md").read_text().strip(), "",
        "## CPython's own tests", "",
        f"{len(rows)} modules of CPython's test-suite, as Debian packages it with 3.11, run in the Python runtime (3.14): "
        f"{totals['passed']} tests pass, {totals['skipped']} skip themselves, {totals['failed']} fail. "
        + (f"What fails was also run by native CPython {version}." if version else "No newer native CPython was there to compare with.")
        + " Those of sqlite3 are of 3.9, as Debian packages them with PyPy. Left out are four of `test_csv` (`tests/compat/cpython.py` names "
        "them): they are of a `csv.Sniffer` that was mended after 3.14.0, and what they give takes hours in the one before, natively as well. "
        "`make test` runs a sample and fails where it differs from this list.", "",
        "| module | passed | skipped | failed |", "| --- | --- | --- | --- |",
        *(f"| `{name}` | {c['passed']} | {c['skipped']} | {c['failed']} |" for name, c, _ in rows), "",
        "### What fails, and why", "",
    ]
    for name, counts, failures in rows:
        if failures:
            lines.append(f"- `{name}`")
            why = {}
            for test, told in failures:
                why.setdefault(told, []).append(test.rpartition(".")[2])
            lines += [f"  - {told}: {', '.join(sorted(set(tests))[:6])}{' …' if len(set(tests)) > 6 else ''} ({len(tests)})" for told, tests in why.items()]
    page = PAGE.read_text() if PAGE.exists() else ""
    # `test262.py` writes its own part.
    others = re.search(r"\n## test262: .*", page, flags=re.S)
    PAGE.write_text("\n".join(lines) + "\n" + (others[0] if others else ""))


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
        runtime = HERE.parent.parent / "guests" / "build" / "python-runtime.wasm"
        subprocess.run([args.binary, "runtime", "add", "python", str(runtime)], check=True, stdout=subprocess.DEVNULL)
        run_all(args.binary)


def run_all(binary):
    python, rows = newer_python(), []
    for name in MODULES:
        with tempfile.TemporaryDirectory() as room:
            found = inside(binary, name, room)
            failed = sorted((test, words) for test, (kind, words) in found.items() if kind == "failed")
            native = natively(python, name, room) if failed and python else {}
        counts = Counter({"passed": 0, "skipped": 0, "failed": 0}) + Counter()
        counts.update(kind for kind, _ in found.values())
        rows.append((name, counts, [(test, reason(test, words, native)) for test, words in failed]))
        say(f"compat: {name} {dict(counts)}")
    version = re.search(r"3\.\d+", python.partition("versions/")[2] or python)[0] if python else None
    write(rows, version)


if __name__ == "__main__":
    main()
