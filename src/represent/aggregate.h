/*
 * Sequence-level aggregation, the paper's fourth step: which of the positions that pass by feed which feature's pool. A
 * session's features read hidden states as they are computed, layer by layer and a few positions at a time.
 */
#ifndef LMVR_SRC_REPRESENT_AGGREGATE_H
#define LMVR_SRC_REPRESENT_AGGREGATE_H

#include "represent/feature.h"
#include "represent/pool.h"

struct feature_set {
    struct feature *features;
    int count;
    size_t row_size; /* floats of all features together */
};

/* Width of each source's states, in floats; of pixels the whole tensor. */
struct source_widths {
    size_t llm, encoder, pixels;
};

/* Parses `count` features, whose names must differ. The set has to be finished even after a failure. */
lmvr_status feature_set_parse(struct feature_set *set, const char *const *texts, size_t count,
                              const struct feature_limits *limits, const struct source_widths *widths, lmvr_error *error);
/* Frees the set's memory. One that is all zeros is allowed. */
void feature_set_finish(struct feature_set *set);

/* Where a feature's vector begins in a row of row_size floats. */
size_t feature_offset(const struct feature_set *set, int feature);

/* ---- what has to be computed for them ----------------------------------------------------------------------------------- */

struct feature_needs {
    bool vision, visual_tokens, language;
    bool response;     /* some feature pools positions of the response */
    int prompt_blocks; /* blocks that the prompt has to pass for its pooled states */
};

/* `prompt_wanted` (input_blocks + 1) and `response_wanted` (response_blocks + 1) become true for the layers whose hidden states
 * are pooled at positions of the prompt and of the response. */
struct feature_needs feature_set_needs(const struct feature_set *set, bool before_generation, bool *prompt_wanted,
                                       bool *response_wanted);
/* Whether some feature pools this layer of the vision encoder. */
bool feature_set_reads_encoder(const struct feature_set *set, int layer);

/* The kinds of positions whose state after this block of the language model is pooled, bits of enum feature_tokens. */
int feature_set_kinds(const struct feature_set *set, int layer);

/* ---- the pools of one image --------------------------------------------------------------------------------------------- */

/* Empty pools for all features; NULL when there is no memory. Freed by pools_free(). */
struct pool *pools_create(const struct feature_set *set);
/* NULL is allowed. */
void pools_free(const struct feature_set *set, struct pool *pools);

/* Empties the pools, then fills those of the language model with what `prefix` has seen of the positions that all images share.
 */
void pools_begin(const struct feature_set *set, struct pool *pools, const struct pool *prefix);

/* Positions of the prompt: text, visual tokens from `visual` on, text again from `text` to `end`. */
struct prompt_layout {
    int64_t visual, text, end;
};

/* Rows of the prompt's positions first .. first + rows - 1, each (width). `ends`: the prompt's last position is the sequence's.
 */
void pools_add_prompt(const struct feature_set *set, struct pool *pools, const struct prompt_layout *layout, bool ends,
                      int layer, int64_t first, int64_t rows, size_t width, const float *states);
/* A position of the response; `last`: no other follows. */
void pools_add_response(const struct feature_set *set, struct pool *pools, int layer, bool last, const float *state);
/* The start token of an encoder-decoder. */
void pools_add_start(const struct feature_set *set, struct pool *pools, int layer, const float *state);

/* The language model's features of an image whose response has ended, into its row. */
void pools_read(const struct feature_set *set, const struct pool *pools, float *row);

/* ---- features that need no sequence ------------------------------------------------------------------------------------- */

/* A batch of images as the language model is about to see them. */
struct encoded {
    const float *pixels;        /* (images, 3, height, width), normalized */
    float *const *states;       /* by layer, (images, positions, width) each; those that no feature reads may be NULL */
    const float *visual_tokens; /* (images, token_count, width) */
    int64_t positions, token_count;
};

/* One image's features of pixels, encoder and adaptor, into its row. `pools` is scratch space. */
void features_of_encoded(const struct feature_set *set, struct pool *pools, const struct encoded *encoded, int64_t image,
                         float *row);

#endif
