/*
 * A session leads images through the steps: image -> vision -> connector -> language -> represent. This header is the inside
 * that its files share; what they do with it:
 *
 *     session.c        options, checked against the model, become a plan: what has to be computed, and nothing else
 *     loader.c         threads that read and preprocess images ahead of the model
 *     encode_batch.c   pixels to visual features and visual tokens; the features of pixels, encoder and adaptor
 *     generate.c       visual tokens to responses, many sequences at once; the features of the language model
 *     embed.c          keeps them all busy, and reports results in the order of the images
 */
#ifndef LMVR_SRC_SESSION_SESSION_H
#define LMVR_SRC_SESSION_SESSION_H

#include "language/prompt.h"
#include "language/sample.h"
#include "model/model.h"
#include "represent/aggregate.h"

/* An image's response as it grows, in one slot of the key-value cache. */
struct sequence {
    bool active;
    size_t index;     /* of the image */
    int64_t position; /* in the response, of the next token to be fed in */
    int32_t *tokens;  /* (max_new_tokens), the last of them not fed in yet */
    int count;
    bool ended, final; /* the last token is the end token; it is the last one either way */
    uint64_t random;
    struct pool *pools; /* one a feature; those of the language model are used */
    float *maps;        /* (visual_tokens, patches): what the visual tokens have looked at; NULL where not needed */
};

/* The result of one image, until it is reported. */
struct outcome {
    bool ready;
    lmvr_status status;
    lmvr_error error;
    float *values; /* all features' rows, one after another */
    int32_t *tokens;
    int count;
    bool ended;
    float *attention; /* (count, grid, grid), NULL where not asked for */
    lmvr_view view;
};

struct lmvr_session {
    const struct lmvr_model *model;
    lmvr_session_options options; /* as lmvr_session_get_options() gives them */
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

    /* Of the language model's passes over the prompt and over the response. */
    struct language_input input;
    struct language_extent extent;
    bool *prompt_wanted, *response_wanted; /* (input_blocks + 1), (blocks + 1) states */
    struct prompt_layout layout;
    int64_t visual_tokens;
    bool needs_maps; /* what visual tokens have looked at, for attention */

    void *cache;                /* the language model's */
    struct sequence *sequences; /* (batch) */
    struct pool *prefix_pools;  /* the share of every feature that all images have in common */
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

/* Reads images 0 .. count - 1 ahead, in order, on threads of its own. */
lmvr_status image_loader_start(const struct lmvr_session *session, const lmvr_image *images, size_t count,
                               struct image_loader **loader, lmvr_error *error);
/* Waits for the next image. The pixels are the caller's to free. False when all have been taken. */
bool image_loader_next(struct image_loader *loader, struct loaded *loaded);
/* Stops the threads, wherever they are; NULL is allowed. */
void image_loader_stop(struct image_loader *loader);

/* ---- encode_batch.c---------------------------------------------------------------------------------------------------- */

/* For `count` images: pools the features of pixels, encoder and adaptor into values[image], each a row of row_size (NULL:
 * none), and computes their visual tokens, (count, visual_tokens, width), where `tokens` is not NULL, and where `maps` is not
 * NULL what these have looked at, (count, visual_tokens, patches). */
lmvr_status encode_images(struct lmvr_session *session, int count, const float *pixels, float *const *values, float *tokens,
                          float *maps, lmvr_error *error);

/* ---- generate.c -------------------------------------------------------------------------------------------------------- */

/* Runs what all images have in common, once a session. */
lmvr_status generate_prefix(struct lmvr_session *session, lmvr_error *error);
/* Puts an image into a free slot and runs its prompt. `values` is the image's outcome.values, `maps`
 * what its visual tokens have looked at (NULL where not needed). The sequence is active
 * afterwards, unless nothing more is needed of it: then its features are in `values` already. */
lmvr_status generate_start(struct lmvr_session *session, int slot, size_t index, uint64_t hash, const float *visual,
                           const float *maps, float *values, lmvr_error *error);
/* Feeds one token to every active sequence. Those that come to their end have active false afterwards; then generate_finish()
 * reads their features. */
lmvr_status generate_step(struct lmvr_session *session, lmvr_error *error);
void generate_finish(const struct lmvr_session *session, const struct sequence *sequence, float *values);
/* What is attended to for each token of the response that has just ended in `slot`, (count, patches), into `attention`. */
lmvr_status generate_attention(struct lmvr_session *session, int slot, float *attention, lmvr_error *error);

#endif
