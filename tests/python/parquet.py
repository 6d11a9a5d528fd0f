"""What lmvr.parquet makes of the results of `lmvr embed`: parquet.py PROGRAM, of which a fake library answers at once."""

import datetime
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

import lmvr as lmvr_package
import numpy
import pyarrow.parquet

PROGRAM = os.path.abspath(sys.argv.pop())


def lmvr(*arguments, status=0):
    run = subprocess.run(
        [PROGRAM, *arguments], env={**os.environ, "LMVR_PYTHON": sys.executable}, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == status, (run.returncode, run.stderr)
    return run.stderr


def write(*words):
    """What lmvr.parquet answers to a call."""
    run = [sys.executable, "-m", "lmvr.parquet", "write"]
    call = "".join(f"{word}\0" for word in words)
    ready, answer = subprocess.run(run, input=call, check=True, capture_output=True, text=True).stdout.splitlines()
    assert ready == "ready"
    return answer


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
        self.assertEqual(write("index", "long.jsonl", "long.parquet"), "40000 rows")
        file = pyarrow.parquet.ParquetFile("long.parquet")
        self.assertEqual((file.metadata.num_rows, file.num_row_groups), (40000, 3))

    def test_json_may_be_as_deep_as_lmvr_takes_it(self):
        for begin, end in (("[", "]"), ('{"a":', "}")):
            deep = '{"a":' + begin * 2040 + "1" + end * 2040 + "}"
            Path("deep.jsonl").write_text('{"path": "a.jpg", "row": 0, "json": ' + deep + "}\n")
            for kind in ("index", "metadata"):
                self.assertEqual(write(kind, "deep.jsonl", "deep.parquet"), "1 rows")

    def test_what_cannot_be_written_is_said_in_a_line(self):
        self.assertIn("No such file", write("index", "none.jsonl", "out.parquet"))
        Path("bad.jsonl").write_text("no line\n")
        self.assertIn("Expecting value", write("index", "bad.jsonl", "out.parquet"))

    def test_modules_of_the_folder_are_not_run(self):
        Path("json.py").write_text("raise SystemExit('mine')")
        lmvr("embed", "-m", "m", "-o", "out", "--index", "parquet", "in", status=1)
        self.assertTrue(os.path.exists("out/index.parquet"))


class ClipRetrievalTest(InFolder):
    EMBED = ("embed", "-m", "m", "--layout", "clip-retrieval", "-f", "llm", "--normalize")

    def read(self, folder, columns, embeddings="img_emb"):
        from embedding_reader import EmbeddingReader

        reader = EmbeddingReader(
            f"{folder}/{embeddings}", file_format="parquet_npy", metadata_folder=f"{folder}/metadata", meta_columns=columns
        )
        batches = list(reader(batch_size=reader.count, show_progress=False))
        self.assertEqual(len(batches), 1)
        return batches[0]

    def test_its_reader_gives_each_row_its_metadata(self):
        lmvr("embed", "-m", "m", "-f", "llm", "--normalize", "-o", "plain", "in", "a.tar", status=1)
        lmvr(*self.EMBED, "-o", "out", "in", "a.tar", status=1)
        lmvr("merge", "out")
        self.assertEqual(sorted(os.listdir("out/img_emb")), ["img_emb_0.npy", "img_emb_1.npy"])
        rows, metadata = self.read("out", ["image_path", "caption"])
        numpy.testing.assert_array_equal(lmvr_package.Results("out").rows(), rows)
        plain = [numpy.load(f"plain/llm/part-0000{i}.npy") for i in range(2)]
        numpy.testing.assert_array_equal(rows, numpy.concatenate(plain))
        good = [line for i in range(2) for line in read_index(f"out/index/part-0000{i}.jsonl") if line["row"] is not None]
        self.assertEqual(metadata["image_path"].tolist(), [line["path"] for line in good])
        self.assertEqual(metadata["caption"].tolist()[-1], "picture 3 é")
        last = pyarrow.parquet.read_table("out/metadata/metadata_1.parquet").to_pylist()[3]
        self.assertEqual(
            {name: last[name] for name in ("url", "width", "exif.iso", "cls")},
            {"url": "http://x/3", "width": 3, "exif.iso": 4.5, "cls": "3"},
        )

    def test_parts_without_rows_do_not_shift_the_others(self):
        paths = [f"in/{i}.jpg" for i in (0, 2, 1)]
        lmvr(*self.EMBED, "--dtype-out", "f16", "--rows-per-part", "1", "-o", "out", *paths, status=1)
        lmvr("merge", "out")
        rows, metadata = self.read("out", ["image_path"])
        self.assertEqual((rows.shape[0], metadata["image_path"].tolist()), (2, ["in/0.jpg", "in/1.jpg"]))
        self.assertEqual(numpy.load("out/img_emb/img_emb_0.npy").dtype, numpy.float16)

    def test_parts_are_read_in_their_order(self):
        lmvr(*self.EMBED, "--rows-per-part", "1", "-o", "out", *["in/0.jpg", "in/1.jpg"] * 6)
        _, metadata = self.read("out", ["image_path"])
        self.assertEqual(metadata["image_path"].tolist(), ["in/0.jpg", "in/1.jpg"] * 6)
        self.assertTrue(os.path.exists("out/metadata/metadata_11.parquet") and os.path.exists("out/img_emb/img_emb_03.npy"))

    def test_texts(self):
        Path("lines").write_text("a dog\na cat\n")
        lmvr(*self.EMBED, "-o", "out", "--text", "lines")
        rows, metadata = self.read("out", ["caption"], "text_emb")
        self.assertEqual((rows.shape[0], metadata["caption"].tolist()), (2, ["a dog", "a cat"]))

    def test_values_without_a_common_type_are_text(self):
        values = [1, 2.5, "x", True, None, [1, "é"], 2**70]
        large = 2**60 + 1  # which no float is
        lines = [
            {"path": "a", "row": i, "json": {"mixed": value, "number": [large, 2.5][i % 2], "none": None, "caption": 3}}
            for i, value in enumerate(values)
        ]
        Path("i.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.assertEqual(write("metadata", "i.jsonl", "m.parquet"), "7 rows")
        table = pyarrow.parquet.read_table("m.parquet")
        self.assertEqual(table["mixed"].to_pylist(), ["1", "2.5", "x", "true", None, '[1, "é"]', str(2**70)])
        self.assertEqual(table["number"].to_pylist(), [2.0**60, 2.5] * 3 + [2.0**60])
        self.assertEqual((table["none"].null_count, table["caption"].null_count), (7, 7))

    def test_resuming_and_refusing(self):
        lmvr(*self.EMBED, "-o", "out", "--rows-per-part", "2", "in", status=1)
        before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
        os.remove("out/metadata/metadata_1.parquet")
        self.assertIn("metadata_1.parquet: is missing", lmvr("merge", "out", status=1))
        lmvr(*self.EMBED, "-o", "out", "--rows-per-part", "2", "--resume", "in", status=1)
        self.assertEqual({path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}, before)
        plain = ["embed", "-m", "m", "-f", "img_emb=llm", "--normalize", "-o", "out"]
        self.assertIn("it was started with layout", lmvr(*plain, "--rows-per-part", "2", "--resume", "in", status=2))
        lmvr(*plain, "--force", "in", status=1)
        self.assertEqual(sorted(os.listdir("out")), ["img_emb.npy", "index.jsonl", "run.json"])
        self.assertIn("one feature, not 2", lmvr(*self.EMBED, "-f", "encoder", "-o", "two", "in", status=2))
        self.assertIn("not int8", lmvr(*self.EMBED, "--dtype-out", "int8", "-o", "two", "in", status=2))
        self.assertIn("not one for each token", lmvr(*self.EMBED[:5], "-f", "llm:image:none", "-o", "two", "in", status=2))
        self.assertFalse(os.path.exists("two"))


class ListTest(InFolder):
    def write(self, **columns):
        pyarrow.parquet.write_table(pyarrow.table(columns), "list.parquet")

    def test_a_column_has_the_paths_and_the_others_come_along(self):
        self.write(
            image_path=["in/1.jpg", "in/0.jpg"],
            caption=["é", None],
            width=[640, 480],
            hash=pyarrow.array([2**64 - 1, 2], pyarrow.uint64()),
            score=[0.5, float("nan")],
            day=[datetime.date(2026, 11, 30), None],
            tags=[["a", "b"], []],
            image=[b"\xff\xd8", b"not wanted"],
        )
        lmvr("embed", "-m", "m", "-o", "out", "-f", "llm", "@list.parquet")
        lines = read_index("out/index.jsonl")
        self.assertEqual([line["path"] for line in lines], ["in/1.jpg", "in/0.jpg"])
        self.assertEqual(
            lines[0]["json"],
            {"caption": "é", "width": 640, "hash": str(2**64 - 1), "score": 0.5, "day": "2026-11-30", "tags": ["a", "b"]},
        )
        self.assertEqual(lines[1]["json"], {"caption": None, "width": 480, "hash": 2, "score": None, "day": None, "tags": []})
        lmvr("embed", "-m", "m", "-o", "out", "-f", "llm", "--resume", "@list.parquet")

    def test_tars_and_folders_may_be_in_it(self):
        self.write(path=["a.tar", "in"])
        lmvr("embed", "-m", "m", "-o", "out", "-f", "llm", "@list.parquet", status=1)
        self.assertEqual(len(read_index("out/index/part-00000.jsonl")), 4)
        self.assertEqual(len(read_index("out/index/part-00001.jsonl")), 6)

    def test_what_is_no_such_table_is_refused(self):
        self.write(url=["http://x/1.jpg"], caption=["x"])
        said = lmvr("embed", "-m", "m", "-o", "out", "-f", "llm", "@list.parquet", status=2)
        self.assertIn("list.parquet: cannot be read: it has no column path or image_path, but url, caption", said)
        self.write(path=["in/0.jpg", None])
        said = lmvr("embed", "-m", "m", "-o", "out", "-f", "llm", "@list.parquet", status=2)
        self.assertIn("list.parquet: line 2 is not an object with a path", said)
        Path("list.parquet").write_text("no table")
        said = lmvr("embed", "-m", "m", "-o", "out", "-f", "llm", "@list.parquet", status=2)
        self.assertIn("list.parquet: cannot be read: ", said)
        self.assertEqual(said.count("\n"), 1)
        self.assertFalse(os.path.exists("out"))

    def test_millions_of_rows_take_no_more_memory_than_a_few(self):
        def most_memory(count):
            each = 100000
            with pyarrow.parquet.ParquetWriter("list.parquet", pyarrow.schema([("path", pyarrow.string())])) as writer:
                for first in range(0, count, each):
                    writer.write_table(pyarrow.table({"path": [f"folder/{i:08}.jpg" for i in range(first, first + each)]}))
            measure = (
                "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
            )
            run = [sys.executable, "-c", measure, sys.executable, "-m", "lmvr.parquet", "lines", "list.parquet"]
            return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)

        few = most_memory(100000)
        # The allocator alone makes up to 1.27 times of it; the whole table would be 1.6 times.
        self.assertLess(most_memory(3000000), 1.4 * few)


if __name__ == "__main__":
    unittest.main()
