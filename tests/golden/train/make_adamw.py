#!/usr/bin/env python3
"""References for train/run/optimizer.c, from torch.optim.AdamW. Run where torch is, with this folder as the argument.

adamw.safetensors: a run of five steps on three tensors, of which "b" does not decay:

    value/NAME         at the start
    gradient/S/NAME    of step S, before clipping
    norm               (steps) what clip_grad_norm_(1.0) returned
    after/S/NAME       the value after step S
    first/NAME, second/NAME   the moments at the end
"""
import json
import pathlib
import struct
import sys

import torch

STEPS, LEARNING_RATES, DECAY, BETAS, EPS, CLIP = 5, [1e-3, 2e-3, 5e-4, 1e-2, 0.0], 0.1, (0.9, 0.98), 1e-6, 1.0


def write(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().tobytes()
        kind = {torch.float32: "F32", torch.float64: "F64"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    torch.manual_seed(4)
    torch.set_num_threads(1)
    values = {"a": torch.randn(37, 13), "b": torch.randn(29), "c": torch.randn(5, 3, 2, 2)}
    parameters = {name: torch.nn.Parameter(value.clone()) for name, value in values.items()}
    optimizer = torch.optim.AdamW(
        [{"params": [parameters["a"], parameters["c"]], "weight_decay": DECAY}, {"params": [parameters["b"]], "weight_decay": 0.0}],
        lr=LEARNING_RATES[0], betas=BETAS, eps=EPS)
    tensors = {f"value/{name}": value for name, value in values.items()}
    norms = []
    for step in range(STEPS):
        for name, parameter in parameters.items():
            # large and small steps: some are clipped, some not; a column of zeros
            parameter.grad = torch.randn(parameter.shape) * (0.01 if step % 2 else 1.0)
            if name == "a":
                parameter.grad[:, 2] = 0
            tensors[f"gradient/{step}/{name}"] = parameter.grad.clone()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP).double())
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATES[step]
        optimizer.step()
        tensors |= {f"after/{step}/{name}": parameter.detach().clone() for name, parameter in parameters.items()}
    tensors["norm"] = torch.stack(norms)
    for name, parameter in parameters.items():
        tensors[f"first/{name}"] = optimizer.state[parameter]["exp_avg"]
        tensors[f"second/{name}"] = optimizer.state[parameter]["exp_avg_sq"]
    write(pathlib.Path(sys.argv[1]) / "adamw.safetensors", tensors)


main()
