#!/usr/bin/env python3
"""Make the golden references of Qwen3-VL-Embedding and GME-Qwen2-VL: small checkpoints, and what the models' own code makes of cases.

    make_golden_embedding.py OUT CODE        write OUT/images, OUT/embedding; CODE holds the models' own code (README.md says which)

What that code says of ids, pixels and embeddings is checked against what is said here in other words.
"""
import json
import os
import subprocess
import sys
import tempfile
import unicodedata
from math import ceil, floor, sqrt

import numpy as np
import torch
import transformers
from make_golden import CLIP_MEAN, CLIP_STD, make_images, noise, open_image, write_json, write_weights
from make_golden_today import make_more_images, random_weight, relative
from PIL import Image
from safetensors.torch import load_file, save_file
from today_checkpoints import HALF, qwen_generation, qwen_hub_names, qwen_ids, qwen_preprocessor, qwen_tokenizer_config, same_names
from today_tokenizers import QWEN3_ADDED, QWEN_ADDED, TEMPLATES, qwen
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText

THIN, LINE, HUGE = (f"../embedding/images/{name}" for name in ("thin.png", "line.png", "huge.webp"))  # from images/
PIECES = 340


def make_wide_images(folder):
    """Aspects of 200 and of 6000, and a picture above both models' largest; too slow for tests that take all of images/."""
    os.makedirs(f"{folder}/../embedding/images", exist_ok=True)
    noise(400, 2, seed=11).save(f"{folder}/{THIN}")
    noise(300, 1, seed=12).resize((6000, 1)).save(f"{folder}/{LINE}")
    noise(50, 41, seed=5).resize((1500, 1240)).save(f"{folder}/{HUGE}", quality=30)


# ----------------------------------------------------------------------------------------------------- checkpoints


def sentence_transformers(width, transformer, prompts):
    """The files that sentence-transformers reads: the model, the last token's state, its normalization."""
    kind = "sentence_transformers.models."
    modes = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")
    return {
        "modules.json": [{"idx": 0, "name": "0", "path": "", "type": transformer or f"{kind}Transformer"},
                         {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{kind}Pooling"},
                         {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{kind}Normalize"}],
        "1_Pooling/config.json": {"word_embedding_dimension": width, **{f"pooling_mode_{mode}": mode == "lasttoken" for mode in modes},
                                  "include_prompt": True},
        "config_sentence_transformers.json": {
            "__version__": {"pytorch": "2.4.1", "sentence_transformers": "3.2.1", "transformers": "4.45.1"},
            "default_prompt_name": None, "prompts": prompts, "similarity_fn_name": "cosine"}}


CHECKPOINTS = {
    # As the 8B: untied, and yet no head in the file.
    "qwen3vl-embedding": {
        "seed": 5, "dtype": torch.bfloat16, "names": same_names, "added": QWEN3_ADDED, "embedding_std": 0.7, "patch_gain": 1.0,
        "config": {
            "architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl", "text_config": {
                "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": PIECES, "dtype": "bfloat16",
                "eos_token_id": PIECES + 2, "head_dim": 16, "hidden_act": "silu", "hidden_size": 40, "initializer_range": 0.02,
                "intermediate_size": 72, "max_position_embeddings": 262144, "model_type": "qwen3_vl_text", "num_attention_heads": 4,
                "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_scaling": {
                    "mrope_interleaved": True, "mrope_section": [4, 2, 2], "rope_type": "default"}, "rope_theta": 5000000,
                "use_cache": True, "vocab_size": 366},
            "tie_word_embeddings": False, "transformers_version": "4.57.3", "vision_config": {
                "deepstack_visual_indexes": [0, 1, 2], "depth": 3, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 24,
                "in_channels": 3, "initializer_range": 0.02, "intermediate_size": 52, "model_type": "qwen3_vl", "num_heads": 3,
                "num_position_embeddings": 64, "out_hidden_size": 40, "patch_size": 16, "spatial_merge_size": 2,
                "temporal_patch_size": 2}, **qwen_ids(PIECES)},
        "files": {
            "preprocessor_config.json": qwen_preprocessor(
                16, "Qwen3VLProcessor", size={"longest_edge": 16777216, "shortest_edge": 65536}, image_mean=HALF, image_std=HALF,
                image_processor_type="Qwen2VLImageProcessorFast"),
            "chat_template.json": {"chat_template": TEMPLATES["qwen3"]},
            "tokenizer_config.json": qwen_tokenizer_config("qwen3"), "generation_config.json": qwen_generation(PIECES),
            **sentence_transformers(40, None, {"query": "Retrieve images or text relevant to the user's query.", "document": ""})}},

    # Flat, old names, GME's own keys.
    "gme": {
        "seed": 7, "dtype": torch.float16, "names": qwen_hub_names, "added": QWEN_ADDED, "embedding_std": 0.7, "patch_gain": 1.0,
        "config": {
            "architectures": ["GmeQwen2VL"], "attention_dropout": 0.0, "auto_map": {
                "AutoConfig": "modeling_gme_qwen2vl.GmeQwen2VLConfig", "AutoModel": "modeling_gme_qwen2vl.GmeQwen2VL"},
            "bos_token_id": PIECES, "eos_token_id": PIECES + 2, "hidden_act": "silu", "hidden_size": 48, "initializer_range": 0.02,
            "intermediate_size": 80, "max_image_tokens": 1280, "max_length": 1800, "max_position_embeddings": 32768,
            "max_window_layers": 28, "min_image_tokens": 256, "model_type": "qwen2_vl", "num_attention_heads": 3,
            "num_hidden_layers": 3, "num_key_value_heads": 1, "rms_norm_eps": 1e-06, "rope_scaling": {
                "mrope_section": [2, 3, 3], "type": "mrope"}, "rope_theta": 1000.0, "sliding_window": 32768,
            "tie_word_embeddings": True, "torch_dtype": "float16", "transformers_version": "4.45.0", "use_cache": True,
            "use_sliding_window": False, "vision_config": {
                "depth": 3, "embed_dim": 32, "hidden_size": 48, "in_chans": 3, "mlp_ratio": 2, "num_heads": 2, "patch_size": 14,
                "spatial_merge_size": 2, "spatial_patch_size": 14, "temporal_patch_size": 2},
            "vision_token_id": PIECES + 11, "vocab_size": 360, **qwen_ids(PIECES)},
        "files": {
            "preprocessor_config.json": qwen_preprocessor(14, max_pixels=12845056, min_pixels=3136),
            "chat_template.json": {"chat_template": TEMPLATES["qwen2"]},
            "tokenizer_config.json": qwen_tokenizer_config("qwen2"), "generation_config.json": qwen_generation(PIECES),
            **sentence_transformers(48, "custom_st.MultiModalTransformer", {"query": "You are a helpful assistant."})}},
}


def make_checkpoint(folder, spec):
    """The folder, whose weights have no head; returns them under transformers 5's names."""
    for file, value in {"config.json": spec["config"], **spec["files"]}.items():
        os.makedirs(os.path.dirname(f"{folder}/{file}"), exist_ok=True)
        write_json(f"{folder}/{file}", value)
    qwen(folder, PIECES, spec["added"])
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(folder))
    shapes = {name: value.shape for name, value in model.state_dict().items() if name != "lm_head.weight"}
    generator = torch.Generator().manual_seed(spec["seed"])
    weights = {name: random_weight(name, shape, spec, generator).to(spec["dtype"]) for name, shape in sorted(shapes.items())}
    write_weights(folder, {spec["names"](name): value for name, value in weights.items()}, 1)
    return weights


# ----------------------------------------------------------------------------------------------------------- cases


def case(image=None, text=None, instruction=None, opened="file", limits=None):
    """`opened`: by the model's own code, or as the other references' pictures: orientation applied, converted to RGB."""
    return {"image": image, "opened": opened if image else None, "text": text, "instruction": instruction, "limits": limits}


BALL = "A photo of a small red ball on the grass."
UNICODE = "Cafe\u0301 — what's in it?\n\n  \ttwo  lines, 日本語 🙂 \n"
COMMON = [
    case("gradient.jpg"), case(text=BALL), case("gradient.jpg", BALL), case("noise.webp", "What is in the picture?", "Find the image"),
    case(text=BALL, instruction="Retrieve pictures that match!"), case(text=BALL, instruction="  Represent the picture \t\n"),
    case(text=BALL, instruction=""), case(text=BALL, instruction="描述图片。"), case(text=""), case("palette.png", ""),
    case(text=UNICODE, instruction=UNICODE), case("tiny.png"), case("tall.png"), case("wide.jpg", "Is this a car?"), case(THIN),
    case(LINE), case(HUGE), case("shapes_rgba.png"), case("shapes_rgba.png", opened="picture"),
    case("oriented_gray.jpg"), case("oriented_gray.jpg", opened="picture")]
CASES = {
    "qwen3vl-embedding": COMMON + [
        case(), case(text=BALL, instruction=" \t "), case(text=BALL, instruction="Price in $"),
        case(text=BALL, instruction="Describe it.\u3000\u00a0"), case(text=BALL, instruction="Find «images»"),
        case(text=BALL, instruction="Vergleiche die Größe"), case("large.jpg", limits=[4096, 16384]), case("tall.png", limits=[16384, 65536]),
        case(THIN, limits=[4096, 8192])],
    "gme": COMMON + [case(text="zq " * 900), case("large.jpg", "zq " * 900)],
}


# ------------------------------------------------------------------------------------------- the models' own code


def run_qwen3(folder, code, cases, images):
    """One result of embedding, ids, pixels and grid a case."""
    sys.path.insert(0, code)
    from qwen3_vl_embedding import Qwen3VLEmbedder
    embedders, results = {}, []
    for wanted in cases:
        limits = tuple(wanted["limits"] or ())
        if limits not in embedders:
            embedder = Qwen3VLEmbedder(folder, dtype=torch.float32, **dict(zip(("min_pixels", "max_pixels"), limits)))
            embedder.processor.image_processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
            embedders[limits] = embedder
        embedder = embedders[limits]
        image = wanted["image"] and f"{images}/{wanted['image']}"
        if wanted["opened"] == "picture":
            image = open_image(image)
        inputs = {"image": image, "text": wanted["text"], "instruction": wanted["instruction"]}
        seen, process = [], embedder.forward
        embedder.forward = lambda values: seen.append(values) or process(values)
        embedding = embedder.process([inputs])[0]
        embedder.forward = process
        results.append({"embedding": embedding, **seen[0]})
    return results


def run_gme(folder, code, cases, images):
    with tempfile.TemporaryDirectory() as work:
        asked = []
        for number, wanted in enumerate(cases):
            path = wanted["image"] and f"{images}/{wanted['image']}"
            if wanted["opened"] == "picture":
                open_image(path).save(f"{work}/{number}.png")
                path = f"{work}/{number}.png"
            asked.append({"name": str(number), "image_path": path, **wanted})
        write_json(f"{work}/cases.json", asked)
        here = os.path.dirname(os.path.abspath(__file__))
        subprocess.run([sys.executable, f"{here}/embedding_gme.py", folder, f"{work}/cases.json", f"{work}/out.safetensors"], check=True,
                       env={**os.environ, "PYTHONPATH": f"{code}:{code}/transformers4", "HF_HUB_OFFLINE": "1"})
        tensors = load_file(f"{work}/out.safetensors")
    results = [{} for _ in cases]
    for name, value in tensors.items():
        number, key = name.split("/")
        results[int(number)][key] = value
    return results


# ------------------------------------------------------------------------------------------ the same in other words


def to_multiple(side, factor, rounding):
    return rounding(side / factor) * factor


def within(height, width, factor, low, high, least):
    """Both sides multiples of `factor` and their product between two bounds. `least`: of sides that are rounded, or rounded down."""
    new = [max(least[0], to_multiple(side, factor, round)) for side in (height, width)]
    if new[0] * new[1] > high:
        scale = sqrt(height * width / high)
        new = [max(least[1], to_multiple(side / scale, factor, floor)) for side in (height, width)]
    elif new[0] * new[1] < low:
        scale = sqrt(low / (height * width))
        new = [to_multiple(side * scale, factor, ceil) for side in (height, width)]
    return new


def qwen3_sizes(height, width, low, high):
    """The one size that a picture is made, or none where the model's code gives up."""
    if max(height, width) / min(height, width) > 200:
        return []
    size = within(height, width, 32, low, high, (32, 0))
    return [size] if min(size) else []


def gme_sizes(height, width, low, high):
    """The two sizes that a picture is made, one after the other."""
    first = within(height, width, 28, 4 * 28 * 28, 16384 * 28 * 28, (28, 0))
    first = [min(side, 200 * min(first)) for side in first]
    return [first, within(*first, 28, low, high, (0, 28))]


def qwen3_system(instruction):
    """Stripped, ended by a mark of punctuation; nothing is the default."""
    instruction = (instruction or "").strip()
    if not instruction:
        return "Represent the user's input."
    return instruction if unicodedata.category(instruction[-1])[0] == "P" else instruction + "."


MODELS = {
    "qwen3vl-embedding": {
        "run": run_qwen3, "limits": [4096, 1843200], "sizes": qwen3_sizes, "patch": 16, "mean": HALF, "std": HALF, "max_length": 8192,
        "system": qwen3_system, "end": "", "white": True},
    "gme": {
        "run": run_gme, "limits": [256 * 784, 1280 * 784], "sizes": gme_sizes, "patch": 14, "mean": CLIP_MEAN, "std": CLIP_STD,
        "max_length": 1800, "system": lambda text: "You are a helpful assistant." if text is None else text, "end": "<|endoftext|>",
        "white": False},
}


def opened(wanted, images, white):
    """In RGB; where the model's code opens the file, it does not turn the picture, and may put it on a white ground."""
    path = f"{images}/{wanted['image']}"
    if wanted["opened"] == "picture":
        return open_image(path)
    image = Image.open(path)
    if image.mode == "RGBA" and white:
        return Image.composite(image.convert("RGB"), Image.new("RGB", image.size, "white"), image.getchannel("A"))
    return image.convert("RGB")


def patches(image, about):
    """(gh*gw, 3*2*P*P): merged patches row by row, inside each its four; each picture stands for two frames."""
    values = np.asarray(image).transpose(2, 0, 1)
    values = (values.astype(np.float64) * (1 / 255)).astype(np.float32)
    mean, std = (np.array(about[key], np.float32)[:, None, None] for key in ("mean", "std"))
    values, patch = (values - mean) / std, about["patch"]
    rows, columns = image.height // patch // 2, image.width // patch // 2
    values = values.reshape(3, rows, 2, patch, columns, 2, patch).transpose(1, 4, 2, 5, 0, 3, 6)
    return torch.from_numpy(np.repeat(values[..., None, :, :], 2, axis=5).reshape(rows * columns * 4, -1))


def restated(name, wanted, tokenizer, images):
    """What a case should give: (prompt, ids, pixels, grid, sizes)."""
    about = MODELS[name]
    low, high = wanted["limits"] or about["limits"]
    image = wanted["image"] and opened(wanted, images, about["white"])
    sizes = about["sizes"](image.height, image.width, low, high) if image else []
    if image and not sizes:  # the code says so in its log and goes on with another text
        prompt = "<|im_start|>user\nNULL<|im_end|>\n<|im_start|>assistant\n"
        return prompt, tokenizer.encode(prompt).ids, None, None, sizes
    text = "NULL" if image is None and wanted["text"] is None else wanted["text"] or ""
    vision = "<|vision_start|><|image_pad|><|vision_end|>" if image else ""
    prompt = (f"<|im_start|>system\n{about['system'](wanted['instruction'])}<|im_end|>\n<|im_start|>user\n{vision}{text}<|im_end|>\n"
              f"<|im_start|>assistant\n{about['end']}")
    for height, width in sizes:
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    pixels = patches(image, about) if image else None
    grid = [side // about["patch"] for side in sizes[-1]] if image else None
    ids = []
    for token in tokenizer.encode(prompt).ids:
        ids += [token] * (len(pixels) // 4 if token == tokenizer.token_to_id("<|image_pad|>") else 1)
    return prompt, ids[:about["max_length"]], pixels, grid, sizes


@torch.no_grad()
def last_state(model, ids, pixels, grid, positions):
    """The embedding, by transformers' own class; `positions`: mrope, or plain numbers in all three rows."""
    inputs = {"input_ids": torch.tensor([ids]), "mm_token_type_ids": (torch.tensor([ids]) == model.config.image_token_id).int()}
    if pixels is not None:
        inputs.update({"pixel_values": pixels, "image_grid_thw": torch.tensor([[1, *grid]])})
    if positions == "plain":
        inputs["position_ids"] = torch.arange(len(ids)).expand(3, 1, -1)
    model.rope_deltas = None
    return torch.nn.functional.normalize(model(**inputs).last_hidden_state[0, -1], dim=-1)


# ------------------------------------------------------------------------------------------------------------- run


ROWS = 6  # of a picture's patches are kept, spread evenly: it may have thousands


def make_one(out, code, name):
    """(cases, tensors) of one checkpoint."""
    folder, images, about = f"{out}/embedding/{name}", f"{out}/images", MODELS[name]
    weights = make_checkpoint(folder, CHECKPOINTS[name])
    model, info = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert info["missing_keys"] <= {"lm_head.weight"} and not info["unexpected_keys"] and not info["mismatched_keys"], info
    loaded = model.state_dict()
    assert all(torch.equal(loaded[key], value.float()) for key, value in weights.items())
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    results = about["run"](folder, code, CASES[name], images)
    cases, kept, pictures = [], [], {}
    for wanted, result in zip(CASES[name], results):
        prompt, ids, pixels, grid, sizes = restated(name, wanted, tokenizer, images)
        print(name, wanted["image"], wanted["opened"], wanted["limits"], repr(wanted["instruction"]), len(ids), grid, sizes)
        check(name, model.model.eval(), result, ids, pixels, grid)
        low, high = wanted["limits"] or about["limits"]
        refused = wanted["image"] is not None and pixels is None
        cases.append({"checkpoint": name, **{key: wanted[key] for key in ("image", "opened", "text", "instruction")},
                      "system": None if refused else about["system"](wanted["instruction"]), "min_pixels": low, "max_pixels": high,
                      "sizes": sizes, "pixels_grid": grid, "refused": refused, "prompt": prompt, "ids": ids})
        kept.append({"embedding": result["embedding"]})
        picture = (wanted["image"], wanted["opened"], low, high)
        if pixels is not None and picture not in pictures:
            pictures[picture] = len(cases)
            rows = torch.linspace(0, len(pixels) - 1, min(ROWS, len(pixels))).round().to(torch.int32)
            kept[-1].update({"pixels": result["pixel_values"][rows], "pixel_rows": rows})
    check_lively(results)
    return cases, kept


def check(name, model, result, ids, pixels, grid):
    """The models' own code and the words here say the same."""
    assert result["input_ids"][0].tolist() == ids
    assert (pixels is None) == ("pixel_values" not in result)
    if pixels is not None:
        assert torch.equal(result["pixel_values"], pixels) and result["image_grid_thw"].tolist() == [[1, *grid]]
    plain = name == "gme"
    expected = last_state(model, ids, pixels, grid, "plain" if plain else "mrope")
    assert relative(result["embedding"], expected) < 2e-5, relative(result["embedding"], expected)
    if pixels is not None:  # the positions matter
        other = relative(result["embedding"], last_state(model, ids, pixels, grid, "mrope" if plain else "plain"))
        print("    other positions:", round(other, 4))
        assert other > 1e-3


def check_lively(results):
    """Other inputs, another embedding."""
    def input_of(result):
        return result["input_ids"].tolist(), result["pixel_values"].numpy().tobytes() if "pixel_values" in result else None

    for i, one in enumerate(results):
        for other in results[:i]:
            difference = relative(one["embedding"], other["embedding"])
            assert difference == 0 if input_of(one) == input_of(other) else difference > 1e-3, (i, difference)


def main():
    out, code = sys.argv[1:]
    make_images(f"{out}/images")
    make_more_images(f"{out}/images")
    make_wide_images(f"{out}/images")
    cases, tensors = [], {}
    for name in CHECKPOINTS:
        for about, values in zip(*make_one(out, code, name)):
            tensors.update({f"case{len(cases)}/{key}": value.contiguous() for key, value in values.items()})
            cases.append({"name": f"case{len(cases)}", **about})
    save_file(tensors, f"{out}/embedding/reference.safetensors")
    with open(f"{out}/embedding/reference.json", "w") as file:
        lines = ",\n".join(json.dumps(about) for about in cases)
        file.write(f'{{"transformers": "{transformers.__version__}", "torch": "{torch.__version__}", "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
