"""What /openapi.json says is so, for requests that schemathesis makes of it."""

import importlib.util
import subprocess
import sys
import tempfile

import unittest

from shared import PROGRAM, SCENES, Server, ServerTest

if importlib.util.find_spec("schemathesis") is None:
    raise unittest.SkipTest("schemathesis is missing, which make setup-test installs")


class OpenapiTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="lmvr-serve-")
        index = cls.folder.name + "/index"
        subprocess.run([PROGRAM, "embed", "-q", "--max-new-tokens", "2", "-o", index, *map(str, SCENES)], check=True)
        cls.server = Server("--index", index, "--api-key", "secret", model=[])

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def test_answers_are_as_described(self):
        # positive_data_acceptance is left out: a schema cannot say what is base64 of an image.
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{self.server.port}/openapi.json",
                   "--header", "Authorization: Bearer secret", "--max-examples", "40", "--seed", "1", "--exclude-checks", "positive_data_acceptance",
                   "--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--no-color"]
        with tempfile.TemporaryDirectory(prefix="lmvr-serve-") as folder:
            done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr[-2000:])
