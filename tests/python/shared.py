"""What the tests of the Python package share: places, the program, and one small model."""

import os
import subprocess
import tempfile
from pathlib import Path

import lmvr

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests/golden/llava-old-f32"
IMAGES = ROOT / "tests/golden/images"
SCENE = ROOT / "examples/scenes/1.jpg"
GOOD = [IMAGES / name for name in ("wide.jpg", "tall.png", "noise.webp", "gradient.jpg")]

model = lmvr.Model(MODEL, dtype="f32", device="cpu")


def program(*arguments: object) -> None:
    subprocess.run([os.environ["LMVR_PROGRAM"], *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="lmvr-python-")
