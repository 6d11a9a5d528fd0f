"""examples/ray_embed.py with an actor that is killed in the middle gives the vectors of `lmvr embed`: ray_data.py PROGRAM"""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples"))
os.environ["PYTHONPATH"] = f"{ROOT / 'examples'}:{os.environ['PYTHONPATH']}"  # of Ray's workers
os.environ.update(RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0", RAY_DATA_DISABLE_PROGRESS_BARS="1")

import numpy  # noqa: E402
import pyarrow.parquet  # noqa: E402
import ray  # noqa: E402
import ray_embed  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop())
MODEL = str(ROOT / "tests/golden/llava-old-f32")
IMAGES = sorted((ROOT / "tests/golden/images").glob("*.*"))
TARS, SAMPLES, WORKERS = 3, 8, 2


class Slow(ray_embed.Embed):
    """Leaves its process's number in a folder, and takes its time with each batch, so that it can be killed in one."""

    def __init__(self, model, feature, threads, options):
        self.pids = Path(options.pop("pids"))
        super().__init__(model, feature, threads, options)

    def __call__(self, batch):
        (self.pids / str(os.getpid())).touch()
        time.sleep(0.5)
        return super().__call__(batch)


def kill_first(pids, killed):
    while not killed:
        for name in os.listdir(pids):
            os.kill(int(name), signal.SIGKILL)
            killed.append(name)
            return
        time.sleep(0.01)


def write_tars():
    paths = [os.path.abspath(f"shard-{t}.tar") for t in range(TARS)]
    for t, path in enumerate(paths):
        with tarfile.open(path, "w") as tar:
            for i in range(SAMPLES):
                image = IMAGES[(t * SAMPLES + i) % len(IMAGES)]
                bad = t == 1 and i == 3
                for ending, content in (
                    ("txt", b"a picture"),
                    (image.suffix[1:], b"no image" if bad else image.read_bytes()),
                ):
                    member = tarfile.TarInfo(f"{t * SAMPLES + i:06}.{ending}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
    return paths


class RayTest(unittest.TestCase):
    def test_a_killed_actor_changes_no_byte(self):
        folder = tempfile.TemporaryDirectory(prefix="lmvr-ray-")
        self.addCleanup(folder.cleanup)
        os.chdir(folder.name)
        os.mkdir("pids")
        tars = write_tars()
        embed = [PROGRAM, "embed", "-q", "-m", MODEL, "-f", "llm", "--max-new-tokens", "4", "-o", "plain", *tars]
        self.assertEqual(subprocess.run(embed, stderr=subprocess.DEVNULL).returncode, 1)

        ray.init(
            num_cpus=3,
            include_dashboard=False,
            object_store_memory=80 << 20,
            log_to_driver=False,
            _temp_dir=os.path.abspath("r"),
        )
        self.addCleanup(ray.shutdown)
        killed = []
        killer = threading.Thread(target=kill_first, args=("pids", killed), daemon=True)
        killer.start()
        ray_embed.embed(tars, "out", MODEL, "llm", WORKERS, batch=2, actor=Slow, pids=os.path.abspath("pids"), max_new_tokens=4)
        self.assertEqual(len(killed), 1)
        self.assertGreater(len(os.listdir("pids")), WORKERS)  # another has taken its place

        rows = {row["path"]: row for row in pyarrow.parquet.read_table("out").to_pylist()}
        self.assertEqual(len(rows), TARS * SAMPLES)
        self.assertEqual(pyarrow.parquet.read_table("out").num_rows, TARS * SAMPLES)
        for t in range(TARS):
            vectors = numpy.load(f"plain/llm/part-{t:05}.npy")
            for line in Path(f"plain/index/part-{t:05}.jsonl").read_text().splitlines():
                line = json.loads(line)
                row = rows[line["path"]]
                if line["row"] is None:
                    self.assertIsNone(row["vector"])
                    self.assertIn("not a JPEG", row["error"])
                    continue
                self.assertEqual(numpy.array(row["vector"], "<f4").tobytes(), vectors[line["row"]].tobytes())
                self.assertEqual(row["response"], line["response"])


if __name__ == "__main__":
    unittest.main()
