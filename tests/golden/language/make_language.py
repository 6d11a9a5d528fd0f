#!/usr/bin/env python3
"""References for src/language/: transformers' TemperatureLogitsWarper and TopPLogitsWarper, and SentencePiece.

    make_language.py GOLDEN     writes GOLDEN/language/; run where torch, transformers and sentencepiece are

sampling.safetensors, with cases 0 to n-1:

    logits           (n, 300)
    temperature      (n,)
    top_p            (n,)
    warped           (n, 300)   what the two warpers make of the logits, in the order of generate(); -inf: cannot be chosen
    probabilities    (n, 300)   its softmax

tokens.json: a list of {"model", "text" (hexadecimal bytes, which need not be UTF-8), "ids", "decoded"}.
"""
import json
import pathlib
import sys

import sentencepiece
import torch
from safetensors.torch import save_file
from transformers import TemperatureLogitsWarper, TopPLogitsWarper

VOCABULARY = 300
SETTINGS = [(1.0, 1.0), (0.7, 1.0), (3.0, 1.0), (1.0, 0.9), (1.0, 0.5), (0.7, 0.95), (1.5, 0.99), (0.2, 0.6), (1.0, 0.01)]

MODELS = ["llava-old-f32/tokenizer.model", "llava-odd-f32/tokenizer.model", "blip2-old-f32/spiece.model",
          "blip2-new-bf16/spiece.model"]
TEXTS = ["Describe the image.", "a photo of", " a leading blank", "a trailing blank ", "two  blanks", "\n", "USER: a\nb\tc",
         "0123456789", "naïve café", "日本語 한국어", "🦊 and 👩‍🚀", "A" * 200, " ", "<s> </s> <unk> <image>", "▁", "ﬁ ① Å"]
BAD = [b"\xff", b"dog \xe3\x81 cat", b"\xc0\x80", b"a\xed\xa0\x80b", b"\xf4\x90\x80\x80"]


def sampling():
    generator = torch.Generator().manual_seed(11)
    logits = 2.5 * torch.randn(len(SETTINGS) + 2, VOCABULARY, generator=generator)
    settings = SETTINGS + [(0.8, 0.9), (0.8, 1.0)]
    logits[-2, ::3] = -torch.inf  # what was masked before is never chosen
    logits[-1, :] += 1e4
    warped = []
    for row, (temperature, top_p) in zip(logits, settings):
        row = TemperatureLogitsWarper(temperature)(None, row[None])
        warped.append(TopPLogitsWarper(top_p)(None, row)[0] if top_p < 1 else row[0])
    warped = torch.stack(warped)
    return {"logits": logits, "warped": warped, "probabilities": warped.double().softmax(-1).float(),
            "temperature": torch.tensor([s[0] for s in settings]), "top_p": torch.tensor([s[1] for s in settings])}


def tokens(golden):
    cases = []
    for model in MODELS:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(golden / model))
        for text in [t.encode() for t in TEXTS] + BAD:
            ids = processor.encode(text)
            cases.append({"model": model, "text": text.hex(), "ids": ids, "decoded": processor.decode(ids)})
    return cases


def main():
    golden = pathlib.Path(sys.argv[1])
    save_file(sampling(), golden / "language" / "sampling.safetensors")
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in tokens(golden))
    (golden / "language" / "tokens.json").write_text(f"[\n{lines}\n]\n")


main()
