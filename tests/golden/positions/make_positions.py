#!/usr/bin/env python3
"""References for src/vision/patches.c, from torch's interpolate. Run where torch is, with this folder as the argument.

positions.safetensors: a table of 3 x 3 positions behind the class's, width 5, and what
CLIPVisionEmbeddings.interpolate_pos_encoding makes of it:

    table                    (1 + 9, 5)
    resized/2, /3, /4, /7    (1 + side * side, 5)
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import CLIPVisionConfig
from transformers.models.clip.modeling_clip import CLIPVisionEmbeddings

SIDE, WIDTH, SIDES = 3, 5, (2, 3, 4, 7)


def main():
    torch.manual_seed(7)
    tensors = {}
    config = CLIPVisionConfig(hidden_size=WIDTH, image_size=4 * SIDE, patch_size=4, num_attention_heads=1)
    embeddings = CLIPVisionEmbeddings(config)
    with torch.no_grad():
        embeddings.position_embedding.weight.normal_()
        tensors["table"] = embeddings.position_embedding.weight.clone()
        for side in SIDES:
            patches = torch.zeros(1, 1 + side * side, WIDTH)
            tensors[f"resized/{side}"] = embeddings.interpolate_pos_encoding(patches, 4 * side, 4 * side)[0].contiguous()
    save_file(tensors, pathlib.Path(sys.argv[1]) / "positions.safetensors")


main()
