/* BLIP-2's training objectives. Stage 1: the Q-Former, with a frozen encoder. Stage 2: the Q-Former and the projection, with a
 * frozen T5. */
#ifndef LMVR_TRAIN_OBJECTIVES_OBJECTIVE_BLIP2_H
#define LMVR_TRAIN_OBJECTIVES_OBJECTIVE_BLIP2_H

#include "train/nets/qformer_net.h"
#include "train/nets/t5_net.h"
#include "train/run/run.h"

#include <jansson.h>

enum blip2_stage {
    BLIP2_QFORMER, /* writes a Blip2ForImageTextRetrieval folder, and BLIP2_SECOND_FILE for what that class lacks */
    BLIP2_LANGUAGE /* writes a Blip2ForConditionalGeneration folder */
};

#define BLIP2_SECOND_FILE "qformer_pretraining.safetensors"

struct blip2_options {
    enum blip2_stage stage;
    const char *start;     /* a folder of this stage to continue from; or of stage 1, if `language` is given */
    const char *vision;    /* BLIP2_QFORMER, if start is NULL: a folder with an EVA encoder */
    const char *config;    /* ... and a configuration file, whose Q-Former is initialized at random */
    const char *language;  /* BLIP2_LANGUAGE: a T5 folder; NULL: start has one */
    const char *tokenizer; /* the vocabulary file, copied next to the model; NULL: none */
    bool trains_language;  /* BLIP2_LANGUAGE: train the T5 too */
    int pieces;            /* in the vocabulary: [CLS] and [DEC] are the two ids after them */
    struct net_options net;
};

struct blip2 {
    struct parameters parameters;
    enum blip2_stage stage;
    struct model_config config; /* encoder, Q-Former and, in stage 2, language model */
    struct qformer_text_config text;
    struct qformer_net qformer;
    struct net_linear projection; /* stage 2 only */
    struct t5_net t5;
    struct encoder vision;
    struct preprocess preprocess;
    struct checkpoint *checkpoint, *vision_checkpoint, *language_checkpoint; /* the initial weights; NULL: no such checkpoint */
    char *start, *language, *tokenizer;                                      /* paths */
    json_t *json;
    enum dtype saved;
    struct objective objective; /* of the above */
};

/* Call blip2_finish() in any case. */
lmvr_status blip2_init(struct blip2 *blip2, const struct blip2_options *options, lmvr_error *error);
void blip2_finish(struct blip2 *blip2);

#endif
