/* LLaVA's training objectives: the language model alone, stage 1, stage 2 (full or LoRA), fine-tuning on labels. */
#ifndef LMVR_TRAIN_OBJECTIVES_OBJECTIVE_LLAVA_H
#define LMVR_TRAIN_OBJECTIVES_OBJECTIVE_LLAVA_H

#include "train/head.h"
#include "train/nets/llava_net.h"
#include "train/run/run.h"

#include <jansson.h>

enum llava_stage {
    LLAVA_LANGUAGE, /* next token on text: all of a LLaMA */
    LLAVA_ALIGN,    /* stage 1: the projector alone */
    LLAVA_INSTRUCT, /* stage 2: the projector, and the language model or adapters */
    LLAVA_FINETUNE  /* the same with a linear head on the mean of the last hidden states */
};

struct llava_options {
    enum llava_stage stage;
    const char *start;             /* a LLaVA folder; LLAVA_LANGUAGE: a LLaMA folder or a configuration file */
    const char *vision, *language; /* LLAVA_ALIGN, if start is NULL: a CLIP folder and a LLaMA folder */
    const char *tokenizer;         /* the vocabulary file, copied next to the model; NULL: none */
    int pieces;                    /* in the vocabulary: a new model's image token is after them */
    int lora_rank;                 /* 0: full training */
    double lora_alpha;
    bool trains_vision; /* train the encoder too; not for LLAVA_LANGUAGE and LLAVA_ALIGN */
    int image_size;     /* new image size of a trained encoder, pixels; 0: unchanged */
    int labels;         /* LLAVA_FINETUNE */
    bool single_label;
    struct net_options net;
};

struct llava {
    struct parameters parameters;
    struct model_config config; /* LLAVA_LANGUAGE sets only `language` */
    int stored_image_size;      /* of the checkpoint's encoder */
    struct llava_net net;
    struct encoder vision;
    struct preprocess preprocess;
    struct checkpoint *checkpoint, *vision_checkpoint; /* initial weights; the encoder's are copied from there */
    char *start, *tokenizer;                           /* paths */
    json_t *json;
    enum dtype saved;
    double lora_alpha;
    const struct head_about *about; /* LLAVA_FINETUNE: the head file's metadata; borrowed, set before saving */
    struct objective objective;     /* of the above */
};

/* Call llava_finish() in any case. */
lmvr_status llava_init(struct llava *llava, const struct llava_options *options, lmvr_error *error);
void llava_finish(struct llava *llava);

#endif
