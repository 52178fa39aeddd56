"""Runs a snippet and gives back what it printed."""

import contextlib
import io
import json  # noqa: F401  imported here so that it is in the snapshot
import math  # noqa: F401
import re  # noqa: F401

import wit_world


class WitWorld(wit_world.WitWorld):
    def run_code(self, code: str) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "<snippet>", "exec"), {"__name__": "__main__"})
        return out.getvalue()
