/*
 * Patch mergers: the features of merge x merge neighboring patches, side by side, become one visual token. Those of Qwen2-VL,
 * Qwen2.5-VL and Qwen3-VL (transformers' PatchMerger, Qwen3VLVisionPatchMerger) have a norm and two layers, and Qwen3-VL has
 * one more for each level of DeepStack; Idefics3's and SmolVLM's, a "pixel shuffle", is one layer (Idefics3Connector).
 */
#ifndef LMVR_SRC_CONNECTOR_MERGER_H
#define LMVR_SRC_CONNECTOR_MERGER_H

#include "connector/connector.h"
#include "nn/elementwise.h"
#include "nn/linear.h"

struct merger {
    struct norm norm; /* of each patch, or of merged ones; its weight is NULL where there is none */
    bool norm_merged;
    struct linear fc1, fc2; /* fc2: after a GELU; its weight is NULL where there is no second layer */
};

/* tokens (rows / merged, out) from x (rows, width), of which `merged` rows in a row make one token. */
lmvr_status merger_forward(const struct merger *merger, struct arena *arena, int64_t rows, int64_t width, int merged,
                           const float *x, float *tokens, lmvr_error *error);

void merger_finish(struct merger *merger);

struct mergers {
    int count;
    struct merger of[CONNECTOR_MOST_STATES]; /* one a level */
};

/* Takes ownership of `mergers`, which must be malloc'ed. Level i reads the encoder's hidden state states[i], whose patches come
 * in the blocks that are merged (encoder.h, merge). */
struct connector merger_connector(struct mergers *mergers, const int *states);

#endif
