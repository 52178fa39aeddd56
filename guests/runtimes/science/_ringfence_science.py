"""What is imported before the image is taken, and the driver of `python`, which does the rest."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot  # noqa: E402
import numpy  # noqa: E402
import pandas  # noqa: E402

import _ringfence_bundle as bundle  # noqa: E402
import _ringfence_wire as wire  # noqa: E402

# The first of each kind finds out about the machine, once.
pandas.DataFrame({"a": [1, 2]}).describe()
numpy.linalg.inv(numpy.eye(2))
bundle.open_from_memory()

from _ringfence import fences  # noqa: E402

for name in [name for name in fences.INSTEAD if bundle.Finder.find_spec(name)]:
    del fences.INSTEAD[name]

import _ringfence_app as app  # noqa: E402

wire.drive(app.Interpreter())
