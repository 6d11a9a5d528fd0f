"""lmvr.Model gives what the program gives, and errors where they belong."""

import contextlib
import io
import itertools
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import unittest
from copy import deepcopy
from pathlib import Path

import lmvr
import numpy as np
from shared import GOOD, MODEL, ROOT, SCENE, folder, model, program

SPECS = ["llm:all:mean:-1", "llm:generated", "cls=encoder:cls", "llm:image:none"]
SHORT = {"max_new_tokens": 5}


def embedded(*arguments: object) -> "tuple[dict[str, np.ndarray], list[dict[str, object]]]":
    """What `lmvr embed` writes: name -> array, and the lines of index.jsonl."""
    with folder() as out:
        program("embed", "-q", "-m", MODEL, "--dtype", "f32", "--device", "cpu", "-o", out + "/f", *arguments)
        arrays = {path.stem: np.load(path) for path in Path(out, "f").glob("*.npy")}
        index = [json.loads(line) for line in Path(out, "f", "index.jsonl").read_text().splitlines()]
    return arrays, index


class AsTheProgram(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        arguments = itertools.chain.from_iterable(("-f", spec) for spec in SPECS)
        cls.arrays, cls.index = embedded("--max-new-tokens", 5, *arguments, *GOOD)

    def check(self, images: "list[object]") -> None:
        vectors = model.encode(images, SPECS, **SHORT)
        self.assertEqual(list(vectors), ["llm_all_mean_-1", "llm_generated", "cls", "llm_image_none"])
        for name in list(vectors)[:3]:
            self.assertEqual(vectors[name].dtype, np.float32)
            self.assertEqual(vectors[name].tobytes(), self.arrays[name].tobytes(), name)
        rows = vectors["llm_image_none"]
        self.assertEqual([len(one) for one in rows], np.diff(self.arrays["llm_image_none.offsets"]).tolist())
        self.assertEqual(np.concatenate(rows).tobytes(), self.arrays["llm_image_none"].tobytes())

    def test_paths(self) -> None:
        self.check(GOOD)
        self.check([str(path) for path in GOOD])

    def test_bytes(self) -> None:
        self.check([path.read_bytes() for path in GOOD])
        self.check([memoryview(path.read_bytes()) for path in GOOD])

    def test_responses_and_tokens(self) -> None:
        results = list(model.embed(GOOD, "llm", **SHORT))
        self.assertEqual([result.response for result in results], [line["response"] for line in self.index])
        self.assertEqual([result.tokens.tolist() for result in results], [line["response_tokens"] for line in self.index])
        self.assertEqual([result.finish for result in results], [line["finish"] for line in self.index])
        self.assertEqual(model.describe(GOOD, **SHORT), [line["response"] for line in self.index])
        self.assertEqual(model.describe(GOOD[0], **SHORT), self.index[0]["response"])

    def test_one_image_has_one_row(self) -> None:
        row = model.encode(GOOD[1], SPECS[0], **SHORT)
        self.assertEqual(row.tobytes(), self.arrays["llm_all_mean_-1"][1].tobytes())

    def test_company_and_batch_change_nothing(self) -> None:
        many = model.encode(GOOD * 9, SPECS[0], batch_size=3, **SHORT)
        self.assertEqual(many.tobytes(), np.tile(self.arrays["llm_all_mean_-1"], (9, 1)).tobytes())

    def test_normalized_and_truncated(self) -> None:
        arrays, _ = embedded("--normalize", "--dims", 8, "--max-new-tokens", 5, *GOOD)
        mine = model.encode(GOOD, normalize_embeddings=True, truncate_dim=8, **SHORT)
        self.assertEqual(mine.tobytes(), arrays["llm_all_mean_-1"].tobytes())

    def test_threads_share_a_model(self) -> None:
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(model.encode(GOOD, **SHORT))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([answer.tobytes() for answer in answers], [self.arrays["llm_all_mean_-1"].tobytes()] * 3)


class Picture:
    """Of PIL.Image what is used: convert() gives another, which is an array."""

    def __init__(self, pixels: np.ndarray, mode: str = "P") -> None:
        self.pixels, self.mode = pixels, mode

    def convert(self, mode: str) -> "Picture":
        return Picture(self.pixels, mode)

    @property
    def __array_interface__(self) -> "dict[str, object]":
        assert self.mode == "RGB"
        return self.pixels.__array_interface__


class Pixels(unittest.TestCase):
    def setUp(self) -> None:
        random = np.random.default_rng(1)
        self.arrays = [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((40, 60), (33, 20), (1, 70))]
        with folder() as out:
            paths = []
            for i, array in enumerate(self.arrays):
                paths.append(Path(out, f"{i}.bmp"))
                paths[i].write_bytes(bitmap(array))
            self.wanted = embedded("-f", "llm", "--max-new-tokens", 5, *paths)[0]["llm"].tobytes()

    def check(self, images: object) -> None:
        self.assertEqual(model.encode(images, "llm", **SHORT).tobytes(), self.wanted)

    def test_arrays(self) -> None:
        self.check(self.arrays)

    def test_arrays_that_are_not_contiguous(self) -> None:
        self.check([np.asfortranarray(array) for array in self.arrays])
        self.check([np.repeat(array, 2, axis=1)[:, ::2] for array in self.arrays])

    def test_pictures_that_convert(self) -> None:
        self.check([Picture(array) for array in self.arrays])

    def test_an_array_of_images_is_a_list_of_them(self) -> None:
        same = np.stack([self.arrays[0]] * 3)
        one = model.encode(self.arrays[0], "llm", **SHORT)
        self.assertEqual(one.shape, (48,))
        self.assertEqual(model.encode(same, "llm", **SHORT).tobytes(), one.tobytes() * 3)


def bitmap(array: np.ndarray) -> bytes:
    """A BMP file of 24 bits."""
    height, width = array.shape[:2]
    row = (width * 3 + 3) // 4 * 4
    lines = np.zeros((height, row), np.uint8)
    lines[:, : width * 3] = array[::-1, :, ::-1].reshape(height, -1)
    numbers = (54 + row * height, 0, 54, 40, width, height, 1 | 24 << 16, 0, row * height, 2835, 2835, 0, 0)
    return b"BM" + np.array(numbers, "<u4").tobytes() + lines.tobytes()


class Broken:
    """A picture whose file turns out to be broken, in PIL's way."""

    def convert(self, mode: str) -> "Picture":
        raise SyntaxError("broken PNG file")


class Errors(unittest.TestCase):
    BAD = [
        b"no image",
        "there is no such file.jpg",
        None,
        3.5,
        np.zeros((4, 4, 3)),
        np.zeros((4, 4), np.uint8),
        "a\0b",
        {"picture": 1},
        {"system": "x"},
        {},
        {"text": "a\0b"},
        np.zeros((0, 4, 3), np.uint8),
        Broken(),
    ]

    def test_a_bad_image_is_an_error_of_its_row(self) -> None:
        images = [x for bad in self.BAD for x in (GOOD[0], bad)]
        results = list(model.embed(images, "llm", **SHORT))
        self.assertEqual([result.index for result in results], list(range(len(images))))
        for i, result in enumerate(results):
            with self.subTest(repr(images[i])):
                self.assertEqual(result.error is None, i % 2 == 0)
                self.assertEqual(set(result.features), {"llm"} if i % 2 == 0 else set())
                if result.error:
                    self.assertRegex(result.error, rf"^(image {i}|there is no such file.jpg): .")

    def test_encode_has_a_row_of_nan_and_warns(self) -> None:
        with self.assertWarnsRegex(UserWarning, "^1 of 3 inputs failed and have rows of NaN; the first: image 1: not a "):
            vectors = model.encode([GOOD[0], b"no image", GOOD[1]], **SHORT)
        self.assertEqual(np.isnan(vectors).any(axis=1).tolist(), [False, True, False])
        self.assertTrue(np.isnan(vectors[1]).all())

    def test_describe_has_none_and_warns(self) -> None:
        with self.assertWarns(UserWarning):
            said = model.describe([b"no image", GOOD[0]], **SHORT)
        self.assertIsNone(said[0])
        self.assertIsInstance(said[1], str)

    def test_one_image_alone_raises(self) -> None:
        for call in (model.encode, model.describe, model.attend):
            with self.subTest(call.__name__), self.assertRaisesRegex(lmvr.Error, "not a JPEG"):
                call(b"no image")

    def test_a_call_that_cannot_be_done_raises_at_once(self) -> None:
        with self.assertRaisesRegex(lmvr.Error, 'source is "nothing"'):
            model.embed(GOOD, "nothing")
        with self.assertRaisesRegex(lmvr.Error, "blocks"):
            model.embed(GOOD, attention=True, layers=(1, 99))
        with self.assertRaises(TypeError):
            model.embed(GOOD, promt="Why?")
        with self.assertRaisesRegex(lmvr.Error, "hf download no/model"):
            lmvr.Model("no/model")

    def test_an_error_of_the_iterator_is_the_callers(self) -> None:
        def broken() -> "object":
            yield GOOD[0]
            raise KeyError("mine")

        with self.assertRaisesRegex(KeyError, "mine"):
            list(model.embed(broken(), **SHORT))

    def test_nothing_in_gives_nothing_out(self) -> None:
        self.assertEqual(model.encode([]).shape, (0, 48))
        self.assertEqual(list(model.embed([])), [])


class Attention(unittest.TestCase):
    def test_maps_are_those_of_the_program(self) -> None:
        small = lmvr.Model(dtype="f32", device="cpu")
        for arguments, options in (([], {}), (["--layers", "2:3", "--query", "own"], {"layers": (2, 3), "query": "own"})):
            with folder() as out, self.subTest(options):
                program(
                    "attend",
                    SCENE,
                    "--words",
                    "donut,purple suitcase",
                    *arguments,
                    "--dtype",
                    "f32",
                    "--device",
                    "cpu",
                    "-q",
                    "-o",
                    out + "/a",
                )
                wanted = np.load(out + "/a/maps.npy")
                maps = small.attend(SCENE, ["donut", "purple suitcase"], **options)
                self.assertEqual(maps.dtype, np.float32)
                self.assertEqual(maps.shape, wanted.shape)
                self.assertEqual(maps.tobytes(), wanted.tobytes())

    def test_a_word_that_is_not_there_has_a_map_of_nan(self) -> None:
        small = lmvr.Model(dtype="f32", device="cpu")
        with self.assertWarnsRegex(UserWarning, '^"zebra" is not in the response'):
            maps = small.attend(SCENE, ["zebra", "donut"])
        self.assertEqual(np.isnan(maps).all(axis=(1, 2)).tolist(), [True, False])

    def test_without_words_every_token_has_a_map(self) -> None:
        [result] = model.embed(GOOD[0], attention=True, **SHORT)
        maps = model.attend(GOOD[0], **SHORT)
        self.assertEqual(maps.shape, (5, 4, 4))
        self.assertEqual(maps.tobytes(), result.attention.tobytes())
        self.assertEqual(result.token_ends[-1], len(result.response.encode()))


class Texts(unittest.TestCase):
    def test_an_input_can_ask_a_text_of_its_own(self) -> None:
        asked = [{"image": GOOD[0], "text": "Why?"}, GOOD[0], {"image": GOOD[0], "text": "Describe the image."}]
        own, plain, same = model.encode(asked, **SHORT)
        self.assertEqual(same.tobytes(), plain.tobytes())
        self.assertNotEqual(own.tobytes(), plain.tobytes())
        self.assertEqual(own.tobytes(), model.encode(GOOD[0], prompt="Why?", **SHORT).tobytes())


class Interrupts(unittest.TestCase):
    def interrupt(self, code: str) -> "list[str]":
        """Runs `code`, sends Ctrl-C when it prints its first line, and returns the others."""
        search = [os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]
        before = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background has none
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(search)}
        with subprocess.Popen(
            [sys.executable, "-c", before + code], stdout=subprocess.PIPE, text=True, env=environment
        ) as child:
            self.assertEqual(child.stdout.readline(), "running\n")
            child.send_signal(signal.SIGINT)
            lines = child.stdout.read().splitlines()
        self.assertEqual(child.returncode, 0)
        return lines

    def test_ctrl_c_stops_an_endless_run(self) -> None:
        begun = time.monotonic()
        lines = self.interrupt("""
import itertools, shared
try:
    for result in shared.model.embed(itertools.repeat(shared.GOOD[0])):
        if result.index == 3: print("running", flush=True)
except KeyboardInterrupt:
    print("stopped", flush=True)
""")
        self.assertEqual(lines, ["stopped"])
        self.assertLess(time.monotonic() - begun, 20)  # one or two where the machine has nothing else to do

    def test_ctrl_c_does_not_wait_for_a_model_that_is_being_opened(self) -> None:
        lines = self.interrupt("""
import threading, lmvr
from lmvr import model
stopped = threading.Event()
opened = model.library.lmvr_model_open_with
def open_slowly(*arguments):
    print("running", flush=True)
    stopped.wait(60)
    print("opened", flush=True)
    return opened(*arguments)
model.library.lmvr_model_open_with = open_slowly
free = model.library.lmvr_model_free
model.library.lmvr_model_free = lambda pointer: (free(pointer), print("closed", flush=True))
try:
    lmvr.Model()
except KeyboardInterrupt:
    print("stopped", flush=True)
    stopped.set()
""")
        self.assertEqual(lines, ["stopped", "opened", "closed"])

    def test_a_run_that_is_left_leaves_the_model_as_it_was(self) -> None:
        for result in model.embed(itertools.repeat(GOOD[0]), **SHORT):
            if result.index == 5:
                break
        self.assertEqual(model.encode(GOOD, **SHORT).shape, (4, 48))

    def test_images_are_taken_no_faster_than_they_are_embedded(self) -> None:
        taken = itertools.count()
        results = model.embed((GOOD[next(taken) % 4] for _ in itertools.repeat(0)), batch_size=1, **SHORT)
        next(results)
        time.sleep(0.3)
        self.assertLess(next(taken), 1000)
        results.close()


class Models(unittest.TestCase):
    def test_info_is_that_of_the_program(self) -> None:
        told = json.loads(
            subprocess.run(
                [os.environ["LMVR_PROGRAM"], "info", "--json", "-m", MODEL], check=True, stdout=subprocess.PIPE
            ).stdout
        )
        for name in ("architecture", "vision", "language", "image_size", "visual_tokens", "vocabulary"):
            self.assertEqual(model.info[name], told[name], name)
        self.assertEqual((model.info["dtype"], model.info["device"]), ("f32", "cpu"))

    def test_the_lines_of_the_readme_run(self) -> None:
        blocks = [part.split("```")[0] for part in (ROOT / "README.md").read_text().split("```python\n")[1:]]
        code = next(block for block in blocks if "maps" in block)  # the first is run in docs_quick_starts
        named: dict[str, object] = {}
        here = os.getcwd()
        os.chdir(ROOT)
        try:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(code, named)
        finally:
            os.chdir(here)
        self.assertRegex(printed.getvalue(), r"^The image shows .* \(\d+,\) None\n$")
        self.assertEqual(named["maps"].shape[0], 1)

    def test_copies_are_the_model_and_pickles_open_it_again(self) -> None:
        self.assertIs(deepcopy({"model": model})["model"], model)
        again = pickle.loads(pickle.dumps(model))
        self.assertEqual(again.encode(GOOD, **SHORT).tobytes(), model.encode(GOOD, **SHORT).tobytes())

    def test_features_are_found_by_name_and_by_spec(self) -> None:
        [result] = model.embed(GOOD[0], ["llm:generated", "e=encoder:cls"], **SHORT)
        self.assertEqual(list(result.features), ["llm_generated", "e"])
        self.assertIs(result.features["llm:generated"], result.features["llm_generated"])
        with self.assertRaises(KeyError):
            result.features["llm:end"]

    def test_a_transformer_is_what_scikit_learn_takes(self) -> None:
        step = lmvr.Transformer(model, "llm", SHORT)
        twin = lmvr.Transformer(**deepcopy(step.get_params()))
        self.assertIs(twin.get_params()["model"], model)
        self.assertEqual(step.fit(GOOD, [0, 1, 0, 1]).transform(GOOD).tobytes(), model.encode(GOOD, "llm", **SHORT).tobytes())
        self.assertEqual(step.set_params(feature="encoder:cls").fit_transform(GOOD).shape, (4, 32))
        with self.assertRaises(ValueError):
            step.set_params(features="llm")


if __name__ == "__main__":
    unittest.main()
