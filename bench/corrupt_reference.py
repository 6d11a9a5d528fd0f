"""Times ImageNet-C's corruptions in NumPy, SciPy, scikit-image, OpenCV, Pillow and ImageMagick, on one thread, like `lmvr bench
--corruptions`: images of 224 x 224 per second, averaged over the times of the five severities. Run from the root of the checkout."""
import json
import os
import sys
import time

for library in "OMP", "MAGICK", "OPENBLAS":
    os.environ[library + ("_THREAD_LIMIT" if library == "MAGICK" else "_NUM_THREADS")] = "1"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/golden/corrupt"))

import cv2
import numpy as np

from reference import NAMES, corrupt

cv2.setNumThreads(1)
ROUNDS = 3


def picture():
    y, x, c = np.mgrid[:224, :224, :3]
    noise = np.random.default_rng(1).integers(-16, 16, x.shape)
    return np.uint8(128 + 80 * np.sin(x / 17 + c) * np.cos(y / 23) + noise)


def seconds(name, x, rng):
    total = 0
    for severity in range(1, 6):
        start = time.perf_counter()
        corrupt(name, x, severity, rng)
        total += time.perf_counter() - start
    return total


rows, rng, x = [], np.random.default_rng(0), picture()
for name in NAMES:
    if name == "frost":  # its textures are not shipped; what remains is a single addition
        continue
    best = min(seconds(name, x, rng) for _ in range(ROUNDS))
    rows.append({"name": "corrupt:" + name, "batch": 1, "value": 5 / best, "unit": "images/s"})
print(json.dumps({"rows": rows}, indent=2))
