/* CLIP's training as an objective: from a configuration alone, or from a folder. */
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
    char *start, *tokenizer; /* paths: where it began; NULL: no tokenizer is kept beside the model */
    json_t *json;            /* config.json's */
    enum dtype saved;
    struct objective objective; /* of the above */
};

/* `start` is a CLIP folder, whose weights it begins with, or a configuration's file: then it begins at random. `tokenizer` is
 * the vocabulary's file that the texts are read with. contrastive_finish() is due in any case. */
lmvr_status contrastive_init(struct contrastive *c, const char *start, const char *tokenizer, const struct net_options *options,
                             lmvr_error *error);
void contrastive_finish(struct contrastive *c);

#endif
