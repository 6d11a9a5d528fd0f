"""What the tests of the server share: a running server, requests, and what lmvr embed makes of the same images."""

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import zlib
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ["LMVR_PROGRAM"]
MODEL = ROOT / "models/lmvr-small"
ENCODER = ROOT / "tests/golden/clip-f32"
SCENES = sorted((ROOT / "examples/scenes").glob("*.jpg"))
TOKENS = 12
MODEL_OPTIONS = ["-m", str(MODEL), "--dtype", "f32", "--device", "cpu", "--max-new-tokens", str(TOKENS)]
PATIENCE = 60  # seconds, after which a test has hung


def data_url(path):
    return "data:image/jpeg;base64," + base64.b64encode(Path(path).read_bytes()).decode()


def png(width, height):
    """A gray picture."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def vector(text):
    """The numbers of an embedding in base64."""
    return numpy.frombuffer(base64.b64decode(text), "<f4")


def embed(inputs, *options, model=MODEL_OPTIONS):
    """The rows that lmvr embed writes for each of its features, by name."""
    with tempfile.TemporaryDirectory(prefix="lmvr-serve-") as folder:
        subprocess.run([PROGRAM, "embed", *model, *options, "-o", folder + "/out", "--quiet", *map(str, inputs)], check=True)
        return {path.stem: numpy.load(path) for path in Path(folder, "out").glob("*.npy")}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def sentence(self):
        return self.json["error"]["message"]


class Server:
    """A server of its own, on a free port."""

    def __init__(self, *options, model=MODEL_OPTIONS, ready=True, env=None):
        self.process = subprocess.Popen([PROGRAM, "serve", "--port", "0", *model, *options], stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **(env or {})})
        self.lines = []
        self.port = None
        for line in self.process.stderr:
            self.lines.append(line)
            if line.startswith("listening on "):
                self.port = int(line.rsplit(":", 1)[1])
            if self.port and (not ready or "is ready" in line):
                break
        if self.port is None:
            self.process.wait(PATIENCE)

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def request(self, method, path, body=None, **headers):
        with contextlib.closing(self.connect()) as connection:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, value, **headers):
        body = value if isinstance(value, (bytes, str)) else json.dumps(value)
        return self.request("POST", path, body, **{"Content_Type": "application/json", **headers})

    def vectors(self, inputs, **options):
        """The objects of an embedding request that has to succeed."""
        answer = self.post("/v1/embeddings", {"input": inputs, "encoding_format": "base64", **options})
        assert answer.status == 200, answer.body
        return answer.json["data"]

    def metric(self, name):
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise KeyError(name)

    def raw(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        self.lines.append(self.process.stderr.read())
        assert "Sanitizer" not in "".join(self.lines), "".join(self.lines)
        return self.process.wait(PATIENCE)

    def stop(self):
        """Ends it, and says how it ended."""
        if self.process.poll() is None:
            self.signal()
        status = self.wait()
        self.process.stderr.close()
        return status


class ServerTest(unittest.TestCase):
    """Tests of one server, which ends well."""

    options = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.options)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def refused(self, answer, status, *words, param=None):
        """The answer is OpenAI's error object, whose sentence has the words."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        error = answer.json["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertEqual(error["code"], status)
        for word in words:
            self.assertIn(word, error["message"])
        if param:
            self.assertEqual(error["param"], param)


def until(condition, what):
    """Waits for something that another process does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def together(functions):
    """Runs functions at the same time; their results."""
    results = [None] * len(functions)

    def run(i):
        results[i] = functions[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
