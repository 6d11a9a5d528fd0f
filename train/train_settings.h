/* What a run's result depends on, as text for its run.json. */
#ifndef LMVR_TRAIN_TRAIN_SETTINGS_H
#define LMVR_TRAIN_TRAIN_SETTINGS_H

#include "train/train.h"

/* A JSON object on one line, malloc'ed: the options that decide about the result, with `steps` and `most_tokens` as they are in
 * use, and fingerprints of the models, the configuration's file and the vocabulary (a path) that it begins from. The corpora's
 * are the run's own matter. */
lmvr_status train_settings(const struct train_options *options, int64_t steps, int most_tokens, const char *vocabulary,
                           char **text, lmvr_error *error);

#endif
