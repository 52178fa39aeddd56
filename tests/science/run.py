#!/usr/bin/env python3
"""Snippets as agents write them with numpy, pandas, scipy, scikit-learn and matplotlib, each with the answer that it must have.

    make science-test

It needs the runtime `python-science` (`make science`), which takes minutes to install, so it is no part of `make test`.
"""

import argparse
import base64
import json
import pathlib
import subprocess
import tempfile

LIMITS = ["--limits", "large"]
# What is asked, and what `value.text`, or a function of the whole answer, must say.
SNIPPETS = {
    "numpy": ("import numpy as np; int((np.arange(10) ** 2).sum())", "285"),
    "linear algebra": ("import numpy as np; np.linalg.solve([[3, 1], [1, 2]], [9, 8]).tolist()", "[2.0, 3.0]"),
    "exceptions of C++": ("import numpy as np; np.sort(np.array([3.5, 1.5, 2.5])).tolist()", "[1.5, 2.5, 3.5]"),
    "pandas": (
        "import pandas as pd\ndf = pd.DataFrame({'k': ['a', 'b', 'a'], 'v': [1, 2, 3]})\ndf.groupby('k').v.sum().to_dict()",
        "{'a': 4, 'b': 2}",
    ),
    "dates": ("import pandas as pd; str(pd.date_range('2024-02-28', periods=3, tz='Europe/Berlin')[1])", "'2024-02-29 00:00:00+01:00'"),
    "scipy": ("from scipy import optimize; round(optimize.brentq(lambda x: x * x - 2, 0, 2), 9)", "1.414213562"),
    "statistics": ("from scipy import stats; round(float(stats.norm.cdf(1.96)), 4)", "0.975"),
    "scikit-learn": (
        "import numpy as np\nfrom sklearn.linear_model import LinearRegression\n"
        "x = np.arange(6).reshape(-1, 1)\nround(float(LinearRegression().fit(x, 3 * x[:, 0] + 1).coef_[0]), 6)",
        "3.0",
    ),
    "clusters": (
        "import numpy as np\nfrom sklearn.cluster import KMeans\npoints = np.array([[0, 0], [0, 1], [9, 9], [9, 8]])\n"
        "found = KMeans(2, n_init=3, random_state=0).fit_predict(points)\nbool(found[0] == found[1] != found[2] == found[3])",
        "True",
    ),
    "the library": ("import sqlite3, json, re, decimal; str(decimal.Decimal('0.1') * 3)", "'0.3'"),
    "variables": ("sum(ns)", "6"),
    "a wait": ("import asyncio\nawait asyncio.sleep(0.001)\n'waited'", "'waited'"),
}


class Failed(Exception):
    pass


class Runtime:
    def __init__(self, ringfence, more):
        self.command = [ringfence, "exec", "python-science", "--json", *more]

    def run(self, code, *options, env=None):
        done = subprocess.run([*self.command, *(options or LIMITS), code], capture_output=True, text=True, check=False, env=env)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise Failed(f"no answer: {done.stderr.strip()}") from None

    def answer(self, code, *options):
        report = self.run(code, *options)
        outcome = report["outcome"]
        if outcome["kind"] != "answered":
            raise Failed(json.dumps(outcome))
        return outcome["answer"]

    def text(self, code, *options):
        answer = self.answer(code, *options)
        if answer.get("error"):
            raise Failed(answer["error"]["traceback"])
        return (answer.get("value") or {}).get("text")


def same(found, wanted):
    if found != wanted:
        raise Failed(f"{found!r} and not {wanted!r}")


def check_snippets(runtime):
    for name, (code, wanted) in SNIPPETS.items():
        options = [*LIMITS, "--var", "ns=[1, 2, 3]"] if name == "variables" else []
        try:
            same(runtime.text(code, *options), wanted)
        except Failed as error:
            raise Failed(f"{name}: {error}") from None


def check_figure(runtime):
    code = "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 3, 2]); axes.set_title('växt')\nfigure"
    answer = runtime.run(code)
    same(answer["stderr"]["text"], "")
    forms = {form["mime"]: form for form in answer["outcome"]["answer"]["value"].get("forms", [])}
    same(list(forms), ["image/png"])
    same(base64.b64decode(forms["image/png"]["data"])[:8], b"\x89PNG\r\n\x1a\n")


def check_table(runtime):
    value = runtime.answer("import pandas as pd; pd.DataFrame({'a': [1]})")["value"]
    same([form["mime"] for form in value.get("forms", [])], ["text/html"])


def check_randomness(runtime):
    code = "import numpy as np, random; (np.random.rand(), np.random.default_rng().random(), random.random())"
    first, second = (eval(runtime.text(code).replace("np.float64", "")) for _ in range(2))
    if any(a == b for a, b in zip(first, second)):
        raise Failed(f"drawn twice: {first} and {second}")


def check_hashes(runtime):
    code = "known = {f'{a} {b}': a for a in range(99) for b in range(9)}\n"
    code += "[hash('a text of ours'), hash(b'bytes of ours'), sum(known[' '.join((str(a), '1'))] for a in range(99))]"
    one, other = (json.loads(runtime.text(code)) for _ in range(2))
    same(one[2], 4851)
    if one[0] == other[0] or one[1] == other[1]:
        raise Failed(f"two starts have the same hashes: {one} and {other}")


def check_files(runtime):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "sales.csv").write_text("city,n\nBonn,2\nKiel,3\n")
        pathlib.Path(folder, ".env").write_text("SECRET=1\n")
        options = [*LIMITS, "--dir", f"{folder}::/workspace", "--fs", "/*.csv:write"]
        code = (
            "import pandas as pd, os\nt = pd.read_csv('/workspace/sales.csv')\nt['m'] = t.n * 2\n"
            "t.to_csv('/workspace/out.csv', index=False)\nos.path.exists('/workspace/.env'), int(t.m.sum()), sorted(os.listdir('/workspace'))"
        )
        same(runtime.text(code, *options), "(False, 10, ['out.csv', 'sales.csv'])")
        same(pathlib.Path(folder, "out.csv").read_text(), "city,n,m\nBonn,2,4\nKiel,3,6\n")


def check_nothing_is_left(runtime):
    same(runtime.text("import os; (os.path.exists('/driver'), os.path.exists('/usr'), dict(os.environ))"), "(False, False, {})")


def check_errors(runtime):
    error = runtime.answer("import numpy as np\n\nnp.zeros(3) @ np.zeros(4)")["error"]
    same((error["name"], error["line"]), ("ValueError", 3))
    error = runtime.answer("import socket\nsocket.create_connection(('localhost', 80))")["error"]
    same((error["name"], "no connection can be opened" in error["value"]), ("OSError", True))
    same(runtime.answer("import sys\nsys.exit(3)").get("error"), None)


def check_limits(runtime):
    error = runtime.answer("import numpy as np\n[np.ones(10_000_000) for _ in range(100)]")["error"]
    same(error["name"].endswith("MemoryError"), True)
    outcome = runtime.run("import numpy as np\nwhile True: np.sin(np.arange(1000))", *LIMITS, "--deadline-ms", "300")["outcome"]
    same("deadline_exceeded" in json.dumps(outcome), True)
    outcome = runtime.run("import numpy as np\nwhile True: np.sin(np.arange(1000))", *LIMITS, "--fuel", "500000000")["outcome"]
    same("out_of_fuel" in json.dumps(outcome), True)


def check_tools(runtime):
    program = pathlib.Path(__file__).parents[2] / "guests" / "build" / "types.wasm"
    options = [*LIMITS, "--tool", f"add={program}#add"]
    same(runtime.text("from ringfence import tools\ntools.add(a=40, b=2)", *options), "42")
    code = "from ringfence import tools\ntry:\n    tools.add(a='x', b=2)\nexcept TypeError as error:\n    r = str(error)\nr"
    same(runtime.text(code, *options), "'add: a must be integer, not str'")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ringfence")
    parser.add_argument("more", nargs=argparse.REMAINDER, help="options for it, such as --data-dir DIR")
    args = parser.parse_args()
    runtime = Runtime(args.ringfence, args.more)
    checks = {name.removeprefix("check_"): check for name, check in globals().items() if name.startswith("check_")}
    failed = 0
    for name, check in checks.items():
        try:
            check(runtime)
            print(f"{name}: ok", flush=True)
        except Failed as error:
            failed += 1
            print(f"{name}: FAILED: {error}", flush=True)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
