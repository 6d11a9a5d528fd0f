/* Writes a model's weights in other types than its files'. */
#ifndef LMVR_SRC_MODEL_CONVERT_WEIGHTS_H
#define LMVR_SRC_MODEL_CONVERT_WEIGHTS_H

#include "model/plan.h"

struct convert {
    struct checkpoint *checkpoint;
    const struct plan *plan; /* of a loader in `dtypes` */
    struct dtypes dtypes;
    uint64_t shard;                                             /* bytes of tensors in a file, but at least one tensor */
    int (*progress)(uint64_t done, uint64_t total, void *user); /* as in lmvr_convert_options */
    void *user;
};

/* Writes model.safetensors, or shards and their index, to a folder (docs/formats.md, Quantized weights). Of a matrix that is
 * quantized the floats are in memory, of one at a time. */
lmvr_status convert_weights(const struct convert *convert, const char *folder, lmvr_error *error);

#endif
