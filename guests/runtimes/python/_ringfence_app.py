"""The Python runtime: a whole CPython that is already started, kept in the image of a component.

What this file imports, and what that imports, is in the image: a run begins after it. `_ringfence/` is the driver, out of the
snippet's way; `ringfence/` is what snippets may import.
"""

from _ringfence import bundle

# Before anything else: the folder of the standard library is there only while the component is made.
bundle.keep_libraries()

import ringfence  # noqa: E402, F401  for snippets
import _ringfence_world  # noqa: E402
from componentize_py_types import Err  # noqa: E402
from _ringfence import failures, fences, files, filled, hashes, lasting, preload, sealed, start, warm  # noqa: E402
from _ringfence.session import Session  # noqa: E402
from _ringfence_world.imports import control  # noqa: E402

preload.import_all()
fences.put_up()
filled.fill()
files.install()
failures.hide_the_driver()
SESSION = Session()


# Taken here, so that what a snippet does to names of these modules is not in the way.
def _execute(snippet, execute=SESSION.execute, seal=sealed.seal, broken=sealed.broken, failed=BaseException):
    try:
        return seal(execute(snippet))
    except failed:
        return broken()


class Interpreter(_ringfence_world.exports.Interpreter):
    def prepare(self, begin):
        # Each start from what a set-up leaves draws its own.
        if not control.set_up():
            hashes.draw()
        start.make_fresh(begin.environment, begin.folder)
        SESSION.begin()

    def execute(self, snippet):
        return _execute(snippet)

    def settle(self):
        reason = start.settle(SESSION)
        if control.set_up() and hashes.is_full():
            reason = "memory was used up while it was noted what the set-up hashed: give it more memory_bytes"
        if reason:
            raise Err(reason)


warm.warm_up(start.make_fresh, _execute)
start.forget_the_build()
SESSION.endings.begin()
lasting.write_down()
