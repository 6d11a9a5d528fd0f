/* The settings that a run's result depends on, as text for its run.json. */
#ifndef LMVR_TRAIN_TRAIN_SETTINGS_H
#define LMVR_TRAIN_TRAIN_SETTINGS_H

#include "train/train.h"

/* A JSON object on one line, malloc'ed: the options that affect the result, with the effective `steps` and `most_tokens`, and
 * fingerprints of the initial models, the configuration file and the vocabulary (a path). The run adds the corpora's. */
lmvr_status train_settings(const struct train_options *options, int64_t steps, int most_tokens, const char *vocabulary,
                           char **text, lmvr_error *error);

#endif
