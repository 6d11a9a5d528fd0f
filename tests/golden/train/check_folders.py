#!/usr/bin/env python3
"""Open what `lmvr train` wrote with transformers, and compute the same from it.

    check_folders.py OUT [WRITTEN]    OUT: what make_folders.sh left; WRITTEN: where to keep lora-bf16 and its numbers

It runs in the reference environment; README.md says how.
"""
import json
import os
import re
import shutil
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import sentencepiece
import torch
import transformers
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoImageProcessor, CLIPModel, LlamaForCausalLM, LlavaForConditionalGeneration

torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

SYSTEM = ("A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
          "polite answers to the user's questions.")
PICTURES = ["gradient.jpg", "shapes_rgba.png", "noise.webp"]  # that features are of
NEAR = 1e-5  # relatively


def open_model(kind, folder):
    model, info = kind.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
    left = {key: found for key, found in info.items() if found}
    assert not left, (folder, left)
    stored = {str(t.dtype) for t in load_file(f"{folder}/model.safetensors").values()}
    assert stored == {"torch.bfloat16" if "bf16" in folder else "torch.float32"}, (folder, stored)
    return model.eval()


def open_words(folder):
    return sentencepiece.SentencePieceProcessor(model_file=f"{folder}/tokenizer.model")


def open_pixels(folder, images, names):
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    pictures = [Image.open(f"{images}/{name}").convert("RGB") for name in names]
    return processor(pictures, return_tensors="pt")["pixel_values"]


def padded(rows, filler):
    width = max(map(len, rows))
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])


def lmvr_loss(out, name):
    with open(f"{out}/{name}.loss/loss.csv") as file:
        return float(file.read().split("\n")[1].split(",")[4])


def compare(what, own, reference):
    own, reference = numpy.asarray(own, dtype=float), numpy.asarray(reference, dtype=float)
    error = numpy.linalg.norm(own - reference) / numpy.linalg.norm(reference)
    print(f"{what}: {error:.1e}")
    assert error < NEAR, (what, own, reference)


# -------------------------------------------------------------------------------------------------- the losses, anew


def read_captions(out):
    with open(f"{out}/captions.jsonl") as file:
        return [json.loads(line) for line in file]


def clip_loss(out, name):
    folder, records = f"{out}/{name}", read_captions(out)
    model, words = open_model(CLIPModel, folder), open_words(folder)
    text = model.config.text_config
    most = text.max_position_embeddings - 2
    rows = [[text.bos_token_id] + words.encode(r["caption"])[:most] + [text.eos_token_id] for r in records]
    mask = padded([[1] * len(row) for row in rows], 0)
    pixels = open_pixels(folder, f"{out}/images", [r["image"] for r in records])
    return model(input_ids=padded(rows, text.eos_token_id), attention_mask=mask, pixel_values=pixels, return_loss=True).loss


def llama_loss(out, name):
    """Of the first 4 samples of 16 tokens."""
    folder = f"{out}/{name}"
    model, words = open_model(LlamaForCausalLM, folder), open_words(folder)
    with open(f"{out}/text.txt") as file:
        stream = [t for line in file for t in [1] + words.encode(line.rstrip("\n")) + [2]]
    rows = torch.tensor(stream[:64]).reshape(4, 16)
    return model(input_ids=rows, labels=rows).loss


def conversation(words, record, visual):
    """Ids and labels of a record, as LLaVA's preprocess_v1 cuts it."""
    ids, labels = [1], [-100]
    turns = [t["value"] for t in record["conversations"]]
    for question, answer in zip(turns[::2], turns[1::2]):
        if len(ids) == 1:
            question = question.replace("<image>\n", "")
            asked = words.encode(f"{SYSTEM} USER: ") + visual + words.encode(f"\n{question} ASSISTANT:")
        else:
            asked = words.encode(f"USER: {question} ASSISTANT:")
        told = words.encode(answer) + [2]
        ids += asked + told
        labels += [-100] * len(asked) + told
    return ids, labels


def caption(words, record, visual):
    told = words.encode(record["caption"] + "\n")
    return [1] + visual + told, [-100] * (1 + len(visual)) + told


def llava_loss(out, name, model, words):
    visual = [model.config.image_token_id] * model.config.image_seq_length
    if name == "align":
        records, make = read_captions(out), caption
    else:
        with open(f"{out}/llava.json") as file:
            records, make = json.load(file), conversation
    made = [make(words, record, visual) for record in records]
    labels = padded([l for _, l in made], -100)
    mask = padded([[1] * len(i) for i, _ in made], 0)
    pixels = open_pixels(f"{out}/{name}", f"{out}/images", [r["image"] for r in records])
    return model(input_ids=padded([i for i, _ in made], 0), attention_mask=mask, pixel_values=pixels, labels=labels).loss


def llava_features(out, name, model, words):
    """The mean of the last states of prompt and image."""
    visual = [model.config.image_token_id] * model.config.image_seq_length
    ids = [1] + words.encode(f"{SYSTEM} USER: ") + visual + words.encode("\nDescribe the image. ASSISTANT:")
    pixels = open_pixels(f"{out}/{name}", f"{out}/images", PICTURES)
    states = model(input_ids=torch.tensor([ids] * len(PICTURES)), pixel_values=pixels, output_hidden_states=True).hidden_states
    return states[-1].mean(1)


# ------------------------------------------------------------------------------------------------------- adapters


def check_adapter(out, name):
    """The merged weights are the base's and the adapter's; modules are found by the names and the pattern."""
    folder = f"{out}/{name}/adapter"
    adapter = load_file(f"{folder}/adapter_model.safetensors")
    with open(f"{folder}/adapter_config.json") as file:
        config = json.load(file)
    base, merged = (LlavaForConditionalGeneration.from_pretrained(f"{out}/{n}", dtype=torch.float32)
                    for n in (config["base_model_name_or_path"], name))
    before, after = base.state_dict(), merged.state_dict()
    start, beside = "base_model.model.", {}
    matched = {m for m, _ in base.named_modules() if re.fullmatch(config["target_modules"], m)}
    named = {n[len(start):].rsplit(".lora_", 1)[0] for n in adapter if ".lora_" in n}
    assert matched == named and len(named) == 14, (matched, named)
    for module in named:
        a, b = (adapter[f"{start}{module}.lora_{x}.weight"] for x in "AB")
        before[f"{module}.weight"] = before[f"{module}.weight"] + config["lora_alpha"] / config["r"] * b @ a
        assert float(b.abs().sum()) > 0
    for n in adapter:
        if ".lora_" not in n:
            assert any(f".{m}." in n for m in config["modules_to_save"])
            before[n[len(start):]] = adapter[n]
    near = 2 ** -8 if "bf16" in name else 1e-6
    for n, value in before.items():
        assert torch.allclose(value, after[n], rtol=near, atol=1e-7), (name, n)
    print(f"{name}: {len(named)} adapters, merged as PEFT would")


# ------------------------------------------------------------------------------------------------------------ all


def check_llava(out, name):
    model, words = open_model(LlavaForConditionalGeneration, f"{out}/{name}"), open_words(f"{out}/{name}")
    loss, features = llava_loss(out, name, model, words), llava_features(out, name, model, words)
    compare(f"{name} loss", lmvr_loss(out, name), loss.detach())
    compare(f"{name} features", numpy.load(f"{out}/{name}.npy"), features.detach())
    return float(loss.detach()), features.detach().tolist()


def keep(out, name, written, loss, features):
    os.makedirs(written, exist_ok=True)
    os.makedirs(f"{written}.ref", exist_ok=True)
    for file in ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.model"):
        shutil.copy(f"{out}/{name}/{file}", written)
    shutil.copy(f"{out}/llava.json", f"{written}.ref")
    with open(f"{written}.ref/reference.json", "w") as file:
        json.dump({"loss": loss, "images": PICTURES, "features": features, "transformers": transformers.__version__,
                   "torch": torch.__version__}, file, indent=1)
        file.write("\n")


@torch.no_grad()
def main():
    out = sys.argv[1]
    compare("clip loss", lmvr_loss(out, "clip"), clip_loss(out, "clip"))
    compare("llama loss", lmvr_loss(out, "llama"), llama_loss(out, "llama"))
    for name in ("align", "instruct", "bf16", "lora"):
        check_llava(out, name)
    check_adapter(out, "lora")
    check_adapter(out, "lora-bf16")
    numbers = check_llava(out, "lora-bf16")
    if len(sys.argv) > 2:
        keep(out, "lora-bf16", sys.argv[2], *numbers)


if __name__ == "__main__":
    main()
