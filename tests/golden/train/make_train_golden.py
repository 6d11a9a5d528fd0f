#!/usr/bin/env python3
"""Make the references of training: small models, batches, and what PyTorch makes of them in twenty steps of AdamW.

    make_train_golden.py OUT            write OUT/CASE, and the models that cases share
    make_train_golden.py OUT CASE...    only these cases

It runs in the reference environment; README.md says how, and what each case is.
"""
import sys

import cases_llava
import cases_qformer
import cases_t5
import cases_today
from train_common import make_case

CASES = {"contrastive": cases_llava.contrastive, "language": cases_llava.language, "align": cases_llava.align,
         "instruct": cases_llava.instruct, "instruct-vision": cases_llava.instruct_vision, "lora": cases_llava.lora,
         "finetune": cases_llava.finetune, "finetune-multi": cases_llava.finetune_multi,
         "t5-language": cases_t5.t5_language, "t5-language-tied": cases_t5.t5_language_tied, "qformer": cases_qformer.qformer,
         "qformer-language": cases_t5.qformer_language, "qformer-language-whole": cases_t5.qformer_language_whole,
         "smolvlm": cases_today.smolvlm, "smolvlm-lora": cases_today.smolvlm_lora, "qwen25vl": cases_today.qwen25vl,
         "qwen25vl-lora": cases_today.qwen25vl_lora}


def main():
    out = sys.argv[1]
    for name in sys.argv[2:] or CASES:
        make_case(out, CASES[name](out))


if __name__ == "__main__":
    main()
