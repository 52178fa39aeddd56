"""Runs a snippet and gives back what it printed."""

import contextlib
import io
import json  # noqa: F401  imported here so that it is in the snapshot
import math  # noqa: F401
import re  # noqa: F401
import traceback

import wit_world
from componentize_py_types import Err


class WitWorld(wit_world.WitWorld):
    def run_code(self, code: str) -> str:
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                exec(compile(code, "<snippet>", "exec"), {"__name__": "__main__"})
        except BaseException:  # SystemExit as well: it is the snippet that ends, not the guest
            raise Err(traceback.format_exc()) from None
        return out.getvalue()
