/* BLIP-2's training as objectives: stage 1, the Q-Former against a frozen encoder; stage 2, the Q-Former and the projection
 * against a frozen T5. */
#ifndef LMVR_TRAIN_OBJECTIVES_OBJECTIVE_BLIP2_H
#define LMVR_TRAIN_OBJECTIVES_OBJECTIVE_BLIP2_H

#include "train/nets/qformer_net.h"
#include "train/nets/t5_net.h"
#include "train/run/run.h"

#include <jansson.h>

enum blip2_stage {
    BLIP2_QFORMER, /* its folder is a Blip2ForImageTextRetrieval, and BLIP2_SECOND_FILE for what that class lacks */
    BLIP2_LANGUAGE /* its folder is a Blip2ForConditionalGeneration */
};

#define BLIP2_SECOND_FILE "qformer_pretraining.safetensors"

struct blip2_options {
    enum blip2_stage stage;
    const char *start;     /* a folder of this stage to go on from; or of stage 1, where `language` is given */
    const char *vision;    /* of BLIP2_QFORMER, where start is NULL: a folder with an EVA encoder */
    const char *config;    /* ... and a configuration's file, whose Q-Former begins at random */
    const char *language;  /* of BLIP2_LANGUAGE: a T5 folder; NULL: start has its own */
    const char *tokenizer; /* the vocabulary's file, copied beside the model; NULL: none */
    bool trains_language;  /* of BLIP2_LANGUAGE: the T5 is trained too */
    int pieces;            /* of the vocabulary: [CLS] and [DEC] are the two ids behind them */
    struct net_options net;
};

struct blip2 {
    struct parameters parameters;
    enum blip2_stage stage;
    struct model_config config; /* encoder, Q-Former and, of stage 2, language model */
    struct qformer_text_config text;
    struct qformer_net qformer;
    struct net_linear projection; /* of stage 2 */
    struct t5_net t5;
    struct encoder vision;
    struct preprocess preprocess;
    struct checkpoint *checkpoint, *vision_checkpoint, *language_checkpoint; /* where it began; NULL: none of its own */
    char *start, *language, *tokenizer;                                      /* paths */
    json_t *json;
    enum dtype saved;
    struct objective objective; /* of the above */
};

/* blip2_finish() is due in any case. */
lmvr_status blip2_init(struct blip2 *blip2, const struct blip2_options *options, lmvr_error *error);
void blip2_finish(struct blip2 *blip2);

#endif
