# Runs inside: one module of CPython's own test-suite, named by the first argument; answers what came of each of its tests.
import io
import os
import sys
import unittest

# The tests are of another version than the interpreter: what they watch is the library, not how it warns of times to come.
import warnings

warnings.simplefilter("ignore")
os.chdir(sys.argv[3] if len(sys.argv) > 3 else "/tmp")
sys.path.insert(0, sys.argv[2] if len(sys.argv) > 2 else "/workspace")
from test import support
from test.support import os_helper

support.verbose = 0
support.use_resources = []


class Results(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.told = []

    def _keep(self, kind, test, words=""):
        self.told.append([kind, test.id() if hasattr(test, "id") else str(test), words])

    def addSuccess(self, test):
        self._keep("passed", test)

    def addSkip(self, test, reason):
        self._keep("skipped", test, str(reason)[:200])

    def addExpectedFailure(self, test, error):
        self._keep("passed", test)

    def _bad(self, test, error):
        self._keep("failed", test, f"{error[0].__name__}: {error[1]}"[:300])

    addFailure = addError = _bad

    def addUnexpectedSuccess(self, test):
        self._keep("failed", test, "passes where it is expected to fail")

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self._bad(subtest, error)


def outermost(told):
    """Each test once: failed where any of its parts failed."""
    rank = {"passed": 0, "skipped": 1, "failed": 2}
    by_name = {}
    for kind, name, words in told:
        name = name.partition(" ")[0]
        if name not in by_name or rank[kind] > rank[by_name[name][0]]:
            by_name[name] = [kind, words]
    return by_name


def collected(name):
    """The tests of a module. Older ones put theirs together in `test_main`, which hands them to the runner of their day."""
    if name.startswith("test_sqlite3."):
        # These are older than the helpers: tests have another prefix, and names were elsewhere.
        unittest.defaultTestLoader.testMethodPrefix = ("test", "Check")
        support.TESTFN, support.unlink = os_helper.TESTFN, os_helper.unlink
    module = __import__(f"test.{name}", fromlist=["x"])
    if name == "test_decimal":
        # Half of its classes are bases of those that have a decimal to test.
        return [test for test in flat(unittest.defaultTestLoader.loadTestsFromModule(module)) if hasattr(test, "decimal")]
    if not hasattr(module, "test_main") or hasattr(module, "load_tests"):
        return unittest.defaultTestLoader.loadTestsFromModule(module)
    suite = unittest.TestSuite()
    load = unittest.defaultTestLoader

    def run_unittest(*given):
        for one in given:
            if isinstance(one, str):
                suite.addTest(load.loadTestsFromName(one))
            elif isinstance(one, (unittest.TestSuite, unittest.TestCase)):
                suite.addTest(one)
            else:
                suite.addTest(load.loadTestsFromTestCase(one))

    module.run_unittest = support.run_unittest = run_unittest
    module.run_doctest = support.run_doctest = lambda *_: None
    module.test_main()
    return suite


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


# Tests of a `csv.Sniffer` that was mended after 3.14.0: what they give it takes hours in the one before, natively as well.
LEFT_OUT = {"test_sniff_quoted_single_column", "test_sniff_regex_backtracking", "test_sniff_single_column", "test_sniff_space_delimiter"}
name = sys.argv[1]
results = Results()
real, sys.stdout = sys.stdout, io.StringIO()
try:
    suite = collected(name)
    kept = [test for test in flat(suite) if test.id().rpartition(".")[2] not in LEFT_OUT]
    unittest.TestSuite(kept).run(results)
except unittest.SkipTest as error:
    results._keep("skipped", name, str(error))
except Exception as error:
    results._keep("failed", name, f"{type(error).__name__}: {error}"[:300])
finally:
    sys.stdout = real
outermost(results.told)
