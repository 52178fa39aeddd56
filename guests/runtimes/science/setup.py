"""The one turn that brings the driver in: what it imports is in the image that is taken after it."""

import sys

sys.dont_write_bytecode = True
sys.path[:0] = ["/driver/science", "/driver/python"]

import _ringfence_wire as wire

wire.lay_out()

import types

import _ringfence_bundle as bundle
import _ringfence

# The driver of the other Python, with libraries that come from elsewhere, and without a list for a step of its build.
sys.modules["_ringfence.bundle"] = _ringfence.bundle = bundle
_ringfence.lasting = types.SimpleNamespace(write_down=lambda: None)
bundle.keep_libraries()

import _ringfence_science  # noqa: F401  it brings the driver in
