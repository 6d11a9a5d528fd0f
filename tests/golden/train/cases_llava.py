"""The cases of CLIP, LLaMA and LLaVA."""
import torch
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel, LlamaConfig, LlamaForCausalLM, LlavaConfig, LlavaForConditionalGeneration
from train_common import (BATCHES, CLIP_PREPROCESSOR, Case, Training, fill, load_model, make_pixels, pack, padded, random_tensor,
                          random_words, save_model, start_parameters, trained, unpack)

VOCABULARY = 64
VISUAL = 16  # visual tokens of a picture: (16 / 4) squared
IMAGE_TOKEN = VOCABULARY - 1  # stands for a visual token in transformers alone; not in the batches
VISION = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 3, "image_size": 16,
          "patch_size": 4, "hidden_act": "quick_gelu"}
LLAMA = {"vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
         "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}

# ------------------------------------------------------------------------------------------------------- contrastive


def clip_folder(out):
    config = CLIPConfig(projection_dim=20, vision_config=VISION, text_config={
        "vocab_size": 60, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3,
        "max_position_embeddings": 24, "hidden_act": "quick_gelu", "bos_token_id": 58, "eos_token_id": 59, "pad_token_id": 0})
    save_model(fill(CLIPModel(config), 11), f"{out}/contrastive/model", CLIP_PREPROCESSOR)


def contrastive(out):
    clip_folder(out)
    generator = torch.Generator().manual_seed(12)
    lengths, batches = [5, 9, 20, 7], []
    for number in range(BATCHES):
        texts = [[58] + random_words(generator, length - 2, 1, 57) + [59] for length in lengths]
        batches.append(pack([{"tokens": t, "image": i} for i, t in enumerate(texts)], make_pixels(100 + 2 * number, 4)))

    def build(dtype, start):
        model, parameters = load_model(CLIPModel, f"{out}/contrastive/model", dtype)

        def loss(batch):
            ids, mask = padded([tokens for tokens, *_ in unpack(batch)], 0)
            return model(input_ids=ids, attention_mask=mask, pixel_values=batch["pixels"], return_loss=True).loss
        return Training(trained(parameters, ""), loss)

    return Case("contrastive", {"models": {"clip": "model"}, "begin": 58, "end": 59}, batches, build,
                ["logit_scale", "visual_projection.weight", "text_projection.weight",
                 "text_model.final_layer_norm.weight", "vision_model.embeddings.class_embedding"])


# ---------------------------------------------------------------------------------------------------------- language


def next_token_loss(logits, rows):
    """The mean over all learned tokens of the batch; rows: (ids, learned) of each sequence, pads not among them."""
    terms = [functional.cross_entropy(logits[b, :len(ids) - 1], torch.tensor(ids[1:]), reduction="none")[
        torch.tensor(learned[1:], dtype=torch.bool)] for b, (ids, learned) in enumerate(rows)]
    return torch.cat(terms).mean()


def labels_of(rows, mask):
    """As transformers wants them: -100 where nothing is learned."""
    labels = torch.full(mask.shape, -100)
    for b, (ids, learned) in enumerate(rows):
        labels[b, :len(ids)] = torch.tensor([i if x else -100 for i, x in zip(ids, learned)])
    return labels


def language_folder(out):
    save_model(fill(LlamaForCausalLM(LlamaConfig(**LLAMA)), 21), f"{out}/language/model")


def language(out):
    language_folder(out)
    generator = torch.Generator().manual_seed(22)
    batches = []
    for _ in range(BATCHES):
        stream = []
        while len(stream) < 57:
            stream += [1] + random_words(generator, int(torch.randint(3, 9, (1,), generator=generator)), 3, 62) + [2]
        samples = [stream[0:16], stream[16:32], stream[32:48], stream[48:57]]
        batches.append(pack([{"tokens": s, "learned": [0] + [1] * (len(s) - 1)} for s in samples]))

    def build(dtype, start):
        model, parameters = load_model(LlamaForCausalLM, f"{out}/language/model", dtype)

        def loss(batch):
            rows = [(tokens, learned) for tokens, learned, *_ in unpack(batch)]
            ids, mask = padded([tokens for tokens, _ in rows], 0)
            return next_token_loss(model(input_ids=ids, attention_mask=mask).logits, rows)

        def own(batch):
            rows = [(tokens, learned) for tokens, learned, *_ in unpack(batch)]
            ids, mask = padded([tokens for tokens, _ in rows], 0)
            return model(input_ids=ids, attention_mask=mask, labels=labels_of(rows, mask)).loss
        return Training(trained(parameters, ""), loss, own=own)

    return Case("language", {"models": {"language": "model"}, "begin": 1, "end": 2}, batches, build,
                ["model.norm.weight", "model.layers.0.self_attn.k_proj.weight", "model.layers.1.input_layernorm.weight"])


# ------------------------------------------------------------------------------------------------------------- LLaVA


def llava_folder(out):
    """The vision tower is that of contrastive/model, the language model that of language/model."""
    clip_folder(out)
    language_folder(out)
    config = LlavaConfig(vision_config={"model_type": "clip_vision_model", **VISION}, text_config=LlamaConfig(**LLAMA),
                         image_token_index=IMAGE_TOKEN, image_seq_length=VISUAL, vision_feature_layer=-2,
                         vision_feature_select_strategy="default", projector_hidden_act="gelu", tie_word_embeddings=False)
    model = fill(LlavaForConditionalGeneration(config), 31)
    clip = CLIPModel.from_pretrained(f"{out}/contrastive/model")
    llama = LlamaForCausalLM.from_pretrained(f"{out}/language/model")
    model.model.vision_tower.load_state_dict(clip.vision_model.state_dict())
    model.model.language_model.load_state_dict(llama.model.state_dict())
    model.lm_head.load_state_dict(llama.lm_head.state_dict())
    save_model(model, f"{out}/llava", CLIP_PREPROCESSOR)


def expand(batch):
    """(ids, learned) of each sequence with its visual tokens, which are never learned."""
    for tokens, learned, image, at in unpack(batch):
        visual = VISUAL if image >= 0 else 0
        yield (tokens[:at] + [IMAGE_TOKEN] * visual + tokens[at:], learned[:at] + [0] * visual + learned[at:])


def llava_inputs(batch):
    rows = list(expand(batch))
    ids, mask = padded([ids for ids, _ in rows], 0)
    images = batch["image"][batch["image"] >= 0].long()
    return rows, mask, {"input_ids": ids, "attention_mask": mask, "pixel_values": batch["pixels"][images]}


def llava_training(model, parameters):
    def loss(batch):
        rows, _, inputs = llava_inputs(batch)
        return next_token_loss(model(**inputs).logits, rows)

    def own(batch):
        rows, mask, inputs = llava_inputs(batch)
        return model(**inputs, labels=labels_of(rows, mask)).loss
    return Training(parameters, loss, own=own)


def names_of(out):
    """The prefixes that save_pretrained gave: (of the projector, of the language model with its head)."""
    _, parameters = load_model(LlavaForConditionalGeneration, f"{out}/llava", torch.float32)
    projector = next(n for n in parameters if "multi_modal_projector" in n).split("multi_modal_projector")[0]
    return projector + "multi_modal_projector.", tuple(
        {n.split("layers.")[0] for n in parameters if "self_attn.q_proj" in n and "vision" not in n}
        | {n.rsplit("weight", 1)[0] for n in parameters if "lm_head" in n})


def align(out):
    llava_folder(out)
    projector, _ = names_of(out)
    generator = torch.Generator().manual_seed(32)
    batches = []
    for number in range(BATCHES):
        captions = [random_words(generator, length, 3, 62) + [2] for length in (4, 11, 7)]
        batches.append(pack([{"tokens": [1] + c, "learned": [0] + [1] * len(c), "image": i, "visual_at": 1}
                             for i, c in enumerate(captions)], make_pixels(200 + 2 * number, 3)))

    def build(dtype, start):
        model, parameters = load_model(LlavaForConditionalGeneration, f"{out}/llava", dtype)
        return llava_training(model, trained(parameters, projector))

    return Case("align", {"models": {"llava": "../llava", "vision": "../contrastive/model", "language": "../language/model"},
                          "begin": 1, "end": 2, "visual_tokens": VISUAL}, batches, build,
                [projector + "linear_1.weight", projector + "linear_2.bias"])


def conversation(generator, rounds, image):
    """[begin] words, the picture, a question, an answer [end], …: answers with their end token are learned."""
    tokens, learned = [1] + random_words(generator, 2, 3, 62), [0] * 3
    visual_at = len(tokens) if image >= 0 else 0
    for question, answer in rounds:
        tokens += random_words(generator, question, 3, 62)
        learned += [0] * question
        tokens += random_words(generator, answer, 3, 62) + [2]
        learned += [1] * (answer + 1)
    return {"tokens": tokens, "learned": learned, "image": image, "visual_at": visual_at}


def conversations(seed, pixels):
    generator = torch.Generator().manual_seed(seed)
    return [pack([conversation(generator, [(4, 3), (2, 5)], 0), conversation(generator, [(3, 6)], -1),
                  conversation(generator, [(2, 2), (3, 1)], 1)], make_pixels(pixels + 2 * number, 2))
            for number in range(BATCHES)]


def instruct(out):
    llava_folder(out)
    projector, language_model = names_of(out)

    def build(dtype, start):
        model, parameters = load_model(LlavaForConditionalGeneration, f"{out}/llava", dtype)
        return llava_training(model, trained(parameters, projector, *language_model))

    return Case("instruct", {"models": {"llava": "../llava"}, "begin": 1, "end": 2, "visual_tokens": VISUAL},
                conversations(42, 300), build, [projector + "linear_1.weight"])


def instruct_vision(out):
    """The encoder is trained too, of which the last block and the norm behind it take no part."""
    llava_folder(out)
    projector, language_model = names_of(out)

    def build(dtype, start):
        model, parameters = load_model(LlavaForConditionalGeneration, f"{out}/llava", dtype)
        tower = tuple(n for n in parameters if "vision_tower" in n and "encoder.layers.2." not in n
                      and "post_layernorm" not in n)
        return llava_training(model, trained(parameters, projector, *language_model, *tower))

    return Case("instruct-vision", {"models": {"llava": "../llava"}, "begin": 1, "end": 2, "visual_tokens": VISUAL},
                conversations(72, 500), build, [projector + "linear_1.weight"])


# -------------------------------------------------------------------------------------------------------------- LoRA

RANK, ALPHA = 4, 8


class LowRank(torch.nn.Module):
    """y = W x + alpha / rank B A x"""

    def __init__(self, linear, a, b):
        super().__init__()
        self.linear, self.a, self.b = linear, a, b

    def forward(self, x):
        return self.linear(x) + ALPHA / RANK * functional.linear(functional.linear(x, self.a), self.b)


ADAPTED = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj",
           "mlp.down_proj")


def adapters(model):
    """Starting values: A as usual, B not zero, so that A's gradient is not either."""
    start = {}
    for number, layer in enumerate(model.model.language_model.layers):
        for index, part in enumerate(ADAPTED):
            out_size, in_size = layer.get_submodule(part).weight.shape
            prefix, seed = f"language_model.model.layers.{number}.{part}.lora_", 500 + 20 * number + 2 * index
            start[prefix + "A.weight"] = random_tensor(seed, RANK, in_size, deviation=in_size ** -0.5)
            start[prefix + "B.weight"] = random_tensor(seed + 1, out_size, RANK, deviation=0.2)
    return start


def attach(model, start):
    for number, layer in enumerate(model.model.language_model.layers):
        for part in ADAPTED:
            prefix, (group, own) = f"language_model.model.layers.{number}.{part}.lora_", part.split(".")
            linear = layer.get_submodule(part)
            setattr(layer.get_submodule(group), own, LowRank(linear, start[prefix + "A.weight"], start[prefix + "B.weight"]))


def lora(out):
    llava_folder(out)
    projector, _ = names_of(out)
    model, _ = load_model(LlavaForConditionalGeneration, f"{out}/llava", torch.float32)

    def build(dtype, start):
        model, parameters = load_model(LlavaForConditionalGeneration, f"{out}/llava", dtype)
        chosen, own = trained(parameters, projector), start_parameters(start, dtype)
        attach(model, own)
        return llava_training(model, {**chosen, **own})

    prefix = "language_model.model.layers.1."
    return Case("lora", {"models": {"llava": "../llava"}, "rank": RANK, "alpha": ALPHA, "begin": 1, "end": 2,
                         "visual_tokens": VISUAL}, conversations(52, 400), build,
                [prefix + "self_attn.q_proj.lora_A.weight", prefix + "mlp.down_proj.lora_B.weight"], adapters(model))


# --------------------------------------------------------------------------------------------------------- fine-tuning


def single_label_loss(logits, labels):
    return functional.cross_entropy(logits, labels.argmax(dim=1))


def multi_label_loss(logits, labels):
    """The mean over the elements that are not NaN."""
    counted = ~labels.isnan()
    return functional.binary_cross_entropy_with_logits(logits[counted], labels[counted])


def labelled(seed, pixels, multi, classes):
    generator = torch.Generator().manual_seed(seed)
    prompt, batches = [1] + random_words(generator, 6, 3, 62), []
    for number in range(BATCHES):
        sequences = []
        for image in range(4):
            chosen = int(torch.randint(0, classes, (1,), generator=generator))
            labels = [float(c == chosen) for c in range(classes)]
            if multi:
                draw = torch.rand(classes, generator=generator).tolist()
                labels = [float("nan") if x < 0.2 else float(x > 0.6) for x in draw]
            tokens = prompt + random_words(generator, image, 3, 62)
            sequences.append({"tokens": tokens, "image": image, "visual_at": 4, "labels": labels})
        batches.append(pack(sequences, make_pixels(pixels + 2 * number, 4)))
    return batches


def finetune_case(out, name, seed, loss_of_logits):
    llava_folder(out)
    projector, language_model = names_of(out)
    language_model = tuple(prefix for prefix in language_model if "lm_head" not in prefix)
    classes, width = 5, LLAMA["hidden_size"]
    head = {"score.weight": random_tensor(seed, classes, width, deviation=width ** -0.5),
            "score.bias": random_tensor(seed + 1, classes, deviation=0.1)}

    def build(dtype, start):
        model, parameters = load_model(LlavaForConditionalGeneration, f"{out}/llava", dtype)
        chosen, own = trained(parameters, projector, *language_model), start_parameters(start, dtype)

        def loss(batch):
            _, mask, inputs = llava_inputs(batch)
            states = model.model(**inputs).last_hidden_state
            weights = mask.to(dtype).unsqueeze(-1)
            means = (states * weights).sum(1) / weights.sum(1)
            return loss_of_logits(functional.linear(means, own["score.weight"], own["score.bias"]), batch["labels"])
        return Training({**chosen, **own}, loss)

    return Case(name, {"models": {"llava": "../llava"}, "classes": classes, "visual_tokens": VISUAL},
                labelled(seed + 2, 600 + seed, loss_of_logits is multi_label_loss, classes), build,
                ["score.weight", "score.bias", projector + "linear_1.bias"], head)


def finetune(out):
    return finetune_case(out, "finetune", 61, single_label_loss)


def finetune_multi(out):
    return finetune_case(out, "finetune-multi", 71, multi_label_loss)
