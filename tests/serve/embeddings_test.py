"""POST /v1/embeddings: every form of input, and vectors that are lmvr embed's to the byte."""

import base64
import unittest

import numpy
from shared import ROOT, SCENES, Server, ServerTest, data_url, embed, together, vector

FEATURES = ["llm:generated:mean:-1", "encoder:cls", "g=llm:image:max:2"]


class VectorsTest(ServerTest):
    def test_one_picture_is_as_embed_has_it(self):
        rows = embed(SCENES[:1])["llm_all_mean_-1"]
        answer = self.server.vectors(data_url(SCENES[0]))
        self.assertEqual(vector(answer[0]["embedding"]).tobytes(), rows[0].tobytes())

    def test_eight_clients_get_what_embed_has(self):
        rows = embed(SCENES)["llm_all_mean_-1"]
        order = [[(k + i) % len(SCENES) for i in range(len(SCENES))] for k in range(8)]
        answers = together([lambda pictures=pictures: self.server.vectors([data_url(SCENES[p]) for p in pictures]) for pictures in order])
        for pictures, answer in zip(order, answers):
            self.assertEqual([item["index"] for item in answer], list(range(len(pictures))))
            for picture, item in zip(pictures, answer):
                self.assertEqual(vector(item["embedding"]).tobytes(), rows[picture].tobytes())

    def test_features_are_chosen_by_the_request(self):
        rows = embed(SCENES[:2], *[word for f in FEATURES for word in ("-f", f)])
        answer = self.server.vectors([data_url(p) for p in SCENES[:2]], features=FEATURES)
        for i, item in enumerate(answer):
            self.assertEqual(set(item["features"]), set(rows))
            for name, matrix in rows.items():
                self.assertEqual(vector(item["features"][name]).tobytes(), matrix[i].tobytes())
            self.assertEqual(item["embedding"], item["features"]["llm_generated_mean_-1"])

    def test_more_sets_of_features_than_sessions_take_turns(self):
        sets = [[f"encoder:{tokens}:{pool}:{layer}"] for tokens in ("cls", "patches") for pool in ("mean", "max") for layer in (1, 2)]
        rows = [embed(SCENES[:1], "-f", s[0]) for s in sets]
        for _ in range(2):
            for features, expected in zip(sets, rows):
                (item,) = self.server.vectors(data_url(SCENES[0]), features=features)
                (matrix,) = expected.values()
                self.assertEqual(vector(item["embedding"]).tobytes(), matrix[0].tobytes())
        self.assertLessEqual(self.server.metric("lmvr_sessions"), 4)

    def test_float_and_base64_are_the_same_numbers(self):
        numbers = self.server.post("/v1/embeddings", {"input": data_url(SCENES[0])}).json["data"][0]["embedding"]
        (item,) = self.server.vectors(data_url(SCENES[0]))
        self.assertEqual(numpy.array(numbers, "<f4").tobytes(), vector(item["embedding"]).tobytes())

    def test_dimensions_and_normalized_are_as_embed_has_them(self):
        rows = embed(SCENES[:1], "--dims", "16", "--normalize")["llm_all_mean_-1"]
        (item,) = self.server.vectors(data_url(SCENES[0]), dimensions=16, normalized=True)
        self.assertEqual(vector(item["embedding"]).tobytes(), rows[0].tobytes())

    def test_a_row_for_each_position_is_a_list_of_rows(self):
        (rows,) = [m for name, m in embed(SCENES[:1], "-f", "adaptor:all:none").items() if "offsets" not in name]
        request = {"input": data_url(SCENES[0]), "features": ["adaptor:all:none"]}
        numbers = self.server.post("/v1/embeddings", request).json["data"][0]["embedding"]
        self.assertEqual(numpy.array(numbers, "<f4").tobytes(), rows.tobytes())
        (item,) = self.server.vectors(**{"inputs": request["input"], "features": request["features"]})
        self.assertEqual(vector(item["embedding"]).tobytes(), rows.tobytes())

    def test_a_response_comes_with_its_vectors(self):
        (item,) = self.server.vectors(data_url(SCENES[0]), features=["encoder:cls"], response=True)
        self.assertGreater(len(item["response"]), 3)
        self.assertIn(item["finish_reason"], ("stop", "length"))
        self.assertNotIn("response", self.server.vectors(data_url(SCENES[0]))[0])

    def test_prompt_and_length_are_the_requests(self):
        rows = embed(SCENES[:1], "--prompt", "What is this?", "--max-new-tokens", "3")["llm_all_mean_-1"]
        (item,) = self.server.vectors(data_url(SCENES[0]), prompt="What is this?", max_tokens=3)
        self.assertEqual(vector(item["embedding"]).tobytes(), rows[0].tobytes())

    def test_tokens_are_counted(self):
        answer = self.server.post("/v1/embeddings", {"input": [data_url(SCENES[0])] * 2, "max_tokens": 2})
        usage = answer.json["usage"]
        self.assertEqual(usage["completion_tokens"], 4)
        self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + 4)
        self.assertGreater(usage["prompt_tokens"], 100)


class OneSessionTest(ServerTest):
    options = ("--sessions", "1", "--queue", "2")

    def test_a_client_that_waits_for_its_answers_is_never_told_that_all_is_busy(self):
        for k in range(60):
            self.server.vectors([data_url(SCENES[0])] * 2, features=[f"llm:input:mean:{k % 3}"], max_tokens=1)
            if k % 10 == 0:
                answer = self.server.post("/v1/embeddings", {"input": ["data:image/png;base64,AAAA"] * 2})
                self.refused(answer, 400, "not a JPEG")
            if k % 10 == 5:
                self.refused(self.server.post("/v1/embeddings", {"input": ["a", "a"], "dimensions": 1 << 20, "max_tokens": 1}), 400, param="dimensions")


class EmbeddingModelTest(unittest.TestCase):
    def test_vectors_are_those_of_the_models_own_code(self):
        model = ["-m", str(ROOT / "tests/golden/embedding/qwen3vl-embedding"), "--dtype", "f32", "--device", "cpu"]
        (rows,) = embed(SCENES[:2], model=model).values()
        (short,) = embed(SCENES[:2], "--dims", "8", model=model).values()
        server = Server("--sessions", "1", model=model)
        self.addCleanup(server.stop)
        for _ in range(2):  # in a session that makes room for another
            for row, item in zip(rows, server.vectors([data_url(path) for path in SCENES[:2]])):
                self.assertEqual(vector(item["embedding"]).tobytes(), row.tobytes())
            for row, item in zip(short, server.vectors([data_url(path) for path in SCENES[:2]], dimensions=8)):
                self.assertTrue(numpy.allclose(vector(item["embedding"]), row, rtol=1e-6, atol=0))
            server.vectors(data_url(SCENES[0]), features=["encoder:all"])


class FormsTest(ServerTest):
    def same(self, value, expected):
        answer = self.server.post("/v1/embeddings", {"encoding_format": "base64", **value})
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual([item["embedding"] for item in answer.json["data"]], expected)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.picture = cls.server.vectors(data_url(SCENES[0]))[0]["embedding"]
        cls.text = cls.server.vectors("a dog on a sofa")[0]["embedding"]
        cls.both = cls.server.vectors([{"text": "What is this?", "image": data_url(SCENES[0])}])[0]["embedding"]

    def test_the_three_kinds_of_input_differ(self):
        self.assertEqual(len({self.picture, self.text, self.both}), 3)

    def test_list_of_texts_and_pictures(self):
        self.same({"input": ["a dog on a sofa", data_url(SCENES[0])]}, [self.text, self.picture])

    def test_jinas_form(self):
        bare = base64.b64encode(SCENES[0].read_bytes()).decode()
        self.same({"model": "m", "embedding_type": "base64", "input": [{"text": "a dog on a sofa"}, {"image": bare}]}, [self.text, self.picture])

    def test_text_beside_the_image_is_the_prompt(self):
        self.same({"input": data_url(SCENES[0]), "prompt": "What is this?"}, [self.both])

    def test_vllms_messages(self):
        image = {"type": "image_url", "image_url": {"url": data_url(SCENES[0])}}
        self.same({"messages": [{"role": "user", "content": [image]}]}, [self.picture])
        self.same({"messages": [{"role": "user", "content": [image, {"type": "text", "text": "What is this?"}]}]}, [self.both])
        self.same({"messages": [{"role": "user", "content": "a dog on a sofa"}]}, [self.text])

    def test_system_message_is_the_system_turn(self):
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a dog on a sofa"}]
        answer = self.server.post("/v1/embeddings", {"messages": messages, "encoding_format": "base64"})
        self.assertIn(answer.status, (200, 400))  # a template may have no system turn, and then says so
        if answer.status == 200:
            self.assertNotEqual(answer.json["data"][0]["embedding"], self.text)


class WrongTest(ServerTest):
    options = ("--queue", "8")

    def wrong(self, value, *words, status=400, param=None):
        self.refused(self.server.post("/v1/embeddings", value), status, *words, param=param)

    def test_bodies_that_are_no_json(self):
        for body in (b"", b"{", b"[]", b"null", b'"x"', b"{}x", b'{"input": "\xff"}', b'{"input": "a", "input": "b"}', b"[" * 5000,
                     b'{"input": "\\u0000"}', b'{"input": 1e999}'):
            with self.subTest(body=body[:20]):
                self.wrong(body)

    def test_values_of_wrong_kinds(self):
        for value, param in [({}, "input"), ({"input": []}, "input"), ({"input": ""}, "input"), ({"input": 1}, "input"), ({"input": None}, "input"),
                             ({"input": [1, 2]}, "input[0]"), ({"input": [[1, 2]]}, "input[0]"), ({"input": [{}]}, "input[0]"),
                             ({"input": [{"image": 1}]}, "input[0].image"), ({"input": [{"text": ""}]}, "input[0].text"),
                             ({"input": [{"text": "a", "more": 1}]}, "input[0]"), ({"input": "a", "messages": []}, "input"),
                             ({"input": "a", "dimensions": 0}, "dimensions"), ({"input": "a", "dimensions": "x"}, "dimensions"),
                             ({"input": "a", "dimensions": 1 << 30}, "dimensions"),
                             ({"input": "a", "encoding_format": "hex"}, "encoding_format"), ({"input": "a", "features": []}, "features"),
                             ({"input": "a", "features": "llm"}, "features"), ({"input": "a", "features": ["a\nb"]}, "features"),
                             ({"input": "a", "features": ["llm:nothing"]}, "features"), ({"input": "a", "features": ["llm:all:mean:99"]}, "features"),
                             ({"input": "a", "features": ["llm", "llm"]}, "features"),
                             ({"input": "a", "max_tokens": 0}, "max_tokens"), ({"input": "a", "normalized": 1}, "normalized"),
                             ({"input": "a", "feature": ["llm"]}, "feature"), ({"messages": []}, "messages"),
                             ({"messages": [{"role": "assistant", "content": "a"}]}, "messages"),
                             ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
                             ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0]")]:
            with self.subTest(value=value):
                self.wrong(value, param=param)

    def test_an_input_that_cannot_be_used_is_named(self):
        good = data_url(SCENES[0])
        self.wrong({"input": [good, "data:image/png;base64,AAAA"]}, "input[1]", "not a JPEG")
        self.wrong({"input": ["a", "data:image/png;base64,@"]}, "input[1]", "base64")
        self.wrong({"input": ["a", "data:image/png,xx"]}, "input[1]", "base64")
        self.wrong({"input": [good, "a dog"], "features": ["encoder:cls"]}, "input[1]", "is a text")

    def test_addresses_and_files_are_not_fetched(self):
        self.wrong({"input": [{"image": "http://127.0.0.1/a.jpg"}]}, "fetches nothing")
        self.wrong({"input": [{"image": "https://example.org/a.jpg"}]}, "fetches nothing")
        self.wrong({"input": [{"image": "file:///etc/passwd"}]}, "reads no files")
        self.wrong({"input": [{"image": str(SCENES[0])}]}, "reads no files")

    def test_more_inputs_than_the_queue_has(self):
        self.wrong({"input": ["a"] * 9}, "9", "8", param="input")

    def test_refusals_leave_the_server_as_it_was(self):
        self.wrong({"input": ["a", "data:image/png;base64,AAAA"] * 4}, "not a JPEG")  # whichever of the four was met first
        self.assertEqual(len(self.server.vectors(["a"] * 8)), 8)
        self.assertEqual(self.server.metric("lmvr_inputs_waiting"), 0)


class ServerFeaturesTest(ServerTest):
    options = ("-f", "encoder:cls", "-f", "x=llm:input", "--normalize", "--dims", "8")

    def test_the_servers_features_are_the_default(self):
        rows = embed(SCENES[:1], *self.options)
        (item,) = self.server.vectors(data_url(SCENES[0]))
        self.assertEqual(vector(item["embedding"]).tobytes(), rows["encoder_cls"][0].tobytes())
        (item,) = self.server.vectors(data_url(SCENES[0]), features=["x=llm:input"], response=True)
        self.assertEqual(vector(item["features"]["x"]).tobytes(), rows["x"][0].tobytes())
