"""POST /v1/attention: the maps that lmvr attend writes."""

import base64
import json
import subprocess
import tempfile

import numpy
from shared import ENCODER, MODEL_OPTIONS, PROGRAM, SCENES, Server, ServerTest, data_url, together, vector


def ask(path, text=None, **options):
    content = [{"type": "image_url", "image_url": {"url": data_url(path)}}]
    if text:
        content.append({"type": "text", "text": text})
    return {"messages": [{"role": "user", "content": content}], "encoding_format": "base64", **options}


def attend(path, *options):
    """attend.json and the maps, as the program writes them."""
    with tempfile.TemporaryDirectory(prefix="lmvr-serve-") as folder:
        subprocess.run([PROGRAM, "attend", *MODEL_OPTIONS, "-q", *options, "-o", folder + "/out", str(path)], capture_output=True)
        with open(folder + "/out/attend.json") as file:
            return json.load(file), numpy.load(folder + "/out/maps.npy")


class AttentionTest(ServerTest):
    def attention(self, path, *text, **options):
        answer = self.server.post("/v1/attention", ask(path, *text, **options))
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def test_maps_are_those_that_attend_writes(self):
        description, maps = attend(SCENES[0])
        answer = self.attention(SCENES[0], words=[word["word"] for word in description["words"]])
        for key in ("response", "grid", "layers", "view"):
            self.assertEqual(answer[key], description[key])
        self.assertGreater(len(maps), 1)
        for word, expected, weights in zip(answer["words"], description["words"], maps, strict=True):
            self.assertEqual([word[key] for key in ("word", "bytes", "tokens")], [expected[key] for key in ("word", "bytes", "tokens")])
            self.assertEqual(vector(word["map"]).tobytes(), weights.tobytes())

    def test_all_words_in_their_order(self):
        answer = self.attention(SCENES[1])
        said = answer["response"].encode()
        ends = [0]
        for word in answer["words"]:
            begin, end = word["bytes"]
            self.assertEqual(said[begin:end].decode(), word["word"])
            self.assertGreaterEqual(begin, ends[-1])
            ends.append(end)
        self.assertGreaterEqual(len(ends), len(said.split()))
        floats = self.attention(SCENES[1], encoding_format="float")
        for word, plain in zip(answer["words"], floats["words"], strict=True):
            numpy.testing.assert_array_equal(vector(word["map"]).reshape(answer["grid"]), numpy.float32(plain["map"]))

    def test_words_that_were_not_said(self):
        answer = self.attention(SCENES[0], words=["the", "xylophone"])
        self.assertIsNotNone(answer["words"][0]["map"])
        self.assertEqual(answer["words"][1], {"word": "xylophone", "bytes": None, "tokens": [], "map": None})

    def test_the_response_is_that_of_a_chat_in_any_company(self):
        def chat(scene):
            body = {key: value for key, value in ask(scene, "What is it?").items() if key == "messages"}
            return self.server.post("/v1/chat/completions", body).json["choices"][0]["message"]["content"]
        alone = [self.attention(scene, "What is it?") for scene in SCENES]
        self.assertEqual([answer["response"] for answer in alone], [chat(scene) for scene in SCENES])
        self.assertEqual(together([lambda scene=scene: self.attention(scene, "What is it?") for scene in SCENES]), alone)

    def test_refusals(self):
        def refused(*words, **changes):
            self.refused(self.server.post("/v1/attention", {**ask(SCENES[0]), **changes}), 400, *words)
        refused("no image", messages=[{"role": "user", "content": "a dog"}])
        refused("words has to be a list of 1 to 256", words=[])
        refused("words[1]", words=["a", 5])
        refused("words[0]", words=["a\nb"])
        refused('"stream"', stream=True)
        broken = "data:image/png;base64," + base64.b64encode(b"no picture").decode()
        refused("messages", messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": broken}}]}])


class EncoderTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(model=["-m", str(ENCODER), "--dtype", "f32", "--device", "cpu"])

    def test_a_model_without_words_says_so(self):
        self.refused(self.server.post("/v1/attention", ask(SCENES[0])), 400)
