/* The weights of a checkpoint as the tensors of a GGUF file: the other direction of gguf_weights.h. */
#ifndef LMVR_SRC_MODEL_GGUF_TENSORS_H
#define LMVR_SRC_MODEL_GGUF_TENSORS_H

#include "format/gguf_write.h"
#include "model/gguf_names.h"
#include "model/plan.h"

struct gguf_tensors; /* what is read while the file is written */

/* How far the files of a model are written, in bytes of tensors. */
struct gguf_progress {
    uint64_t done, total;
    int (*report)(uint64_t done, uint64_t total, void *user); /* as in lmvr_convert_options */
    void *user;
};

/* What a file is made of. */
struct gguf_parts {
    const struct model_config *config;
    const struct plan *plan; /* of a loader in f32 */
    const struct gguf_naming *naming;
    int blocks;                   /* those from here on are left out */
    const struct gguf_type *type; /* of matrices; what stands in vectors stays F32 */
    struct gguf_progress *progress;
};

/*
 * Adds the tensors of the language model's file, or of the encoder's, to `writer`, which reads them from the checkpoint, part
 * by part. Embedding and head are at least Q8_0, and rows that are no whole blocks are F16. Free *tensors after the writer,
 * also after a failure. When the file is written, LMVR_ERROR_INVALID: a weight is too large for its type; LMVR_STOPPED: the
 * progress asked to stop.
 */
lmvr_status gguf_tensors_add(const struct gguf_parts *parts, struct gguf_writer *writer, struct gguf_tensors **tensors,
                             lmvr_error *error);
void gguf_tensors_free(struct gguf_tensors *tensors); /* NULL is allowed */

#endif
