"""The README's quick starts, as they stand there, in Python, with curl and in a browser: quick_starts.py PROGRAM SOURCE."""

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, SOURCE = sys.argv[1:3]
os.environ["LMVR_PROGRAM"] = PROGRAM
sys.path.insert(0, f"{SOURCE}/tests/serve")
from shared import PATIENCE, SCENES, Server

README = Path(SOURCE, "README.md").read_text()
FIRST_SCREEN = "\n".join(README.splitlines()[:60])
ADDRESS = "http://127.0.0.1:8080"


def shell_blocks(text):
    return [re.sub("^    ", "", block, flags=re.M) for block in re.findall(r"(?:^    .*\n)+", text, re.M)]


def setUpModule():
    """A folder that has of a checkout what the README's lines use."""
    folder = tempfile.TemporaryDirectory(prefix="lmvr-quick-")
    unittest.addModuleCleanup(folder.cleanup)
    os.chdir(folder.name)
    unittest.addModuleCleanup(os.chdir, "/")
    os.mkdir("build")
    os.symlink(PROGRAM, "build/lmvr")
    os.symlink(f"{SOURCE}/examples", "examples")


class PythonTest(unittest.TestCase):
    def run_block(self, block):
        ran = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    def test_the_first_screen_shows_how(self):
        (block,) = re.findall(r"```python\n(.*?)```", FIRST_SCREEN, re.S)
        self.assertRegex(self.run_block(block), r"^\(2, 256\) The image shows .* donut")

    def test_all_others_run_too(self):
        for block in re.findall(r"```python\n(.*?)```", README, re.S):
            self.run_block(block)


class ServerTest(unittest.TestCase):
    """The first screen's server, on a free port."""

    @classmethod
    def setUpClass(cls):
        (block,) = (block for block in shell_blocks(FIRST_SCREEN) if "lmvr serve" in block)
        program, command, *options = shlex.split(block.splitlines()[0].removeprefix("$ "), comments=True)
        assert (program, command) == ("build/lmvr", "serve")
        cls.server = Server(*options, model=[])

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def here(self, text):
        self.assertIn(ADDRESS, text)
        return text.replace(ADDRESS, f"http://127.0.0.1:{self.server.port}")

    def curl(self, text):
        """What the server answers to the one command with curl in a text."""
        (block,) = (block for block in shell_blocks(text) if "curl" in block)
        command = block.split("\n$ ")[1] if block.startswith("$ ") else block
        ran = subprocess.run(["bash", "-c", "set -o pipefail\n" + self.here(command)], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return json.loads(ran.stdout)["data"]

    @unittest.skipUnless(shutil.which("curl"), "there is no curl, which ./setup.sh test installs")
    def test_curl_gets_a_vector(self):
        self.assertIn("embedding", self.curl(FIRST_SCREEN)[0])

    @unittest.skipUnless(shutil.which("curl"), "there is no curl, which ./setup.sh test installs")
    def test_curl_gets_a_feature_and_a_response(self):
        item = self.curl(README.split("## Server\n")[1].split("\n## ")[0])[0]
        self.assertEqual(list(item["features"]), ["llm_generated"])
        self.assertIn("The image shows", item["response"])

    def test_a_browser_shows_the_page(self):
        import browser_test as browser  # which skips this where there is none
        browser.setUpModule()
        self.addCleanup(browser.tearDownModule)
        page = browser.browser.new_page()
        page.goto(self.here(re.search(r"browser at <(.*?)>", FIRST_SCREEN)[1]))
        browser.expect(page.locator("#server")).to_contain_text("lmvr-small")
        page.evaluate(browser.DROP, [base64.b64encode(SCENES[0].read_bytes()).decode(), "drop"])
        page.click("#describe button.main")
        page.locator("#response button").nth(4).click()
        browser.expect(page.locator("#ask-note")).to_contain_text("Where it looked for")


unittest.main(argv=["quick_starts.py", "-v"])
