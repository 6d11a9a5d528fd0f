"""OpenAI's own client, unchanged."""

import contextlib
import unittest

from shared import SCENES, Server, data_url, embed

try:
    import openai
except ModuleNotFoundError:
    raise unittest.SkipTest("OpenAI's client is missing, which make setup-test installs")

import numpy

KEY = "secret"
QUESTION = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": data_url(SCENES[0])}}]}]


class ClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--api-key", KEY)
        cls.client = cls.make(KEY)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.stop()

    @classmethod
    def make(cls, key):
        return openai.OpenAI(base_url=f"http://127.0.0.1:{cls.server.port}/v1", api_key=key, max_retries=0)

    def test_models(self):
        self.assertEqual([model.id for model in self.client.models.list()], ["lmvr-small"])
        self.assertEqual(self.client.models.retrieve("lmvr-small").id, "lmvr-small")

    def test_vectors_of_pictures_and_texts(self):
        rows = embed(SCENES[:2])["llm_all_mean_-1"]
        answer = self.client.embeddings.create(model="any", input=[data_url(path) for path in SCENES[:2]] + ["a dog"])
        for row, item in zip(rows, answer.data):
            self.assertEqual(numpy.array(item.embedding, "f4").tobytes(), row.tobytes())
        self.assertEqual(len(answer.data), 3)
        self.assertGreater(answer.usage.prompt_tokens, 0)

    def test_floats_dimensions_and_what_is_ours(self):
        answer = self.client.embeddings.create(model="any", input=data_url(SCENES[0]), encoding_format="float", dimensions=8,
                                               extra_body={"features": ["encoder:cls"], "response": True})
        self.assertEqual(len(answer.data[0].embedding), 8)
        self.assertTrue(answer.data[0].response)

    def test_chat(self):
        whole = self.client.chat.completions.create(model="any", messages=QUESTION)
        self.assertIn(whole.choices[0].finish_reason, ("stop", "length"))
        with contextlib.closing(self.client.chat.completions.create(model="any", messages=QUESTION, stream=True,
                                                                    stream_options={"include_usage": True})) as stream:
            chunks = list(stream)
        self.assertEqual("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), whole.choices[0].message.content)
        self.assertEqual(chunks[-1].usage, whole.usage)

    def test_errors_are_the_clients(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.embeddings.create(model="any", input=[1, 2])
        self.assertEqual(caught.exception.param, "input[0]")
        with contextlib.closing(self.make("wrong")) as stranger, self.assertRaises(openai.AuthenticationError):
            stranger.models.list()
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("other")
