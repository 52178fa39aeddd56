import io
import unittest
from unittest.mock import MagicMock, patch
import doctest
import sys


def slugify(text):
    """
    >>> slugify("Hello, World!")
    'hello-world'
    >>> slugify("")
    'n-a'
    """
    import re
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "n-a"


class SlugTests(unittest.TestCase):
    def setUp(self):
        self.cases = {"A b": "a-b", "--x--": "x", "ÄÖ": "n-a"}

    def test_cases(self):
        for text, wanted in self.cases.items():
            with self.subTest(text=text):
                self.assertEqual(slugify(text), wanted)

    def test_broken_on_purpose(self):
        self.assertEqual(slugify("a"), "b")

    @unittest.skip("later")
    def test_skipped(self):
        raise AssertionError

    def test_raises(self):
        with self.assertRaisesRegex(AttributeError, "lower"):
            slugify(None)

    def test_mock(self):
        client = MagicMock()
        client.get.return_value.json.side_effect = [{"ok": 1}, ValueError("bad")]
        self.assertEqual(client.get("/x").json(), {"ok": 1})
        with self.assertRaises(ValueError):
            client.get("/x").json()
        client.get.assert_called_with("/x")
        with patch("os.getcwd", return_value="/fake"):
            import os
            self.assertEqual(os.getcwd(), "/fake")


suite = unittest.defaultTestLoader.loadTestsFromTestCase(SlugTests)
out = io.StringIO()
result = unittest.TextTestRunner(stream=out, verbosity=0).run(suite)
print(result.testsRun, len(result.failures), len(result.errors), len(result.skipped), result.wasSuccessful())
print(result.failures[0][1].splitlines()[-4:])
tests = doctest.DocTestFinder().find(slugify, "slugify", globs={"slugify": slugify})
print(doctest.DocTestRunner(verbose=False).run(tests[0]))
