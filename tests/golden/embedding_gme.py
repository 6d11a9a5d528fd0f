"""Runs GME's own code on cases; a process of its own, for that code wants an older transformers than everything else here.

    embedding_gme.py CHECKPOINT CASES.json OUT.safetensors
"""
import json
import sys

import torch
from modeling_gme_qwen2vl import GmeQwen2VL
from PIL import Image
from safetensors.torch import save_file


def picture(case):
    """Opened as the case says: by GME's code, or here as the other references' pictures are."""
    if case["image"] is None or case["opened"] == "file":
        return case["image_path"]
    return Image.open(case["image_path"])  # already a picture without orientation, in RGB


def main():
    checkpoint, cases, out = sys.argv[1:]
    torch.set_num_threads(1)
    model = GmeQwen2VL.from_pretrained(checkpoint, torch_dtype=torch.float32)
    processor, seen, tensors = model.processor, {}, {}
    model.processor = lambda **inputs: seen.setdefault("inputs", processor(**inputs))
    for case in json.load(open(cases)):
        seen.clear()
        embedding = model.embed([case["text"]], [picture(case)], instruction=case["instruction"])
        for name, value in {"embedding": embedding[0], **seen["inputs"]}.items():
            tensors[f"{case['name']}/{name}"] = value.contiguous().clone()
    save_file(tensors, out)


if __name__ == "__main__":
    main()
