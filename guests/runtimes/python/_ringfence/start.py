"""What a new instance owes to the image it is made from: nothing of the build, and randomness of its own."""

import builtins
import gc
import io
import linecache
import logging
import os
import random
import sys
import tempfile
import time

from _ringfence import bundle, files, filled, loops


def forget_the_build():
    """The last thing before the image is taken."""
    bundle.source_of_all()
    sys.path[:] = []
    sys.path_importer_cache.clear()
    sys.argv[:] = [""]
    sys.flags  # noqa: B018
    os.environ.clear()
    builtins.exit = builtins.quit = sys.exit
    vars(builtins).pop("_", None)
    loops.install()
    linecache.clearcache()
    sys.stdout = sys.__stdout__ = files.stream(1, "<stdout>", "strict")
    sys.stderr = sys.__stderr__ = files.stream(2, "<stderr>", "backslashreplace")
    gc.collect()
    # What is in the image lives for ever: a collection must not walk it, and its pages stay shared between instances.
    gc.freeze()


def make_fresh(environment, folder):
    os.environ.clear()
    for name, value in environment:
        os.environ[name] = value
        if name == "TZ":
            _note_zone(value)
    reseed()
    filled.Processor.begin()
    # What a record of the log counts its milliseconds from.
    logging._startTime = time.time_ns()
    sys.path[:] = []
    if folder:
        try:
            os.chdir(folder)
            sys.path.append(folder)
        except OSError:
            pass


# Names of the zone that there is.
_UTC = {"", "UTC", "UTC0", "UCT", "GMT", "GMT0", "Zulu", "Universal", "Etc/UTC", "Etc/GMT", "Etc/UCT", "Etc/Universal", "Etc/Zulu"}


def _note_zone(zone):
    if zone.removeprefix(":") not in _UTC:
        print(f"TZ={zone} has no effect inside the fence, where local time is UTC: use zoneinfo.ZoneInfo", file=sys.stderr)


def reseed():
    """Every generator that the library keeps for itself. `secrets`, `uuid4` and `os.urandom` ask the host each time."""
    random.seed()
    tempfile._name_sequence = None
    uuid = sys.modules.get("uuid")
    if uuid:
        uuid._node = uuid._last_timestamp = None
    process = sys.modules.get("multiprocessing.process")
    if process:
        process._current_process._config["authkey"] = process.AuthenticationString(os.urandom(32))
    numpy = sys.modules.get("numpy")
    if numpy:
        numpy.random.seed()


def settle(session):
    """Lets go of what a snapshot must not keep; gives the reason why one cannot be taken, if there is one."""
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    standard = {0, 1, 2}
    for thing in gc.get_objects():
        if isinstance(thing, io.FileIO) and not thing.closed and thing.fileno() not in standard:
            return f"a file is open: {thing.name!r}"
    session.count, session.is_kept = 0, True
    session.endings.keep(vars(session.main))
    linecache.checkcache()
    sys.path_importer_cache.clear()
    os.environ.clear()
    gc.freeze()
    return None
