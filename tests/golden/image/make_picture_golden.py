#!/usr/bin/env python3
"""Make picture.txt, the golden references of pictures of one view or several: what transformers' Pillow processors make of noise.

    make_picture_golden.py OUT          write OUT/picture.txt

It runs in the reference environment (../README.md says how), beside make_image_golden.py, whose picture it takes. Deterministic;
a minute.

A line "processor JSON" has a preprocessor_config.json. Those after it are what it makes of pictures:
WIDTH HEIGHT VIEWS ROWS COLUMNS VIEW_WIDTH VIEW_HEIGHT CRC, or WIDTH HEIGHT error. CRC is zlib's CRC-32 of the little-endian
float32 tensor (VIEWS, 3, VIEW_HEIGHT, VIEW_WIDTH).
"""
import json
import sys
import warnings
import zlib

import numpy as np
from make_image_golden import noise
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

warnings.simplefilter("ignore")

CLASSES = {
    "Idefics3ImageProcessor": Idefics3ImageProcessorPil,
    "LlavaNextImageProcessor": LlavaNextImageProcessorPil,
    "Qwen2VLImageProcessor": Qwen2VLImageProcessorPil,
    "SiglipImageProcessor": SiglipImageProcessorPil,
    "SmolVLMImageProcessor": SmolVLMImageProcessorPil,
}
CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}


def qwen(fast="", **keys):
    return {"image_processor_type": "Qwen2VLImageProcessor" + fast, **keys}


def tiles(edge, tile, name="SmolVLM", **keys):
    sizes = {"size": {"longest_edge": edge}, "max_image_size": {"longest_edge": tile}}
    return {"image_processor_type": name + "ImageProcessor", **sizes, **keys}


def anyres(edge, crop, grids, **keys):
    size = {"shortest_edge": edge} if isinstance(edge, int) else {"height": edge[0], "width": edge[1]}
    sizes = {"size": size, "crop_size": {"height": crop, "width": crop}, "image_grid_pinpoints": grids}
    return {"image_processor_type": "LlavaNextImageProcessor", **sizes, **keys}


SMALL = [(1, 1), (1, 2), (2, 1), (3, 3), (5, 4), (1, 40), (40, 1), (7, 300), (300, 7), (28, 28), (29, 27), (31, 33), (64, 48)]
SMALL += [(48, 64), (50, 50), (97, 31), (31, 97), (100, 75), (75, 100), (123, 77), (140, 42), (42, 140), (200, 1), (1, 200)]
SMALL += [(201, 1), (1, 201), (401, 2), (400, 2), (2, 400), (333, 250), (250, 333), (1000, 10), (10, 1000), (512, 3)]
LARGE = [(500, 375), (1023, 769), (20, 1500)]
SQUARE = [[24, 48], [48, 24], [48, 48], [72, 24], [24, 72]]

# the hub's files: Qwen2.5-VL's, Qwen3-VL's, SmolVLM-256M's and 500M's, Idefics3-8B's, LLaVA-1.6's, SigLIP's
HUB = [
    qwen(min_pixels=3136, max_pixels=12845056, patch_size=14, temporal_patch_size=2, merge_size=2, **CLIP),
    qwen("Fast", size={"longest_edge": 16777216, "shortest_edge": 65536}, patch_size=16, temporal_patch_size=2, merge_size=2, **HALF),
    tiles(2048, 512, resample=1, do_image_splitting=True, do_pad=True, rescale_factor=0.00392156862745098, **HALF),
    tiles(1456, 364, "Idefics3", resample=1, do_image_splitting=True, **HALF),
    anyres(336, 336, [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]], resample=3, do_pad=True, **CLIP),
    {"image_processor_type": "SiglipImageProcessor", "size": {"height": 384, "width": 384}, "resample": 3, **HALF},
]

MADE = [
    qwen(),
    qwen(min_pixels=3136, max_pixels=20000),
    qwen(size={"shortest_edge": 64, "longest_edge": 900}, patch_size=4, merge_size=1, resample=1, **HALF),
    qwen("Pil", size={"min_pixels": 1, "max_pixels": 2}, min_pixels=500, max_pixels=2500, patch_size=5, merge_size=2, resample=2),
    qwen(size={"shortest_edge": 9000, "longest_edge": 3000}, max_pixels=4000, patch_size=7, do_normalize=False),
    qwen(do_resize=False, patch_size=7, do_rescale=False),
    tiles(96, 32),
    tiles(60, 28, "Idefics3"),
    tiles(121, 33, resample=3, do_normalize=False),
    tiles(30, 40),
    tiles(49, 49),
    tiles(96, 32, do_image_splitting=False),
    tiles(96, 32, do_resize=False),
    tiles(96, 32, "Idefics3", do_resize=False, do_image_splitting=False),
    tiles(0, 25, size={"height": 60, "width": 110}),
    {"image_processor_type": "SmolVLMImageProcessor", "max_image_size": {"longest_edge": 728}},
    anyres(24, 24, SQUARE),
    anyres(24, 24, SQUARE[:1], do_resize=False, do_normalize=False),
    anyres(30, 24, SQUARE),
    anyres(20, 24, [[24, 48], [30, 80], [100, 100]], resample=1, **HALF),
    anyres((20, 28), 24, SQUARE, do_center_crop=False),
    anyres((40, 30), 32, [[64, 64], [32, 96], [33, 65]], resample=2),
    {"image_processor_type": "SiglipImageProcessor", "size": {"height": 24, "width": 30}},
    {"image_processor_type": "SiglipImageProcessor"},
]

# beyond the limit of 4096
LIMIT = tiles(5000, 1024)


def views_of(result, picture):
    """The views (N, 3, H, W), and the tiles' rows and columns."""
    if "image_grid_thw" in result:
        return picture, 0, 0
    pixels = np.asarray(result["pixel_values"])[0]
    if "rows" in result:
        return pixels, result["rows"][0][0], result["cols"][0][0]
    return (pixels, None, None) if pixels.ndim == 4 else (pixels[None], 0, 0)


def unpatched(result, processor):
    """Qwen2VLImageProcessor's patches as the picture that they were: both moments of time are the same."""
    _, rows, columns = result["image_grid_thw"][0]
    m, p, t = processor.merge_size, processor.patch_size, processor.temporal_patch_size
    patches = np.asarray(result["pixel_values"]).reshape(rows // m, columns // m, m, m, 3, t, p, p)
    assert (patches[:, :, :, :, :, :1] == patches).all()
    return patches[:, :, :, :, :, 0].transpose(4, 0, 2, 5, 1, 3, 6).reshape(1, 3, rows * p, columns * p)


def anyres_grid(processor, image):
    """Rows and columns, which the processor does not tell."""
    from transformers.image_processing_utils import select_best_resolution

    height, width = select_best_resolution((image.height, image.width), processor.image_grid_pinpoints)
    return -(-height // processor.crop_size["height"]), -(-width // processor.crop_size["width"])


def line_of(processor, width, height):
    image = noise(width, height)
    more = {"return_row_col_info": True} if hasattr(processor, "do_image_splitting") else {}
    try:
        # said because pictures of 1 or 3 rows or columns are ambiguous
        result = processor(image, return_tensors="np", input_data_format="channels_last", **more)
    except (ValueError, ZeroDivisionError) as reason:
        print("%d x %d: %s" % (width, height, reason), file=sys.stderr)
        return "%d %d error" % (width, height)
    grid = "image_grid_thw" in result
    pixels, rows, columns = views_of(result, unpatched(result, processor) if grid else None)
    if rows is None:
        rows, columns = anyres_grid(processor, image)
    crc = zlib.crc32(np.ascontiguousarray(pixels, "<f4").tobytes())
    return "%d %d %d %d %d %d %d %08x" % (width, height, len(pixels), rows, columns, pixels.shape[3], pixels.shape[2], crc)


def make_processor(keys):
    keys = dict(keys)
    name = keys.pop("image_processor_type")
    return CLASSES[name.removesuffix("Fast").removesuffix("Pil")](**keys)


def main(out):
    cases = [(keys, LARGE) for keys in HUB] + [(keys, SMALL) for keys in MADE] + [(LIMIT, [(900, 9), (3, 200)])]
    with open(out + "/picture.txt", "w") as manifest:
        for keys, sizes in cases:
            manifest.write("processor %s\n" % json.dumps(keys))
            processor = make_processor(json.loads(json.dumps(keys)))
            for width, height in sizes:
                manifest.write(line_of(processor, width, height) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
