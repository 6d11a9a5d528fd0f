/* Chooses the next token from the logits. */
#ifndef LMVR_SRC_LANGUAGE_SAMPLE_H
#define LMVR_SRC_LANGUAGE_SAMPLE_H

#include "tensor/device.h"

struct sampler {
    float temperature; /* 0: the most likely token */
    float top_p;       /* sample from the smallest set of most likely tokens of at least this probability; 1: all */
};

/* A token that may be chosen. */
struct candidate {
    double probability;
    int32_t id;
};

/* Fills in the tokens that may be chosen at a temperature above 0, with probabilities that add up to 1, and returns how many
 * there are. `candidates` has room for `vocabulary` of them. */
int sampler_candidates(const struct sampler *sampler, int vocabulary, const float *logits, struct candidate *candidates);

/* tokens (rows), of the host, receives an id chosen by each row's logits (rows, vocabulary), on the device. states[i] is the
 * random state of sequence i, advanced by each token that is sampled (splitmix64: Steele et al. 2014). */
lmvr_status sample(const struct sampler *sampler, struct arena *arena, int64_t rows, int vocabulary, const float *logits,
                   uint64_t *const *states, int32_t *tokens, lmvr_error *error);

#endif
