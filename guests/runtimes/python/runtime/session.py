"""Runs snippets one after the other in one namespace, as a notebook does."""

import ast
import builtins
import inspect
import json
import keyword
import linecache
import sys
import types

from runtime import failures, sealed, values

__builtins__ = sealed.OWN

from wit_world.exports import interpreter as wit

FINISHED = wit.Ending_Finished()
# Whatever a subclass says its code is.
_CODE = SystemExit.code.__get__


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
        shown, count = self.shown, self.count
        ending, result = self._run(snippet, filename)
        value = values.described(result, self.value_bytes) if result is not None else None
        _flush()
        return wit.Answer(ending=ending, value=value, shown=shown, count=count)

    def _run(self, snippet, filename):
        raised = result = None
        try:
            self._set(snippet.variables)
            result = self._evaluate(snippet.code, filename)
        except BaseException as error:  # noqa: B902  the snippet ends, not the guest
            raised = error
        try:
            sealed.quiet()
        except BaseException:  # noqa: B902  what watches calls saw this one, and is gone by that
            sealed.quiet()
        if raised is None:
            return FINISHED, result
        if isinstance(raised, SystemExit):
            return wit.Ending_Exited(_exit_code(_CODE(raised))), None
        return failures.describe(raised, filename), None

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
        namespace.setdefault("__builtins__", builtins)
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
            self.shown.append(values.described(thing, self.value_bytes))


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
        # As C has it: one that fits no long is -1.
        return int.__and__(code, 0xFF) if int.bit_length(code) < 64 else 0xFF
    try:
        print(code, file=sys.stderr)
    except BaseException:  # noqa: B902  its text is the snippet's code
        pass
    return 1


def _flush():
    """The snippet may have closed or replaced its streams: that is its own loss."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: B902
            pass
