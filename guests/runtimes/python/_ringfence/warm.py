"""Runs a few snippets before the image is taken, so that what the interpreter learns by that is in it.

What a first run would do in each start is done already: bytecode is specialised, caches are filled, memory is there.
"""

import io
import sys

from _ringfence.session import Session

ROUNDS = 12
SNIPPETS = [
    "print(sum(range(10)))",
    "n = 1\nn + 1",
    "import json\nrows = [n * n for n in range(100)]\nprint(json.dumps(rows))",
    "def f(x):\n    return {'a': [x, 1.5, None, True], 'b': 'text'}\n\nf(2)",
    "class A:\n    def __init__(self): self.x = 1\n\nA().x",
    "'text'.upper()",
    "[f'{i}:{i / 2:.1f}' for i in range(5)]",
    "print('a', 1, sep='-', file=__import__('sys').stderr)",
    "import math, re, datetime, collections\nre.findall('a+', 'aab')",
    "1/0",
    "raise SystemExit(2)",
    "x = ",
]


class Snippet:
    def __init__(self, code):
        self.code, self.filename, self.variables, self.args, self.value_bytes = code, "", '{"v": [1, "a"]}', [], 1 << 16


def warm_up(prepare, execute):
    streams = sys.stdout, sys.stderr
    # What the streams of the build would remember is nothing for an image.
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", line_buffering=True) for _ in range(2)
    )
    try:
        for _ in range(ROUNDS):
            prepare([("HOME", "/"), ("LANG", "C.UTF-8")], "/nowhere")
            for code in SNIPPETS:
                execute(Snippet(code), execute=Session().execute)
    finally:
        sys.stdout, sys.stderr = streams
