#!/usr/bin/env python3
"""Write a random checkpoint of a real model's shape, perhaps at a reduced depth: for benchmarks and memory tests.

    make_shapes.py llava-1.5-7b -o DIR [--layers 8] [--vision-layers 24] [--dtype bf16|f16] [--tokenizer FILE]

It needs Python 3.9 and nothing else, little memory, and about as long as the disk takes. The configuration, names and
shards are those of the hub's files; only the numbers mean nothing: weights of either sign with magnitudes in
[1/128, 1/32), a root mean square of 0.019, so that activations stay finite however deep the stack; norms are 1.
"""
import argparse
import json
import math
import os
import random
import shutil
import struct

SHARD_BYTES = 5 * 10**9  # save_pretrained's limit
POOL_BYTES = 1 << 26
CHUNK_BYTES = 1 << 20

SHAPES = {
    # llava-hf/llava-1.5-7b-hf: 576 visual tokens
    "llava-1.5-7b": {"image": 336, "rows": 32064, "image_token": 32000, "pad_token": 32001,
                     "added_tokens": {"<image>": 32000, "<pad>": 32001}},
    # the paper's pair, CLIP ViT-L/14 at 224 and Vicuna-7B: 256 visual tokens. Its 32000 rows leave none to an image
    # token, so the last one lends its id; only transformers needs it.
    "vicuna-7b-224": {"image": 224, "rows": 32000, "image_token": 31999, "pad_token": 0,
                      "added_tokens": None},
}
VISION = {"hidden": 1024, "mlp": 4096, "heads": 16, "layers": 24, "patch": 14}
TEXT = {"hidden": 4096, "mlp": 11008, "layers": 32}


def configuration(shape, layers, vision_layers, dtype):
    """llava-1.5-7b-hf's config.json: the text configuration leaves all but its differences to transformers' defaults."""
    torch_dtype = {"bf16": "bfloat16", "f16": "float16"}[dtype]
    text = {"_name_or_path": "lmsys/vicuna-7b-v1.5", "architectures": ["LlamaForCausalLM"],
            "max_position_embeddings": 4096, "model_type": "llama", "rms_norm_eps": 1e-05,
            "torch_dtype": torch_dtype, "vocab_size": shape["rows"]}
    if layers != TEXT["layers"]:
        text["num_hidden_layers"] = layers
    return {
        "architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100,
        "image_token_index": shape["image_token"], "model_type": "llava", "pad_token_id": shape["pad_token"],
        "projector_hidden_act": "gelu", "text_config": text, "tie_word_embeddings": False, "torch_dtype": torch_dtype,
        "transformers_version": "4.36.0.dev0",
        "vision_config": {
            "hidden_size": VISION["hidden"], "image_size": shape["image"], "intermediate_size": VISION["mlp"],
            "model_type": "clip_vision_model", "num_attention_heads": VISION["heads"],
            "num_hidden_layers": vision_layers, "patch_size": VISION["patch"], "projection_dim": 768,
            "vocab_size": 32000},
        "vision_feature_layer": -2, "vision_feature_select_strategy": "default", "vocab_size": shape["rows"]}


def preprocessor(size):
    return {
        "crop_size": {"height": size, "width": size}, "do_center_crop": True, "do_convert_rgb": True,
        "do_normalize": True, "do_rescale": True, "do_resize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_processor_type": "CLIPImageProcessor",
        "image_std": [0.26862954, 0.26130258, 0.27577711], "processor_class": "LlavaProcessor", "resample": 3,
        "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": size}}


def vision_tensors(image, layers):
    """(name, shape) of CLIP's tower, in the order of the model."""
    prefix, d = "vision_tower.vision_model.", VISION["hidden"]
    yield prefix + "embeddings.class_embedding", (d,)
    yield prefix + "embeddings.patch_embedding.weight", (d, 3, VISION["patch"], VISION["patch"])
    yield prefix + "embeddings.position_embedding.weight", ((image // VISION["patch"]) ** 2 + 1, d)

    def norm(name):
        return [(f"{name}.{part}", (d,)) for part in ("weight", "bias")]

    def linear(name, out, into):
        return [(name + ".weight", (out, into)), (name + ".bias", (out,))]

    yield from norm(prefix + "pre_layrnorm")
    for i in range(layers):
        block = f"{prefix}encoder.layers.{i}."
        for projection in ("k_proj", "v_proj", "q_proj", "out_proj"):
            yield from linear(f"{block}self_attn.{projection}", d, d)
        yield from norm(block + "layer_norm1")
        yield from linear(block + "mlp.fc1", VISION["mlp"], d)
        yield from linear(block + "mlp.fc2", d, VISION["mlp"])
        yield from norm(block + "layer_norm2")
    yield from norm(prefix + "post_layernorm")


def language_tensors(rows, layers):
    """(name, shape) of the projector and of LLaMA."""
    h, mlp = TEXT["hidden"], TEXT["mlp"]
    for name, into in (("linear_1", VISION["hidden"]), ("linear_2", h)):
        yield f"multi_modal_projector.{name}.weight", (h, into)
        yield f"multi_modal_projector.{name}.bias", (h,)
    yield "language_model.model.embed_tokens.weight", (rows, h)
    for i in range(layers):
        block = f"language_model.model.layers.{i}."
        for projection in ("q_proj", "k_proj", "v_proj", "o_proj"):
            yield f"{block}self_attn.{projection}.weight", (h, h)
        yield block + "mlp.gate_proj.weight", (mlp, h)
        yield block + "mlp.up_proj.weight", (mlp, h)
        yield block + "mlp.down_proj.weight", (h, mlp)
        yield block + "input_layernorm.weight", (h,)
        yield block + "post_attention_layernorm.weight", (h,)
    yield "language_model.model.norm.weight", (h,)
    yield "language_model.lm_head.weight", (rows, h)


def random_pool(source, dtype):
    """POOL_BYTES of little-endian 16-bit floats: any mantissa, either sign, one of two exponents."""
    if dtype == "bf16":  # sign, 8 bits of exponent (0x78 or 0x79), 7 of mantissa
        high = bytes((b & 0x80) | 0x3C for b in range(256))
    else:  # sign, 5 bits of exponent (8 or 9), 10 of mantissa
        high = bytes((b & 0x80) | 0x20 | (b & 0x07) for b in range(256))
    pool = bytearray(POOL_BYTES)
    pool[0::2] = source.randbytes(POOL_BYTES // 2)
    pool[1::2] = source.randbytes(POOL_BYTES // 2).translate(high)
    return memoryview(pool)


def write_tensor(file, name, size, pool, source, one):
    """Norms scale by 1 and shift by 0; everything else is pieces of the pool from random places."""
    if "norm" in name:
        file.write((one if name.endswith("weight") else b"\0\0") * (size // 2))
        return
    while size > 0:
        count = min(size, CHUNK_BYTES)
        start = 2 * source.randrange((POOL_BYTES - count) // 2)
        file.write(pool[start:start + count])
        size -= count


def byte_size(shape):
    return 2 * math.prod(shape)


def split(tensors):
    """Shards as save_pretrained cuts them: a new one where the next tensor would pass the limit."""
    shards, size = [[]], 0
    for name, shape in tensors:
        if shards[-1] and size + byte_size(shape) > SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append((name, shape))
        size += byte_size(shape)
    return shards


def write_shard(path, tensors, dtype, pool, source):
    """safetensors: the header's length, the header, the tensors one after the other."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        end = offset + byte_size(shape)
        header[name] = {"dtype": dtype.upper(), "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    one = {"bf16": b"\x80\x3f", "f16": b"\x00\x3c"}[dtype]
    with open(path, "wb", buffering=1 << 20) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            write_tensor(file, name, byte_size(shape), pool, source, one)


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def write_weights(folder, tensors, dtype, seed):
    source = random.Random(seed)
    pool = random_pool(source, dtype)
    shards = split(tensors)
    if len(shards) == 1:
        write_shard(f"{folder}/model.safetensors", tensors, dtype, pool, source)
        return
    weight_map = {}
    for number, part in enumerate(shards, 1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        write_shard(f"{folder}/{file}", part, dtype, pool, source)
        weight_map.update({name: file for name, _ in part})
    total = sum(byte_size(shape) for _, shape in tensors)
    write_json(f"{folder}/model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map})


def arguments():
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "llava-old-f32", "tokenizer.model")
    parser = argparse.ArgumentParser(description="Write a random checkpoint of a real model's shape.")
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("-o", "--output", required=True, metavar="DIR")
    parser.add_argument("--layers", type=int, default=TEXT["layers"], help="the language model's depth")
    parser.add_argument("--vision-layers", type=int, default=VISION["layers"])
    parser.add_argument("--dtype", choices=("bf16", "f16"), default="bf16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokenizer", default=beside, metavar="FILE", help="a tokenizer.model to copy")
    return parser.parse_args()


def main():
    args = arguments()
    shape = SHAPES[args.shape]
    os.makedirs(args.output, exist_ok=True)
    write_json(f"{args.output}/config.json", configuration(shape, args.layers, args.vision_layers, args.dtype))
    write_json(f"{args.output}/preprocessor_config.json", preprocessor(shape["image"]))
    write_json(f"{args.output}/generation_config.json", {
        "_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": shape["pad_token"],
        "transformers_version": "4.36.0.dev0"})
    if shape["added_tokens"]:
        write_json(f"{args.output}/added_tokens.json", shape["added_tokens"])
    shutil.copyfile(args.tokenizer, f"{args.output}/tokenizer.model")
    tensors = [*vision_tensors(shape["image"], args.vision_layers), *language_tensors(shape["rows"], args.layers)]
    write_weights(args.output, tensors, args.dtype, args.seed)


if __name__ == "__main__":
    main()
