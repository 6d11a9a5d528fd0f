/* CLIP's training objective: from a configuration alone, or from a folder. */
#ifndef LMVR_TRAIN_OBJECTIVES_OBJECTIVE_CONTRASTIVE_H
#define LMVR_TRAIN_OBJECTIVES_OBJECTIVE_CONTRASTIVE_H

#include "train/nets/clip_net.h"
#include "train/run/run.h"

#include <jansson.h>

struct contrastive {
    struct parameters parameters;
    struct clip_config config;
    struct clip_net net;
    struct preprocess preprocess;
    char *start, *tokenizer; /* paths: initial weights; NULL: no tokenizer is copied */
    json_t *json;            /* config.json's */
    enum dtype saved;
    struct objective objective; /* of the above */
};

/* `start` is a CLIP folder with initial weights, or a configuration file: initialize at random. `tokenizer` is the vocabulary
 * file for the texts. Call contrastive_finish() in any case. */
lmvr_status contrastive_init(struct contrastive *c, const char *start, const char *tokenizer, const struct net_options *options,
                             lmvr_error *error);
void contrastive_finish(struct contrastive *c);

#endif
