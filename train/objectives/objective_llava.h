/* LLaVA's training as objectives: the language model alone, stage 1, stage 2 (whole or by adapters), fine-tuning on labels. */
#ifndef LMVR_TRAIN_OBJECTIVES_OBJECTIVE_LLAVA_H
#define LMVR_TRAIN_OBJECTIVES_OBJECTIVE_LLAVA_H

#include "train/head.h"
#include "train/nets/llava_net.h"
#include "train/run/run.h"

#include <jansson.h>

enum llava_stage {
    LLAVA_LANGUAGE, /* next token on text: everything of a LLaMA */
    LLAVA_ALIGN,    /* stage 1: the projector alone */
    LLAVA_INSTRUCT, /* stage 2: projector and language model, or the projector and adapters */
    LLAVA_FINETUNE  /* the same with a linear head on the mean of the last states */
};

struct llava_options {
    enum llava_stage stage;
    const char *start;             /* a LLaVA folder; of LLAVA_LANGUAGE a LLaMA folder or a configuration's file */
    const char *vision, *language; /* of LLAVA_ALIGN, where start is NULL: a CLIP folder and a LLaMA folder */
    const char *tokenizer;         /* the vocabulary's file, copied beside the model; NULL: none */
    int pieces;                    /* of the vocabulary: where a new model's image token goes */
    int lora_rank;                 /* 0: whole */
    double lora_alpha;
    bool trains_vision; /* the encoder too; not of LLAVA_LANGUAGE and LLAVA_ALIGN */
    int image_size;     /* where it is trained: that it is to see from now on, pixels; 0: as it does */
    int labels;         /* of LLAVA_FINETUNE */
    bool single_label;
    struct net_options net;
};

struct llava {
    struct parameters parameters;
    struct model_config config; /* of the language model alone only `language` is set */
    int stored_image_size;      /* that the checkpoint's encoder sees */
    struct llava_net net;
    struct encoder vision;
    struct preprocess preprocess;
    struct checkpoint *checkpoint, *vision_checkpoint; /* where it began; the encoder's weights are copied from there */
    char *start, *tokenizer;                           /* paths */
    json_t *json;
    enum dtype saved;
    double lora_alpha;
    const struct head_about *about; /* of LLAVA_FINETUNE: what its head's file says; borrowed, set before saving */
    struct objective objective;     /* of the above */
};

/* llava_finish() is due in any case. */
lmvr_status llava_init(struct llava *llava, const struct llava_options *options, lmvr_error *error);
void llava_finish(struct llava *llava);

#endif
