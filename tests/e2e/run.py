# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests: every test_*.py beside this file, or those whose names are given.

Each is a unittest module. One line a test, its time, and a closing line that counts them. A test
that needs root (network namespaces) fails with a plain sentence where there is none.
"""
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


class Lines(unittest.TextTestResult):
    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def report(self, word, test):
        took = time.monotonic() - self.began
        self.stream.writeln(f"{word:7} {took:6.1f} s  {test.id()}")
        self.stream.flush()

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.report("ok", test)

    def addFailure(self, test, err):
        unittest.TestResult.addFailure(self, test, err)
        self.report("FAILED", test)

    def addError(self, test, err):
        unittest.TestResult.addError(self, test, err)
        self.report("ERROR", test)


def main():
    names = sys.argv[1:]
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for path in sorted(HERE.glob("test_*.py")):
        if names and not any(n.split(".")[0] in (path.stem, path.stem[5:]) for n in names):
            continue
        suite.addTests(loader.loadTestsFromName(path.stem))
    wanted = [n for n in names if "." in n]
    if wanted:
        suite = unittest.TestSuite(loader.loadTestsFromNames(wanted))
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Lines, verbosity=0)
    result = runner.run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    return 0 if bad == 0 and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
