import importlib
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, ".")
package = Path("shapes")
package.mkdir()
(package / "__init__.py").write_text("from .area import area\nversion = 1\n")
(package / "area.py").write_text("import math\n\ndef area(r):\n    return round(math.pi * r * r, 3)\n")
Path("helper.py").write_text("calls = 0\n\ndef twice(x):\n    global calls\n    calls += 1\n    return [x, x]\n")
importlib.invalidate_caches()

import helper
import shapes

print(shapes.area(2), shapes.version, helper.twice("a"), helper.calls, shapes.area.__module__)
(package / "__init__.py").write_text("version = 2  # another length\n")
importlib.reload(shapes)
print(shapes.version, hasattr(shapes, "area"), helper.__name__, sorted(name for name in sys.modules if name.startswith("shapes")))
namespace = {}
exec(compile("def f(x):\n    return x + offset\n", "made.py", "exec"), namespace)
namespace["offset"] = 5
print(namespace["f"](1), eval("f(2) * 2", namespace))
try:
    importlib.import_module("nowhere.at_all")
except ModuleNotFoundError as error:
    print(error.name, "nowhere" in str(error))
