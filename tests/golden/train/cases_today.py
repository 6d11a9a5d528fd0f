"""The cases of SmolVLM and Qwen2.5-VL, whose encoder and connector stay frozen; they begin from the checkpoints above."""
import glob

import torch
from cases_llava import LowRank, labels_of, next_token_loss
from safetensors.torch import load_file
from train_common import (BATCHES, Case, Training, pack, padded, random_tensor, random_words, start_parameters, trained,
                          unpack)
from transformers import AutoModelForImageTextToText

ADAPTED = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj",
           "mlp.down_proj")
RANK, ALPHA = 4, 8
WORDS = (3, 300)  # ids of text; the special tokens are behind them


class Small:
    """A checkpoint of ../, and what its pictures and their visual tokens look like."""

    def __init__(self, name, side, merged):
        self.name, self.side, self.merged = name, side, merged  # pixels: of a view, or of a patch; of a visual token

    def tokens(self, picture):
        return picture.shape[0] * (picture.shape[2] // self.merged) * (picture.shape[3] // self.merged)


class SmolVLM(Small):
    """Pictures are (views, 3, side, side)."""

    def __init__(self):
        super().__init__("smolvlm2-f32", 20, 10)

    def picture(self, seed, number):
        return make_views(seed, (1, 3, 2)[number % 3], self.side, self.side)

    def inputs(self, pictures, ids, image_token):
        return {"pixel_values": torch.cat(pictures).unsqueeze(0)} if pictures else {}

    def decoder(self, model):
        return model.model.text_model


class Qwen25VL(Small):
    """Pictures are (1, 3, height, width)."""

    def __init__(self):
        super().__init__("qwen25vl-hub-f16", 4, 8)

    def picture(self, seed, number):
        height, width = ((24, 40), (48, 16), (8, 32))[number % 3]
        return make_views(seed, 1, height, width)

    def inputs(self, pictures, ids, image_token):
        if not pictures:
            return {}
        grids = [(1, p.shape[2] // self.side, p.shape[3] // self.side) for p in pictures]
        return {"pixel_values": torch.cat([self.patches(p[0]) for p in pictures]), "image_grid_thw": torch.tensor(grids),
                "mm_token_type_ids": (ids == image_token).int()}

    def patches(self, pixels):
        """Qwen2VLImageProcessor's rows: blocks of 2 x 2 patches, each patch (3, 2 frames, side, side)."""
        height, width = pixels.shape[1] // self.side, pixels.shape[2] // self.side
        x = pixels.reshape(3, height // 2, 2, self.side, width // 2, 2, self.side).permute(1, 4, 2, 5, 0, 3, 6)
        return x.unsqueeze(5).expand(-1, -1, -1, -1, -1, 2, -1, -1).reshape(height * width, -1)

    def decoder(self, model):
        return model.model.language_model


def make_views(seed, count, height, width):
    """Smooth random pictures, normalized."""
    rough = random_tensor(seed, count, 3, height // 4, width // 4)
    smooth = torch.nn.functional.interpolate(rough, size=(height, width), mode="bilinear", align_corners=True)
    return (1.5 * smooth + random_tensor(seed + 1, count, 3, height, width, deviation=0.2)).contiguous()


def load(small, out, dtype):
    """The model in `dtype`, and {name in the files: parameter}. Names are found by values, which are random."""
    folder = f"{out}/../{small.name}"
    model, info = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager",
                                                              output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    files = {n: t.float() for path in glob.glob(f"{folder}/*.safetensors") for n, t in load_file(path).items()}
    names = {}
    for own, parameter in model.named_parameters():
        names[own] = next(n for n, t in files.items() if t.shape == parameter.shape and torch.equal(t, parameter.detach()))
    assert len(set(names.values())) == len(names)
    model.to(dtype).eval().requires_grad_(False)
    return model, {names[own]: parameter for own, parameter in model.named_parameters()}


def is_language(name):
    return name.startswith(("lm_head.", "model.text_model.", "model.layers.", "model.embed_tokens.", "model.norm."))


def conversation(generator, rounds, image, spans):
    """Words with a picture's spans of visual tokens between them, a question, an answer, …: answers are learned."""
    tokens, learned, places = random_words(generator, 3, *WORDS), [0] * 3, []
    for _ in range(spans):
        places.append(len(tokens))
        tokens += random_words(generator, 2, *WORDS)
        learned += [0] * 2
    for question, answer in rounds:
        tokens += random_words(generator, question + answer + 1, *WORDS)
        learned += [0] * question + [1] * (answer + 1)
    return {"tokens": tokens, "learned": learned, "image": image, "spans": places}


def make_batches(small, seed):
    """Of three conversations each, the second without a picture."""
    generator, batches = torch.Generator().manual_seed(seed), []
    for number in range(BATCHES):
        pictures = [small.picture(seed + 10 * number + 2 * i, number + i) for i in range(2)]
        spans = [p.shape[0] for p in pictures]
        told = [conversation(generator, [(4, 3), (2, 5)], 0, spans[0]), conversation(generator, [(3, 6)], -1, 0),
                conversation(generator, [(2, 2), (3, 1)], 1, spans[1])]
        batch = pack(told)
        del batch["visual_at"]
        batch["spans"] = torch.tensor([s for t in told for s in t["spans"]], dtype=torch.int32)
        batch["span_counts"] = torch.tensor([len(t["spans"]) for t in told], dtype=torch.int32)
        batch.update({f"picture{i}": p for i, p in enumerate(pictures)})
        batches.append(batch)
    return batches


def expand(small, batch, image_token):
    """(ids, learned) of each sequence with its visual tokens."""
    at, counts = 0, batch["span_counts"].tolist()
    for number, (tokens, learned, image, _) in enumerate(unpack({**batch, "visual_at": batch["image"]})):
        ids, marks, places = [], [], batch["spans"][at:at + counts[number]].tolist()
        at += counts[number]
        each = small.tokens(batch[f"picture{image}"]) // len(places) if places else 0
        for t, (token, mark) in enumerate(zip(tokens, learned)):
            ids += [image_token] * each * places.count(t) + [token]
            marks += [0] * each * places.count(t) + [mark]
        yield ids, marks


def model_inputs(small, batch, image_token):
    rows = list(expand(small, batch, image_token))
    ids, mask = padded([ids for ids, _ in rows], 0)
    pictures = [batch[f"picture{i}"] for i in batch["image"].tolist() if i >= 0]
    return rows, mask, {"input_ids": ids, "attention_mask": mask, **small.inputs(pictures, ids, image_token)}


def training(small, model, parameters):
    image_token = model.config.image_token_id

    def loss(batch):
        rows, _, inputs = model_inputs(small, batch, image_token)
        return next_token_loss(model(**inputs).logits, rows)

    def own(batch):
        rows, mask, inputs = model_inputs(small, batch, image_token)
        return model(**inputs, labels=labels_of(rows, mask)).loss
    return Training(parameters, loss, own=own)


def about(small):
    return {"models": {"start": f"../../{small.name}"}}


def whole(out, name, small, seed):
    """The language model with its head; the encoder and the connector are frozen."""
    def build(dtype, start):
        model, parameters = load(small, out, dtype)
        return training(small, model, trained(parameters, *[n for n in parameters if is_language(n)]))

    _, parameters = load(small, out, torch.float32)
    last = ("layers.1.self_attn.k_proj.weight", "layers.1.input_layernorm.weight")
    final = [n for n in parameters if is_language(n) and n.endswith(last)]
    return Case(name, about(small), make_batches(small, seed), build, final)


def adapters(layers):
    """Starting values: A as usual, B not zero, so that A's gradient is not either."""
    start = {}
    for number, layer in enumerate(layers):
        for index, part in enumerate(ADAPTED):
            out_size, in_size = layer.get_submodule(part).weight.shape
            prefix, seed = f"language_model.model.layers.{number}.{part}.lora_", 900 + 20 * number + 2 * index
            start[prefix + "A.weight"] = random_tensor(seed, RANK, in_size, deviation=in_size ** -0.5)
            start[prefix + "B.weight"] = random_tensor(seed + 1, out_size, RANK, deviation=0.2)
    return start


def attach(layers, start):
    for number, layer in enumerate(layers):
        for part in ADAPTED:
            prefix, (group, own) = f"language_model.model.layers.{number}.{part}.lora_", part.split(".")
            linear = layer.get_submodule(part)
            setattr(layer.get_submodule(group), own, LowRank(linear, start[prefix + "A.weight"], start[prefix + "B.weight"]))


def adapted(out, name, small, seed):
    def build(dtype, start):
        model, _ = load(small, out, dtype)
        own = start_parameters(start, dtype)
        attach(small.decoder(model).layers, own)
        return training(small, model, own)

    model, _ = load(small, out, torch.float32)
    start = adapters(small.decoder(model).layers)
    prefix = "language_model.model.layers.1."
    return Case(name, {**about(small), "rank": RANK, "alpha": ALPHA}, make_batches(small, seed), build,
                [prefix + "self_attn.q_proj.lora_A.weight", prefix + "mlp.down_proj.lora_B.weight"], start)


def smolvlm(out):
    return whole(out, "smolvlm", SmolVLM(), 1100)


def smolvlm_lora(out):
    return adapted(out, "smolvlm-lora", SmolVLM(), 1200)


def qwen25vl(out):
    return whole(out, "qwen25vl", Qwen25VL(), 1300)


def qwen25vl_lora(out):
    return adapted(out, "qwen25vl-lora", Qwen25VL(), 1400)
