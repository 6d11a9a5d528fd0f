#!/usr/bin/env python3
"""Writes models in GGUF, as llama.cpp's own converter and llama-quantize make them, and what transformers computes from their
dequantized weights.

    make_golden_gguf_models.py OUT            write OUT/images, OUT/gguf-NAME (two files each), OUT/gguf-NAME.ref, and
                                              vocabularies in OUT/gguf
    make_golden_gguf_models.py OUT NAME...    only these

Run as make_golden_today.py, all four files beside this one, with llama.cpp's tools, its conversion module and gguf installed. No
table of names stands here: a copy of each checkpoint, in which every weight is its own number, goes through the converter, too,
and tells for each number in a file of GGUF which weight it is. The projectors of LLaVA alone, which the converter has no more,
are written here, with the names that llama.cpp's older script gave them.
"""
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(1, "/usr/share/llama.cpp/llama.cpp-tools")

import gguf
import numpy as np
import torch
from conversion import ModelBase, ModelType, base, get_model_architecture, get_model_class
from conversion.llama import LlamaModel
from make_golden import CLIP_MEAN, CLIP_STD, PALETTE, make_images, write_json
from make_golden_today import load_model, make_checkpoint, make_more_images, reference, save_reference
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from today_checkpoints import CHECKPOINTS, WIDE, case, grid, llava_next_preprocessor, same_names

FTYPES = {"f32": gguf.LlamaFileType.ALL_F32, "f16": gguf.LlamaFileType.MOSTLY_F16, "bf16": gguf.LlamaFileType.MOSTLY_BF16,
          "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
CASES = [case(PALETTE, max_new_tokens=4), case(PALETTE, "In 2024, it's 12 o'clock!", max_new_tokens=4)]


# ------------------------------------------------------------------------------------------------------- checkpoints


def changed(name, seed, text, vision, types, **more):
    """A smaller one of make_golden_today.py's, whose rows have whole blocks."""
    spec = copy.deepcopy(CHECKPOINTS[name])
    spec.update({"seed": seed, "dtype": torch.float32, "shards": 1, "cases": CASES, "types": types, **more})
    config = spec["config"]
    config.get("text_config", config).update(text)
    config["vision_config"].update(vision)
    return spec


def llava(spec, kind, layers, **config):
    spec["config"].update({"vision_feature_layer": layers, "vision_feature_select_strategy": "default", **config})
    spec["config"]["vision_config"].update({"model_type": "clip_vision_model", "projection_dim": 32})
    spec.update({"class_token": True, "writer": kind, "names": same_names})
    return spec


def make_specs():
    text = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    qwen = {**text, "num_attention_heads": 2, "num_key_value_heads": 1}
    tower = {"depth": 3, "num_heads": 2}
    specs = {
        "llava-q4_0": llava(changed("llava-siglip-f32", 8, {**text, "num_attention_heads": 4, "num_key_value_heads": 2},
                                    {**vision, "image_size": 28, "patch_size": 7, "layer_norm_eps": 1e-05, "hidden_act": "quick_gelu"},
                                    ("q4_0", "f16")), "llava", -1),
        "llava-q4_k_m": llava(changed("llava-siglip-f32", 9, {"hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 2,
                                                              "num_attention_heads": 4, "num_key_value_heads": 2},
                                      {**vision, "image_size": 28, "patch_size": 7, "layer_norm_eps": 1e-05,
                                       "hidden_act": "quick_gelu"}, ("q4_k_m", "f16")), "llava", -1),
        "llavanext-q8_0": llava(changed("llavanext-llama3-bf16", 5, {**text, "num_attention_heads": 2},
                                        {**vision, "image_size": 20, "patch_size": 5, "hidden_act": "gelu"}, ("q8_0", "f16")),
                                "llava_next", [1, -1], multimodal_projector_bias=True),
        "smolvlm-q8_0": changed("smolvlm2-f32", 3, {**text, "head_dim": 8, "architectures": ["LlamaForCausalLM"]},
                                {**vision, "image_size": 20, "patch_size": 5}, ("q8_0", "q8_0")),
        "qwen2vl-q8_0": changed("qwen2vl-hub-bf16", 4, {**qwen, "rope_scaling": {"mrope_section": [2, 3, 3], "type": "mrope"}},
                                {**tower, "hidden_size": 32, "embed_dim": 32, "mlp_ratio": 2, "patch_size": 6}, ("q8_0", "q8_0"),
                                pixels=(864, 4320)),
        "qwen25vl-q5_1": changed("qwen25vl-hub-f16", 6, {**qwen, "rope_scaling": {"mrope_section": [2, 3, 3], "type": "mrope"}},
                                 {**tower, "hidden_size": 16, "intermediate_size": 24, "out_hidden_size": 32, "window_size": 112,
                                  "fullatt_block_indexes": [1], "patch_size": 14}, ("q5_1", "bf16"),
                                 cases=[{**wanted, "image": WIDE} for wanted in CASES]),
        "qwen3vl-q4_1": changed("qwen3vl-hub-bf16", 7, {**text, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32,
                                                        "rope_scaling": {"mrope_interleaved": True, "mrope_section": [8, 4, 4],
                                                                         "rope_type": "default"}},
                                {"depth": 3, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32,
                                 "patch_size": 6, "deepstack_visual_indexes": [0, 2], "num_position_embeddings": 16},
                                ("q4_1", "q8_0"), pixels=(1152, 4320)),
    }
    specs["qwen25vl-q5_1"]["files"]["preprocessor_config.json"].update({"patch_size": 14, "min_pixels": 3136, "max_pixels": 12845056})
    for name in ("llava-q4_0", "llava-q4_k_m", "llavanext-q8_0"):
        specs[name]["unused"] = r"post_layernorm"
    specs["smolvlm-q8_0"]["files"]["preprocessor_config.json"]["size"] = {"longest_edge": 40}
    pairs = grid(20, (1, 2), (2, 1))
    specs["llavanext-q8_0"]["files"]["processor_config.json"]["image_processor"] = llava_next_preprocessor(20, pairs)
    specs["llavanext-q8_0"]["config"]["image_grid_pinpoints"] = pairs
    for name in ("llava-q4_0", "llava-q4_k_m"):
        processor = specs[name]["files"]
        processor["preprocessor_config.json"] = {
            "crop_size": {"height": 28, "width": 28}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True,
            "do_pad": True, "do_rescale": True, "do_resize": True, "image_mean": CLIP_MEAN,
            "image_processor_type": "LlavaImageProcessor", "image_std": CLIP_STD, "resample": 3, "rescale_factor": 1 / 255,
            "size": {"shortest_edge": 28}}
        processor["processor_config.json"].update({"num_additional_image_tokens": 1, "vision_feature_select_strategy": "default"})
    return specs


# --------------------------------------------------------------------------------------------- llama.cpp's converter


def pre_tokenizer(folder):
    """The converter knows pre-tokenizers by what they make of a text with a whole vocabulary; these vocabularies are small."""
    text = Path(f"{folder}/tokenizer.json").read_text()
    return "smollm" if "Digits" in text else "llama-bpe" if "begin_of_text" in text else "qwen2"


def convert(folder, out, kind, mmproj, pixels=None):
    """`pixels`: the least and the most of a picture, which other converters write."""
    with torch.inference_mode():
        model = ModelType.MMPROJ if mmproj else ModelType.TEXT
        architecture = get_model_architecture(ModelBase.load_hparams(Path(folder), False), model)
        if architecture.startswith("LlavaNext") and not mmproj:
            converter = LlamaModel
        else:
            converter = get_model_class(architecture, mmproj=mmproj)
        base.TextModel.get_vocab_base_pre = lambda self, tokenizer: pre_tokenizer(folder)
        made = converter(Path(folder), FTYPES[kind], Path(out), model_name="small")
        if pixels:
            made.gguf_writer.add_vision_min_pixels(pixels[0])
            made.gguf_writer.add_vision_max_pixels(pixels[1])
        made.write()


def quantize(folder, out, kind):
    """Types that the converter does not write are llama-quantize's: for every matrix, or its mixture of several."""
    if kind in FTYPES:
        convert(folder, out, kind, False)
        return
    convert(folder, f"{out}.f32", "f32", False)
    pure = [] if kind.endswith("_m") else ["--pure"]
    subprocess.run(["llama-quantize", *pure, f"{out}.f32", out, kind.upper()], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    os.remove(f"{out}.f32")


def llava_names(name):
    """convert_image_encoder_to_gguf.py's: fc1 is called down, and fc2 up."""
    for old, new in (("model.multi_modal_projector.linear_1", "mm.0"), ("model.multi_modal_projector.linear_2", "mm.2"),
                     ("model.image_newline", "model.image_newline"), ("model.vision_tower.", "v."), ("encoder.layers", "blk"),
                     ("embeddings.", ""), ("_proj", ""), ("self_attn.", "attn_"), ("layer_norm", "ln"), ("mlp.fc1", "ffn_down"),
                     ("mlp.fc2", "ffn_up"), ("embedding", "embd"), ("layrnorm", "ln")):
        name = name.replace(old, new)
    return name


def write_llava(folder, out, spec, kind):
    config, half = spec["config"], np.float32 if kind == "f32" else np.float16
    vision, next_ = config["vision_config"], spec["writer"] == "llava_next"
    writer = gguf.GGUFWriter(out, "clip")
    writer.add_bool("clip.has_text_encoder", False)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.has_llava_projector", True)
    writer.add_string("clip.projector_type", "mlp")
    for key, value in (("image_size", vision["image_size"]), ("patch_size", vision["patch_size"]), ("block_count", 2),
                       ("embedding_length", vision["hidden_size"]), ("feed_forward_length", vision["intermediate_size"]),
                       ("attention.head_count", vision["num_attention_heads"]), ("projection_dim", 32)):
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", vision["layer_norm_eps"])
    if next_:
        pairs = spec["files"]["processor_config.json"]["image_processor"]["image_grid_pinpoints"]
        writer.add_array("clip.vision.image_grid_pinpoints", [side for height, width in pairs for side in (width, height)])
        writer.add_string("clip.vision.mm_patch_merge_type", "spatial_unpad")
        writer.add_array("clip.vision.feature_layer", [layer % 3 for layer in config["vision_feature_layer"]])
    writer.add_array("clip.vision.image_mean", CLIP_MEAN)
    writer.add_array("clip.vision.image_std", CLIP_STD)
    writer.add_bool("clip.use_gelu", vision["hidden_act"] == "gelu")
    for name, value in load_file(f"{folder}/model.safetensors").items():
        if name.startswith(("model.vision_tower", "model.multi_modal", "model.image")) and "post_layernorm" not in name:
            matrix = value.dim() == 4 or (value.dim() == 2 and name.endswith("weight"))
            writer.add_tensor(llava_names(name), value.squeeze().numpy().astype(half if matrix else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_mmproj(folder, out, spec, kind):
    if "writer" in spec:
        write_llava(folder, out, spec, kind)
    else:
        convert(folder, out, kind, True, spec.get("pixels"))


# ---------------------------------------------------------------------------------------------- dequantized weights


def dequantized(path):
    return {tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32).ravel()
            for tensor in gguf.GGUFReader(path).tensors}


def numbered(folder, weights):
    """A copy of the checkpoint in which every weight is its own number; where each tensor's begin."""
    shutil.copytree(folder, f"{folder}.numbers")
    starts, at = {}, 1
    for name, value in weights.items():
        starts[name], at = at, at + value.numel()
    assert at < 1 << 24, "f32 holds no more whole numbers"
    save_file({name: torch.arange(start, start + weights[name].numel()).float().reshape(weights[name].shape)
               for name, start in starts.items()}, f"{folder}.numbers/model.safetensors", metadata={"format": "pt"})
    return starts, at


def put_back(folder, spec, files):
    """The checkpoint with the weights that the files of GGUF hold."""
    weights = {name: value.float() for name, value in load_file(f"{folder}/model.safetensors").items()}
    starts, end = numbered(folder, weights)
    values = np.concatenate([np.zeros(1, np.float32)] + [value.numpy().ravel() for value in weights.values()])
    seen = np.zeros(end, bool)
    convert(f"{folder}.numbers", f"{folder}.numbers/model.gguf", "f32", False)
    write_mmproj(f"{folder}.numbers", f"{folder}.numbers/mmproj.gguf", spec, "f32")
    for file, kind in zip(("model.gguf", "mmproj.gguf"), files):
        now = dequantized(kind)
        for name, numbers in dequantized(f"{folder}.numbers/{file}").items():
            if name != "rope_freqs.weight":
                values[numbers.astype(np.int64)] = now[name]
                seen[numbers.astype(np.int64)] = True
    missing = [name for name, start in starts.items() if not seen[start:start + weights[name].numel()].all()]
    assert all("post_layernorm" in name for name in missing), missing
    save_file({name: torch.from_numpy(values[start:start + weights[name].numel()].copy()).reshape(weights[name].shape)
               for name, start in starts.items()}, f"{folder}/model.safetensors", metadata={"format": "pt"})


# -------------------------------------------------------------------------------------------------------- vocabularies

SPECIAL = {"qwen": {"eos_token": "<|im_end|>"}, "smolvlm": {"eos_token": "<|im_end|>"}, "llama2": {"bos_token": "<s>", "eos_token": "</s>", "additional_special_tokens": ["<image>", "<pad>"]},
           "llama3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}}


def make_vocabulary(out, name, work):
    """OUT/gguf/NAME.gguf: a tokenizer of tokenizer/NAME.json alone; of llama2 without SentencePiece's scores."""
    folder = f"{work}/{name}"
    os.makedirs(folder)
    shutil.copy(Path(__file__).parent / f"tokenizer/{name}.json", f"{folder}/tokenizer.json")
    rows = Tokenizer.from_file(f"{folder}/tokenizer.json").get_vocab_size()
    write_json(f"{folder}/config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "num_hidden_layers": 1, "vocab_size": rows,
        "num_attention_heads": 1})
    kind = "LlamaTokenizerFast" if name == "llama2" else "PreTrainedTokenizerFast"
    write_json(f"{folder}/tokenizer_config.json", {"tokenizer_class": kind, **SPECIAL[name]})
    save_file({"model.norm.weight": torch.ones(32)}, f"{folder}/model.safetensors")
    base.TextModel.get_vocab_base_pre = lambda self, tokenizer: pre_tokenizer(folder)
    LlamaModel(Path(folder), FTYPES["f32"], Path(f"{out}/gguf/{name}.gguf"), model_name="small").write_vocab()


# --------------------------------------------------------------------------------------------------------------- run


def make_one(out, name, spec, work):
    folder, place = f"{work}/{name}", f"{out}/gguf-{name}"
    make_checkpoint(folder, spec, spec["seed"])
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    files = f"{place}/model.gguf", f"{place}/mmproj-model.gguf"
    quantize(folder, files[0], spec["types"][0])
    write_mmproj(folder, files[1], spec, spec["types"][1])
    put_back(folder, spec, files)
    model, _ = load_model(folder, torch.float32)
    images, cases, _ = reference(folder, spec, model, f"{out}/images")
    for about, _ in cases:
        print(name, about["name"], len(about["ids"]), about["finish"], about["generated"], repr(about["response"]), about["bf16_margin"])
    save_reference(folder, spec, model, images, cases)
    shutil.rmtree(f"{place}.ref", ignore_errors=True)
    shutil.move(f"{folder}.ref", f"{place}.ref")


def main():
    out, specs = sys.argv[1], make_specs()
    make_images(f"{out}/images")
    make_more_images(f"{out}/images")
    os.makedirs(f"{out}/gguf", exist_ok=True)
    for name in sys.argv[2:] or [*specs, *SPECIAL]:
        with tempfile.TemporaryDirectory() as work:
            if name in specs:
                make_one(out, name, specs[name], work)
            else:
                make_vocabulary(out, name, work)


if __name__ == "__main__":
    main()
