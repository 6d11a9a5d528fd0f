#!/usr/bin/env python3
"""Writes tests/golden/own: llava-pad and llavanext-mistral-f16 in the layout of LLaVA's own code, as liuhaotian/llava-v1.5-7b and
llava-v1.6-mistral-7b are: the names of its modules (llava/model), PyTorch's files, the encoder in a folder of its own. Deterministic.

Needs torch and safetensors (README.md). Usage: make_golden_own.py GOLDEN OUT, with the folder of the others
"""
import json
import os
import re
import shutil
import sys

import torch
from safetensors.torch import load_file

GOLDEN, OUT = sys.argv[1:]

# canonical prefix of today's or older names -> the original's
NAMES = [
    (r"^(model\.)?multi_modal_projector\.linear_1\.", "model.mm_projector.0."),
    (r"^(model\.)?multi_modal_projector\.linear_2\.", "model.mm_projector.2."),
    (r"^(model\.)?image_newline$", "model.image_newline"),
    (r"^(model\.)?vision_tower\.(vision_model\.)?", "model.vision_tower.vision_tower.vision_model."),
    (r"^(model\.)?language_model\.lm_head\.", "lm_head."),
    (r"^model\.language_model\.(model\.)?", "model."),
    (r"^language_model\.model\.", "model."),
]
TOWER = "model.vision_tower.vision_tower."


def read(name, file):
    with open(os.path.join(GOLDEN, name, file)) as f:
        return json.load(f)


def write(value, *path):
    path = os.path.join(OUT, *path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f, indent=1, sort_keys=True)
        f.write("\n")


def renamed(name):
    """The checkpoint's tensors by the original's names."""
    result = {}
    for key, tensor in load_file(os.path.join(GOLDEN, name, "model.safetensors")).items():
        for pattern, to in NAMES:
            if re.match(pattern, key):
                key = re.sub(pattern, to, key)
                break
        result[key] = tensor
    return dict(sorted(result.items()))


def own_config(name, architecture, model_type, **keys):
    config = read(name, "config.json")
    text = {k: v for k, v in config["text_config"].items() if not k.startswith("_") and k not in ("dtype", "rope_parameters")}
    text.update(architectures=[architecture], model_type=model_type, bos_token_id=1, eos_token_id=2,
                torch_dtype=str(next(iter(renamed(name).values())).dtype).split(".")[1],
                freeze_mm_mlp_adapter=False, mm_hidden_size=config["vision_config"]["hidden_size"], mm_projector_type="mlp2x_gelu",
                mm_resampler_type=None, mm_use_im_patch_token=False, mm_use_im_start_end=False, mm_vision_select_feature="patch",
                mm_vision_select_layer=config.get("vision_feature_layer", -2), tie_word_embeddings=False, use_mm_proj=True, **keys)
    return text


def write_processor(name, *path):
    """As openai's: CLIP's, with bare numbers."""
    processor = read(name, "preprocessor_config.json")
    edge = processor["size"]["shortest_edge"]
    write({"crop_size": edge, "do_center_crop": True, "do_normalize": True, "do_resize": True, "size": edge, "resample": 3,
           "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": processor["image_mean"],
           "image_std": processor["image_std"]}, *path, "preprocessor_config.json")


def llava_1_5():
    """Three shards without the encoder, which is a whole CLIP beside it."""
    name, folder = "llava-pad", "llava-1.5"
    tensors = renamed(name)
    tower = {k[len(TOWER):]: t for k, t in tensors.items() if k.startswith(TOWER)}
    rest = [k for k in tensors if not k.startswith(TOWER)]
    files = [f"pytorch_model-0000{i}-of-00003.bin" for i in (1, 2, 3)]
    language = [k for k in rest if "mm_projector" not in k]
    place = {k: files[i >= len(language) // 2] for i, k in enumerate(language)}
    place |= {k: files[2] for k in rest if "mm_projector" in k}
    write(own_config(name, "LlavaLlamaForCausalLM", "llava_llama", mm_vision_tower="openai/clip-tiny", image_aspect_ratio="pad"),
          folder, "config.json")
    write({"metadata": {}, "weight_map": place}, folder, "pytorch_model.bin.index.json")
    for file in files:
        torch.save({k: tensors[k] for k in rest if place[k] == file}, os.path.join(OUT, folder, file))
    shutil.copy(os.path.join(GOLDEN, name, "tokenizer.model"), os.path.join(OUT, folder))
    # the third shard of the same model with the first LLaVA's projector
    linear = {f"model.mm_projector.{part}": tensors[f"model.mm_projector.0.{part}"] for part in ("weight", "bias")}
    write({"metadata": {}, "weight_map": {k: f for k, f in place.items() if f != files[2]} | {k: files[2] for k in linear}},
          "linear", "pytorch_model.bin.index.json")
    torch.save(linear, os.path.join(OUT, "linear", files[2]))
    clip = {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 8, "text_config": {"model_type": "clip_text_model"},
            "vision_config": read(name, "config.json")["vision_config"]}
    write(clip, "openai", "clip-tiny", "config.json")
    write_processor(name, "openai", "clip-tiny")
    width = clip["vision_config"]["hidden_size"]
    tower |= {"logit_scale": torch.tensor(4.6), "text_model.final_layer_norm.bias": torch.zeros(8),
              "visual_projection.weight": torch.zeros(8, width),
              "vision_model.embeddings.position_ids": torch.arange(17).view(1, 17)}
    torch.save(tower, os.path.join(OUT, "openai", "clip-tiny", "pytorch_model.bin"))


def llava_1_6():
    """One file with the encoder, which was trained too, and whose configuration is in the folder. Grids are width and height."""
    name, folder = "llavanext-mistral-f16", "llava-1.6-mistral"
    config = read(name, "config.json")
    write(own_config(name, "LlavaMistralForCausalLM", "llava_mistral", mm_vision_tower="/gone/clip-tiny-1.6", unfreeze_mm_vision_tower=True,
                     image_aspect_ratio="anyres", mm_patch_merge_type="spatial_unpad",
                     image_grid_pinpoints=[[w, h] for h, w in config["image_grid_pinpoints"]]), folder, "config.json")
    write(read(name, "generation_config.json"), folder, "generation_config.json")
    torch.save(renamed(name), os.path.join(OUT, folder, "pytorch_model.bin"))
    shutil.copy(os.path.join(GOLDEN, name, "tokenizer.model"), os.path.join(OUT, folder))
    write(config["vision_config"] | {"architectures": ["CLIPVisionModel"]}, folder, "clip-tiny-1.6", "config.json")
    write_processor(name, folder, "clip-tiny-1.6")


llava_1_5()
llava_1_6()
