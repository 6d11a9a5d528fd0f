/* Chooses the next token from the logits. */
#ifndef LMVR_SRC_LANGUAGE_SAMPLE_H
#define LMVR_SRC_LANGUAGE_SAMPLE_H

#include "tensor/arena.h"

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

/* The chosen id, negative when out of memory. `state` is the sequence's own random state, advanced by each sampled token
 * (splitmix64: Steele et al. 2014). */
int32_t sample(const struct sampler *sampler, struct arena *arena, int vocabulary, const float *logits, uint64_t *state);

#endif
