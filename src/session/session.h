/*
 * A session takes images through the whole pipeline: image -> vision -> connector -> language -> represent. This header is what
 * its files share:
 *
 *     session.c        checks the options against the model and plans what to compute, no more than is needed
 *     loader.c         threads that read and preprocess images ahead of the model
 *     encode_batch.c   pixels to encoder states and visual tokens; the features of pixels, encoder and adaptor
 *     generate.c       visual tokens to responses, many sequences at once; the features of the language model
 *     embed.c          keeps all of them busy, and reports results in the order of the images
 */
#ifndef LMVR_SRC_SESSION_SESSION_H
#define LMVR_SRC_SESSION_SESSION_H

#include "language/prompt.h"
#include "language/sample.h"
#include "model/model.h"
#include "represent/aggregate.h"

/* An image's response while it is generated, in one slot of the KV cache. */
struct sequence {
    bool active;
    size_t index;     /* of the image */
    int64_t position; /* in the response, of the next token to feed */
    int32_t *tokens;  /* (max_new_tokens) `count` so far, the last of which is not yet fed */
    int count;
    bool ended, final; /* the last token is the end token; no more tokens follow, for whatever reason */
    uint64_t random;
    struct pool *pools; /* one per feature; only those of the language model are used */
    float *maps;        /* (visual_tokens, patches): attention of the visual tokens to the patches; NULL where not needed */
};

/* The result of one image, until it is reported. */
struct outcome {
    bool ready;
    lmvr_status status;
    lmvr_error error;
    float *values; /* (row_size): the rows of all features, concatenated */
    int32_t *tokens;
    int count;
    bool ended;
    float *attention; /* (count, grid, grid); NULL: not requested */
    lmvr_view view;
};

struct lmvr_session {
    const struct lmvr_model *model;
    lmvr_session_options options; /* as lmvr_session_get_options() returns them */
    char *prompt_text, *template_name;
    struct preprocess preprocess;
    struct feature_set features;
    bool needs_vision, needs_tokens, needs_language, generates;
    bool needs_generated; /* some feature pools positions of the response */

    struct prompt prompt;
    struct sampler sampler;
    uint64_t seed;
    int max_new_tokens, batch, encode_batch, threads;
    int end_tokens[CONFIG_MAX_END_TOKENS], end_token_count;

    /* The language model's passes over prompt and response. */
    struct language_input input;
    struct language_extent extent;
    bool *prompt_wanted, *response_wanted; /* (input_blocks + 1), (blocks + 1): hidden states that features pool */
    struct prompt_layout layout;
    int64_t visual_tokens;
    bool needs_maps; /* attention maps are wanted, and the connector resamples the patches */

    void *cache;                /* the language model's */
    struct sequence *sequences; /* (batch) */
    struct pool *prefix_pools;  /* every feature's pool after the prompt prefix that all images share */
    struct arena arena;
};

/* ---- loader.c ---------------------------------------------------------------------------------------------------------- */

struct loaded {
    size_t index;
    lmvr_status status;
    lmvr_error error;
    float *pixels; /* (3, image_size, image_size); NULL where status is not LMVR_OK */
    uint64_t hash; /* of the image's bytes */
    lmvr_view view;
};

struct image_loader;

/* Starts threads that read images 0 .. count - 1 ahead, in order. */
lmvr_status image_loader_start(const struct lmvr_session *session, const lmvr_image *images, size_t count,
                               struct image_loader **loader, lmvr_error *error);
/* Waits for the next image, whose pixels the caller frees. False when all have been taken. */
bool image_loader_next(struct image_loader *loader, struct loaded *loaded);
/* Stops the threads, even before all images are read, and frees the loader; NULL is allowed. */
void image_loader_stop(struct image_loader *loader);

/* ---- encode_batch.c ---------------------------------------------------------------------------------------------------- */

/* Encodes `count` images. Pools features of pixels, encoder and adaptor into values[image], each (row_size); NULL: none are
 * wanted. `tokens` is NULL or receives the visual tokens, (count, visual_tokens, width); `maps` is NULL or receives their
 * attention to the patches, (count, visual_tokens, patches). */
lmvr_status encode_images(struct lmvr_session *session, int count, const float *pixels, float *const *values, float *tokens,
                          float *maps, lmvr_error *error);

/* ---- generate.c -------------------------------------------------------------------------------------------------------- */

/* Computes the prompt prefix that all images share, once per session. */
lmvr_status generate_prefix(struct lmvr_session *session, lmvr_error *error);
/* Puts an image into a free slot and runs its prompt (prefill). `values` is the image's outcome.values; `maps` is its visual
 * tokens' attention to the patches, NULL where not needed. Afterwards the sequence is active, unless nothing more is needed of
 * it: then its features are in `values` already. */
lmvr_status generate_start(struct lmvr_session *session, int slot, size_t index, uint64_t hash, const float *visual,
                           const float *maps, float *values, lmvr_error *error);
/* Feeds one token to every active sequence (decode). A sequence that ends is no longer active; generate_finish() then reads its
 * features. */
lmvr_status generate_step(struct lmvr_session *session, lmvr_error *error);
void generate_finish(const struct lmvr_session *session, const struct sequence *sequence, float *values);
/* `attention` (count, patches) receives the attention map of each token of the response that has just ended in `slot`. */
lmvr_status generate_attention(struct lmvr_session *session, int slot, float *attention, lmvr_error *error);

#endif
