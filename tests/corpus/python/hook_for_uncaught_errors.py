import sys
import traceback


def hook(kind, error, trace):
    print("caught at the end:", kind.__name__, error)
    print([frame.name for frame in traceback.extract_tb(trace)])


def f():
    return {}["key"]


sys.excepthook = hook
f()
