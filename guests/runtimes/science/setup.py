"""The one turn that brings the driver in: what it imports is in the image that is taken after it."""

import sys

sys.dont_write_bytecode = True
sys.path[:0] = ["/driver/science", "/driver/python"]

import wire

wire.lay_out()

import types

import bundle
import runtime

# The driver of the other Python, with libraries that come from elsewhere, and without a list for a step of its build.
sys.modules["runtime.bundle"] = runtime.bundle = bundle
runtime.lasting = types.SimpleNamespace(write_down=lambda: None)
bundle.keep_libraries()

import app_science
