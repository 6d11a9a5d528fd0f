/* A complete training run from paths and numbers: opens the inputs, creates the objective and its data, and trains. */
#ifndef LMVR_TRAIN_TRAIN_H
#define LMVR_TRAIN_TRAIN_H

#include "train/objectives/objective_contrastive.h"
#include "train/run/run.h"

enum train_kind {
    TRAIN_CONTRASTIVE,
    TRAIN_LANGUAGE, /* a LLaMA or a T5, by its configuration */
    TRAIN_ALIGN,
    TRAIN_INSTRUCT,
    TRAIN_FINETUNE,
    TRAIN_QFORMER,
    TRAIN_QFORMER_LANGUAGE
};

struct train_options {
    enum train_kind kind;
    const char *start;             /* a folder with initial weights, or a configuration file: initialize at random */
    const char *vision, *language; /* TRAIN_ALIGN, instead of `start`; vision also for TRAIN_QFORMER with a configuration file;
                                      language also for TRAIN_QFORMER_LANGUAGE with stage 1's folder */
    const char *data, *images;     /* images: root directory for image paths; NULL: the data's own folder */
    const char *validation;        /* data of the same kind; NULL: none */
    const char *dataset;           /* TRAIN_FINETUNE: `data` is this data set */
    const char *prompt;            /* TRAIN_FINETUNE and TRAIN_QFORMER_LANGUAGE; NULL: the default */
    double prompted; /* TRAIN_QFORMER_LANGUAGE: the share of captions learned after the prompt; the others are split in two */
    const char *vocabulary; /* tokenizer.model; NULL: from the folders, else one is trained on the data */
    int vocabulary_size;    /* of a trained one; 0: from the configuration */
    int batch;
    int most_tokens; /* per text; 0: train_default_tokens(), or the model's positions if fewer */
    double epochs;   /* if run.steps is 0 */
    int readers;     /* reader threads */
    int lora_rank;
    double lora_alpha;
    bool trains_vision;
    bool trains_language;       /* TRAIN_QFORMER_LANGUAGE */
    int image_size;             /* new image size of a trained encoder, pixels; 0: unchanged */
    int min_pixels, max_pixels; /* TRAIN_INSTRUCT, of pictures of any size; 0: the model's own */
    struct net_options net;     /* its device is opened by the next name */
    const char *device;         /* TRAIN_ALIGN and TRAIN_INSTRUCT of a LLaVA: "cuda", "cuda:N"; NULL or "cpu": the processor */
    struct run_options run;
    /* NULL is allowed. passed_over: see struct dataset. */
    void (*on_begin)(int64_t parameters, int64_t trained, int64_t samples, int64_t steps, const char *passed_over, void *user);
};

/* Sets the defaults for this kind: the hyperparameters of CLIP, LLaMA and LLaVA's scripts (PAPER: section 4.1). */
void train_defaults(enum train_kind kind, struct train_options *options);

/* The longest text of this kind, in tokens, if the model has enough positions. */
int train_default_tokens(enum train_kind kind);

/* The data type of products: `dtype` if given, else bf16 on a GPU, or if the processor supports it. */
enum dtype train_products(lmvr_dtype dtype, const char *device);

/* Status as in run_train(). */
lmvr_status train(const struct train_options *options, lmvr_error *error);

#endif
