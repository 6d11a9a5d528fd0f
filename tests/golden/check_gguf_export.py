#!/usr/bin/env python3
"""Asks llama.cpp about files that lmvr has written in GGUF, and the Python module gguf about their blocks. Nothing is written.

    check_gguf_export.py MODEL FILES PICTURE...

MODEL is a LLaVA's folder (models/lmvr-small), FILES a folder with TYPE/NAME.gguf and TYPE/mmproj-NAME.gguf for f32 and for any of
f16, bf16, q8_0 and q4_0, PICTUREs are of the encoder's size, so that nothing is resized. Run it where transformers, gguf and
llama.cpp's tools are (README.md). It checks that

- every tensor has the bytes that gguf.quants.quantize() makes of the same tensor in F32;
- llama-tokenize gives SentencePiece's ids;
- llama-mtmd-cli answers, greedily, what transformers does with the F32 weights. llama.cpp puts the class token behind the
  patches, not before them, and still adds positions from 0 and drops what stands first (tools/mtmd/models/llava.cpp); so the
  reference is computed both ways, and answers are compared with llama.cpp's own.
"""
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
import torch
from PIL import Image
from transformers import LlavaForConditionalGeneration

SYSTEM = ("A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
          "polite answers to the user's questions.")
BEFORE, AFTER = f"{SYSTEM} USER: ", "\nDescribe the image. ASSISTANT:"
TEMPLATE = '{{ "' + BEFORE + '" + messages[0]["content"] + " ASSISTANT:" }}'
LINES = [BEFORE, AFTER, " a  b\t\n", "größer ﬁ ａ", "The image shows 2 cups, 3 hats.", "日本語 \U00013000"]
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def tensors(path):
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


def check_blocks(files, kind):
    """Of both files."""
    kinds = {}
    for path in sorted(Path(f"{files}/{kind}").glob("*.gguf")):
        exact = tensors(f"{files}/f32/{path.name}")
        found = tensors(path)
        assert exact.keys() == found.keys(), "other tensors"
        for name, tensor in found.items():
            expected = gguf.quants.quantize(np.array(exact[name].data), tensor.tensor_type)
            assert expected.tobytes() == np.array(tensor.data).tobytes(), name
            kinds[tensor.tensor_type.name] = kinds.get(tensor.tensor_type.name, 0) + 1
    print(f"{kind}: blocks equal the module's: " + ", ".join(f"{count} tensors of {name}" for name, count in sorted(kinds.items())))


def check_ids(file, vocabulary):
    for line in LINES:
        made = subprocess.run(["llama-tokenize", "-m", file, "-p", line, "--ids", "--no-bos", "--no-parse-special", "--no-escape",
                               "--log-disable"], check=True, capture_output=True, text=True).stdout
        assert [int(part) for part in made.strip().strip("[]").split(",")] == vocabulary.EncodeAsIds(line), line
    print(f"llama-tokenize: ids of {len(LINES)} texts equal SentencePiece's")


def answer_of(file, picture):
    mmproj = file.parent / f"mmproj-{file.name}"
    made = subprocess.run(["llama-mtmd-cli", "-m", file, "--mmproj", mmproj, "--jinja", "--chat-template", TEMPLATE, "--image", picture,
                           "-p", "<__media__>\nDescribe the image.", "--temp", "0", "-n", "64", "-t", "2", "-fa", "off", "-ctk",
                           "f32", "-ctv", "f32", "--log-colors", "off"], check=True, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL).stdout
    return made.strip().splitlines()[-1].strip()


def load(folder):
    """In f32, and whole but for the encoder's last norm, which a LLaVA does not read."""
    model, report = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    missing = [name for name in report["missing_keys"] if "post_layernorm" not in name]
    assert not missing, missing
    return model.eval()


def features(model, picture, class_last):
    vision = getattr(model.model.vision_tower, "vision_model", model.model.vision_tower)
    pixels = torch.from_numpy(np.array(Image.open(picture).convert("RGB"))).float() / 255
    pixels = ((pixels - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)[None]
    if not class_last:
        return model.model.get_image_features(pixel_values=pixels, return_dict=True).pooler_output[0]
    parts = vision.embeddings
    states = parts.patch_embedding(pixels).flatten(2).transpose(1, 2)
    states = torch.cat([states, parts.class_embedding[None, None]], 1) + parts.position_embedding.weight[None]
    states = vision.pre_layrnorm(states)
    for layer in vision.encoder.layers[:model.config.vision_feature_layer + 1]:
        states = layer(states, None)
        states = states[0] if isinstance(states, tuple) else states
    return model.model.multi_modal_projector(states[0, 1:])


def reference(model, vocabulary, picture, class_last):
    embed = model.get_input_embeddings()
    before, after = ([1] + vocabulary.EncodeAsIds(BEFORE), vocabulary.EncodeAsIds(AFTER))
    visual = features(model, picture, class_last).reshape(-1, model.config.text_config.hidden_size)
    states = torch.cat([embed(torch.tensor(before)), visual, embed(torch.tensor(after))])[None]
    ids = model.generate(inputs_embeds=states, attention_mask=torch.ones(states.shape[:2], dtype=torch.long), do_sample=False,
                         max_new_tokens=64, eos_token_id=2, pad_token_id=0)[0].tolist()
    return vocabulary.DecodeIds([token for token in ids if token != 2]).strip()


def main():
    folder, files, pictures = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    kinds = [kind for kind in ("f32", "f16", "bf16", "q8_0", "q4_0") if (files / kind).is_dir()]
    vocabulary = sentencepiece.SentencePieceProcessor(model_file=f"{folder}/tokenizer.model")
    names = {kind: next(path for path in (files / kind).glob("*.gguf") if not path.name.startswith("mmproj-")) for kind in kinds}
    for kind in kinds:
        check_blocks(files, kind)
    check_ids(names["f32"], vocabulary)
    with torch.inference_mode():
        model = load(folder)
        expected = {picture: [reference(model, vocabulary, picture, last) for last in (False, True)] for picture in pictures}
    for kind in kinds:
        same = [0, 0]
        for picture in pictures:
            answer = answer_of(names[kind], picture)
            for way in (0, 1):
                same[way] += answer == expected[picture][way]
            if answer != expected[picture][1]:
                print(f"  {kind} {Path(picture).name}: {answer!r}, not {expected[picture][1]!r}")
        print(f"{kind}: {same[1]} of {len(pictures)} answers are transformers' with the class token where llama.cpp has it, "
              f"{same[0]} transformers' own")


main()
