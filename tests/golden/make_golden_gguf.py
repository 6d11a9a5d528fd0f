#!/usr/bin/env python3
"""Writes tests/golden/gguf: a file with a tensor of every type that is read and a key of every kind, and what the Python module
gguf makes of the tensors, as safetensors; and what it makes of floats. Two runs give the same bytes.

Needs NumPy and gguf (README.md). Usage: make_golden_gguf.py OUT
"""
import json
import os
import struct
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

OUT = sys.argv[1]
HALVES = {"F16": [0], "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "IQ4_NL": [0], "Q2_K": [80, 82],
          "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}  # where in a block 16-bit floats lie
EXTREMES = [0.0, -0.0, 65504.0, -65504.0, 6e-8, -6e-8, 6.1e-5, -1.0]
UNREAD = {"IQ4_XS": Type.IQ4_XS}


def blocks(random, name, count):
    """Random bytes whose floats are finite; the first blocks' are extreme."""
    _, size = gguf.GGML_QUANT_SIZES[Type[name]]
    data = random.integers(0, 256, (count, size), dtype=np.uint8)
    for nth, at in enumerate(HALVES.get(name, [])):
        floats = (random.standard_normal(count) * 2.0 ** random.integers(-12, 4, count)).astype(np.float16)
        extremes = np.array(EXTREMES[:count - 1], np.float16)
        floats[:len(extremes)] = np.roll(extremes, nth)
        data[:, at:at + 2] = floats.view(np.uint8).reshape(count, 2)
    return data


def floats(random, name, shape):
    values = random.standard_normal(shape).astype(np.float32)
    values.flat[:4] = [0.0, -0.0, 1e-42, 3e38]
    if name == "F32":
        return values
    if name == "F16":
        return np.nan_to_num(values.clip(-60000, 60000)).astype(np.float16)
    return gguf.quants.quantize(values, Type.BF16)


def tensors():
    random = np.random.default_rng(1)
    out = {name: floats(random, name, (3, 5)) for name in ["F32", "F16", "BF16"]}
    for name in ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "IQ4_NL"]:
        out[name] = blocks(random, name, 12).reshape(4, -1)
    for name in ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]:
        out[name] = blocks(random, name, 6).reshape(2, -1)
    return out


def add_keys(writer):
    writer.add_uint8("a.u8", 200)
    writer.add_int8("a.i8", -100)
    writer.add_uint16("a.u16", 60000)
    writer.add_int16("a.i16", -30000)
    writer.add_uint32("a.u32", 4000000000)
    writer.add_int32("a.i32", -2000000000)
    writer.add_uint64("a.u64", 1 << 63)
    writer.add_int64("a.i64", -(1 << 62))
    writer.add_float32("a.f32", 0.5)
    writer.add_float64("a.f64", 1e300)
    writer.add_bool("a.bool", True)
    writer.add_string("a.text", "größer")
    writer.add_array("a.texts", ["one", "", "▁three"])
    writer.add_array("a.numbers", [1, -2, 3])
    writer.add_array("a.floats", [0.25, -4.0])


def write_safetensors(path, arrays):
    header, data = {}, b""
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write_narrowed():
    """narrowed.gguf: floats, and what quantizing makes of them: ties, both signs of the largest, zeros, numbers without a reciprocal."""
    random = np.random.default_rng(2)
    values = (random.standard_normal((40, 32)) * 2.0 ** random.integers(-30, 12, (40, 1))).astype(np.float32)
    values[0] = 0
    values[1] = np.arange(32) - 15.5  # ties at 127 / 15.5
    values[2] = np.arange(-127, 128, 8) / 2
    values[3] = -values[2]
    values[4] = np.array([1e-42, -2e-42] * 16, np.float32)
    values[5] = 0.5 * np.array([8, -8] * 16)
    values[6] = np.array([65504, -65504, 65519.9, 65536, 6e-8, -3e-8, 2.9e-8, 1e-10] * 4)
    writer = gguf.GGUFWriter(os.path.join(OUT, "narrowed.gguf"), "test")
    writer.add_tensor("F32", values)
    for name in ["F16", "BF16", "Q8_0", "Q4_0"]:
        with np.errstate(over="ignore", invalid="ignore"):
            writer.add_tensor(name, gguf.quants.quantize(values, Type[name]), raw_dtype=Type[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    os.makedirs(OUT, exist_ok=True)
    writer = gguf.GGUFWriter(os.path.join(OUT, "blocks.gguf"), "test")
    add_keys(writer)
    expected = {}
    for name, data in tensors().items():
        writer.add_tensor(name, data, raw_dtype=Type[name])
        expected[name] = gguf.quants.dequantize(data, Type[name]).astype(np.float32)
    for name, kind in UNREAD.items():
        writer.add_tensor(name, np.zeros((1, gguf.GGML_QUANT_SIZES[kind][1]), np.uint8), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for name, values in expected.items():
        assert np.isfinite(values).all(), name
    write_safetensors(os.path.join(OUT, "expected.safetensors"), expected)
    write_narrowed()


main()
