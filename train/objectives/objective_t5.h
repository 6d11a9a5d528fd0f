/* A T5's training on text as an objective: from a configuration alone, or from a folder. */
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
    char *start, *tokenizer; /* paths: where it began; NULL: no tokenizer is kept beside the model */
    json_t *json;            /* config.json's */
    enum dtype saved;
    struct objective objective; /* of the above */
};

/* `start` is a T5 folder, whose weights it begins with, or a configuration's file: then it begins at random. `tokenizer` is the
 * vocabulary's file. t5_language_finish() is due in any case. */
lmvr_status t5_language_init(struct t5_language *t, const char *start, const char *tokenizer, const struct net_options *options,
                             lmvr_error *error);
void t5_language_finish(struct t5_language *t);

#endif
