"""Times PyTorch's training steps for comparison with `lmvr bench --train`: the same shapes, batches and lengths, random weights.

    python3 train_reference.py [--shape lmvr-small|llava-1b|llava-1.5-7b] [--layers N] [--dtype f32|bf16] [--rows align,instruct,...]
                               [--device cpu|cuda]

transformers' models, two threads, AdamW (fused), clip_grad_norm_; bf16 by autocast over f32 weights, frozen parts kept in bf16.
Attention is the faster of eager and sdpa. Only rows whose next token is a target go through the head, as in lmvr. Parameters that a
row does not use are not trained. Prints the best step.
"""
import argparse
import time

import torch
from transformers import CLIPConfig, CLIPModel, CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

KINDS = {  # sequences, tokens, learned
    "align": (16, 30, 30),
    "instruct": (8, 120, 60),
    "language": (8, 256, 255),
    "contrastive": (0, 30, 0),
}
CLIP_L = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=224, patch_size=14)
TEXT_L = dict(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
              max_position_embeddings=77, eos_token_id=2)
SHAPES = {  # vision, text, projection, pairs, feature state, language
    "lmvr-small": (
        dict(hidden_size=192, intermediate_size=768, num_hidden_layers=5, num_attention_heads=3, image_size=192, patch_size=16),
        dict(vocab_size=1026, hidden_size=192, intermediate_size=512, num_hidden_layers=2, num_attention_heads=3,
             max_position_embeddings=64, bos_token_id=1024, eos_token_id=1025),
        256, 64, 4,
        dict(vocab_size=1088, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=4,
             intermediate_size=704)),
    "llava-1b": (
        CLIP_L, TEXT_L, 768, 8, 23,
        dict(vocab_size=32000, hidden_size=2048, num_hidden_layers=22, num_attention_heads=32, num_key_value_heads=4,
             intermediate_size=5632)),
    "llava-1.5-7b": (
        dict(CLIP_L, image_size=336), TEXT_L, 768, 8, 23,
        dict(vocab_size=32064, hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=32,
             intermediate_size=11008)),
}


class Llava(torch.nn.Module):
    def __init__(self, shape, kind, layers, attention, half):
        super().__init__()
        vision, _, _, _, self.state, language = SHAPES[shape]
        language = dict(language, num_hidden_layers=layers or language["num_hidden_layers"])
        self.learned = KINDS[kind][2]
        self.language = LlamaForCausalLM(LlamaConfig(**language, attn_implementation=attention, use_cache=False))
        self.encoder = None
        if kind != "language":
            depth = min(self.state, layers or self.state)
            config = CLIPVisionConfig(**dict(vision, num_hidden_layers=depth), attn_implementation=attention)
            self.encoder = frozen(CLIPVisionModel(config), half)
            wide = language["hidden_size"]
            self.projector = torch.nn.Sequential(torch.nn.Linear(vision["hidden_size"], wide), torch.nn.GELU(),
                                                 torch.nn.Linear(wide, wide))
        if kind == "align":
            frozen(self.language, half)

    def forward(self, pixels, tokens):
        x = self.language.model.embed_tokens(tokens)
        if self.encoder:
            with torch.no_grad():
                features = self.encoder(pixels.to(self.encoder.dtype), output_hidden_states=True).hidden_states[-1][:, 1:]
            x = torch.cat([self.projector(features.float()).to(x.dtype), x], 1)
        states = self.language.model(inputs_embeds=x).last_hidden_state
        states, targets = states[:, -self.learned - 1:-1], tokens[:, -self.learned:]
        logits = self.language.lm_head(states.reshape(-1, states.shape[-1]))
        return torch.nn.functional.cross_entropy(logits.float(), targets.reshape(-1))


class Contrastive(torch.nn.Module):
    def __init__(self, shape, layers, attention):
        super().__init__()
        vision, text, projection = SHAPES[shape][:3]
        vision, text = (dict(d, num_hidden_layers=min(d["num_hidden_layers"], layers or 99)) for d in (vision, text))
        config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=projection)
        config._attn_implementation = attention
        self.clip = CLIPModel(config)

    def forward(self, pixels, tokens):
        return self.clip(input_ids=tokens, pixel_values=pixels, return_loss=True).loss


def frozen(module, half):
    module.requires_grad_(False)
    return module.to(torch.bfloat16) if half else module


def measure(args, kind, attention):
    """Returns the number of sequences or pairs, the tokens of each, and the seconds of the best step."""
    half = args.dtype == "bf16"
    torch.manual_seed(1)
    count, length, _ = KINDS[kind]
    vision, text, _, pairs, _, language = SHAPES[args.shape]
    clip = kind == "contrastive"
    count = count or pairs
    with torch.device(args.device):
        model = Contrastive(args.shape, args.layers, attention) if clip else Llava(args.shape, kind, args.layers, attention, half)
    tokens = torch.randint(3, (text if clip else language)["vocab_size"] - 3, (count, length))
    if clip:
        tokens[:, -1] = text["eos_token_id"] if args.shape == "lmvr-small" else text["vocab_size"] - 1
    pixels = torch.rand(count, 3, vision["image_size"], vision["image_size"]) * 2 - 1
    tokens, pixels = tokens.to(args.device), pixels.to(args.device)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.1, fused=True)
    best, begin, step = 1e9, time.perf_counter(), 0
    while step < 4 or time.perf_counter() - begin < args.seconds:
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(args.device, torch.bfloat16, enabled=half):
            loss = model(pixels, tokens)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        if args.device != "cpu":
            torch.cuda.synchronize()
        if step >= 2:
            best = min(best, time.perf_counter() - start)
        step += 1
    patches = 0 if clip or kind == "language" else (vision["image_size"] // vision["patch_size"]) ** 2
    return count, length + patches, best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", default="lmvr-small", choices=SHAPES)
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--dtype", default="bf16", choices=["f32", "bf16"])
    parser.add_argument("--rows", default=",".join(KINDS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--attention", default="eager,sdpa")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for kind in args.rows.split(","):
        for attention in args.attention.split(","):
            count, length, seconds = measure(args, kind, attention)
            speed = count / seconds if kind == "contrastive" else count * length / seconds
            unit = "images/s" if kind == "contrastive" else "tokens/s"
            print(f"{kind:12} {attention:6} {speed:10.4g} {unit}", flush=True)


if __name__ == "__main__":
    main()
