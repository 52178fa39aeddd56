"""Runs snippets one after the other in one namespace, as a notebook does."""

import ast
import inspect
import json
import keyword
import linecache
import sys
import types

from runtime import failures, values
from wit_world.exports import interpreter as wit

FINISHED = wit.Ending_Finished()


class Session:
    def __init__(self):
        self.count = 0
        self.main = types.ModuleType("__main__")
        self.shown = []
        self.value_bytes = 0

    def execute(self, snippet):
        self.count += 1
        self.shown = []
        self.value_bytes = snippet.value_bytes
        # Nobody may have taken it away: pickle, dataclasses and type hints look names up here.
        sys.modules["__main__"] = self.main
        filename = snippet.filename or ("<snippet>" if self.count == 1 else f"<snippet {self.count}>")
        sys.argv[:] = [filename, *snippet.args]
        value = None
        try:
            ending, result = self._run(snippet, filename)
            value = values.describe(result, self.value_bytes) if result is not None else None
        finally:
            _flush()
        return wit.Answer(ending=ending, value=value, shown=self.shown, count=self.count)

    def _run(self, snippet, filename):
        try:
            self._set(snippet.variables)
            return FINISHED, self._evaluate(snippet.code, filename)
        except SystemExit as error:
            return wit.Ending_Exited(_exit_code(error.code)), None
        except BaseException as error:  # noqa: B902  the snippet ends, not the guest
            return wit.Ending_Failed(failures.describe(error, filename)), None

    def _set(self, variables):
        if not variables:
            return
        given = json.loads(variables)
        for name in given:
            if not name.isidentifier() or keyword.iskeyword(name):
                raise ValueError(f"a variable cannot be called {name!r}")
        vars(self.main).update(given)

    def _evaluate(self, code, filename):
        lines = code.splitlines(keepends=True)
        linecache.cache[filename] = (len(code), None, lines, filename)
        tree = compile(code, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        namespace = vars(self.main)
        namespace.setdefault("__builtins__", __builtins__)
        namespace.setdefault("display", self.display)
        if tree.body:
            _run_code(tree, filename, "exec", namespace)
        if last is None:
            return None
        value = _run_code(ast.Expression(last.value), filename, "eval", namespace)
        if value is not None:
            namespace["_"] = value
        return value

    def display(self, *things):
        """Shows values on the way, as notebooks do."""
        for thing in things:
            if len(self.shown) >= values.SHOWN:
                raise RuntimeError(f"no more than {values.SHOWN} values can be shown by one snippet")
            self.shown.append(values.describe(thing, self.value_bytes))


def _run_code(tree, filename, mode, namespace):
    code = compile(tree, filename, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    value = eval(code, namespace)
    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio

        return asyncio.run(value)
    return value


def _exit_code(code):
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _flush():
    """The snippet may have closed or replaced its streams: that is its own loss."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: B902
            pass
