#!/usr/bin/env python3
"""Make the golden references of BLIP-2 with T5: as make_golden.py, whose images it uses and whose helpers it shares.

    make_golden_blip2.py OUT                  write OUT/NAME (a checkpoint) and OUT/NAME.ref (its reference)
    make_golden_blip2.py OUT NAME...          only these
    make_golden_blip2.py --search N NAME      try seeds below N and print those whose greedy choices are safe in bf16
"""
import io
import os
import shutil
import sys
import tempfile

import sentencepiece
import torch
import transformers
from make_golden import (CLIP_MEAN, CLIP_STD, GRADIENT, GRAY16, NOISE, ORIENTED, PALETTE, SHAPES, TOKENIZER_TEXT, bf16_margin,
                         check_loading, make_images, open_image, pool, response_text, write_json, write_weights)
from safetensors.torch import save_file
from transformers import AutoConfig, AutoImageProcessor, Blip2ForConditionalGeneration, GenerationConfig

DEFAULT_PROMPT = "a photo of"
TEXT = TOKENIZER_TEXT + ["a photo of a dog", "a photo of a red ball on the grass", "Question: what is it? Answer: a cat",
                         "a picture of two people and a bird", "this is a photo of the sea"] * 6


def make_tokenizer(path, pieces, rule):
    """A SentencePiece model like T5's: unigram, <pad> 0, </s> 1, <unk> 2, and no begin token."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT), model_writer=model, model_type="unigram", vocab_size=pieces, hard_vocab_limit=False,
        character_coverage=1.0, normalization_rule_name=rule, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, num_threads=1, minloglevel=2)
    with open(path, "wb") as file:
        file.write(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def prompt_ids(tokenizer, prompt):
    """The ids on each side of the query tokens; the end token behind the last."""
    before, after = prompt.split("<image>") if "<image>" in prompt else ("", prompt)
    return tokenizer.encode(before), tokenizer.encode(after) + [tokenizer.eos_id()]


def preprocessor(size, **changes):
    """Salesforce/blip2-flan-t5-xl's at another size."""
    return {"do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": CLIP_MEAN,
            "image_processor_type": "BlipImageProcessor", "image_std": CLIP_STD, "processor_class": "Blip2Processor",
            "resample": 3, "rescale_factor": 0.00392156862745098, "size": {"height": size, "width": size}, **changes}


def case(image, prompt=DEFAULT_PROMPT, max_new_tokens=6):
    return {"image": image, "prompt": prompt, "template": "none", "max_new_tokens": max_new_tokens, "aspect": None}


CHECKPOINTS = {
    # The hub's spelling: Flan-T5's untied head, `dense_act_fn` "gelu" against feed_forward_proj's gelu_new, the shared
    # embedding three times in the file, no image_token_index, and the Q-Former's and the encoder's defaults left out.
    "blip2-old-f32": {
        "seed": 181, "dtype": torch.float32, "pieces": 140, "shards": 1, "copies": True, "head": True,
        "config": {
            "architectures": ["Blip2ForConditionalGeneration"], "initializer_factor": 1.0, "initializer_range": 0.02,
            "model_type": "blip-2", "num_query_tokens": 6,
            "qformer_config": {"classifier_dropout": None, "hidden_size": 30, "intermediate_size": 50,
                               "model_type": "blip_2_qformer", "num_attention_heads": 3, "num_hidden_layers": 3},
            "text_config": {"architectures": ["T5ForConditionalGeneration"], "bos_token_id": 1, "d_ff": 56, "d_kv": 12,
                            "d_model": 44, "decoder_start_token_id": 0, "dense_act_fn": "gelu", "eos_token_id": 1,
                            "feed_forward_proj": "gated-gelu", "is_encoder_decoder": True, "model_type": "t5",
                            "n_positions": 512, "num_decoder_layers": 3, "num_heads": 3, "num_layers": 2,
                            "output_past": True, "pad_token_id": 0, "relative_attention_max_distance": 128,
                            "relative_attention_num_buckets": 32, "tie_word_embeddings": False,
                            "torch_dtype": "float32", "vocab_size": 160},
            "tie_word_embeddings": False, "torch_dtype": "float32", "use_decoder_only_language_model": False,
            "vision_config": {"dropout": 0.0, "hidden_size": 36, "image_size": 42, "intermediate_size": 60,
                              "layer_norm_eps": 1e-05, "model_type": "blip_2_vision_model", "num_attention_heads": 4,
                              "num_channels": 3, "num_hidden_layers": 2, "projection_dim": 512}},
        "files": {"preprocessor_config.json": preprocessor(42)},
        "cases": [case(GRADIENT, max_new_tokens=9), case(SHAPES), case(NOISE), case(ORIENTED, "Question: what is it? Answer:"),
                  case(PALETTE, "Look at <image> and say what it is:"), case(GRAY16, "", 4)]},

    # The spelling of transformers 5: image_token_index, the processor's file, two end tokens, few buckets and a short
    # distance, the tied head without its own tensor: the states are scaled.
    "blip2-new-bf16": {
        "seed": 58, "dtype": torch.bfloat16, "pieces": 140, "shards": 3, "rule": "nmt_nfkc", "copies": False, "head": False,
        "config": {
            "architectures": ["Blip2ForConditionalGeneration"], "dtype": "bfloat16", "image_text_hidden_size": 256,
            "image_token_index": 142, "model_type": "blip-2", "num_query_tokens": 8,
            "qformer_config": {"cross_attention_frequency": 2, "encoder_hidden_size": 36, "hidden_act": "gelu",
                               "hidden_size": 32, "intermediate_size": 64, "layer_norm_eps": 1e-12,
                               "model_type": "blip_2_qformer", "num_attention_heads": 2, "num_hidden_layers": 3,
                               "use_qformer_text_input": False},
            "text_config": {"d_ff": 64, "d_kv": 8, "d_model": 48, "decoder_start_token_id": 0, "dense_act_fn": "gelu_new",
                            "eos_token_id": 1, "feed_forward_proj": "gated-gelu", "is_gated_act": True,
                            "layer_norm_epsilon": 1e-06, "model_type": "t5", "num_decoder_layers": 2, "num_heads": 5,
                            "num_layers": 3, "pad_token_id": 0, "relative_attention_max_distance": 10,
                            "relative_attention_num_buckets": 8, "scale_decoder_outputs": True,
                            "tie_word_embeddings": True, "vocab_size": 152},
            "transformers_version": "5.12.1", "vision_config": {
                "attention_dropout": 0.0, "hidden_act": "gelu", "hidden_size": 36, "image_size": 32,
                "intermediate_size": 60, "layer_norm_eps": 1e-06, "model_type": "blip_2_vision_model",
                "num_attention_heads": 3, "num_hidden_layers": 2, "patch_size": 8, "qkv_bias": True}},
        "files": {
            "processor_config.json": {"image_processor": preprocessor(32), "num_query_tokens": 8,
                                      "processor_class": "Blip2Processor"},
            "generation_config.json": {"_from_model_config": True, "decoder_start_token_id": 0, "eos_token_id": [1, 143],
                                       "pad_token_id": 0, "transformers_version": "5.12.1"},
            "added_tokens.json": {"<image>": 142, "<end_of_answer>": 143}},
        "cases": [case(GRADIENT, max_new_tokens=8), case(SHAPES), case(NOISE), case(ORIENTED, "Question: what is it? Answer:"),
                  case(PALETTE, "a picture of")]},

    # Nothing is a multiple of anything; qkv without a bias; cross-attention in every third layer; one query; T5's first
    # version: a plain relu, and the defaults of what is left out; the tied head under its own name in the file.
    "blip2-odd-f16": {
        "seed": 92, "dtype": torch.float16, "pieces": 133, "shards": 2, "copies": False, "head": True,
        "config": {
            "architectures": ["Blip2ForConditionalGeneration"], "model_type": "blip-2", "num_query_tokens": 5,
            "qformer_config": {"cross_attention_frequency": 3, "hidden_size": 35, "intermediate_size": 41,
                               "hidden_act": "relu", "layer_norm_eps": 1e-03, "model_type": "blip_2_qformer",
                               "num_attention_heads": 5, "num_hidden_layers": 5},
            "text_config": {"d_ff": 50, "d_kv": 9, "d_model": 39, "model_type": "t5", "num_heads": 5, "num_layers": 2,
                            "relative_attention_num_buckets": 10, "relative_attention_max_distance": 6,
                            "layer_norm_epsilon": 1e-03, "decoder_start_token_id": 3, "vocab_size": 137,
                            "tie_word_embeddings": False},
            "torch_dtype": "float16",
            "vision_config": {"hidden_size": 33, "image_size": 30, "intermediate_size": 47, "hidden_act": "gelu",
                              "layer_norm_eps": 1e-03, "model_type": "blip_2_vision_model", "num_attention_heads": 3,
                              "num_hidden_layers": 2, "patch_size": 7, "qkv_bias": False}},
        "files": {"preprocessor_config.json": preprocessor(30, image_mean=[0.5, 0.45, 0.4], image_std=[0.25, 0.3, 0.28])},
        "cases": [case(GRADIENT), case(SHAPES), case(GRAY16, "a photo of a"), case(NOISE, "Where is it?", 7)]},
}

LANGUAGE_SPECS = ["llm:all:mean:-1", "llm:generated:mean:-1", "llm:generated:max:-1", "llm:end:last:-1", "llm:all:mean:-2",
                  "llm:input:mean:1", "llm:image:max:0", "llm:prompt:mean:-1", "llm:image:mean:-2", "llm:all:last:0"]
BEFORE_SPECS = ["llm:all:mean:-1", "llm:end:last:2", "llm:image:mean:0"]  # with --before-generation
IMAGE_SPECS = ["encoder:patches:mean:-1", "encoder:patches:mean:-2", "encoder:cls:mean:-2", "encoder:all:max:0",
               "encoder:patches:last:-1", "pixels", "adaptor:all:mean", "encoder:patches:mean", "encoder:cls:mean"]


# --------------------------------------------------------------------------------------------------------- weights


def random_weight(name, shape, generator):
    """Spreads chosen so that attention is neither flat nor one-hot, and every block moves the states."""
    value = torch.randn(shape, generator=generator)
    if "norm" in name.lower():
        return 1 + 0.2 * value if name.endswith("weight") else 0.1 * value
    if name.endswith("bias"):
        return 0.1 * value
    if "relative_attention_bias" in name:
        return value
    if name.endswith("shared.weight") or "embed_tokens" in name:
        return 0.7 * value
    if "position_embedding" in name or "class_embedding" in name or "query_tokens" in name:
        return 0.5 * value
    if "patch_embedding" in name:
        return value / (shape[1] * shape[2] * shape[3]) ** 0.5
    if name.endswith(("SelfAttention.q.weight", "EncDecAttention.q.weight")):  # T5 does not divide by the root of d_kv
        return 1.1 * value / shape[1] ** 0.5 / (shape[0] / HEADS[0]) ** 0.5
    if "language_projection" in name:
        return 1.4 * value / shape[1] ** 0.5
    return 1.1 * value / shape[1] ** 0.5


HEADS = [1]


def make_weights(config, tokenizer, spec, seed):
    """Every parameter under its own name, at the precision of the file."""
    with torch.device("meta"):
        model = Blip2ForConditionalGeneration(config)
    HEADS[0] = config.text_config.num_heads
    shared = {"language_model." + name for name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")}
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items() if name not in shared}
    generator = torch.Generator().manual_seed(seed)
    weights = {name: random_weight(name, shape, generator) for name, shape in sorted(shapes.items())}
    embedding, name = weights["language_model.shared.weight"], "language_model.lm_head.weight"
    if not spec["head"]:
        del weights[name]
        weights["language_model.decoder.final_layer_norm.weight"] *= torch.randn(embedding.shape[1],
                                                                                 generator=generator).sign()
    head = weights.get(name, embedding)
    longest = sorted(range(3, tokenizer.piece_size()), key=lambda i: (-len(tokenizer.id_to_piece(i)), i))
    head[[1] + longest[:6] + [head.shape[0] - 1]] *= 4  # a few tokens lead clearly
    head[[0, 2]] = 0  # <pad> and <unk> never do
    return {name: value.to(spec["dtype"]) for name, value in weights.items()}


def make_checkpoint(folder, spec, seed):
    """The folder; returns the weights."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    write_json(f"{folder}/config.json", spec["config"])
    for file, value in spec["files"].items():
        write_json(f"{folder}/{file}", value)
    tokenizer = make_tokenizer(f"{folder}/spiece.model", spec["pieces"], spec.get("rule", "identity"))
    assert tokenizer.piece_size() <= spec["pieces"], tokenizer.piece_size()
    weights = make_weights(AutoConfig.from_pretrained(folder), tokenizer, spec, seed)
    copies = {f"language_model.{part}.embed_tokens.weight": weights["language_model.shared.weight"].clone()
              for part in ("encoder", "decoder") if spec["copies"]}
    write_weights(folder, {**weights, **copies}, spec["shards"])
    return weights


# ------------------------------------------------------------------------------------------------------- reference


def load_model(folder, dtype):
    model, info = Blip2ForConditionalGeneration.from_pretrained(folder, dtype=dtype, attn_implementation="eager",
                                                                output_loading_info=True)
    return model.eval(), info


def to_pixels(folder, image):
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    assert type(processor).__name__ == "BlipImageProcessorPil", type(processor)
    return processor(image, return_tensors="np")["pixel_values"][0]


@torch.no_grad()
def image_tensors(model, pixels):
    """The encoder's states (the last with the post-layernorm), the Q-Former's, and what its cross-attention sees."""
    batch = torch.from_numpy(pixels).unsqueeze(0)
    vision = model.vision_model(pixel_values=batch, output_hidden_states=True)
    states = torch.cat(vision.hidden_states[:-1] + (vision.last_hidden_state,))
    assert len(states) == model.config.vision_config.num_hidden_layers + 1
    query = model.qformer(query_embeds=model.query_tokens, encoder_hidden_states=vision.last_hidden_state,
                          output_hidden_states=True, output_attentions=True)
    start = model.qformer.layernorm(model.query_tokens)
    assert torch.equal(query.hidden_states[0], start)
    features = model.get_image_features(pixel_values=batch).pooler_output[0]
    cross = torch.stack([a for a in query.cross_attentions if a is not None])  # (layers, 1, heads, queries, positions)
    assert cross.shape[-1] == states.shape[1]
    return {"pixels": batch[0], "vision_hidden_states": states, "qformer_hidden_states": torch.cat(query.hidden_states),
            "projected": features, "query_attention": cross.mean((0, 1, 2))[:, 1:]}


def end_tokens(folder):
    ends = None
    if os.path.exists(f"{folder}/generation_config.json"):
        ends = GenerationConfig.from_pretrained(folder).eos_token_id
    if ends is None:
        ends = AutoConfig.from_pretrained(folder).text_config.eos_token_id
    return ends if isinstance(ends, list) else [ends]


def start_token(model):
    start = getattr(model.config.text_config, "decoder_start_token_id", None)
    return model.config.text_config.pad_token_id if start is None else start


def run_language(model, image, before, after, decoder_ids):
    embed = model.language_model.get_input_embeddings()
    visual = image["projected"].to(embed.weight.dtype)
    inputs = torch.cat([embed(torch.tensor(before, dtype=torch.long)), visual, embed(torch.tensor(after))]).unsqueeze(0)
    return model.language_model(inputs_embeds=inputs, attention_mask=torch.ones(inputs.shape[:2], dtype=torch.long),
                                decoder_input_ids=torch.tensor([decoder_ids]), output_hidden_states=True,
                                output_attentions=True, use_cache=False), inputs


@torch.no_grad()
def case_tensors(model, bf16_model, image, before, after, ends, limit):
    """Everything that the language model does for a case."""
    start, generated = [start_token(model)], []
    while len(generated) < limit and (not generated or generated[-1] not in ends):
        output, _ = run_language(model, image, before, after, start + generated)
        generated.append(int(output.logits[0, -1].argmax()))
    output, inputs = run_language(model, image, before, after, start + generated)
    bf16_output, _ = run_language(bf16_model, image, before, after, start + generated)
    logits = output.logits[0, :-1]
    assert logits.argmax(-1).tolist() == generated
    top = logits.topk(2, dim=-1).values

    queries = slice(len(before), len(before) + image["projected"].shape[0])
    cross = torch.cat(output.cross_attentions)  # (blocks, heads, positions, encoder's positions)
    to_queries = cross.mean(1)[:, :, queries]  # from the start token and where each generated token is fed in
    text = model.config.text_config  # transformers 5.12 sizes its cache by the encoder's depth
    generated_by_transformers = model.language_model.generate(
        inputs_embeds=inputs, max_new_tokens=limit, do_sample=False, eos_token_id=ends, pad_token_id=0,
        decoder_start_token_id=start[0], use_cache=text.num_decoder_layers <= text.num_layers)
    assert generated_by_transformers[0, 1:].tolist() == generated
    return {
        "ids_before": torch.tensor(before, dtype=torch.int32), "ids_after": torch.tensor(after, dtype=torch.int32),
        "generated": torch.tensor(generated, dtype=torch.int32), "encoder_hidden_states": torch.cat(output.encoder_hidden_states),
        "decoder_hidden_states": torch.cat(output.decoder_hidden_states), "logits": logits,
        "attention": to_queries @ image["query_attention"],
        "top_two_gap": top[:, 0] - top[:, 1],
        "bf16_logit_error": (bf16_output.logits[0, :-1].float() - logits).abs().max(-1).values}


@torch.no_grad()
def check_generate(model, tensors, image, ends, limit):
    """Where the configuration has an image token, the whole model's own generate() says the same."""
    if model.config.image_token_index is None:
        return
    ids = tensors["ids_before"].tolist() + [model.config.image_token_index] * image["projected"].shape[0] \
        + tensors["ids_after"].tolist()
    output = model.generate(input_ids=torch.tensor([ids]), pixel_values=image["pixels"].unsqueeze(0), max_new_tokens=limit,
                            do_sample=False, eos_token_id=ends, pad_token_id=0)
    assert output[0, 1:].tolist() == tensors["generated"].tolist()


# -------------------------------------------------------------------------------------------------------- features


def language_feature(text, tensors, visual_tokens, before_generation=False):
    _, tokens, how, layer = text.split(":")
    image_at, inputs = len(tensors["ids_before"]), tensors["encoder_hidden_states"].shape[1]
    positions = list(range(inputs))
    image = positions[image_at:image_at + visual_tokens]
    chosen = {"input": positions, "image": image, "prompt": [p for p in positions if p not in image]}
    if before_generation:
        chosen.update({"all": positions, "end": positions[-1:]})
    if tokens in chosen:
        return pool(tensors["encoder_hidden_states"][int(layer)][chosen[tokens]], how)
    states = tensors["decoder_hidden_states"][int(layer)]
    return pool({"all": states, "generated": states[1:], "end": states[-1:]}[tokens], how)


def image_feature(text, tensors):
    source, *rest = text.split(":")
    if source == "pixels":
        return tensors["pixels"].flatten()
    if source == "adaptor":
        return pool(tensors["projected"], rest[1])
    tokens, how, layer = rest + [-1] * (3 - len(rest))
    states = tensors["vision_hidden_states"][int(layer)]
    return pool({"patches": states[1:], "cls": states[:1], "all": states}[tokens], how)


# --------------------------------------------------------------------------------------------------- one checkpoint


def reference_images(folder, spec, model, images_folder):
    result = []
    for image in dict.fromkeys(c["image"] for c in spec["cases"]):
        pixels = to_pixels(folder, open_image(f"{images_folder}/{image}"))
        result.append(({"name": f"image{len(result)}", "image": image, "aspect": None}, image_tensors(model, pixels)))
    return result


def reference_cases(folder, spec, model, images):
    """Yields (description, tensors) of each case."""
    bf16_model, _ = load_model(folder, torch.bfloat16)
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=f"{folder}/spiece.model")
    ends = end_tokens(folder)
    by_image = {about["image"]: (about, tensors) for about, tensors in images}
    for number, wanted in enumerate(spec["cases"]):
        about, image = by_image[wanted["image"]]
        before, after = prompt_ids(tokenizer, wanted["prompt"])
        tensors = case_tensors(model, bf16_model, image, before, after, ends, wanted["max_new_tokens"])
        generated = tensors["generated"].tolist()
        yield {"name": f"case{number}", "image_tensors": about["name"], **wanted, "ids_before": before,
               "ids_after": after, "visual_tokens": image["projected"].shape[0], "generated": generated,
               "response": response_text(tokenizer, generated), "finish": "end" if generated[-1] in ends else "length",
               "bf16_margin": bf16_margin(tensors)}, tensors


def check_lively(images, cases):
    """Features of two images differ; no component outweighs the others; blocks move the states."""
    def relative(a, b):
        return float((a - b).norm() / b.norm())
    stacks = [t[k] for _, t in images for k in ("vision_hidden_states", "qformer_hidden_states")]
    stacks += [t[k] for _, t in cases for k in ("encoder_hidden_states", "decoder_hidden_states")]
    for layers in stacks:
        last = layers[-1]
        assert float((last.abs().max(-1).values / last.norm(dim=-1)).median()) < 0.8, "one component dominates"
        assert all(relative(b, a) > 0.1 for a, b in zip(layers[:-1], layers[1:])), "a block does nothing"
    for key in ("vision_hidden_states", "qformer_hidden_states"):
        assert relative(images[0][1][key][-1], images[1][1][key][-1]) > 0.05, f"the images look alike to {key}"
    first, second = (tensors["decoder_hidden_states"][-1].mean(0) for _, tensors in cases[:2])
    assert relative(first, second) > 0.02, "the images look alike to the language model"


def check_ends(spec, cases):
    assert any(about["finish"] == "end" and len(about["generated"]) > 2 for about, _ in cases), "no response ends in its middle"


def make_reference(folder, images, cases):
    tensors = {}
    for about, image in images:
        tensors.update({f"{about['name']}/{key}": value for key, value in image.items()})
        tensors.update({f"{about['name']}/feature/{text}": image_feature(text, image)
                        for text in IMAGE_SPECS if text != "pixels"})
        about["features"] = IMAGE_SPECS
    for about, values in cases:
        about["features"], about["before_generation_features"] = LANGUAGE_SPECS, BEFORE_SPECS
        tensors.update({f"{about['name']}/{key}": value for key, value in values.items()})
        for text in LANGUAGE_SPECS:
            tensors[f"{about['name']}/feature/{text}"] = language_feature(text, values, about["visual_tokens"])
        for text in BEFORE_SPECS:
            tensors[f"{about['name']}/before/{text}"] = language_feature(text, values, about["visual_tokens"], True)
    os.makedirs(f"{folder}.ref", exist_ok=True)
    save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, f"{folder}.ref/reference.safetensors")
    write_json(f"{folder}.ref/reference.json", {
        "checkpoint": os.path.basename(folder), "transformers": transformers.__version__, "torch": torch.__version__,
        "end_tokens": end_tokens(folder), "bf16_safe": all(about["bf16_margin"] > 1 for about, _ in cases),
        "images": [about for about, _ in images], "cases": [about for about, _ in cases]})


def make_one(out, name):
    spec, folder = CHECKPOINTS[name], f"{out}/{name}"
    weights = make_checkpoint(folder, spec, spec["seed"])
    model, info = load_model(folder, torch.float32)
    check_loading(model, info, weights)
    images = reference_images(folder, spec, model, f"{out}/images")
    cases = list(reference_cases(folder, spec, model, images))
    for about, tensors in cases:
        image = dict((a["name"], t) for a, t in images)[about["image_tensors"]]
        check_generate(model, tensors, image, end_tokens(folder), about["max_new_tokens"])
    check_ends(spec, cases)
    check_lively(images, cases)
    make_reference(folder, images, cases)
    for about, _ in cases:
        print(name, about["name"], about["finish"], about["generated"], repr(about["response"]), about["bf16_margin"])


def varied(cases):
    responses = [about["generated"] for about, _ in cases]
    return all(len(set(r)) >= min(2, len(r)) for r in responses) and len({tuple(r[:3]) for r in responses}) > 1


def search(name, count):
    spec = CHECKPOINTS[name]
    with tempfile.TemporaryDirectory() as out:
        make_images(f"{out}/images")
        for seed in range(count):
            make_checkpoint(f"{out}/{name}", spec, seed)
            model, _ = load_model(f"{out}/{name}", torch.float32)
            images, cases = reference_images(f"{out}/{name}", spec, model, f"{out}/images"), []
            for found in reference_cases(f"{out}/{name}", spec, model, images):
                cases.append(found)
                if found[0]["bf16_margin"] < 1.1:
                    break
            try:
                assert cases[-1][0]["bf16_margin"] >= 1.1 and varied(cases)
                check_ends(spec, cases)
                check_lively(images, cases)
            except AssertionError:
                continue
            print(seed, min(about["bf16_margin"] for about, _ in cases),
                  [(about["finish"], about["generated"]) for about, _ in cases], flush=True)


def main():
    if sys.argv[1:2] == ["--search"]:
        search(sys.argv[3], int(sys.argv[2]))
        return
    out, names = sys.argv[1], sys.argv[2:] or list(CHECKPOINTS)
    make_images(f"{out}/images")
    for name in names:
        make_one(out, name)


if __name__ == "__main__":
    main()
