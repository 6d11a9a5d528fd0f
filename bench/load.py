#!/usr/bin/env python3
"""How a server bears many clients: load.py [--clients N] [--seconds S] [--pictures N] [--requests N] [--chat] [--url URL --pid PID]

Draws pictures and sends them to lmvr serve from N clients (default 64) that each wait for their answer, for S seconds (default 600) or
until N requests were sent. It asks for vectors, each of which has to be that of lmvr embed to the last byte, or with --chat for greedy
responses of at most --tokens tokens, in which each picture has to be described by something. With --url another server of OpenAI's API
is asked, as llama-server. Prints a line a minute and one at the end: requests, failures, requests a second, latencies in milliseconds,
tokens a second, and the server's resident memory.
"""

import argparse
import base64
import collections
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "build/lmvr"
MODEL = ["-m", str(ROOT / "models/lmvr-small")]


def rows(path, count):
    """The bytes of each row of a .npy file of f32 in version 1."""
    data = path.read_bytes()
    data = data[10 + int.from_bytes(data[8:10], "little"):]
    size = len(data) // count
    return [data[i * size:(i + 1) * size] for i in range(count)]


def embed(pictures, folder):
    """The vectors of lmvr embed, and how many pictures a second it takes them at, with opening the model."""
    begin = time.monotonic()
    subprocess.run([PROGRAM, "embed", "-q", *MODEL, "-o", folder, *pictures], check=True, stderr=subprocess.DEVNULL)
    return rows(next(Path(folder).glob("*.npy")), len(pictures)), len(pictures) / (time.monotonic() - begin)


def start():
    server = subprocess.Popen([PROGRAM, "serve", "--port", "0", *MODEL], stderr=subprocess.PIPE, text=True)
    port = None
    for line in server.stderr:
        found = re.search(r"listening on .*:(\d+)", line)
        port = int(found[1]) if found else port
        if "is ready" in line:
            threading.Thread(target=server.stderr.read, daemon=True).start()
            server.port = port
            return server
    sys.exit("load: the server did not start")


def resident(pid):
    if not pid:
        return 0
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Vectors:
    """Asks for embeddings, and compares them with those of lmvr embed."""

    path = "/v1/embeddings"

    def __init__(self, pictures, folder):
        self.expected, pace = embed(pictures, folder)
        print(f"lmvr embed: {pace:.1f} pictures a second, with opening the model")

    def body(self, url):
        return {"model": "lmvr-small", "encoding_format": "base64", "input": url}

    def wrong(self, picture, answer):
        vector = base64.b64decode(answer["data"][0]["embedding"])
        return None if vector == self.expected[picture] else "another vector"


class Chat:
    """Asks what is in the picture."""

    path = "/v1/chat/completions"

    def __init__(self, tokens):
        self.tokens = tokens

    def body(self, url):
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Describe the image."}]
        return {"model": "lmvr-small", "max_tokens": self.tokens, "temperature": 0, "messages": [{"role": "user", "content": content}]}

    def wrong(self, picture, answer):
        return None if answer["choices"][0]["message"]["content"] else "no words"


class Load:
    def __init__(self, url, task, pictures, seconds, most):
        self.url, self.task, self.seconds, self.most = urllib.parse.urlsplit(url), task, seconds, most
        self.bodies = [json.dumps(task.body("data:image/jpeg;base64," + base64.b64encode(p.read_bytes()).decode())) for p in pictures]
        self.lock = threading.Lock()
        self.sent, self.busy, self.tokens, self.latencies, self.failures = 0, 0, 0, [], collections.Counter()

    def next(self):
        with self.lock:
            if time.monotonic() >= self.deadline or self.sent >= self.most:
                return None
            self.sent += 1
            return self.sent - 1

    def one(self, connection, number):
        """What is wrong with the answer, or None; again where the server says that it is busy."""
        picture = number % len(self.bodies)
        while True:
            connection.request("POST", self.url.path.rstrip("/") + self.task.path, self.bodies[picture], {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 429:
                break
            self.busy += 1
            time.sleep(int(answer.headers["Retry-After"]))
        if answer.status != 200:
            return f"{answer.status}: {body[:200]!r}"
        answer = json.loads(body)
        with self.lock:
            self.tokens += answer["usage"].get("completion_tokens", 0)
        return self.task.wrong(picture, answer)

    def client(self):
        connection = http.client.HTTPConnection(self.url.netloc, timeout=120)
        while (number := self.next()) is not None:
            begin = time.monotonic()
            try:
                wrong = self.one(connection, number)
            except (OSError, http.client.HTTPException) as error:
                wrong = repr(error)
                connection.close()
            with self.lock:
                self.latencies.append(time.monotonic() - begin)
                if wrong:
                    self.failures[wrong] += 1
        connection.close()

    def line(self, seconds, memory):
        with self.lock:
            sorted_latencies = sorted(self.latencies)
        count = len(sorted_latencies)
        at = lambda share: 1000 * sorted_latencies[min(count - 1, int(share * count))] if count else 0
        return (f"{seconds:6.0f} s  {count:7d} answers  {sum(self.failures.values())} failed  {self.busy} asked to wait  {count / seconds:6.1f} a second  "
                f"p50 {at(.5):.0f} ms  p99 {at(.99):.0f} ms  "
                f"{self.tokens / seconds:.0f} tokens a second  {memory:.1f} MB")


def run(load, count, pid):
    """Whether anything failed."""
    clients = [threading.Thread(target=load.client) for _ in range(count)]
    begin = told = time.monotonic()
    load.deadline = begin + load.seconds
    for client in clients:
        client.start()
    while any(client.is_alive() for client in clients):
        time.sleep(0.2)
        if time.monotonic() - told >= 60:
            told = time.monotonic()
            print(load.line(told - begin, resident(pid)), flush=True)
    print(load.line(time.monotonic() - begin, resident(pid)))
    for wrong, times in load.failures.most_common(5):
        print(f"{times} times {wrong}")
    return bool(load.failures)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--requests", type=int, default=sys.maxsize)
    parser.add_argument("--chat", action="store_true")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--url", help="of a server that runs; without it lmvr serve is started")
    parser.add_argument("--pid", type=int, help="of that server, whose memory is told")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lmvr-load-") as folder:
        subprocess.run([PROGRAM, "scenes", "--layout", "imagenet", "--count", str(options.pictures), "--test-count", "1", "--seed", "5",
                        "-o", f"{folder}/scenes"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pictures = sorted(Path(folder, "scenes/train").rglob("*.JPEG"))
        task = Chat(options.tokens) if options.chat else Vectors(pictures, f"{folder}/out")
        server = None if options.url else start()
        url, pid = (options.url, options.pid) if options.url else (f"http://127.0.0.1:{server.port}", server.pid)
        load = Load(url, task, pictures, options.seconds, options.requests)
    status = run(load, options.clients, pid)
    if server:
        server.send_signal(signal.SIGTERM)
        status |= server.wait(timeout=60)
    sys.exit(status)


if __name__ == "__main__":
    main()
