"""POST /v1/search: what lmvr search finds, of many clients at once."""

import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy
from shared import MODEL, MODEL_OPTIONS, PROGRAM, SCENES, Server, ServerTest, data_url, png, together, vector


class SearchTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="lmvr-serve-")
        cls.index = cls.folder.name + "/index"
        features = ["-f", "encoder:cls", "-f", "llm", "--dims", "100", "--normalize", "--prompt", "What is it?"]
        subprocess.run([PROGRAM, "embed", "-q", *MODEL_OPTIONS, *features, "-o", cls.index, *map(str, SCENES)], check=True)
        cls.server = Server("--index", cls.index, "--index-feature", "llm", model=["-m", str(MODEL)])

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def search(self, inputs, **options):
        answer = self.server.post("/v1/search", {"input": inputs, **options})
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def as_the_program(self, *queries):
        command = [PROGRAM, "search", "-q", "--json", "-m", str(MODEL), "-f", "llm", self.index, *queries]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        return [json.loads(line)["results"] for line in out.splitlines()]

    def test_finds_what_the_program_finds(self):
        expected = self.as_the_program(*map(str, SCENES), "--text", "a red ball")
        answer = self.search([*map(data_url, SCENES), "a red ball"])
        self.assertEqual([item["results"] for item in answer["data"]], expected)
        self.assertEqual([item["index"] for item in answer["data"]], list(range(len(SCENES) + 1)))
        for row, item in enumerate(answer["data"][:-1]):
            self.assertEqual((item["results"][0]["row"], item["results"][0]["score"]), (row, 1))
            self.assertEqual(item["results"][0]["path"], str(SCENES[row]))
        self.assertGreater(answer["usage"]["prompt_tokens"], 0)

    def test_metric_and_top(self):
        expected = self.as_the_program(str(SCENES[3]), "--metric", "dot", "-k", "2")
        answer = self.search(data_url(SCENES[3]), metric="dot", top=2)
        self.assertEqual([item["results"] for item in answer["data"]], expected)

    def test_many_clients_get_their_own(self):
        alone = [self.search(data_url(scene), top=3)["data"] for scene in SCENES]
        calls = [lambda i=i: self.search(data_url(SCENES[i % len(SCENES)]), top=3 + i % 2, metric=("cosine", "dot")[i % 3 == 0]) for i in range(24)]
        for i, answer in enumerate(together(calls)):
            self.assertEqual(len(answer["data"][0]["results"]), 3 + i % 2)
            if i % 3:
                self.assertEqual(answer["data"][0]["results"][:3], alone[i % len(SCENES)][0]["results"])

    def test_vectors_are_those_of_the_folder(self):
        (item,) = self.server.vectors(data_url(SCENES[2]))
        rows = numpy.load(self.index + "/llm.npy")
        self.assertEqual(vector(item["embedding"]).tobytes(), rows[2].tobytes())

    def test_the_map_keeps_distances(self):
        answer, again = together([lambda: self.server.get("/v1/index/map")] * 2)
        self.assertEqual((answer.status, answer.body), (200, again.body))
        rows, item = numpy.load(self.index + "/llm.npy"), answer.json
        self.assertEqual((item["total"], item["rows"], item["paths"]), (len(SCENES), list(range(len(SCENES))), [str(scene) for scene in SCENES]))
        self.assertEqual((item["labels"], item["dims"]), ([None] * len(SCENES), len(SCENES)))  # there are no more directions
        places = vector(item["values"]).reshape(len(SCENES), -1)
        for row in range(len(SCENES)):
            numpy.testing.assert_allclose(numpy.linalg.norm(places - places[row], axis=1), numpy.linalg.norm(rows - rows[row], axis=1), atol=1e-5)
        variances = numpy.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
        numpy.testing.assert_allclose(item["shares"], variances / variances.sum(), atol=1e-5)

    def test_refusals(self):
        self.refused(self.server.post("/v1/search", {}), 400, "no input to look for", param="input")
        self.refused(self.server.post("/v1/search", {"input": "a", "top": 0}), 400, "top is 0", param="top")
        self.refused(self.server.post("/v1/search", {"input": "a", "top": 1001}), 400, "top is 1001", param="top")
        self.refused(self.server.post("/v1/search", {"input": "a", "metric": "l2"}), 400, 'metric is "l2"', param="metric")
        self.refused(self.server.post("/v1/search", {"input": "a", "features": ["llm"]}), 400, '"features"', param="features")
        self.refused(self.server.post("/v1/search", {"input": ["a", {"image": "AAAA"}]}), 400, "input[1]", param="input")


class PartsTest(ServerTest):
    """Results in parts are served as those in one: the members of a tar, and what does not lie in a tar."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="lmvr-serve-")
        root = Path(cls.folder.name)
        cls.whole, cls.parts = root / "whole", root / "parts"
        with tarfile.open(root / "scenes.tar", "w") as tar:
            for scene in SCENES[4:]:
                tar.add(scene, scene.name)
        embed = [PROGRAM, "embed", "-q", *MODEL_OPTIONS, "-f", "encoder:cls"]
        subprocess.run([*embed, "-o", cls.whole, *map(str, SCENES)], check=True)
        subprocess.run([*embed, "-o", cls.parts, *map(str, SCENES[:4]), root / "scenes.tar"], check=True)
        cls.paths = [*map(str, SCENES[:4]), *(f"{root}/scenes.tar/{scene.name}" for scene in SCENES[4:])]
        cls.servers = [Server("--index", folder, model=["-m", str(MODEL)]) for folder in (cls.whole, cls.parts)]
        cls.server = cls.servers[1]

    @classmethod
    def tearDownClass(cls):
        assert cls.servers[0].stop() == 0
        super().tearDownClass()
        cls.folder.cleanup()

    def test_neighbors_and_scores_are_the_same(self):
        call = {"input": list(map(data_url, SCENES)), "top": len(SCENES)}
        whole, parts = (server.post("/v1/search", call).json["data"] for server in self.servers)
        for one, other in zip(whole, parts, strict=True):
            found = [(result["row"], result["score"]) for result in other["results"]]
            self.assertEqual(found, [(result["row"], result["score"]) for result in one["results"]])
            self.assertEqual([result["path"] for result in other["results"]], [self.paths[row] for row, _ in found])

    def test_the_map_and_pictures(self):
        whole, parts = (server.get("/v1/index/map").json for server in self.servers)
        self.assertEqual(parts["paths"], self.paths)
        self.assertEqual({**parts, "paths": None}, {**whole, "paths": None})
        self.assertEqual(self.server.get("/v1/index/3/image").body, self.servers[0].get("/v1/index/3/image").body)
        self.refused(self.server.get("/v1/index/4/image"), 404, "scenes.tar", param="row")  # members of tars are not shown
        self.refused(self.server.get(f"/v1/index/{len(SCENES)}/image"), 404, f"the rows 0 to {len(SCENES) - 1}")


def jpeg_size(data):
    """Width and height of a baseline JPEG."""
    assert data[:2] == b"\xff\xd8"
    at = 2
    while data[at + 1] != 0xC0:
        at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
    return int.from_bytes(data[at + 7:at + 9], "big"), int.from_bytes(data[at + 5:at + 7], "big")


class PicturesTest(ServerTest):
    """Pictures of an index: a small one, a large one, and a file that is none any more."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="lmvr-serve-")
        cls.root = Path(cls.folder.name)
        shutil.copy(SCENES[0], cls.root / "small.jpg")
        shutil.copy(SCENES[0], cls.root / "other.jpg")
        (cls.root / "large.png").write_bytes(png(1000, 500))
        inputs = [str(cls.root / name) for name in ("small.jpg", "large.png", "other.jpg")]
        subprocess.run([PROGRAM, "embed", "-q", *MODEL_OPTIONS, "-f", "encoder:cls", "-o", cls.root / "index", *inputs], check=True)
        (cls.root / "other.jpg").write_text("a secret")
        (cls.root / "new.jpg").symlink_to(SCENES[1])
        cls.server = Server("--index", str(cls.root / "index"), "--api-key", "secret", model=["-m", str(MODEL)])

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def picture(self, row):
        return self.server.get(f"/v1/index/{row}/image", Authorization="Bearer secret")

    def test_a_rows_picture_is_shown_small(self):
        for row, size in ((0, (224, 224)), (1, (384, 192))):
            answer = self.picture(row)
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "image/jpeg"))
            self.assertEqual(jpeg_size(answer.body), size)

    def test_what_is_no_picture_stays_where_it_is(self):
        answer = self.picture(2)
        self.refused(answer, 404, "row 2", "not a JPEG", param="row")
        self.assertNotIn(b"secret", answer.body)

    def test_other_paths_lead_nowhere(self):
        for path in ("3/image", "99999999999999999/image", "999999999999999999999999/image", "-1/image", "+1/image", " 1/image", "0x1/image", "1", "1/", "/image",
                     "1/image/", "1/../../etc/passwd", "..%2f..%2fetc%2fpasswd/image", "new.jpg/image", "1%00/image", "1.0/image"):
            answer = self.server.get("/v1/index/" + path.replace(" ", "%20"), Authorization="Bearer secret")
            self.assertEqual(answer.status, 404, path)

    def test_the_key_is_needed(self):
        self.assertEqual(self.server.get("/v1/index/0/image").status, 401)

    def test_many_at_once(self):
        answers = together([lambda: self.picture(1)] * 32)
        self.assertEqual({(answer.status, answer.body) for answer in answers}, {(200, answers[0].body)})


class StartTest(ServerTest):
    options = ("-f", "encoder:cls")

    def test_without_a_folder_there_is_nothing_to_search(self):
        self.refused(self.server.post("/v1/search", {"input": "a"}), 404, "there is no folder of results to search here")
        self.refused(self.server.get("/v1/index/map"), 404, "there is no folder of results to search here")
        self.refused(self.server.get("/v1/index/0/image"), 404, "there is no folder of results to search here")

    def test_what_rows_depend_on_is_the_folders(self):
        for options, word in ((["--index", "/none"], "/none: holds no results"), (["--index", "/none", "--prompt", "x"], "cannot be given")):
            server = Server(*options, model=["-m", str(MODEL)])
            self.assertEqual(server.stop(), 2)
            self.assertIn(word, "".join(server.lines))
