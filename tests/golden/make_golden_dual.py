#!/usr/bin/env python3
"""Make the golden references of CLIP and SigLIP alone, both towers and their features: as make_golden_today.py.

    make_golden_dual.py OUT                  write OUT/images, OUT/NAME (a checkpoint) and OUT/NAME.ref (its reference)
    make_golden_dual.py OUT NAME...          only these
"""
import os
import shutil
import sys

import torch
import transformers
from make_golden import (CLIP_MEAN, CLIP_STD, GRADIENT, GRAY16, NOISE, ORIENTED, PALETTE, SHAPES, make_images, open_image, pool,
                         write_json, write_weights)
from make_golden_today import make_more_images, relative
from safetensors.torch import save_file
from today_checkpoints import LARGE, TALL, TINY, WIDE, siglip_preprocessor
from today_tokenizers import clip, siglip
from tokenizers import Tokenizer, processors
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer

roberta = processors.RobertaProcessing  # in tokenizers 0.23 an argument has another name than transformers 5.12 gives it
processors.RobertaProcessing = lambda sep, cls, **options: roberta(sep, cls, **options)

PICTURES = [GRADIENT, SHAPES, GRAY16, PALETTE, ORIENTED, NOISE, LARGE, TALL, TINY, WIDE]
LINES = ["a photo of a dog", "A Photo of TWO people; a bird!", "It's 12 o'clock,\n\n isn't it?", "", "Cafe\u0301 naïve: 東京 🙂",
         "The image shows a blue box, a dog and a cat near the table. Is this a car, a bus, a train or a boat? " * 2]
CLIP_TOKENIZER = {"bos_token": "<|startoftext|>", "clean_up_tokenization_spaces": True, "do_lower_case": True,
                  "eos_token": "<|endoftext|>", "errors": "replace", "model_max_length": 20, "pad_token": "<|endoftext|>",
                  "tokenizer_class": "CLIPTokenizer", "unk_token": "<|endoftext|>"}
SIGLIP_TOKENIZER = {"additional_special_tokens": [], "clean_up_tokenization_spaces": True, "do_lower_case": True, "eos_token": "</s>",
                    "model_input_names": ["input_ids"], "model_max_length": 16, "pad_token": "</s>", "sp_model_kwargs": {},
                    "tokenizer_class": "SiglipTokenizer", "unk_token": "<unk>"}


def clip_preprocessor(edge, **changes):
    return {"crop_size": {"height": edge, "width": edge}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True,
            "do_rescale": True, "do_resize": True, "image_mean": CLIP_MEAN, "image_processor_type": "CLIPImageProcessor",
            "image_std": CLIP_STD, "resample": 3, "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": edge}, **changes}


CHECKPOINTS = {
    # openai's configuration: an end token of 2, so that the largest id is the text's; bare configurations.
    "clip-text-f32": {
        "seed": 1, "dtype": torch.float32, "shards": 1, "tokenizer": clip, "pieces": 600,
        "config": {
            "architectures": ["CLIPModel"], "initializer_factor": 1.0, "logit_scale_init_value": 2.6592, "model_type": "clip",
            "projection_dim": 20, "text_config": {
                "bos_token_id": 0, "eos_token_id": 2, "hidden_size": 28, "intermediate_size": 50, "max_position_embeddings": 20,
                "model_type": "clip_text_model", "num_attention_heads": 2, "num_hidden_layers": 3, "projection_dim": 20,
                "vocab_size": 622},
            "torch_dtype": "float32", "vision_config": {
                "hidden_size": 24, "image_size": 28, "intermediate_size": 44, "model_type": "clip_vision_model",
                "num_attention_heads": 2, "num_hidden_layers": 3, "patch_size": 7, "projection_dim": 20}},
        "files": {"preprocessor_config.json": clip_preprocessor(28), "tokenizer_config.json": CLIP_TOKENIZER}},

    # LAION's: gelu, an end token that is looked for, towers of two widths.
    "clip-text-bf16": {
        "seed": 2, "dtype": torch.bfloat16, "shards": 2, "tokenizer": clip, "pieces": 590,
        "config": {
            "architectures": ["CLIPModel"], "dtype": "bfloat16", "model_type": "clip", "projection_dim": 18, "text_config": {
                "bos_token_id": 588, "eos_token_id": 589, "hidden_act": "gelu", "hidden_size": 24, "intermediate_size": 40,
                "layer_norm_eps": 1e-03, "max_position_embeddings": 14, "model_type": "clip_text_model", "num_attention_heads": 4,
                "num_hidden_layers": 2, "vocab_size": 590},
            "transformers_version": "5.12.1", "vision_config": {
                "hidden_act": "gelu", "hidden_size": 30, "image_size": 24, "intermediate_size": 41, "layer_norm_eps": 1e-03,
                "model_type": "clip_vision_model", "num_attention_heads": 3, "num_hidden_layers": 2, "patch_size": 6}},
        "files": {"preprocessor_config.json": clip_preprocessor(24),
                  "tokenizer_config.json": {**CLIP_TOKENIZER, "model_max_length": 14}}},

    # google's configuration, which leaves nearly all to defaults but for the sizes.
    "siglip-f32": {
        "seed": 3, "dtype": torch.float32, "shards": 1, "tokenizer": siglip, "pieces": 150,
        "config": {
            "architectures": ["SiglipModel"], "initializer_factor": 1.0, "model_type": "siglip", "text_config": {
                "hidden_size": 24, "intermediate_size": 50, "max_position_embeddings": 16, "model_type": "siglip_text_model",
                "num_attention_heads": 2, "num_hidden_layers": 3, "vocab_size": 160},
            "torch_dtype": "float32", "vision_config": {
                "hidden_size": 24, "image_size": 32, "intermediate_size": 50, "model_type": "siglip_vision_model",
                "num_attention_heads": 2, "num_hidden_layers": 3, "patch_size": 8}},
        "files": {"preprocessor_config.json": siglip_preprocessor(32), "tokenizer_config.json": SIGLIP_TOKENIZER}},

    # Towers of two widths, brought together by the text's head; mean and deviation of its own.
    "siglip-odd-bf16": {
        "seed": 4, "dtype": torch.bfloat16, "shards": 2, "tokenizer": siglip, "pieces": 140,
        "config": {
            "architectures": ["SiglipModel"], "dtype": "bfloat16", "model_type": "siglip", "text_config": {
                "hidden_act": "gelu", "hidden_size": 20, "intermediate_size": 33, "layer_norm_eps": 1e-03, "max_position_embeddings": 11,
                "model_type": "siglip_text_model", "num_attention_heads": 1, "num_hidden_layers": 2, "projection_size": 27,
                "vocab_size": 151},
            "transformers_version": "5.12.1", "vision_config": {
                "hidden_size": 27, "image_size": 30, "intermediate_size": 39, "layer_norm_eps": 1e-03, "model_type":
                "siglip_vision_model", "num_attention_heads": 3, "num_hidden_layers": 4, "patch_size": 10}},
        "files": {"preprocessor_config.json": siglip_preprocessor(30, image_mean=[0.5, 0.45, 0.4], image_std=[0.25, 0.3, 0.28]),
                  "tokenizer_config.json": {**SIGLIP_TOKENIZER, "model_max_length": 11}}},
}


def random_weight(name, shape, generator):
    """Spreads chosen so that attention is neither flat nor one-hot, and every block moves the states."""
    value = torch.randn(shape, generator=generator)
    if name == "logit_scale":
        return torch.full(shape, 2.6592)
    if name == "logit_bias":
        return torch.full(shape, -3.25)
    if "norm" in name or "layrnorm" in name:
        return 1 + 0.2 * value if name.endswith("weight") else 0.1 * value
    if name.endswith("bias"):
        return 0.1 * value
    if "embedding" in name and "patch" not in name or "probe" in name:
        return 0.5 * value
    inputs = shape[1:].numel()
    return (1.1 if any(part in name for part in ("q_proj", "k_proj", "in_proj")) else 1) * value / inputs ** 0.5


def make_checkpoint(folder, spec):
    """The folder; returns the weights."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    write_json(f"{folder}/config.json", spec["config"])
    for file, value in spec["files"].items():
        write_json(f"{folder}/{file}", value)
    spec["tokenizer"](folder, spec["pieces"], [])
    with torch.device("meta"):
        model = AutoModel.from_config(AutoConfig.from_pretrained(folder))
    generator = torch.Generator().manual_seed(spec["seed"])
    weights = {name: random_weight(name, value.shape, generator).to(spec["dtype"])
               for name, value in sorted(model.state_dict().items())}
    write_weights(folder, weights, spec["shards"])
    return weights


def text_ids(folder, line):
    """SigLIP's texts are padded to the longest length, as it was trained; CLIP's need not be."""
    tokenizer, file = AutoTokenizer.from_pretrained(folder), f"{folder}/tokenizer.json"
    if os.path.exists(file):
        assert tokenizer(line)["input_ids"] == Tokenizer.from_file(file).encode(line).ids
    padding = "max_length" if type(tokenizer).__name__ == "SiglipTokenizer" else False
    return torch.tensor(tokenizer(line, padding=padding, truncation=True)["input_ids"])


@torch.no_grad()
def image_tensors(model, pixels):
    vision = model.get_image_features(pixel_values=pixels.unsqueeze(0), output_hidden_states=True)
    return {"pixels": pixels, "vision_hidden_states": torch.cat(vision.hidden_states), "vision_output": vision.last_hidden_state[0],
            "image_features": vision.pooler_output[0]}


@torch.no_grad()
def text_tensors(model, ids):
    text = model.get_text_features(input_ids=ids.unsqueeze(0), output_hidden_states=True)
    return {"ids": ids.to(torch.int32), "text_hidden_states": torch.cat(text.hidden_states), "text_features": text.pooler_output[0]}


def image_feature(text, tensors, class_token):
    source, tokens, how, layer = text.split(":")
    states = tensors["vision_hidden_states"][int(layer)]
    return pool({"patches": states[class_token:], "cls": states[:1], "all": states}[tokens], how)


@torch.no_grad()
def check_sensitive(model, pixels, ids):
    """Every parameter matters, but for the biases of keys, which softmax does not see."""
    def outputs():
        result = model(input_ids=ids, pixel_values=pixels)
        return torch.cat((result.image_embeds.flatten(), result.text_embeds.flatten(), result.logits_per_text.flatten() / 10))
    before, silent = outputs(), set()
    for name, value in model.named_parameters():
        kept = value.clone()
        value.copy_(kept * torch.linspace(0.7, 1.4, kept.shape[-1] if kept.dim() else 1).reshape(kept.shape[-1:]))
        if relative(outputs(), before) < 1e-4:
            silent.add(name)
        value.copy_(kept)
    assert all(name.endswith("k_proj.bias") for name in silent), silent


def check_lively(images, texts):
    for kind, all_ in (("image", images), ("text", texts)):
        first, second = (tensors[f"{kind}_features"] for _, tensors in all_[:2])
        assert relative(first, second) > 0.1, f"the {kind}s look alike"
    for states in [tensors["vision_hidden_states"] for _, tensors in images] + [tensors["text_hidden_states"] for _, tensors in texts]:
        assert all(relative(b, a) > 0.1 for a, b in zip(states[:-1], states[1:])), "a block does nothing"


def make_one(out, name):
    spec, folder = CHECKPOINTS[name], f"{out}/{name}"
    weights = make_checkpoint(folder, spec)
    model, info = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    assert all(torch.equal(value, weights[key].float()) for key, value in model.eval().state_dict().items())

    processor, images, texts = AutoImageProcessor.from_pretrained(folder, backend="pil"), [], []
    for file in PICTURES:
        picture = open_image(f"{out}/images/{file}")
        pixels = processor(picture, return_tensors="pt")["pixel_values"][0]
        images.append(({"name": f"image{len(images)}", "image": file, "size": [picture.height, picture.width]},
                       image_tensors(model, pixels)))
    for line in LINES:
        ids = text_ids(folder, line)
        texts.append(({"name": f"text{len(texts)}", "text": line, "ids": ids.tolist()}, text_tensors(model, ids)))
    end = model.config.text_config.eos_token_id
    assert spec["config"]["model_type"] == "siglip" or all(end == 2 or end in about["ids"] for about, _ in texts)
    check_lively(images, texts)
    check_sensitive(model, images[0][1]["pixels"].unsqueeze(0), texts[1][1]["ids"].long().unsqueeze(0))
    save_reference(folder, spec, model, images, texts)
    print(name, [about["ids"] for about, _ in texts])


@torch.no_grad()
def save_reference(folder, spec, model, images, texts):
    class_token = int(spec["config"]["model_type"] == "clip")
    specs = ["encoder:patches:mean:-1", "encoder:patches:mean:-2", "encoder:all:max:0", "encoder:patches:last:1"] \
        + ["encoder:cls:mean:-2"] * class_token
    tensors = {}
    for about, values in images:
        about["features"] = specs
        tensors.update({f"{about['name']}/{key}": value for key, value in values.items()})
        tensors.update({f"{about['name']}/feature/{text}": image_feature(text, values, class_token) for text in specs})
    for about, values in texts:
        tensors.update({f"{about['name']}/{key}": value for key, value in values.items()})
    pixels = torch.stack([values["pixels"] for _, values in images])
    tensors["logits_per_text"] = torch.cat([
        model(input_ids=values["ids"].long().unsqueeze(0), pixel_values=pixels).logits_per_text for _, values in texts])
    os.makedirs(f"{folder}.ref", exist_ok=True)
    save_file({key: value.clone().contiguous() for key, value in tensors.items()}, f"{folder}.ref/reference.safetensors")
    write_json(f"{folder}.ref/reference.json", {
        "checkpoint": os.path.basename(folder), "transformers": transformers.__version__, "torch": torch.__version__,
        "images": [about for about, _ in images], "texts": [about for about, _ in texts]})


def main():
    out, names = sys.argv[1], sys.argv[2:] or list(CHECKPOINTS)
    make_images(f"{out}/images")
    make_more_images(f"{out}/images")
    for name in names:
        make_one(out, name)


if __name__ == "__main__":
    main()
