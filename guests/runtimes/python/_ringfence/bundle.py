"""The standard library in memory.

The folders that modules come from exist only while the component is made. What is not imported by then could never be
imported, so each module's compiled code is kept in the image, which costs a run nothing until it is used, and its source
as well, compressed, for the lines of tracebacks.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import io
import marshal
import os
import sys
import zlib

# Programs and installers, not libraries; and what needs a part that is not in this build.
LEFT_OUT = {"idlelib", "tkinter", "turtledemo", "ensurepip", "venv", "curses", "ctypes", "config-3.14-wasm32-wasi"}
LEFT_OUT |= {"site-packages", "__pycache__", "lib2to3", "test", "antigravity"}

# The folder of the standard library while the component is made. The others on the path hold the driver, which is imported
# whole, and what happens to be installed on the machine that builds, which is nobody's business.
ROOT = "/python"
MODULES = {}
DATA = {}


def keep_libraries():
    _keep_folder(ROOT, "")
    for folder in sys.path:
        # Time zones: where the build put them, the one library that is not of the standard.
        if os.path.isdir(f"{folder}/tzdata"):
            _keep_folder(f"{folder}/tzdata", "tzdata.")
    sys.meta_path.append(Finder)


def _keep_folder(folder, prefix):
    for name in sorted(os.listdir(folder)):
        path = f"{folder}/{name}"
        if name in LEFT_OUT:
            continue
        if os.path.isdir(path):
            _keep_folder(path, f"{prefix}{name}.")
        elif name.endswith(".py"):
            _keep_module(path, prefix, name[:-3])
        elif not name.endswith((".pyc", ".pyi", ".so", ".bat", ".txt")):
            with open(path, "rb") as file:
                DATA.setdefault(path, file.read())


def _keep_module(path, prefix, stem):
    is_package = stem == "__init__"
    name = prefix[:-1] if is_package else prefix + stem
    if not name or name in MODULES:
        return
    with open(path, "rb") as file:
        source = file.read()
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return
    MODULES[name] = (is_package, path, marshal.dumps(code), zlib.compress(source, 9))


class Finder(importlib.abc.MetaPathFinder):
    @staticmethod
    def find_spec(name, path=None, target=None):
        kept = MODULES.get(name)
        if kept is None:
            return None
        is_package, path, _, _ = kept
        loader = Loader(name)
        spec = importlib.machinery.ModuleSpec(name, loader, origin=path, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(path)]
        return spec

    @staticmethod
    def invalidate_caches():
        pass


class Loader(importlib.abc.InspectLoader):
    def __init__(self, name):
        self.name = name

    def is_package(self, name):
        return MODULES[name][0]

    def get_filename(self, name):
        return MODULES[name][1]

    def get_code(self, name):
        return marshal.loads(MODULES[name][2])

    def get_source(self, name):
        return zlib.decompress(MODULES[name][3]).decode()

    def get_data(self, path):
        if path not in DATA:
            raise FileNotFoundError(path)
        return DATA[path]

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.get_code(module.__name__), module.__dict__)

    def get_resource_reader(self, name):
        return Resources(os.path.dirname(MODULES[name][1])) if MODULES[name][0] else None


class Resources(importlib.resources.abc.ResourceReader if hasattr(importlib, "resources") else object):
    """Files that belong to a package, such as those of `tzdata`."""

    def __init__(self, folder):
        self.folder = folder

    def open_resource(self, resource):
        return io.BytesIO(self._data(resource))

    def resource_path(self, resource):
        raise FileNotFoundError(resource)

    def is_resource(self, name):
        return f"{self.folder}/{name}" in DATA

    def contents(self):
        prefix = self.folder + "/"
        return sorted({path[len(prefix):].split("/")[0] for path in DATA if path.startswith(prefix)})

    def _data(self, resource):
        try:
            return DATA[f"{self.folder}/{resource}"]
        except KeyError:
            raise FileNotFoundError(resource) from None


def source_of_all():
    """Lets modules that were imported from a folder show their lines in tracebacks as those from memory do."""
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if name in MODULES and spec is not None and not isinstance(spec.loader, Loader) and spec.has_location:
            spec.loader = module.__loader__ = Loader(name)
