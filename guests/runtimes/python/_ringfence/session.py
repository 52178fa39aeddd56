"""Runs snippets one after the other in one namespace, as a notebook does."""

import ast
import builtins
import inspect
import json
import keyword
import linecache
import os
import sys
import types

from _ringfence import endings, failures, files, sealed, values

__builtins__ = sealed.OWN

from _ringfence_world.exports import interpreter as wit

# No name that code can write.
_RESULT = "<result>"
FINISHED = wit.Ending_Finished()
# What tells of an error that nobody catches, where the snippet puts nothing else in its place.
_HOOK = sys.excepthook
# Whatever a subclass says its code is.
_CODE = SystemExit.code.__get__
_compile, _is_keyword, _COROUTINE = compile, keyword.iskeyword, inspect.CO_COROUTINE
_Assign, _Expr, _Expression, _Name, _Store = ast.Assign, ast.Expr, ast.Expression, ast.Name, ast.Store


# Where a snippet took all the memory that there is and holds it, there must be some to say so in.
ROOM = 3 << 19
_room = bytearray(ROOM)


def _take_room():
    if not _room:
        try:
            _room.extend(bytes(ROOM))
        except MemoryError:
            pass


class Session:
    def __init__(self):
        self.count = 0
        self.is_kept = False
        self.begin()
        self.shown = []
        self.value_bytes = 0
        self.endings = endings.Endings()
        self.endings.begin()

    def begin(self):
        """A namespace of this start alone, unless there is that of a set-up: no collection looks at what is of the image."""
        if not self.is_kept:
            self.main = types.ModuleType("__main__")

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
        del result
        self._finish(snippet.code)
        _flush()
        return wit.Answer(ending=ending, value=value, shown=shown, count=count)

    def _run(self, snippet, filename):
        raised = result = None
        _take_room()
        try:
            self._set(snippet.variables)
            result = self._evaluate(snippet.code, filename)
        except BaseException as error:  # noqa: B902  the snippet ends, not the guest
            if isinstance(error, MemoryError):
                _room.clear()
            raised = error
        try:
            sealed.quiet()
        except BaseException:  # noqa: B902  what watches calls saw this one, and is gone by that
            sealed.quiet()
        if raised is None:
            return FINISHED, result
        hooked = None
        if not isinstance(raised, SystemExit) and getattr(sys, "excepthook", _HOOK) is not _HOOK:
            raised, hooked = failures.hooked(raised, sys.excepthook)
        if isinstance(raised, SystemExit):
            return wit.Ending_Exited(_exit_code(_CODE(raised))), None
        return failures.describe(raised, filename, hooked), None

    def _finish(self, code):
        """Does what a process does at its end, where this is one. What of the snippet's fails there is told as CPython tells it."""
        try:
            if self.endings.are_due(code, vars(self.main)):
                self.endings.finish(self)
        except BaseException:  # noqa: B902  the snippet put something of its own in place of what is used there
            pass

    def _set(self, variables):
        if not variables:
            return
        given = json.loads(variables)
        for name in given:
            if not name.isidentifier() or keyword.iskeyword(name):
                raise ValueError(f"a variable cannot be called {name!r}")
        vars(self.main).update(given)

    def _evaluate(self, code, filename):
        # Written by editors that mark UTF-8 so.
        code = code.removeprefix("\ufeff")
        lines = code.splitlines(keepends=True)
        linecache.cache[filename] = (len(code), None, lines, filename)
        if filename[:1] != "<":
            # As a script has it; the file itself need not be there.
            self.main.__file__ = path = os.path.join(os.getcwd(), filename)
            linecache.cache[path] = linecache.cache[filename]
        whole = _whole(code, filename)
        if whole is not None:
            namespace = self._namespace()
            return self._remember(_evaluated(whole, namespace))
        tree = _compile(code, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        last = tree.body[-1] if tree.body and type(tree.body[-1]) is _Expr else None
        namespace = self._namespace()
        if last is None:
            if tree.body:
                _run_code(tree, filename, "exec", namespace)
            return None
        if len(tree.body) == 1:
            value = _run_code(_Expression(last.value), filename, "eval", namespace)
        else:
            # Compiled as one, which is half of the work of a small snippet.
            place = _Name(_RESULT, _Store(), **_where(last))
            tree.body[-1] = _Assign([place], last.value, **_where(last))
            try:
                _run_code(tree, filename, "exec", namespace)
            finally:
                value = namespace.pop(_RESULT, None)
        return self._remember(value)

    def _namespace(self):
        namespace = vars(self.main)
        namespace.setdefault("__builtins__", builtins)
        namespace.setdefault("display", self.display)
        return namespace

    @staticmethod
    def _remember(value):
        # Where a console has it: a snippet that calls something `_` keeps that.
        if value is not None:
            builtins._ = value
        return value

    def display(self, *things):
        """Shows values on the way, as notebooks do."""
        for thing in things:
            if len(self.shown) >= values.SHOWN:
                raise RuntimeError(f"no more than {values.SHOWN} values can be shown by one snippet")
            self.shown.append(values.described(thing, self.value_bytes))


def _where(node):
    return {"lineno": node.lineno, "col_offset": node.col_offset, "end_lineno": node.end_lineno, "end_col_offset": node.end_col_offset}


def _run_code(tree, filename, mode, namespace):
    return _evaluated(_compile(tree, filename, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True), namespace)


def _whole(code, filename):
    """One line that is an expression, compiled at once; nothing where that is not plain to see. It is half of the work, and
    what was tried in vain is as much again."""
    line = code.rstrip("\n")
    # A backslash may be one that the compiler warns of: it would do so at each try.
    if "\n" in line or "\\" in line or ";" in line or " = " in line or not line[:1].strip() or _is_keyword(line.split(None, 1)[0]):
        return None
    try:
        return _compile(code, filename, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError:
        return None


def _evaluated(code, namespace):
    value = eval(code, namespace)
    if code.co_flags & _COROUTINE:
        return _awaited(value, code)
    return value


def _awaited(coroutine, code):
    import asyncio

    try:
        return asyncio.run(coroutine)
    except BaseException as error:  # noqa: B902
        # That a loop drove it is our doing: what the snippet wrote begins with its own code.
        raise failures.begun_in(error, code)


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
    files.write_out()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: B902
            pass
