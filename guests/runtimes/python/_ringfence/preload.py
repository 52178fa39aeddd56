"""What is already imported when a snippet begins: what agents use. The rest of the library is a few milliseconds away."""

import importlib

MODULES = """
abc argparse array ast asyncio base64 binascii bisect calendar cmath codecs collections collections.abc configparser
contextlib contextvars copy csv dataclasses datetime decimal difflib email.message email.utils enum fnmatch fractions
functools glob gzip hashlib heapq hmac html html.parser http inspect io ipaddress itertools json keyword linecache locale
logging math mimetypes numbers operator os os.path pathlib pickle platform pprint queue random re reprlib secrets shlex
shutil signal socket sqlite3 stat statistics string struct subprocess sys tempfile textwrap threading time timeit
tokenize tomllib traceback types typing unicodedata unittest urllib.error urllib.parse urllib.request uuid warnings weakref
xml.etree.ElementTree zipfile zlib zoneinfo concurrent.futures concurrent.futures.process multiprocessing
""".split()

# An encoding is a module too: without it, opening a file would import one.
ENCODINGS = ["utf_8", "utf_8_sig", "latin_1", "ascii", "cp1252", "utf_16", "idna"]

MISSING = {}


def import_all():
    for name in [*MODULES, *(f"encodings.{name}" for name in ENCODINGS)]:
        try:
            importlib.import_module(name)
        except ImportError as error:
            MISSING[name] = str(error)
