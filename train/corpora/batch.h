/* What one pass of training sees: images, and sequences of tokens of which some are to be learned. */
#ifndef LMVR_TRAIN_CORPORA_BATCH_H
#define LMVR_TRAIN_CORPORA_BATCH_H

#include "error.h"

#include <stdbool.h>

/* One sequence. Where it has an image, the visual tokens stand before token number `visual_at`, 0 <= visual_at <= count. */
struct batch_sequence {
    int image;       /* into the batch's images; -1: none */
    int visual_at;   /* 0 where there is no image */
    int target_at;   /* of a text given as source and target: where the target begins; 0: it is not */
    int count;       /* tokens, without the visual ones; at least 1 */
    int32_t *tokens; /* (count) */
    bool *learned;   /* (count): the loss counts the prediction of this token */
    int label_count; /* of fine-tuning: of the targets below, else 0 */
    float *labels;   /* (label_count): 0, 1, or NAN to leave out; of a single-label set 1 at the class */
};

struct batch {
    int image_count, sequence_count;
    float *pixels; /* (image_count, 3, size, size), normalized for the encoder; NULL: no images are wanted */
    struct batch_sequence *sequences;
    int64_t tokens; /* of all sequences, without the visual ones */
};

/* Rows that a pass over `rows` of them has: a multiple of 64, so that few sizes of product occur. */
static inline int64_t batch_padded(int64_t rows)
{
    return (rows + 63) / 64 * 64;
}

#endif
