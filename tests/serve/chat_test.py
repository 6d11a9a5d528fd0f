"""POST /v1/chat/completions: what lmvr describe says, at once or piece by piece."""

import json
import subprocess

from shared import MODEL_OPTIONS, PROGRAM, SCENES, TOKENS, ServerTest, data_url, together


def describe(*paths, options=()):
    out = subprocess.run([PROGRAM, "describe", *MODEL_OPTIONS, *options, "--json", "--quiet", *map(str, paths)], check=True, capture_output=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def ask(path, text=None, **options):
    content = [{"type": "image_url", "image_url": {"url": data_url(path)}}]
    if text:
        content.append({"type": "text", "text": text})
    return {"model": "lmvr-small", "messages": [{"role": "user", "content": content}], **options}


def events(answer):
    """The server-sent events of an answer, whose last says that it is the last."""
    lines = [line for line in answer.body.decode().split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line[6:]) for line in lines[:-1]]


class ChatTest(ServerTest):
    def chat(self, value):
        answer = self.server.post("/v1/chat/completions", value)
        self.assertEqual(answer.status, 200, answer.body)
        return answer

    def test_the_answer_is_what_describe_says(self):
        for path, said in zip(SCENES, describe(*SCENES)):
            answer = self.chat(ask(path)).json
            choice = answer["choices"][0]
            self.assertEqual(choice["message"], {"role": "assistant", "content": said["response"]})
            self.assertEqual(choice["finish_reason"], {"end": "stop", "length": "length"}[said["finish"]])
            self.assertEqual(answer["usage"]["completion_tokens"], len(said["response_tokens"]))

    def test_pieces_make_up_what_describe_says(self):
        said = describe(*SCENES)
        answers = together([lambda path=path: self.chat(ask(path, stream=True, stream_options={"include_usage": True})) for path in SCENES])
        for answer, expected in zip(answers, said):
            self.assertEqual(answer.headers["Content-Type"], "text/event-stream")
            *chunks, usage = events(answer)
            self.assertEqual(chunks[0]["choices"][0]["delta"], {"role": "assistant", "content": ""})
            self.assertEqual("".join(c["choices"][0]["delta"].get("content", "") for c in chunks), expected["response"])
            self.assertEqual([c["choices"][0]["finish_reason"] for c in chunks[:-1]], [None] * (len(chunks) - 1))
            self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], {"end": "stop", "length": "length"}[expected["finish"]])
            self.assertEqual(usage["usage"]["completion_tokens"], len(expected["response_tokens"]))
            self.assertEqual(len({c["id"] for c in chunks}), 1)
            self.assertGreater(len(chunks), 4)

    def test_the_text_is_the_prompt(self):
        (said,) = describe(SCENES[0], options=("--prompt", "What color is it?"))
        self.assertEqual(self.chat(ask(SCENES[0], "What color is it?")).json["choices"][0]["message"]["content"], said["response"])

    def test_sampling_is_the_requests(self):
        (said,) = describe(SCENES[0], options=("--temperature", "2", "--top-p", "0.9", "--seed", "7"))
        request = ask(SCENES[0], temperature=2, top_p=0.9, seed=7)
        self.assertEqual(self.chat(request).json["choices"][0]["message"]["content"], said["response"])

    def test_lengths_end_at_the_servers(self):
        self.assertEqual(self.chat(ask(SCENES[0], max_tokens=2)).json["usage"]["completion_tokens"], 2)
        answer = self.chat(ask(SCENES[0], max_completion_tokens=100000, temperature=5, seed=3)).json
        self.assertLessEqual(answer["usage"]["completion_tokens"], TOKENS)

    def test_a_text_alone_is_answered(self):
        self.assertTrue(self.chat({"messages": [{"role": "user", "content": "What is a dog?"}]}).json["choices"][0]["message"])

    def test_a_bad_picture_is_refused_before_the_stream_begins(self):
        message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}
        self.refused(self.server.post("/v1/chat/completions", {"messages": [message], "stream": True}), 400, "not a JPEG")

    def test_what_cannot_be_done_is_refused(self):
        for wrong in ({"n": 2}, {"stop": ["x"]}, {"logprobs": True}, {"tools": [{}]}, {"temperature": -1}, {"top_p": 0}, {"seed": "x"},
                      {"stream": "yes"}, {"stream_options": 1}, {"frequency_penalty": 0.5}, {"unknown": 1}, {"max_tokens": 0}):
            with self.subTest(wrong=wrong):
                self.refused(self.server.post("/v1/chat/completions", ask(SCENES[0], **wrong)), 400, param=next(iter(wrong)))
        for messages in ([], [{"role": "user"}], [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
                         [{"role": "system", "content": "a"}], ask(SCENES[0])["messages"] * 2, "x", [1]):
            with self.subTest(messages=str(messages)[:50]):
                self.refused(self.server.post("/v1/chat/completions", {"messages": messages}), 400)

    def test_one_answer_is_all_there_is(self):
        self.refused(self.server.post("/v1/chat/completions", ask(SCENES[0], n=2)), 400, "n is 2, expected 1", param="n")

    def test_unknown_keys_are_refused_wherever_they_stand(self):
        image = {"type": "image_url", "image_url": {"url": data_url(SCENES[0])}}
        for place, wrong in {
            "messages[0]": {"messages": [{"role": "user", "content": "a", "tool_calls": []}]},
            "messages[0].content[0]": {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "image_url": "b"}]}]},
            "messages[0].content[1]": {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {**image, "text": "b"}]}]},
            "messages[0].content[0].image_url": {"messages": [{"role": "user", "content": [{**image, "image_url": {**image["image_url"], "size": 1}}]}]},
            "stream_options": {**ask(SCENES[0]), "stream_options": {"include": True}},
        }.items():
            with self.subTest(place=place):
                self.refused(self.server.post("/v1/chat/completions", wrong), 400, f'{place} has "', "does not know", param=place)

    def test_what_clients_say_of_messages_and_pictures_is_taken(self):
        image = {"type": "image_url", "image_url": {"url": data_url(SCENES[0]), "detail": "low"}}
        self.chat({"messages": [{"role": "user", "name": "me", "content": [image]}], "stream_options": {"include_obfuscation": False}})

    def test_what_asks_for_nothing_is_taken(self):
        self.chat(ask(SCENES[0], n=1, stop=None, frequency_penalty=0, presence_penalty=0.0, logit_bias={}, user="me", logprobs=False))
