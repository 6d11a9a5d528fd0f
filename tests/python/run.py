"""Runs the tests of the Python package, or says why not: run.py PROGRAM LAYOUT, of lmvr and of tests/python/layout.c."""

import importlib.util
import os
import sys
import unittest

if importlib.util.find_spec("numpy") is None:
    print("skipped: Python has no numpy, which ./setup.sh test installs (python3-numpy)")
    sys.exit(77)
os.environ["LMVR_PROGRAM"], os.environ["LMVR_LAYOUT"] = sys.argv[1:3]
unittest.main(module=None, argv=["run.py", "discover", "-s", os.path.dirname(__file__), "-p", "*_test.py", "-v"])
