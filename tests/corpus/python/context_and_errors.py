from contextlib import ExitStack, contextmanager, suppress
import traceback


@contextmanager
def step(name):
    print("enter", name)
    try:
        yield name.upper()
    except KeyError as error:
        print("swallowed", repr(error))
    finally:
        print("leave", name)


class Retry(Exception):
    def __init__(self, attempt):
        super().__init__(f"attempt {attempt} failed")
        self.attempt = attempt


def flaky(attempt):
    try:
        return 10 / (attempt - 2) if attempt < 4 else "done"
    except ZeroDivisionError as error:
        raise Retry(attempt) from error


with step("one") as name:
    print(name, {}["missing"])
with ExitStack() as stack:
    print([stack.enter_context(step(name)) for name in ("a", "b")])
    stack.callback(print, "callback")
for attempt in range(1, 5):
    try:
        print(attempt, flaky(attempt))
    except Retry as error:
        print(error, error.attempt, repr(error.__cause__))
        print(traceback.format_exception_only(type(error), error))
    else:
        continue
    finally:
        print("tried", attempt)
with suppress(FileNotFoundError):
    open("nothing-here.txt")
try:
    raise ExceptionGroup("many", [ValueError(1), TypeError("t"), ExceptionGroup("inner", [ValueError(2)])])
except* ValueError as group:
    print("values", [repr(e) for e in group.exceptions])
except* TypeError as group:
    print("types", group.exceptions)
try:
    try:
        int("x")
    except ValueError as error:
        error.add_note("while reading the port")
        raise
except ValueError as error:
    print(error, error.__notes__)
