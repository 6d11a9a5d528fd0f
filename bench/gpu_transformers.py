"""Times transformers on a GPU, for comparison with `lmvr bench --device cuda`: end to end at the same shape and batch.

    python3 gpu_transformers.py llava-1.5-7b|qwen3-vl-2b [--batch 64] [--new-tokens 64] [--device cuda] [--blocks N]

Random weights in bf16, attention by sdpa, greedy decoding with the default cache. Images are pixels on the GPU already, of the size
that lmvr's are after its preprocessing, and prompts are ids: lmvr does that work within its time. Prints images per second, of the
best of three rounds after one that warms up.
"""
import argparse
import time

import torch
import transformers

TEXT = 40  # ids around an image, as in lmvr bench
IMAGE = 5  # the id that stands for a visual token

LLAVA = dict(
    image_token_index=IMAGE, vision_feature_layer=-2,
    vision_config=dict(model_type="clip_vision_model", image_size=336, patch_size=14, hidden_size=1024, num_hidden_layers=24,
                       num_attention_heads=16, intermediate_size=4096),
    text_config=dict(model_type="llama", vocab_size=32064, hidden_size=4096, num_hidden_layers=32, num_attention_heads=32,
                     intermediate_size=11008, rms_norm_eps=1e-5, max_position_embeddings=4096))
QWEN3_VL = dict(
    image_token_id=IMAGE, video_token_id=6, vision_start_token_id=7, vision_end_token_id=8, tie_word_embeddings=True,
    vision_config=dict(depth=24, hidden_size=1024, num_heads=16, intermediate_size=4096, patch_size=16, num_position_embeddings=2304,
                       deepstack_visual_indexes=[5, 11, 17], out_hidden_size=2048),
    text_config=dict(vocab_size=151936, hidden_size=2048, num_hidden_layers=28, num_attention_heads=16, num_key_value_heads=8,
                     head_dim=128, intermediate_size=6144, max_position_embeddings=262144, tie_word_embeddings=True,
                     rope_parameters=dict(rope_type="default", rope_theta=5000000, mrope_interleaved=True, mrope_section=[24, 20, 20])))


def llava_inputs(batch):
    ids = [9] * 8 + [IMAGE] * 576 + [9] * (TEXT - 8)
    return ids, dict(pixel_values=torch.rand(batch, 3, 336, 336) * 2 - 1)


def qwen3_vl_inputs(batch):
    side = 480 // 16  # patches, of the images of lmvr bench
    ids = [9] * 7 + [7] + [IMAGE] * (side * side // 4) + [8] + [9] * (TEXT - 9)
    types = torch.tensor([[int(i == IMAGE) for i in ids]] * batch)
    return ids, dict(pixel_values=torch.rand(batch * side * side, 3 * 2 * 16 * 16) * 2 - 1,
                     image_grid_thw=torch.tensor([[1, side, side]] * batch), mm_token_type_ids=types)


SHAPES = {
    "llava-1.5-7b": (transformers.LlavaConfig, LLAVA, "LlavaForConditionalGeneration", llava_inputs),
    "qwen3-vl-2b": (getattr(transformers, "Qwen3VLConfig", None), QWEN3_VL, "Qwen3VLForConditionalGeneration", qwen3_vl_inputs),
}


def make_model(shape, device, blocks):
    config_class, numbers, name, _ = SHAPES[shape]
    if blocks:
        numbers["text_config"]["num_hidden_layers"] = blocks
    config = config_class(**numbers)
    config._attn_implementation = "sdpa"
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = getattr(transformers, name)(config).eval()
    torch.set_default_dtype(torch.float32)
    return model


def make_inputs(shape, device, batch):
    ids, others = SHAPES[shape][3](batch)
    inputs = dict(input_ids=torch.tensor([ids] * batch), attention_mask=torch.ones(batch, len(ids), dtype=torch.long), **others)
    inputs["pixel_values"] = inputs["pixel_values"].to(torch.bfloat16)
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def seconds_of(model, inputs, new_tokens, device):
    begin = time.perf_counter()
    with torch.inference_mode():
        out = model.generate(**inputs, do_sample=False, min_new_tokens=new_tokens, max_new_tokens=new_tokens, pad_token_id=0)
    if device != "cpu":
        torch.cuda.synchronize()
    assert out.shape[1] == inputs["input_ids"].shape[1] + new_tokens
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--blocks", type=int, default=0, help="of the language model (default: all)")
    a = parser.parse_args()
    torch.manual_seed(0)
    model, inputs = make_model(a.shape, a.device, a.blocks), make_inputs(a.shape, a.device, a.batch)
    seconds_of(model, inputs, a.new_tokens, a.device)
    best = min(seconds_of(model, inputs, a.new_tokens, a.device) for _ in range(3))
    where = torch.cuda.get_device_name() if a.device != "cpu" else "cpu"
    print(f"{where}; PyTorch {torch.__version__}, transformers {transformers.__version__}, bf16, sdpa")
    print(f"{a.shape}: end to end, batch {a.batch}, {a.new_tokens} new tokens: {a.batch / best:.4g} images/s ({best:.4g} s a batch)")


if __name__ == "__main__":
    main()
