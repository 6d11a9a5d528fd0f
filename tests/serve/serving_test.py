"""The server itself: what it says of itself, its limits, keys, files, and how it ends."""

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from shared import ENCODER, MODEL_OPTIONS, PATIENCE, PROGRAM, SCENES, Server, ServerTest, data_url, embed, png, together, until, vector

LONG = ("--max-new-tokens", "2000")  # with a temperature that never lets a response end


def endless(path=SCENES[0]):
    """A request whose answer takes long."""
    content = [{"type": "image_url", "image_url": {"url": data_url(path)}}]
    return {"messages": [{"role": "user", "content": content}], "temperature": 100, "seed": 1}


def send(server, value, path="/v1/chat/completions"):
    """Sends a request, and does not wait for its answer."""
    body = json.dumps(value).encode()
    client = server.raw()
    client.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return client


def read_all(client):
    data = b""
    with client, contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            data += piece
    return data


class PathsTest(ServerTest):
    def test_health(self):
        answer = self.server.get("/health")
        self.assertEqual((answer.status, answer.json), (200, {"status": "ok"}))

    def test_models(self):
        (model,) = self.server.get("/v1/models").json["data"]
        self.assertEqual((model["id"], model["object"]), ("lmvr-small", "model"))
        self.assertEqual(self.server.get("/v1/models/lmvr-small").json, model)
        self.refused(self.server.get("/v1/models/other"), 404, "other", "lmvr-small")

    def test_metrics_count_what_was_done(self):
        before = self.server.metric("lmvr_inputs_total"), self.server.metric("lmvr_generated_tokens_total")
        self.server.vectors([data_url(SCENES[0])] * 3, max_tokens=2)
        self.assertEqual(self.server.metric("lmvr_inputs_total"), before[0] + 3)
        self.assertEqual(self.server.metric("lmvr_generated_tokens_total"), before[1] + 6)
        text = self.server.get("/metrics").body.decode()
        self.assertRegex(text, r'lmvr_requests_total\{path="/v1/embeddings",status="200"\} [1-9]')
        self.assertRegex(text, r'lmvr_request_seconds_bucket\{path="/v1/embeddings",le="\+Inf"\} [1-9]')

    def test_openapi_is_the_file(self):
        described = self.server.get("/openapi.json").json
        self.assertEqual(described, json.loads((Path(__file__).parents[2] / "serve/openapi.json").read_text()))

    def test_wrong_paths_methods_and_types(self):
        self.refused(self.server.get("/nothing"), 404)
        self.refused(self.server.get("/v1/models/"), 404)
        wrong = self.server.get("/v1/embeddings")
        self.refused(wrong, 405)
        self.assertEqual(wrong.headers["Allow"], "POST")
        wrong = self.server.post("/health", {})
        self.refused(wrong, 405)
        self.assertEqual(wrong.headers["Allow"], "GET, HEAD")
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
            self.refused(self.server.post("/v1/embeddings", {"input": "a"}, Content_Type=kind), 415)
        self.refused(self.server.post("/v1/embeddings", {"input": "a"}, Content_Encoding="gzip"), 415)
        self.assertEqual(self.server.post("/v1/embeddings", {"input": "a", "max_tokens": 1}, Content_Type="application/json; charset=utf-8").status, 200)

    def test_answers_are_kept_by_nobody_and_read_by_no_other_site(self):
        answer = self.server.get("/v1/models", Origin="http://elsewhere.example")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(answer.headers["Cross-Origin-Resource-Policy"], "same-origin")
        self.assertNotIn("Access-Control-Allow-Origin", answer.headers)

    def test_pages_of_other_sites_can_have_nothing_computed(self):
        own = f"http://127.0.0.1:{self.server.port}"
        wrong = [{"Origin": "http://elsewhere.example"}, {"Origin": "null"}, {"Origin": own + "0"}, {"Origin": "http://localhost:1"},
                 {"Sec_Fetch_Site": "cross-site", "Origin": own}, {"Sec_Fetch_Site": "same-site"}]
        for headers in wrong:
            self.refused(self.server.post("/v1/embeddings", {"input": "a", "max_tokens": 1}, **headers), 403, "another site")
        for headers in ({"Origin": own}, {"Sec_Fetch_Site": "same-origin", "Origin": "http://a.proxy"}, {"Sec_Fetch_Site": "none"}):
            self.assertEqual(self.server.post("/v1/embeddings", {"input": "a", "max_tokens": 1}, **headers).status, 200)

    def test_links_from_other_sites_are_followed_and_what_their_pages_show_is_not_made(self):
        for place in ("cross-site", "same-site"):
            self.refused(self.server.get("/v1/models", Sec_Fetch_Site=place, Sec_Fetch_Dest="image"), 403, "another site")
            self.refused(self.server.get("/v1/models", Sec_Fetch_Site=place), 403, "another site")
            self.assertEqual(self.server.get("/", Sec_Fetch_Site=place, Sec_Fetch_Dest="document").status, 200)
        self.assertEqual(self.server.get("/v1/models", Sec_Fetch_Site="same-origin", Sec_Fetch_Dest="empty").status, 200)

    def test_other_names_for_this_machine(self):
        for name in ("elsewhere.example", "elsewhere.example:8080", "localhost.example", "notlocalhost", "127.0.0.1.example", "[::1", ":80", "x" * 300):
            self.refused(self.server.get("/health", Host=name), 403, name[:100])
        for name in ("localhost", "LOCALHOST:1", "a.localhost:80", "127.0.0.1", "127.8.9.1:9", "[::1]:80", "192.168.0.1"):
            self.assertEqual(self.server.get("/health", Host=name).status, 200)

    def test_head_has_no_body(self):
        answer = self.server.request("HEAD", "/health")
        self.assertEqual((answer.status, answer.body), (200, b""))

    def test_many_requests_go_over_one_connection(self):
        with contextlib.closing(self.server.connect()) as connection:
            for _ in range(3):
                connection.request("POST", "/v1/embeddings", json.dumps({"input": "a", "max_tokens": 1}), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                self.assertEqual((answer.status, answer.read()[:8]), (200, b'{"object'))


class EncoderTest(unittest.TestCase):
    def test_a_model_that_reads_images_alone_says_so(self):
        server = Server(model=["-m", str(ENCODER), "--dtype", "f32", "--device", "cpu"])
        self.addCleanup(server.stop)
        self.assertEqual(len(server.vectors(data_url(SCENES[0]))), 1)
        text = server.post("/v1/embeddings", {"input": "a dog"})
        self.assertEqual(text.status, 400)
        self.assertIn("input[0]: is a text", text.sentence)
        chat = server.post("/v1/chat/completions", endless())
        self.assertEqual(chat.status, 400)


class VectorsAloneTest(ServerTest):
    options = ("--before-generation",)

    def test_what_needs_a_response_is_refused_in_the_servers_words(self):
        for path, body in {"/v1/chat/completions": endless(), "/v1/attention": {"messages": endless()["messages"]},
                           "/v1/embeddings": {"input": "a", "response": True}}.items():
            self.refused(self.server.post(path, body), 400, "makes no responses", "--before-generation")
        self.assertEqual(len(self.server.vectors("a")), 1)


class AddressTest(ServerTest):
    options = ("--connections-per-address", "3")
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def test_one_address_cannot_take_all_places(self):
        held = [self.server.raw() for _ in range(3)]
        for client in held:  # until each has its place
            client.sendall(self.request)
            self.assertIn(b" 200 ", client.recv(4096))
        with self.server.raw() as beyond:
            with contextlib.suppress(ConnectionError):
                beyond.sendall(self.request)
            self.assertEqual(read_all(beyond), b"")
        held.pop().close()
        until(self.asks, "there is a place again")
        for client in held:
            client.close()

    def asks(self):
        try:
            return self.server.get("/health").status == 200
        except OSError:
            return False


class BoundsTest(ServerTest):
    options = ("--max-file-pixels", "60000", "--max-body", "1", "--receive-time", "2", "--queue", "4", "--connections", "32", *LONG)

    def test_bodies_beyond_the_limit(self):
        self.refused(self.server.post("/v1/embeddings", b" " * (1 << 20) + b" "), 413, "1048576")

    def test_pictures_beyond_the_limit(self):
        for width, status in ((200, 200), (201, 400)):
            url = "data:image/png;base64," + base64.b64encode(png(width, 300)).decode()
            answer = self.server.post("/v1/embeddings", {"input": url, "max_tokens": 1})
            self.assertEqual(answer.status, status, answer.body)
        self.refused(answer, 400, "input: 201 x 300 pixels are more than the limit of 60000", param="input")

    def test_bodies_that_are_said_to_be_endless(self):
        client = self.server.raw()
        client.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n")
        self.assertIn(b"HTTP/1.1 413 ", read_all(client))

    def test_chunks_beyond_the_limit(self):
        client = self.server.raw()
        client.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(24):
                client.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        self.assertIn(b"HTTP/1.1 413 ", read_all(client))

    def test_slow_headers_and_bodies_are_told_so(self):
        begun = [b"", b"POST /v1/emb", b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\n",
                 b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"]
        clients = []
        for text in begun:
            clients.append(self.server.raw())
            clients[-1].sendall(text)
        start = time.monotonic()
        while time.monotonic() < start + 1.5:  # a byte now and then
            for client in clients[1:3]:
                client.sendall(b"a")
            self.assertEqual(self.server.get("/health").status, 200)
            time.sleep(0.2)
        for client in clients:
            self.assertIn(b"HTTP/1.1 408 ", read_all(client))

    def test_clients_that_hang_up_within_a_request_are_let_go(self):
        folder = f"/proc/{self.server.process.pid}/fd"
        before = len(os.listdir(folder))
        for text in (b"POST /v1/emb", b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"):
            with self.server.raw() as client:
                client.sendall(text)
        started = time.monotonic()
        until(lambda: len(os.listdir(folder)) <= before, "the connections are closed")
        self.assertLess(time.monotonic() - started, 1.9)  # before the time is over that they would have had

    def test_half_open_clients_keep_nobody_out(self):
        clients = [self.server.raw() for _ in range(31)]
        self.assertEqual(self.server.get("/health").status, 200)
        for client in clients:
            client.close()

    def test_a_full_queue(self):
        clients = [send(self.server, endless(path)) for path in SCENES[:4]]
        until(lambda: self.server.metric("lmvr_inputs_running") + self.server.metric("lmvr_inputs_waiting") == 4, "four inputs")
        answer = self.server.post("/v1/embeddings", {"input": "a"})
        self.refused(answer, 429)
        self.assertEqual(answer.headers["Retry-After"], "1")
        for client in clients:
            client.close()
        until(lambda: self.server.metric("lmvr_inputs_running") + self.server.metric("lmvr_inputs_waiting") == 0, "none")

    def test_a_client_that_hangs_up_cancels_its_inputs(self):
        for stream in (False, True):
            client = send(self.server, {**endless(), "stream": stream})
            until(lambda: self.server.metric("lmvr_inputs_running") == 1, "it runs")
            started = time.monotonic()
            client.close()
            until(lambda: self.server.metric("lmvr_inputs_running") == 0, "it is cancelled")
            self.assertLess(time.monotonic() - started, 1.5)


class LateTest(ServerTest):
    options = ("--request-time", "1", "--batch", "1", *LONG)

    def test_requests_that_take_too_long(self):
        ends = []
        for _ in range(10):  # until one was running when its time was over
            answers = together([lambda: self.server.post("/v1/chat/completions", {**endless(), "stream": True})] * 24)  # in a batch of 1
            late = [answer for answer in answers if answer.status == 504]
            cut = [answer for answer in answers if answer.status == 200 and b"DONE" not in answer.body]
            ends += [json.loads(answer.body.decode().strip().split("\n\n")[-1][6:]) for answer in cut]
            self.refused(late[0], 504, "1 seconds")
            if ends:
                break
        self.assertEqual({end["error"]["code"] for end in ends}, {504})
        until(lambda: self.server.metric("lmvr_inputs_running") == 0, "the inputs are cancelled")


class KeyTest(unittest.TestCase):
    def check(self, server):
        self.addCleanup(server.stop)
        good = {"Authorization": "Bearer secret"}
        self.assertEqual(server.get("/", Host="a.proxy").status, 200)  # a name alone does not help
        self.assertEqual(server.get("/v1/models", **good).status, 200)
        self.assertEqual(server.get("/health").status, 200)
        for wrong in ({}, {"Authorization": "Bearer secreT"}, {"Authorization": "Bearer secret2"}, {"Authorization": "secret"},
                      {"Authorization": "Bearer "}):
            for path in ("/v1/models", "/metrics", "/openapi.json"):
                self.assertEqual(server.get(path, **wrong).status, 401)
            answer = server.post("/v1/embeddings", {"input": "a"}, **wrong)
            self.assertEqual(answer.status, 401)
            self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")

    def test_an_empty_key_is_refused(self):
        command = [PROGRAM, "serve", "--port", "0", "--api-key", ""]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, env={**os.environ, "LMVR_API_KEY": "secret"})
        self.assertEqual((done.returncode, done.stderr), (2, "lmvr serve: --api-key is empty\n"))

    def test_key_of_the_command_line(self):
        self.check(Server("--api-key", "secret"))

    def test_key_of_the_environment(self):
        self.check(Server(env={"LMVR_API_KEY": "secret"}))


class MediaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="lmvr-serve-")
        root = Path(cls.folder.name)
        cls.media = root / "media"
        (cls.media / "in").mkdir(parents=True)
        (root / "media2").mkdir()
        for place in (cls.media / "a b.jpg", cls.media / "in/b.jpg", root / "out.jpg", root / "media2/c.jpg"):
            place.write_bytes(SCENES[0].read_bytes())
        (cls.media / "link.jpg").symlink_to(root / "out.jpg")
        (cls.media / "up").symlink_to(root)
        (cls.media / "inner.jpg").symlink_to("in/b.jpg")
        os.mkfifo(cls.media / "fifo.jpg")
        cls.server = Server("--media-path", str(cls.media))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def embed(self, image):
        return self.server.post("/v1/embeddings", {"input": [{"image": image}], "encoding_format": "base64"})

    def test_files_below_are_read(self):
        row = embed(SCENES[:1])["llm_all_mean_-1"][0]
        for image in (f"file://{self.media}/a%20b.jpg", f"file://localhost{self.media}/in/b.jpg", "a b.jpg", "in/b.jpg", "in/../in/b.jpg",
                      "./inner.jpg", f"{self.media}/in/b.jpg"):
            answer = self.embed(image)
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(vector(answer.json["data"][0]["embedding"]).tobytes(), row.tobytes())

    def test_nothing_else_is(self):
        for image in ("../out.jpg", "link.jpg", "up/out.jpg", "/etc/passwd.", f"file://{self.media}/../out.jpg", "file:///etc/passwd", "file://etc/passwd",
                      f"file://{self.media}%2f..%2fout.jpg", f"{self.media}2/c.jpg", "no.jpg", "a%00.jpg", f"file://{self.media}/a%00b.jpg",
                      f"file://{self.media}/%zz", "x" * 5000 + ".jpg", str(self.media) + "."):
            answer = self.embed(image)
            self.assertEqual(answer.status, 400, image)
            self.assertIn("no file below the server's media path", answer.sentence)

    def test_what_is_no_file_is_an_error_of_its_input(self):
        for image in ("fifo.jpg", "./in"):
            self.assertEqual(self.embed(image).status, 400)


class StartTest(unittest.TestCase):
    def fails(self, words, *options, model=MODEL_OPTIONS, listens=None):
        server = Server(*options, model=model)
        output = "".join(server.lines)
        self.assertEqual(server.stop(), 2, output)
        self.assertIn(words, output)
        if listens is not None:
            self.assertEqual("listening" in output, listens)

    def test_what_cannot_be_served_ends_it(self):
        self.fails("nothing", "-f", "llm:nothing")
        self.fails("media", "--media-path", "/nowhere/media")
        self.fails("cannot listen", "--host", "256.1.1.1")

    def test_what_is_not_there_is_said_before_anybody_is_listened_to(self):
        self.fails("/nowhere: holds no results", "--index", "/nowhere", model=[], listens=False)
        self.fails("/nowhere: cannot open", model=["-m", "/nowhere"], listens=False)
        self.fails('takes no inputs, so not "a.jpg"', "a.jpg", listens=False)

    def test_a_port_that_is_taken(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            self.fails("cannot listen", "--port", str(other.getsockname()[1]))

    def test_ipv6(self):
        if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists() or not Path("/proc/net/if_inet6").read_text():
            self.skipTest("there is no IPv6 here")
        server = Server("--host", "::1")
        self.addCleanup(server.stop)
        self.assertTrue(server.lines[0].startswith("listening on http://[::1]:"))


class EndTest(unittest.TestCase):
    def test_sigterm_lets_requests_end(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = Server("--max-new-tokens", "300")
            clients = [send(server, {**endless(path), "max_tokens": 300}) for path in SCENES[:2]]
            until(lambda: server.metric("lmvr_inputs_running") == 2, "they run")
            server.signal(number)
            until(lambda: server.post("/v1/embeddings", {"input": "a"}).status == 503, "new requests are refused")
            for client in clients:
                client.settimeout(PATIENCE)
                answer = read_all(client)
                self.assertIn(b"HTTP/1.1 200 ", answer)
                self.assertIn(b'"finish_reason":"length"', answer)
            self.assertEqual(server.wait(), 0)
            server.stop()

    def test_idle_server_ends_at_once(self):
        server = Server()
        idle = server.raw()
        started = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - started, 5)
        idle.close()

    def test_a_second_signal_ends_it_at_once(self):
        server = Server(*LONG)
        client = send(server, endless())
        until(lambda: server.metric("lmvr_inputs_running") == 1, "it runs")
        server.signal()
        until(lambda: server.post("/v1/embeddings", {"input": "a"}).status == 503, "it drains")
        server.signal()
        self.assertEqual(server.wait(), -signal.SIGTERM)
        client.close()
        server.process.stderr.close()
