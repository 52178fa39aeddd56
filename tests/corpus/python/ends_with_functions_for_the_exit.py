import atexit
import logging.handlers
import sys
import tempfile
import weakref


class Cache:
    def flush(self, why):
        print("flushed:", why)


def fails():
    raise ValueError("nobody hears of this but standard error")


cache = Cache()
atexit.register(cache.flush, why="the end")
atexit.register(fails)
atexit.register(lambda: print("first, since it came last"))
weakref.finalize(cache, print, "the finalizer of the cache")
atexit.unregister(print)

folder = tempfile.TemporaryDirectory(dir=".")
buffered = logging.handlers.MemoryHandler(100, target=logging.StreamHandler(sys.stdout))
logging.getLogger().addHandler(buffered)
logging.getLogger().warning("held back until the end")
print("done")
sys.exit(3)
