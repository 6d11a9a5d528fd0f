"""Runs the tests of lmvr serve, or says why not: run.py PROGRAM."""

import importlib.util
import os
import sys
import unittest

if importlib.util.find_spec("numpy") is None:
    print("skipped: Python has no numpy, which ./setup.sh test installs (python3-numpy)")
    sys.exit(77)
os.environ["LMVR_PROGRAM"] = sys.argv[1]
unittest.main(module=None, argv=["run.py", "discover", "-s", os.path.dirname(__file__), "-p", sys.argv[2] if len(sys.argv) > 2 else "*_test.py", "-v"])
