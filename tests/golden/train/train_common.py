"""What all cases of make_train_golden.py share: small random models, batches, twenty steps of AdamW, the files."""
import contextlib
import dataclasses
import json
import math
import os
from typing import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import get_cosine_schedule_with_warmup

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

STEPS, WARMUP, BATCHES, CLIP = 20, 4, 4, 1.0
ADAMW = {"learning_rate": 4e-3, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1}
FAIR = 1e-5  # float32 must be so near to float64, relatively


@dataclasses.dataclass
class Training:
    """A model to be trained: its trained parameters by the names that the files have, and the loss of a batch."""
    parameters: dict
    loss: Callable  # (batch) -> a scalar
    parts: Callable = None  # (batch) -> {name: scalar}, the terms of the loss
    own: Callable = None  # (batch) -> the loss as transformers itself computes it, where it does


@dataclasses.dataclass
class Case:
    name: str
    about: dict  # goes to case.json as it is
    batches: list  # of {name: tensor}
    build: Callable  # (dtype, start) -> Training
    final: list  # names of parameters whose last values are kept
    start: dict = dataclasses.field(default_factory=dict)  # parameters that no Hugging Face folder has


# ----------------------------------------------------------------------------------------------------- random models


def spread(name, parameter):
    """The deviation of a random tensor: states keep about the size 1, and no gradient vanishes."""
    if parameter.dim() < 2:
        return 0.1
    if "relative_attention_bias" in name:
        return 0.7
    if any(part in name for part in ("embed_tokens", "token_embedding", "word_embeddings", "shared", "query_tokens")):
        return 0.7
    if "position_embedding" in name or "class_embedding" in name:
        return 0.4
    return parameter[0].numel() ** -0.5


def fill(model, seed):
    """All parameters anew from the seed; norms around 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 0:
                continue  # CLIP's logit_scale stays ln(1 / 0.07)
            values = torch.randn(parameter.shape, generator=generator) * spread(name, parameter)
            if parameter.dim() == 1 and name.endswith("weight") and "class_embedding" not in name:
                values += 1
            parameter.copy_(values)
    return model


def random_tensor(seed, *shape, deviation=1.0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * deviation


PREPROCESSOR = {"do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True, "resample": 3,
                "rescale_factor": 1 / 255, "image_mean": [0.48145466, 0.4578275, 0.40821073],
                "image_std": [0.26862954, 0.26130258, 0.27577711]}
CLIP_PREPROCESSOR = {**PREPROCESSOR, "image_processor_type": "CLIPImageProcessor", "do_center_crop": True,
                     "crop_size": {"height": 16, "width": 16}, "size": {"shortest_edge": 16}}
BLIP_PREPROCESSOR = {**PREPROCESSOR, "image_processor_type": "BlipImageProcessor", "size": {"height": 16, "width": 16}}


def save_model(model, folder, preprocessor=None):
    model.save_pretrained(folder)
    if os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")
    if preprocessor:
        write_json(f"{folder}/preprocessor_config.json", preprocessor)


def load_model(kind, folder, dtype):
    """The folder's model, and {name in the file: its parameter}. Names are found by values, which are random."""
    model, info = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    files = load_file(f"{folder}/model.safetensors")
    names = {}
    for own, parameter in model.named_parameters():
        found = [n for n, t in files.items() if t.shape == parameter.shape and torch.equal(t, parameter.detach())]
        assert found, own
        names[own] = found[0]
    assert len(set(names.values())) == len(names)
    model.to(dtype).eval().requires_grad_(False)
    return model, {names[own]: parameter for own, parameter in model.named_parameters()}


def trained(parameters, *prefixes):
    """Those whose name begins so, from now on with gradients."""
    chosen = {n: p for n, p in parameters.items() if n.startswith(prefixes)}
    for parameter in chosen.values():
        parameter.requires_grad_(True)
    return chosen


def start_parameters(start, dtype):
    """Copies: training changes them."""
    return {name: torch.nn.Parameter(tensor.to(dtype, copy=True)) for name, tensor in start.items()}


# ----------------------------------------------------------------------------------------------------------- batches


def make_pixels(seed, count, size=16):
    """Smooth random pictures, normalized."""
    rough = random_tensor(seed, count, 3, size // 4, size // 4)
    smooth = torch.nn.functional.interpolate(rough, size=(size, size), mode="bilinear", align_corners=True)
    return (1.5 * smooth + random_tensor(seed + 1, count, 3, size, size, deviation=0.2)).contiguous()


def pack(sequences, pixels=None):
    """A batch's tensors from [{"tokens", "learned", "image", "visual_at", "labels"}, …]: sequences one after another."""
    def integers(values):
        return torch.tensor(values, dtype=torch.int32)
    batch = {"tokens": integers([t for s in sequences for t in s["tokens"]]),
             "learned": torch.tensor([x for s in sequences for x in s.get("learned", [0] * len(s["tokens"]))], dtype=torch.uint8),
             "counts": integers([len(s["tokens"]) for s in sequences]),
             "image": integers([s.get("image", -1) for s in sequences]),
             "visual_at": integers([s.get("visual_at", 0) for s in sequences])}
    if pixels is not None:
        batch["pixels"] = pixels
    if "labels" in sequences[0]:
        batch["labels"] = torch.tensor([s["labels"] for s in sequences], dtype=torch.float32)
    return batch


def unpack(batch):
    """The sequences of a batch again: (tokens, learned, image, visual_at) of each."""
    at, counts = 0, batch["counts"].tolist()
    for number, count in enumerate(counts):
        yield (batch["tokens"][at:at + count].tolist(), batch["learned"][at:at + count].tolist(),
               int(batch["image"][number]), int(batch["visual_at"][number]))
        at += count


def padded(rows, pad):
    """Rows of ids, right-padded for torch, and their mask."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return ids, mask


def random_words(generator, count, first, last):
    """`count` ids from first to last."""
    return torch.randint(first, last + 1, (count,), generator=generator).tolist()


# ---------------------------------------------------------------------------------------------------------- training


@contextlib.contextmanager
def all_in(dtype):
    """transformers computes norms, softmax and rotary angles in float32 whatever the model's dtype is; in float64 they shall
    be float64 too."""
    if dtype == torch.float32:
        yield
        return
    kept, to_float = torch.float32, torch.Tensor.float
    torch.float32, torch.Tensor.float = torch.float64, torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.Tensor.float = kept, to_float


def decays(name, parameter):
    """No weight decay on biases, norms, vectors, scalars."""
    return parameter.dim() >= 2


def train(case, dtype):
    """The result of the case's steps: tensors by their names in reference.safetensors."""
    training = case.build(dtype, case.start)
    with all_in(dtype):
        return run_steps(case, training, dtype)


def run_steps(case, training, dtype):
    batches = [{n: t.to(dtype) if t.is_floating_point() else t for n, t in b.items()} for b in case.batches]
    named = training.parameters
    parameters = list(named.values())
    groups = [{"params": [p for n, p in named.items() if decays(n, p)], "weight_decay": ADAMW["weight_decay"]},
              {"params": [p for n, p in named.items() if not decays(n, p)], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=ADAMW["learning_rate"],
                                  betas=(ADAMW["beta1"], ADAMW["beta2"]), eps=ADAMW["eps"])
    schedule = get_cosine_schedule_with_warmup(optimizer, WARMUP, STEPS)
    result, losses, norms, rates = {}, [], [], []
    if training.own:
        assert error(training.loss(batches[0]), training.own(batches[0])) < 1e-6, case.name
    if training.parts:
        result.update({f"loss/{n}": x.detach().reshape(1) for n, x in training.parts(batches[0]).items()})
    for step in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        loss = training.loss(batches[step % BATCHES])
        assert loss.dtype == dtype
        loss.backward()
        if step == 0:
            result.update({f"gradient/{n}": p.grad.clone() for n, p in named.items()})
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, CLIP))
        losses.append(loss.detach())
        rates.append(torch.tensor(schedule.get_last_lr()[0], dtype=dtype))
        optimizer.step()
        schedule.step()
    result.update({"losses": torch.stack(losses), "gradient_norms": torch.stack(norms), "learning_rates": torch.stack(rates),
                   "loss_after": training.loss(batches[0]).detach().reshape(1)})
    result.update({f"final/{n}": named[n].detach().clone() for n in case.final})
    return result


def error(a, b, floor=0.0):
    """|a - b| / max(|b|, floor)"""
    return float((a - b).detach().norm()) / max(float(b.detach().norm()), floor, 1e-30)


def compare(single, double):
    """How far float32 is from float64. A gradient that is 0 but for rounding (a key's bias) counts beside the whole."""
    whole = math.sqrt(sum(float(t.norm()) ** 2 for n, t in double.items() if n.startswith("gradient/")))
    worst = {"losses": float(((single["losses"].double() - double["losses"]) / double["losses"]).abs().max()),
             "gradients": max(error(single[n], t, 1e-3 * whole) for n, t in double.items() if n.startswith("gradient/")),
             "final": max([error(single[n], t) for n, t in double.items() if n.startswith("final/")], default=0.0)}
    return worst


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def check_lively(name, reference):
    """A case that learns nothing could not fail."""
    assert float(reference["loss_after"]) < 0.9 * float(reference["losses"][0]), (name, reference["losses"])
    dead = [n for n, t in reference.items() if n.startswith("gradient/") and not bool(t.abs().sum() > 0)]
    assert not dead, (name, dead)


def save_tensors(folder, case, result):
    batches = {f"batch{k}/{n}": t.contiguous() for k, b in enumerate(case.batches) for n, t in b.items()}
    save_file(batches, f"{folder}/batches.safetensors")
    if case.start:
        save_file(case.start, f"{folder}/start.safetensors")
    save_file({n: t.float().contiguous() for n, t in result.items()}, f"{folder}/reference.safetensors")


def check_files(folder, case):
    """What was written is what was trained from, and with."""
    start = load_file(f"{folder}/start.safetensors") if case.start else {}
    files, reference = load_file(f"{folder}/batches.safetensors"), load_file(f"{folder}/reference.safetensors")
    batch = {n.removeprefix("batch0/"): t for n, t in files.items() if n.startswith("batch0/")}
    training = case.build(torch.float32, start)
    loss = training.loss(batch)
    loss.backward()
    assert torch.equal(loss.detach(), reference["losses"][0]), case.name
    assert all(torch.equal(p.grad, reference[f"gradient/{n}"]) for n, p in training.parameters.items()), case.name


def make_case(out, case):
    folder = f"{out}/{case.name}"
    os.makedirs(folder, exist_ok=True)
    double, single = train(case, torch.float64), train(case, torch.float32)
    worst = compare(single, double)
    print(case.name, "loss", float(single["losses"][0]), "->", float(single["loss_after"]), "float32 against float64:", worst,
          flush=True)
    assert worst["losses"] < FAIR and worst["gradients"] < FAIR, (case.name, worst)
    check_lively(case.name, single)
    save_tensors(folder, case, single)
    check_files(folder, case)
    named = {n.removeprefix("gradient/"): t for n, t in single.items() if n.startswith("gradient/")}
    write_json(f"{folder}/case.json", {
        "name": case.name, **case.about, "steps": STEPS, "warmup": WARMUP, "batches": BATCHES, "clip": CLIP, "adamw": ADAMW,
        "start": "start.safetensors" if case.start else None, "decays": [n for n, t in named.items() if decays(n, t)],
        "does_not_decay": [n for n, t in named.items() if not decays(n, t)],
        "float32_error": worst, "torch": torch.__version__, "transformers": transformers.__version__})
