/* The linear head of fine-tuning: a file of its own beside the model, which has no place for it. */
#ifndef LMVR_TRAIN_HEAD_H
#define LMVR_TRAIN_HEAD_H

#include "lab/dataset/dataset.h"
#include "train/nets/net.h"

/* What the file says of the head; borrowed. */
struct head_about {
    char *tasks; /* head_tasks()' */
    const char *dataset, *prompt;
    bool single_label; /* the classes' probabilities are a softmax; else a sigmoid each */
};

/* The data set's tasks in the order of the head's rows, [{"name": ..., "kind": "single" or "multi", "classes": [...]}, ...], as
 * JSON text to be freed; NULL: no memory. */
char *head_tasks(const struct dataset *set);

/* FOLDER/head.safetensors: score.weight (labels, width) and score.bias (labels) as f32, and in the metadata all of `about`. */
lmvr_status head_write(const struct net_linear *head, const struct head_about *about, const char *folder, lmvr_error *error);

/* Removes one that an earlier run may have left there. */
lmvr_status head_remove(const char *folder, lmvr_error *error);

#endif
