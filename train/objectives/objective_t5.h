/* T5's training objective on text: from a configuration alone, or from a folder. */
#ifndef LMVR_TRAIN_OBJECTIVES_OBJECTIVE_T5_H
#define LMVR_TRAIN_OBJECTIVES_OBJECTIVE_T5_H

#include "train/nets/net.h"
#include "train/nets/t5_net.h"
#include "train/run/run.h"

#include <jansson.h>

struct t5_language {
    struct parameters parameters;
    struct language_config config;
    struct t5_net net;
    char *start, *tokenizer; /* paths: initial weights; NULL: no tokenizer is copied */
    json_t *json;            /* config.json's */
    enum dtype saved;
    struct objective objective; /* of the above */
};

/* `start` is a T5 folder with initial weights, or a configuration file: initialize at random. `tokenizer` is the vocabulary
 * file. Call t5_language_finish() in any case. */
lmvr_status t5_language_init(struct t5_language *t, const char *start, const char *tokenizer, const struct net_options *options,
                             lmvr_error *error);
void t5_language_finish(struct t5_language *t);

#endif
