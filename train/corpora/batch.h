/* A minibatch: images, and sequences of tokens, some of which are prediction targets. */
#ifndef LMVR_TRAIN_CORPORA_BATCH_H
#define LMVR_TRAIN_CORPORA_BATCH_H

#include "image/picture.h"

#include <stdbool.h>

/* One sequence. If it has an image, its visual tokens stand in spans of equal length before tokens number spans[0], spans[1],
 * …, 0 <= spans[i] <= count. */
struct batch_sequence {
    int image;       /* index in the batch's images; -1: none */
    int span_count;  /* 0 without an image */
    int *spans;      /* (span_count), ascending */
    int target_at;   /* for a text given as source and target: where the target begins; else 0 */
    int count;       /* tokens, without visual ones; at least 1 */
    int32_t *tokens; /* (count) */
    bool *learned;   /* (count): whether the loss includes the prediction of this token */
    int label_count; /* fine-tuning: the number of targets below, else 0 */
    float *labels;   /* (label_count): 0, 1, or NAN: ignored; for a single-label set, 1 at the class */
};

struct batch {
    int image_count, sequence_count;
    float *pixels; /* (image_count, 3, size, size), normalized for the encoder; NULL: no images, or pictures of any size */
    struct picture *pictures; /* (image_count), where the encoder takes views of any size or number; else NULL */
    struct batch_sequence *sequences;
    int64_t tokens; /* of all sequences, without visual ones */
};

/* The number of rows of a pass over `rows` rows: padded to a multiple of 64, so that matrix products have few different
 * sizes. */
static inline int64_t batch_padded(int64_t rows)
{
    return (rows + 63) / 64 * 64;
}

#endif
