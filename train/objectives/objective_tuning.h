/* Stage 2 for models whose encoder and connector stay frozen: the language model, or adapters on it, learns conversations.
 * SmolVLM, Idefics3, Qwen2-VL, Qwen2.5-VL. */
#ifndef LMVR_TRAIN_OBJECTIVES_OBJECTIVE_TUNING_H
#define LMVR_TRAIN_OBJECTIVES_OBJECTIVE_TUNING_H

#include "train/nets/llava_net.h"
#include "train/run/run.h"

#include <jansson.h>

struct tuning_options {
    const char *start; /* the model's folder */
    int lora_rank;     /* 0: full training */
    double lora_alpha;
    struct net_options net;
};

struct tuning {
    struct parameters parameters;
    struct model_config config;
    struct front_end front;
    struct llava_net net;
    struct checkpoint *checkpoint; /* initial weights; those of the front end are copied from there */
    char *start;
    json_t *json; /* config.json */
    enum dtype saved;
    double lora_alpha;
    struct objective objective; /* of the above */
};

/* Whether a model_type is one of those above. NULL is allowed. */
bool tuning_takes(const char *model_type);

/* `tuning` must stay where it is. Call tuning_finish() in any case. */
lmvr_status tuning_init(struct tuning *tuning, const struct tuning_options *options, lmvr_error *error);
void tuning_finish(struct tuning *tuning);

#endif
