"""`lmvr search` finds what NumPy finds, and each input of a folder itself."""

import json
import os
import subprocess
import unittest
from pathlib import Path

import numpy as np
from shared import GOOD, MODEL, ROOT, folder, program

DUAL = ROOT / "tests/golden/clip-text-f32"


def search(*arguments: object) -> "list[list[dict]]":
    """The results of each query."""
    command = [os.environ["LMVR_PROGRAM"], "search", "-q", "--json", *map(str, arguments)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line)["results"] for line in out.splitlines()]


class AsNumPy(unittest.TestCase):
    """Whole numbers, whose sums are exact, in the same order; others, too, but where scores are as near as rounding errors."""

    def write(self, place: str, rows: np.ndarray) -> None:
        Path(place).mkdir()
        np.save(Path(place, "f.npy"), rows)
        feature = {"name": "f", "spec": "llm:all:mean:-1", "dim": rows.shape[1]}
        run = {"lmvr": "0.1.0", "features": [feature], "inputs": len(rows)}
        Path(place, "run.json").write_text(json.dumps(run, indent=2) + "\n")
        lines = [json.dumps({"path": f"{row}.jpg", "row": row}) + "\n" for row in range(len(rows))]
        Path(place, "index.jsonl").write_text("".join(lines))

    def check(self, rows: np.ndarray, metric: str, top: int, tolerance: float) -> None:
        finite = np.isfinite(rows).all(axis=1)
        wide = np.where(finite[:, None], rows, 0).astype(np.float64)
        if metric == "cosine":
            lengths = np.linalg.norm(wide, axis=1)
            wide = wide / np.where(lengths > 0, lengths, 1)[:, None]
        queries = [row for row in range(0, len(rows), 1 + len(rows) // 9) if finite[row]]
        with folder() as place:
            self.write(place + "/out", rows)
            rows_asked = [word for row in queries for word in ("--row", row)]
            answers = search(place + "/out", "--metric", metric, "-k", top, *rows_asked)
        self.assertEqual(len(answers), len(queries))
        for query, answer in zip(queries, answers):
            scores = np.where(finite, (wide * wide[query]).sum(axis=1), -np.inf)
            order = np.argsort(-scores, kind="stable")[: min(top, finite.sum())]
            found = [one["row"] for one in answer]
            self.assertEqual([one["path"] for one in answer], [f"{row}.jpg" for row in found])
            np.testing.assert_allclose([one["score"] for one in answer], scores[order], rtol=5e-9, atol=1e-9)  # 9 digits
            if tolerance == 0:
                self.assertEqual(found, order.tolist())
            else:
                np.testing.assert_allclose(scores[found], scores[order], rtol=tolerance, atol=tolerance)
                self.assertEqual(len(set(found)), len(found))

    def test_random_rows(self) -> None:
        random = np.random.default_rng(1)
        for metric in ("cosine", "dot"):
            self.check(random.standard_normal((2000, 65), np.float32), metric, 10, 1e-12)
            self.check(10 + random.standard_normal((300, 1000), np.float32), metric, 300, 1e-12)

    def test_ties_are_in_the_order_of_rows(self) -> None:
        random = np.random.default_rng(2)
        rows = random.integers(-2, 3, (500, 6)).astype(np.float32)
        rows[::17] = 0
        rows[100:200] = rows[:100]
        self.check(rows, "dot", 120, 0)

    def test_rows_that_are_not_finite(self) -> None:
        random = np.random.default_rng(3)
        rows = random.integers(-9, 10, (200, 12)).astype(np.float32)
        rows[3, 4], rows[50, 0], rows[51, 11], rows[8] = np.nan, np.inf, -np.inf, np.nan
        self.check(rows, "dot", 250, 0)
        self.check(rows, "cosine", 250, 1e-12)


class FindsItself(unittest.TestCase):
    """Each query is embedded with the options of the folder, to the same bytes."""

    def check(self, model: Path, features: "list[str]", *options: object) -> None:
        with folder() as place:
            out = place + "/out"
            program("embed", "-q", "-m", model, "-o", out, *(word for f in features for word in ("-f", f)), *options, *GOOD)
            for feature in features:
                for row, answer in enumerate(search("-m", model, out, "-f", feature, "-k", 2, *GOOD)):
                    self.assertEqual((answer[0]["row"], answer[0]["score"]), (row, 1), (feature, options))

    def test_rows_that_are_not_of_the_model_are_refused(self) -> None:
        with folder() as place:
            out = Path(place, "out")
            program("embed", "-q", "-m", MODEL, "-o", out, "-f", "a=llm", "--before-generation", *GOOD)
            run = json.loads(Path(out, "run.json").read_text())
            for values in (16, 100000):
                run["features"][0]["dim"] = values
                Path(out, "run.json").write_text(json.dumps(run, indent=2) + "\n")
                np.save(Path(out, "a.npy"), np.ones((len(GOOD), values), np.float32))
                command = [os.environ["LMVR_PROGRAM"], "search", "-q", "-m", MODEL, out, GOOD[0]]
                done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"its rows have {values} values, but llm:all:mean:-1 of this model has 48", done.stderr)

    def test_with_the_defaults(self) -> None:
        self.check(MODEL, ["llm", "llm:generated:max:1", "encoder:cls", "adaptor", "pixels"], "--max-new-tokens", 6)

    def test_with_other_options(self) -> None:
        self.check(MODEL, ["llm"], "--prompt", "Who?", "--template", "plain", "--max-new-tokens", 3, "--dtype", "f32")
        self.check(MODEL, ["llm:end"], "--temperature", 0.7, "--top-p", 0.9, "--seed", 5, "--max-new-tokens", 6)
        self.check(MODEL, ["llm:image"], "--before-generation", "--normalize", "--dims", 9, "--aspect", "stretch")
        self.check(MODEL, ["llm"], "--dtype", "int8", "--cache-dtype", "int8", "--max-new-tokens", 3)

    def test_of_a_dual_encoder(self) -> None:
        self.check(DUAL, ["joint", "encoder:cls"])

    def test_texts(self) -> None:
        texts = ["a dog", "two dogs on a bed", "a cat"]
        with folder() as place:
            Path(place, "texts.txt").write_text("\n".join(texts) + "\n")
            for model, feature in ((DUAL, "joint"), (MODEL, "llm")):
                out = f"{place}/{feature}"
                options = ("-f", feature, "--max-new-tokens", 3, "--text", place + "/texts.txt")
                program("embed", "-q", "-m", model, "-o", out, *options)
                asked = [word for text in texts for word in ("--text", text)]
                for row, answer in enumerate(search("-m", model, out, *asked)):
                    self.assertEqual((answer[0]["row"], answer[0]["text"], answer[0]["score"]), (row, texts[row], 1))
