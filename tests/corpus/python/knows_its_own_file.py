import inspect
import os
import pathlib
import sys
import time
import traceback


def outer():
    return inner()


def inner():
    return [frame.name for frame in traceback.extract_stack()], [frame.function for frame in inspect.stack()]


class Documented:
    """Has a source."""


print(os.path.basename(__file__) == os.path.basename(sys.argv[0]), pathlib.Path(__file__).is_absolute(), "_" in dir(__builtins__))
print(outer())
print(inspect.getsource(Documented))
began = time.process_time()
sum(range(100_000))
print(0 <= began < 60, began < time.process_time() < began + 60, 0 <= time.thread_time() < 60, time.process_time_ns() > 0)
