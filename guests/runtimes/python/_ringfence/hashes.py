"""The key of hashes that each start has to itself; the functions that use it are put in by the build (guests/seeded.py)."""

import _imp
import os

# In place of the number by which bytecode is known.
KEY = 93
NO_ROOM = 2


def draw(tell=_imp.source_hash, drawn=os.urandom):
    tell(KEY, drawn(16))


def is_full(ask=_imp.source_hash):
    """Whether memory was used up before all that a set-up hashed was on the list of what its image knows."""
    return ask(KEY, bytes(16))[0] == NO_ROOM
