#!/usr/bin/env python3
"""Writes tests/golden/torch: small files of PyTorch's, and the same tensors as safetensors. Two runs give the same bytes, but for
old.bin, in which storages are named by their place in memory.

Needs torch and safetensors (README.md). Usage: make_golden_torch.py OUT
"""
import io
import json
import os
import sys
import zipfile
from collections import OrderedDict

import torch
from safetensors.torch import save_file

OUT = sys.argv[1]


def path(name):
    return os.path.join(OUT, name)


def tensors():
    torch.manual_seed(1)
    whole = torch.randn(4, 6)
    half = torch.randn(5, 3).half()
    return OrderedDict([
        ("f32", torch.randn(2, 3)),
        ("f16", half),
        ("bf16", torch.randn(7).bfloat16()),
        ("f64", torch.randn(3).double()),
        ("i64", torch.tensor([1, -2, 3])),
        ("i32", torch.tensor([4, -5], dtype=torch.int32)),
        ("i16", torch.tensor([6, -7], dtype=torch.int16)),
        ("i8", torch.tensor([8, -9], dtype=torch.int8)),
        ("u8", torch.tensor([10, 250], dtype=torch.uint8)),
        ("bool", torch.tensor([True, False, True])),
        ("scalar", torch.tensor(0.5)),
        ("empty", torch.zeros(0, 4)),
        ("parameter", torch.nn.Parameter(torch.randn(3))),
        ("whole", whole),
        ("shared", whole),
        ("turned", whole.t()),
        ("rows", whole[1:3]),
        ("columns", whole[:, 2:5]),
        ("every other", whole[::2, ::3]),
        ("turned half", half.t()),
        ("permuted", torch.randn(2, 3, 4).permute(2, 0, 1)),
        ("one row of many", torch.randn(1, 5)[:, 1:4]),
    ])


def save(value, name, **options):
    torch.save(value, path(name), **options)


def save_changed(value, name, change, compression=zipfile.ZIP_STORED):
    """Saves with each file in the archive as change(name, bytes)."""
    made = io.BytesIO()
    torch.save(value, made)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path(name), "w", compression) as new:
        for entry in old.namelist():
            info = zipfile.ZipInfo(entry)
            info.compress_type = compression
            new.writestr(info, change(entry, old.read(entry)))


class Command:
    def __reduce__(self):
        return os.system, ("echo run",)


def main():
    os.makedirs(OUT, exist_ok=True)
    state = tensors()
    save_file({name: t.detach().clone().contiguous() for name, t in state.items()}, path("expected.safetensors"))
    state._metadata = OrderedDict([("", {"version": 1}), ("layer", {"version": 2})])
    save(state, "protocol2.bin")
    save(dict(state), "protocol4.bin", pickle_protocol=4)
    save(state, "protocol5.bin", pickle_protocol=5)
    save(state, "old.bin", _use_new_zipfile_serialization=False)
    save({"epoch": 3, "loss": 0.25, "names": ["a", "b"], "sizes": (1, 2**40), "none": None, "model": state}, "nested.bin")
    # as Python writes zip archives, which is another writer than PyTorch's
    save_changed(state, "python.bin", lambda name, data: data)
    limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 10  # as of an archive of more than 4 GB
    save_changed(state, "zip64.bin", lambda name, data: data)
    zipfile.ZIP64_LIMIT = limit

    small = {"w": torch.zeros(2, 2)}
    f8 = torch.tensor([1.0, -2.0, 0.5])
    save({"e4m3": f8.to(torch.float8_e4m3fn), "e5m2": f8.to(torch.float8_e5m2), "u16": torch.tensor([1, 65535], dtype=torch.uint16)},
         "float8.bin")
    save({"w": torch.zeros(2, 2), "harm": Command()}, "command.bin")
    save(torch.nn.Linear(2, 2), "module.bin")
    save({"w": torch.zeros(1).expand(3)}, "expanded.bin")
    save([1, 2], "list.bin")
    save({"a": 1}, "no_tensors.bin")
    save_changed(small, "big_endian.bin", lambda name, data: b"big" if name.endswith("byteorder") else data)
    save_changed(small, "compressed.bin", lambda name, data: data, zipfile.ZIP_DEFLATED)
    save_changed(small, "short_storage.bin", lambda name, data: data[:-4] if name.endswith("data/0") else data)

    # a folder's weights
    os.makedirs(path("shards"), exist_ok=True)
    shards = {"pytorch_model-00001-of-00002.bin": {"a": torch.arange(6.0).view(2, 3), "d": torch.zeros(2, 3).double()},
              "pytorch_model-00002-of-00002.bin": {"b": torch.arange(6.0).view(3, 2).half().t(), "i": torch.zeros(2, 3).int()}}
    for name, tensors_of_it in shards.items():
        save(tensors_of_it, os.path.join("shards", name))
    with open(path("shards/pytorch_model.bin.index.json"), "w") as file:
        json.dump({"metadata": {"total_size": 108}, "weight_map": {t: n for n, s in shards.items() for t in s}}, file)


main()
