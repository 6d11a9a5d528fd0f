/* Choosing the next token from its logits. */
#ifndef LMVR_SRC_LANGUAGE_SAMPLE_H
#define LMVR_SRC_LANGUAGE_SAMPLE_H

#include "tensor/arena.h"

struct sampler {
    float temperature; /* 0: the most likely token */
    float top_p;       /* the fewest most likely tokens that together have this probability; 1: all */
};

/* A token that may be chosen. */
struct candidate {
    double probability;
    int32_t id;
};

/* The tokens that may be chosen at a temperature above 0, and their probabilities, which add up to 1: the first ones of
 * candidates (vocabulary). Returns how many there are. */
int sampler_candidates(const struct sampler *sampler, int vocabulary, const float *logits, struct candidate *candidates);

/* The chosen id. `state` is the sequence's own random state, moved on by each sampled token (splitmix64: Steele et al. 2014).
 * Negative when there is no memory. */
int32_t sample(const struct sampler *sampler, struct arena *arena, int vocabulary, const float *logits, uint64_t *state);

#endif
