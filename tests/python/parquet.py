"""What lmvr.parquet makes of the results of `lmvr embed`: parquet.py PROGRAM, of which a fake library answers at once."""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

import pyarrow.parquet

PROGRAM = os.path.abspath(sys.argv.pop())


def lmvr(*arguments, status=0):
    run = subprocess.run(
        [PROGRAM, *arguments], env={**os.environ, "LMVR_PYTHON": sys.executable}, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == status, (run.returncode, run.stderr)
    return run.stderr


def read_index(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


class InFolder(unittest.TestCase):
    """A folder with a model, pictures, one of which is none, and a tar of samples."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder.name)
        os.makedirs("m")
        os.makedirs("in")
        Path("m/config.json").write_text("{}")
        for i in range(6):
            Path(f"in/{i}.jpg").write_bytes(b"bad" if i == 2 else b"\xff\xd8\xff and %d" % i)
        with tarfile.open("a.tar", "w") as tar:
            for i in range(4):
                for ending, content in (
                    ("jpg", b"\xff\xd8\xff in a tar %d" % i),
                    ("txt", b"picture %d \xc3\xa9" % i),
                    ("json", json.dumps({"url": f"http://x/{i}", "width": i, "exif": {"iso": i * 1.5}}).encode()),
                    ("cls", b"%d" % i if i else b"none"),
                ):
                    Path("member").write_bytes(content)
                    tar.add("member", f"{i:03}.{ending}")


class IndexTest(InFolder):
    def assert_copies(self, parquet, jsonl):
        table = pyarrow.parquet.read_table(parquet)
        lines = read_index(jsonl)
        self.assertEqual(table.num_rows, len(lines))
        for row, line in zip(table.to_pylist(), lines):
            if "json" in line:
                self.assertEqual(json.loads(row.pop("json")), line.pop("json"))
            if "cls" in line:
                self.assertEqual(row.pop("cls"), str(line.pop("cls")))
            self.assertEqual({name: value for name, value in row.items() if value is not None or name in line}, line)
        return table

    def test_the_table_has_what_the_lines_have(self):
        lmvr("embed", "-m", "m", "-o", "out", "--index", "parquet", "in", status=1)
        self.assert_copies("out/index.parquet", "out/index.jsonl")

    def test_parts_have_the_same_columns_whatever_is_in_them(self):
        lmvr("embed", "-m", "m", "-o", "out", "--index", "parquet", "in", "a.tar", status=1)
        tables = [self.assert_copies(f"out/index/part-0000{i}.parquet", f"out/index/part-0000{i}.jsonl") for i in range(2)]
        self.assertEqual(tables[0].schema, tables[1].schema)
        self.assertEqual(tables[1]["cls"].to_pylist(), ["none", "1", "2", "3"])
        self.assertEqual(pyarrow.concat_tables(tables).num_rows, 10)

    def test_a_long_index_goes_by_in_batches(self):
        line = json.dumps({"path": "a.jpg", "row": 0, "response": "é"}) + "\n"
        Path("long.jsonl").write_text(line * 40000)
        run = [sys.executable, "-m", "lmvr.parquet", "index", "long.jsonl", "long.parquet"]
        answer = subprocess.run(run, check=True, capture_output=True, text=True).stdout
        self.assertEqual(answer, "begun\n40000 rows\n")
        file = pyarrow.parquet.ParquetFile("long.parquet")
        self.assertEqual((file.metadata.num_rows, file.num_row_groups), (40000, 3))

    def test_modules_of_the_folder_are_not_run(self):
        Path("json.py").write_text("raise SystemExit('mine')")
        lmvr("embed", "-m", "m", "-o", "out", "--index", "parquet", "in", status=1)
        self.assertTrue(os.path.exists("out/index.parquet"))


if __name__ == "__main__":
    unittest.main()
