#!/usr/bin/env python3
"""How lmvr serve bears many clients: load.py [--clients N] [--seconds S] [--pictures N] [--requests N]

Draws pictures, embeds them by lmvr embed, and sends them to a server of the same model from N clients (default 64) that each wait for
their answer, for S seconds (default 600) or until N requests were sent. Each vector has to be that of lmvr embed to the last byte. Prints
a line a minute and one at the end: requests, failures, requests a second, latencies in milliseconds, and the server's resident memory.
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
            return server, port
    sys.exit("load: the server did not start")


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Load:
    def __init__(self, port, bodies, expected, deadline, most):
        self.port, self.bodies, self.expected, self.deadline, self.most = port, bodies, expected, deadline, most
        self.lock = threading.Lock()
        self.sent, self.busy, self.latencies, self.failures = 0, 0, [], collections.Counter()

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
            connection.request("POST", "/v1/embeddings", self.bodies[picture], {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 429:
                break
            self.busy += 1
            time.sleep(int(answer.headers["Retry-After"]))
        if answer.status != 200:
            return f"{answer.status}: {body[:200]!r}"
        vector = base64.b64decode(json.loads(body)["data"][0]["embedding"])
        return None if vector == self.expected[picture] else "another vector"

    def client(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
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
                f"p50 {at(.5):.0f} ms  p99 {at(.99):.0f} ms  {memory:.1f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--requests", type=int, default=sys.maxsize)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lmvr-load-") as folder:
        subprocess.run([PROGRAM, "scenes", "--layout", "imagenet", "--count", str(options.pictures), "--test-count", "1", "--seed", "5",
                        "-o", f"{folder}/scenes"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pictures = sorted(Path(folder, "scenes/train").rglob("*.JPEG"))
        expected, pace = embed(pictures, f"{folder}/out")
        bodies = [json.dumps({"model": "lmvr-small", "encoding_format": "base64",
                              "input": {"image": base64.b64encode(p.read_bytes()).decode()}}) for p in pictures]
    print(f"lmvr embed: {pace:.1f} pictures a second, with opening the model")
    server, port = start()
    begin = time.monotonic()
    load = Load(port, bodies, expected, begin + options.seconds, options.requests)
    clients = [threading.Thread(target=load.client) for _ in range(options.clients)]
    for client in clients:
        client.start()
    told = begin
    while any(client.is_alive() for client in clients):
        time.sleep(0.2)
        if time.monotonic() - told >= 60:
            told = time.monotonic()
            print(load.line(told - begin, resident(server.pid)), flush=True)
    print(load.line(time.monotonic() - begin, resident(server.pid)))
    for wrong, count in load.failures.most_common(5):
        print(f"{count} times {wrong}")
    server.send_signal(signal.SIGTERM)
    sys.exit(1 if load.failures or server.wait(timeout=60) != 0 else 0)


if __name__ == "__main__":
    main()
