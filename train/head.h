/* The linear head of fine-tuning: a separate file, as the model's format has no place for it. */
#ifndef LMVR_TRAIN_HEAD_H
#define LMVR_TRAIN_HEAD_H

#include "lab/dataset/dataset.h"
#include "train/nets/net.h"

/* The head file's metadata; borrowed. */
struct head_about {
    char *tasks; /* from head_tasks() */
    const char *dataset, *prompt;
    bool single_label; /* class probabilities are a softmax; else independent sigmoids */
};

/* The data set's tasks in the order of the head's rows, [{"name": ..., "kind": "single" or "multi", "classes": [...]}, ...], as
 * JSON text, to be freed; NULL: out of memory. */
char *head_tasks(const struct dataset *set);

/* Writes FOLDER/head.safetensors: score.weight (labels, width) and score.bias (labels) as f32, with `about` as metadata. */
lmvr_status head_write(const struct net_linear *head, const struct head_about *about, const char *folder, lmvr_error *error);

/* Removes a head left there by an earlier run. */
lmvr_status head_remove(const char *folder, lmvr_error *error);

#endif
