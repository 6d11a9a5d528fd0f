"""Times transformers' processors on one thread as `pictures` does ours: picture_reference.py FILE PROCESSOR.json... prints, for each
preprocessor_config.json, the processor time of decoding and preprocessing together, the least of several, by Pillow and by torchvision.
picture_reference.py --make FOLDER makes the photographs of docs/SPEED.md."""
import json
import os
import sys
import time
import warnings

os.environ["OMP_NUM_THREADS"] = "1"
warnings.simplefilter("ignore")

import numpy as np
import torch
from PIL import Image
from transformers.models.clip.image_processing_clip import CLIPImageProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
from transformers.models.smolvlm.image_processing_smolvlm import SmolVLMImageProcessor

torch.set_num_threads(1)
PILLOW = [CLIPImageProcessorPil, Qwen2VLImageProcessorPil, SmolVLMImageProcessorPil]
TORCHVISION = [CLIPImageProcessor, Qwen2VLImageProcessor, SmolVLMImageProcessor]
SECONDS = 2


def make(folder):
    """Noise of many scales, like a photograph's."""
    generator = np.random.default_rng(1)
    for width, height in ((1024, 768), (4000, 3000)):
        total = np.full((height, width, 3), 128.0)
        for columns, amplitude in ((4, 60), (16, 40), (64, 25), (256, 15), (1024, 9)):
            noise = generator.integers(0, 256, (max(2, columns * height // width) + 1, columns + 1, 3), np.uint8)
            total += amplitude * (np.asarray(Image.fromarray(noise).resize((width, height), Image.BICUBIC), float) - 128) / 100
        total += generator.normal(0, 3, (height, width, 1))
        name = "%s/photo-%dx%d.jpg" % (folder, width, height)
        Image.fromarray(total.clip(0, 255).astype(np.uint8)).save(name, quality=90)


def best(work):
    least, begin = float("inf"), time.process_time()
    while time.process_time() - begin < SECONDS:
        start = time.process_time()
        work()
        least = min(least, time.process_time() - start)
    return least


def measure(path, file):
    keys = json.load(open(file))
    name = keys.pop("image_processor_type")
    for what, classes, tensors in ("Pillow", PILLOW, "np"), ("torchvision", TORCHVISION, "pt"):
        kind = next(c for c in classes if c.__name__.removesuffix("Pil") == name)
        processor = kind(**keys)
        seconds = best(lambda: processor(Image.open(path).convert("RGB"), return_tensors=tensors))
        print("%s %s: %s %.2f ms, %.2f images/s" % (path, file, what, 1e3 * seconds, 1 / seconds))


if sys.argv[1] == "--make":
    make(sys.argv[2])
else:
    for file in sys.argv[2:]:
        measure(sys.argv[1], file)
