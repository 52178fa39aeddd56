import sys


def hook(kind, error, trace):
    print("giving up")
    sys.exit(4)


sys.excepthook = hook
1 / 0
