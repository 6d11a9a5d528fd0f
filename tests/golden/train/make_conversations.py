#!/usr/bin/env python3
"""Make the references of conversations: what transformers' processors make of several turns, and which tokens are learned.

    make_conversations.py CHECKPOINTS IMAGES OUT     write OUT/data.json, the conversations, and OUT/reference.json

CHECKPOINTS is the folder of the checkpoints named below. A token is learned if it belongs to an answer or to what ends it. The
loss is the model's in float32, over all learned tokens of all conversations together.
"""
import json
import os
import sys

import torch
import transformers
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor
from transformers.models.smolvlm import processing_smolvlm

processing_smolvlm.num2words = str  # wanted by its constructor; it spells numbers of video frames
transformers.logging.set_verbosity_error()

MODELS = {"smolvlm2-f32": "<end_of_utterance>", "smolvlm-hub-bf16": "<end_of_utterance>", "idefics3-whole-f16": "<end_of_utterance>",
          "qwen25vl-hub-f16": "<|im_end|>", "qwen2vl-new-f32": "<|im_end|>"}
DATA = [
    ("large.jpg", ["<image>\nWhat is in the picture?", "A dog, and a cat."]),
    ("tiny.png", ["Describe it.\n<image>", "Here:\n\n- one line,\n- another.", " Why? ", "Because \u00e9\u4e2d it is so.", "And?",
                  "(Nothing) more"]),
    (None, ["What is the capital of France?", "Paris", "Describe the image.", "There is none."]),
]


def record(number, image, turns):
    told = [{"from": ("human", "gpt")[i % 2], "value": text} for i, text in enumerate(turns)]
    return {"id": str(number), **({"image": image} if image else {}), "conversations": told}


def messages_of(image, turns, images):
    messages = []
    for i, text in enumerate(turns):
        parts = [{"type": "text", "text": text.replace("<image>", "").strip() if "<image>" in text else text}]
        if i == 0 and image:
            parts.insert(0, {"type": "image", "path": f"{images}/{image}"})
        messages.append({"role": ("user", "assistant")[i % 2], "content": parts})
    return messages


def inputs_of(processor, messages, asks=False, **how):
    template = processor.chat_template or processor.tokenizer.chat_template
    return processor.apply_chat_template(messages, tokenize=True, return_dict=True, add_generation_prompt=asks,
                                         chat_template=template, **how)


def encode(processor, messages, asks):
    return inputs_of(processor, messages, asks)["input_ids"][0]


def learned(processor, messages, end):
    """All ids, and for each whether it is in an answer: behind the prompt that asks for it, up to what ends it."""
    ids, end = encode(processor, messages, False), processor.tokenizer.convert_tokens_to_ids(end)
    marks = [0] * len(ids)
    for i in range(1, len(messages), 2):
        prompt = encode(processor, messages[:i], True)
        assert ids[:len(prompt)] == prompt
        last = ids.index(end, len(prompt))
        marks[len(prompt):last + 1] = [1] * (last + 1 - len(prompt))
    return ids[:last + 1], marks[:last + 1]  # what is behind the last answer teaches nothing


@torch.no_grad()
def losses(model, processor, messages, ids, marks):
    """Of the learned tokens."""
    logits = model(**inputs_of(processor, messages, return_tensors="pt")).logits[0, :len(ids) - 1]
    each = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
    return each[torch.tensor(marks[1:], dtype=torch.bool)]


def reference_of(folder, end, images):
    processor = AutoProcessor.from_pretrained(folder)
    processor.image_processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    samples, terms = [], []
    for image, turns in DATA:
        messages = messages_of(image, turns, images)
        ids, marks = learned(processor, messages, end)
        samples.append({"ids": list(ids), "learned": marks})
        terms.append(losses(model, processor, messages, list(ids), marks))
    return {"loss": float(torch.cat(terms).mean()), "samples": samples}


def main():
    checkpoints, images, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/data.json", "w") as file:
        json.dump([record(i, *told) for i, told in enumerate(DATA)], file, indent=1)
    reference = {name: reference_of(f"{checkpoints}/{name}", end, images) for name, end in MODELS.items()}
    with open(f"{out}/reference.json", "w") as file:
        json.dump(reference, file)
        file.write("\n")


if __name__ == "__main__":
    main()
