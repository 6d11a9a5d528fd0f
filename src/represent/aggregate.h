/*
 * Sequence-level aggregation, the paper's fourth step: decides which positions feed which feature's pool. Hidden states are
 * pooled as they are computed, layer by layer and a few positions at a time.
 */
#ifndef LMVR_SRC_REPRESENT_AGGREGATE_H
#define LMVR_SRC_REPRESENT_AGGREGATE_H

#include "language/input.h"
#include "represent/feature.h"
#include "represent/pool.h"

struct feature_set {
    struct feature *features;
    int count;
    bool normalize; /* each row is divided by its L2 norm */
};

/* What rows are made of: the first `dims` numbers of each state (0: all), perhaps normalized. */
struct feature_form {
    bool normalize;
    int dims;
};

/* The width of each source's states, in floats; for pixels, the size of the whole tensor. */
struct source_widths {
    size_t llm, encoder, joint, pixels;
};

/* Parses `count` features, whose names must differ. Call feature_set_finish() even after a failure. */
lmvr_status feature_set_parse(struct feature_set *set, const char *const *texts, size_t count,
                              const struct feature_limits *limits, const struct source_widths *widths,
                              const struct feature_form *form, lmvr_error *error);
/* Frees the set's memory. A zeroed set is allowed. */
void feature_set_finish(struct feature_set *set);

/* ---- the vectors of one image ------------------------------------------------------------------------------------------- */

/* A feature's rows, (count, dim); `room` floats are allocated. */
struct feature_rows {
    float *values;
    size_t count, room;
};

/* One for each feature, without rows; NULL: out of memory. Freed by feature_rows_free(). */
struct feature_rows *feature_rows_create(const struct feature_set *set);
/* NULL is allowed. */
void feature_rows_free(const struct feature_set *set, struct feature_rows *vectors);

/* ---- what must be computed for the features ----------------------------------------------------------------------------- */

struct feature_needs {
    bool vision, visual_tokens, language;
    bool response;     /* some feature pools positions of the response */
    int prompt_blocks; /* blocks that the prompt must go through for its pooled states */
};

/* Whether some feature has this source. */
bool feature_set_has(const struct feature_set *set, enum feature_source source);

/* Sets prompt_wanted (input_blocks + 1) and response_wanted (response_blocks + 1) to true for the layers whose hidden states
 * are pooled, at positions of the prompt and of the response. */
struct feature_needs feature_set_needs(const struct feature_set *set, bool before_generation, bool *prompt_wanted,
                                       bool *response_wanted);
/* Whether some feature pools this layer of the vision encoder, or is made of it. */
bool feature_set_reads_encoder(const struct feature_set *set, int layer);

/* The first feature that needs a picture; NULL: there is none. */
const struct feature *feature_set_of_picture(const struct feature_set *set);

/* The kinds of positions whose hidden state after this block of the language model is pooled, as bits of enum feature_tokens.
 */
int feature_set_kinds(const struct feature_set *set, int layer);

/* ---- the pools of one image --------------------------------------------------------------------------------------------- */

/* Empty pools on a device for all features; NULL: out of memory. Freed by pools_free(). */
struct pool *pools_create(const struct feature_set *set, const struct device *device);
/* NULL is allowed. */
void pools_free(const struct feature_set *set, struct pool *pools);

/* Resets the pools, then starts those of the language model from `prefix`, which has pooled the positions that all images
 * share; NULL: there are none.
 */
void pools_begin(const struct feature_set *set, struct arena *arena, struct pool *pools, const struct pool *prefix);

/* States come from the device. Pools positions first .. first + rows - 1 of the input, states (rows, width). `ends`: the
 * input's last position is also the sequence's. */
void pools_add_input(const struct feature_set *set, struct arena *arena, struct pool *pools, const struct language_input *input,
                     bool ends, int layer, int64_t first, int64_t rows, size_t width, const float *states);
/* A position of a response; `last`: no other follows. */
struct response_row {
    struct pool *pools;
    bool last;
};
/* Pools a position of each of some responses, states (count, width). */
lmvr_status pools_add_responses(const struct feature_set *set, struct arena *arena, int64_t count,
                                const struct response_row *rows, int layer, size_t width, const float *states,
                                lmvr_error *error);
/* Pools the start token of an encoder-decoder. */
void pools_add_start(const struct feature_set *set, struct arena *arena, struct pool *pools, int layer, const float *state);

/* Writes the language model's features of an image, whose response has ended, into its vectors, in place of what is there. */
lmvr_status pools_read(const struct feature_set *set, struct arena *arena, const struct pool *pools,
                       struct feature_rows *vectors, lmvr_error *error);

/* ---- features that need no sequence ------------------------------------------------------------------------------------- */

/* A picture that has gone through vision encoder and connector; states are the device's. */
struct encoded {
    const float *pixels;        /* all of them, of the host, normalized; read only where every picture has as many */
    float *const *states;       /* by layer, those of a whole batch, (positions of all pictures, width); NULL where not read */
    int64_t first;              /* the picture's first position among them */
    const float *visual_tokens; /* (token_count, width) */
    int64_t token_count;
    const float *joint; /* the picture's vector; read only where a feature is that */
    /* Class tokens, if the encoder has them, come first in each view. */
    bool has_class;
    int view_count;
    const int64_t *view_positions; /* (view_count) */
    int whole;                     /* the view that shows the whole picture, whose class token is the picture's */
    /* (positions) of the picture: which comes next when the patches of each view are taken row by row; NULL: they come so */
    const int64_t *order;
};

/* Writes a picture's features of pixels, encoder, adaptor and joint space into its vectors, in place of what is there.
 * `pools` is scratch space. */
lmvr_status features_of_encoded(const struct feature_set *set, struct arena *arena, struct pool *pools,
                                const struct encoded *encoded, struct feature_rows *vectors, lmvr_error *error);

#endif
