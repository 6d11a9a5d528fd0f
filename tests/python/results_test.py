"""lmvr.Results reads what lmvr embed writes: in one or in parts, in any type, in either layout."""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

import lmvr
import numpy as np
from shared import GOOD, MODEL, folder

EMBED = ("embed", "-q", "-m", MODEL, "--device", "cpu", "--max-new-tokens", 3)
BAD = MODEL / "config.json"  # no image
IMAGES = [GOOD[0], BAD, *GOOD[1:]]


def embed(*arguments: object) -> None:
    """Some inputs fail."""
    run = subprocess.run([os.environ["LMVR_PROGRAM"], *map(str, (*EMBED, *arguments, *IMAGES))], stderr=subprocess.PIPE)
    assert run.returncode == 1, run.stderr


class ResultsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = folder()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.out = Path(cls.folder.name)
        embed("-f", "llm", "-f", "t=llm:image:none", "-o", cls.out / "whole")
        cls.whole = lmvr.Results(cls.out / "whole")
        cls.lines = [json.loads(line) for line in (cls.out / "whole/index.jsonl").read_text().splitlines()]

    def test_rows_are_mapped_and_lines_are_dicts(self) -> None:
        self.assertEqual((self.whole.names, self.whole.parts), (["llm", "t"], None))
        rows = self.whole.rows()
        self.assertIsInstance(rows, np.memmap)
        np.testing.assert_array_equal(rows, np.load(self.out / "whole/llm.npy"))
        self.assertEqual(list(self.whole.lines()), self.lines)
        self.assertEqual([line["row"] for line in self.lines], [0, None, 1, 2, 3])
        self.assertEqual(self.whole.run["max_new_tokens"], 3)

    def test_parts_are_as_one(self) -> None:
        embed("-f", "llm", "-f", "t=llm:image:none", "--rows-per-part", 2, "-o", self.out / "parts")
        parts = lmvr.Results(str(self.out / "parts"))
        self.assertEqual(parts.parts, [0, 1, 2])
        for name in ("llm", "t"):
            np.testing.assert_array_equal(parts.rows(name), self.whole.rows(name))
        np.testing.assert_array_equal(parts.offsets("t"), self.whole.offsets("t"))
        self.assertEqual(list(parts.lines()), self.lines)
        self.assertEqual([line["row"] for line in parts.lines(1)], [0, 1])
        np.testing.assert_array_equal(parts.rows("llm", 1), self.whole.rows("llm")[1:3])
        os.remove(self.out / "parts/index/part-00001.json")  # as if it were not finished
        parts = lmvr.Results(self.out / "parts")
        self.assertEqual(parts.parts, [0, 2])
        np.testing.assert_array_equal(parts.rows("llm"), self.whole.rows("llm")[[0, 3]])
        self.assertEqual([line["row"] for line in parts.lines()], [0, None, 1])
        with self.assertRaisesRegex(lmvr.Error, "has no part 1 that is finished"):
            parts.rows("llm", 1)

    def test_types(self) -> None:
        exact = self.whole.rows("llm")
        embed("-f", "llm", "--dtype-out", "f16", "-o", self.out / "f16")
        np.testing.assert_array_equal(lmvr.Results(self.out / "f16").rows(), exact.astype(np.float16))
        embed("-f", "llm", "--dtype-out", "int8", "-o", self.out / "int8.npy")
        rows = lmvr.Results(self.out / "int8.npy").rows("llm")
        self.assertEqual(rows.dtype, np.float32)
        step = np.abs(exact).max(axis=1, keepdims=True) / 127
        self.assertLess(np.max(np.abs(rows - exact) / step), 0.501)

    def test_lines_may_be_nested_deeply(self) -> None:
        deep = "[" * 2040 + "]" * 2040  # as a tar's .json may be
        (self.out / "deep.npy").write_bytes(b"")
        (self.out / "deep.run.json").write_text('{"features": []}')
        (self.out / "deep.jsonl").write_text('{"path": "a.jpg", "json": ' + deep + ', "row": 0}\n')
        limit = sys.getrecursionlimit()
        (line,) = lmvr.Results(self.out / "deep.npy").lines()
        depth, value = 0, line["json"]
        while value:
            depth, value = depth + 1, value[0]
        self.assertEqual((depth, line["row"]), (2039, 0))
        self.assertEqual(sys.getrecursionlimit(), limit)

    def test_what_is_not_there(self) -> None:
        with self.assertRaisesRegex(lmvr.Error, "holds no results"):
            lmvr.Results(self.out)
        with self.assertRaisesRegex(lmvr.Error, "has no feature 'encoder:cls'; it has llm, t"):
            self.whole.rows("encoder:cls")
        self.assertEqual(self.whole.rows("llm").shape[0], 4)

    def test_the_library_is_not_loaded(self) -> None:
        code = "import lmvr, sys; lmvr.Results(sys.argv[1]).rows(); assert 'lmvr._library' not in sys.modules"
        subprocess.run([sys.executable, "-c", code, self.out / "whole"], check=True)
