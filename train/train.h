/* A whole training run, from paths and numbers: opens what is needed, makes the objective and its data, and runs. */
#ifndef LMVR_TRAIN_TRAIN_H
#define LMVR_TRAIN_TRAIN_H

#include "train/objectives/objective_contrastive.h"
#include "train/run/run.h"

enum train_kind {
    TRAIN_CONTRASTIVE,
    TRAIN_LANGUAGE, /* a LLaMA's or a T5's, as the configuration says */
    TRAIN_ALIGN,
    TRAIN_INSTRUCT,
    TRAIN_FINETUNE,
    TRAIN_QFORMER,
    TRAIN_QFORMER_LANGUAGE
};

struct train_options {
    enum train_kind kind;
    const char *start;             /* a folder to begin with, or the configuration's file of one that begins at random */
    const char *vision, *language; /* of TRAIN_ALIGN, in place of `start`; vision: of TRAIN_QFORMER too, beside a
                                      configuration's file; language: of TRAIN_QFORMER_LANGUAGE too, beside stage 1's folder */
    const char *data, *images;     /* images: the folder below which data's names are; NULL: data's own */
    const char *validation;        /* data of the same kind; NULL: none */
    const char *dataset;           /* of TRAIN_FINETUNE: `data` is this data set */
    const char *prompt;            /* of TRAIN_FINETUNE and TRAIN_QFORMER_LANGUAGE; NULL: the model's own */
    double prompted;        /* of TRAIN_QFORMER_LANGUAGE: the share of captions behind the prompt; others are cut in two */
    const char *vocabulary; /* tokenizer.model; NULL: that of the folders, else one is trained on the data */
    int vocabulary_size;    /* of one that is trained; 0: what the configuration has */
    int batch;
    int most_tokens; /* of a text; 0: train_default_tokens(), or the model's positions where those are fewer */
    double epochs;   /* where run.steps is 0 */
    int readers;     /* threads that read ahead */
    int lora_rank;
    double lora_alpha;
    bool trains_vision;
    bool trains_language; /* of TRAIN_QFORMER_LANGUAGE */
    int image_size;       /* of an encoder that is trained: what it is to see from now on, pixels; 0: as it does */
    struct net_options net;
    struct run_options run;
    void (*on_begin)(int64_t parameters, int64_t trained, int64_t samples, int64_t steps, void *user); /* NULL is allowed */
};

/* The paper's numbers for this kind, which are those of CLIP, of LLaMA and of LLaVA's own scripts (PAPER: section 4.1). */
void train_defaults(enum train_kind kind, struct train_options *options);

/* The longest text of this kind, in tokens, for a model that has positions enough. */
int train_default_tokens(enum train_kind kind);

/* The type of products: bf16 where the processor computes in it, if none is given. */
enum dtype train_products(lmvr_dtype dtype);

/* As run_train(). */
lmvr_status train(const struct train_options *options, lmvr_error *error);

#endif
