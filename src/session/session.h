/*
 * A session takes images through the whole pipeline: image -> vision -> connector -> language -> represent. This header is what
 * its files share:
 *
 *     session.c        checks the options against the model and plans what to compute, no more than is needed
 *     loader.c         threads that read and preprocess images ahead of the model
 *     input.c          a picture's prompt
 *     encode_batch.c   pixels to encoder states and visual tokens; the features of pixels, encoder, adaptor and joint space
 *     texts.c          a dual encoder's texts to features of the joint space
 *     generate.c       visual tokens to responses, many sequences at once; the features of the language model
 *     jobs.c           (jobs.h) the inputs that are in the session, and what is to be done with each
 *     worker.c         a thread that takes inputs through all of this: one for each replica of the model, or several
 *     result.c         what a caller sees of an input's result
 *     feed.c           inputs one by one, whose results and tokens come as they end
 *     embed.c          many images, whose results come in their order
 */
#ifndef LMVR_SRC_SESSION_SESSION_H
#define LMVR_SRC_SESSION_SESSION_H

#include "language/prompt.h"
#include "language/sample.h"
#include "model/model.h"
#include "represent/aggregate.h"

/* The prompt of one picture. */
struct session_input {
    struct language_input language;
    struct prompt prompt;       /* empty where it is the session's */
    struct input_piece *pieces; /* these two are language's */
    struct position *positions;
    int64_t first_visual, visual_end; /* the positions from the first visual token to behind the last */
    int64_t visual_count;
    struct language_extent extent;
    int max_new_tokens;
    struct sampler sampler;
    uint64_t seed;
    struct token_grid grid; /* its cells only where attention is wanted */
};

/* An image's response while it is generated, in one slot of the KV cache. */
struct sequence {
    bool active;
    int64_t position; /* in the response, of the next token to feed */
    struct session_input input;
    int32_t *tokens; /* (max_new_tokens) `count` so far, the last of which is not yet fed */
    int count;
    bool ended, final; /* the last token is the end token; no more tokens follow, for whatever reason */
    uint64_t random;
    struct pool *pools; /* one per feature; only those of the language model are used */
    float *maps;        /* (visual tokens, patches): attention of the visual tokens to the patches; NULL where not needed */
};

struct jobs;

/* Whether the input is a text alone. */
static inline bool is_text(const lmvr_image *image)
{
    return !image->path && !image->rgb && !image->bytes && image->text;
}

struct lmvr_session {
    const struct lmvr_model *model;
    struct lmvr_session
        *next; /* the same for the next worker, on another replica of the model or this one; NULL: there is none */
    lmvr_session_options options; /* as lmvr_session_get_options() returns them */
    char *prompt_text, *system_text, *template_name;
    struct preprocess preprocess;
    struct feature_set features;
    bool needs_vision, needs_tokens, needs_language, generates;
    bool needs_generated; /* some feature pools positions of the response */

    char *filled;         /* the prompt's text, with PROMPT_IMAGE for the picture */
    struct prompt prompt; /* of a picture that is one span of visual tokens */
    struct sampler sampler;
    uint64_t seed;
    int max_new_tokens, batch, encode_batch, threads;
    int end_tokens[CONFIG_MAX_END_TOKENS], end_token_count;

    bool *prompt_wanted, *response_wanted; /* (input_blocks + 1), (blocks + 1): hidden states that features pool */
    int input_blocks;                      /* that inputs go through */
    struct session_input usual;            /* of a picture of the usual size: every picture's where the model has one size */
    bool needs_maps;                       /* attention maps are wanted, and the connector resamples the patches */

    void *cache;                /* the language model's */
    struct sequence *sequences; /* (batch) */
    struct pool *prefix_pools;  /* every feature's pool after the beginning that all inputs share */
    struct arena arena;
    struct jobs *jobs; /* the inputs that are in the session, in the first of the chain; NULL in the others */
};

/* ---- input.c ------------------------------------------------------------------------------------------------------------ */

/* The text of an input's prompt, malloc'ed, with PROMPT_IMAGE where `picture`; `own` as below. */
lmvr_status input_fill(const struct lmvr_session *session, const lmvr_image *own, bool picture, char **filled,
                       lmvr_error *error);
/* Plans the prompt of an input; of its picture, which has no views where there is none, only the sizes are read. `own` has what
 * the input says in place of the session's prompt; NULL: nothing. */
lmvr_status input_create(const struct lmvr_session *session, const struct picture *picture, const lmvr_image *own,
                         struct session_input *input, lmvr_error *error);
/* LMVR_ERROR_INVALID: the model has too few positions for this prompt and an answer. */
lmvr_status input_check(const struct lmvr_session *session, const struct session_input *input, lmvr_error *error);
/* Frees the input's memory. A zeroed one is allowed. */
void input_finish(struct session_input *input);
/* The picture of an image of the usual size, without pixels. */
lmvr_status plan_usual_picture(const struct lmvr_session *session, struct picture *picture, lmvr_error *error);

/* ---- encode_batch.c ----------------------------------------------------------------------------------------------------- */

/* A picture's visual tokens; 0 for one without views. */
int64_t picture_tokens(const struct lmvr_session *session, const struct picture *picture);
/* The positions of a picture in the encoder. */
int64_t picture_positions(const struct lmvr_session *session, const struct picture *picture);

/* Pictures that are encoded together. */
struct encode_batch {
    int count;
    const struct picture *const *pictures;
    struct feature_rows *const *vectors; /* (count): receive the features of pixels, encoder and adaptor; NULL: not wanted */
    /* Both on the device. */
    float *tokens; /* receives the visual tokens, (levels, those of all pictures, width); NULL: not wanted */
    float *maps;   /* receives their attention to the patches, (those of all pictures, patches); NULL: not wanted */
};

lmvr_status encode_pictures(struct lmvr_session *session, const struct encode_batch *batch, lmvr_error *error);

/* ---- texts.c ------------------------------------------------------------------------------------------------------------ */

/* Whether texts go through the text tower of a dual encoder, rather than a language model. */
bool reads_texts_alone(const struct lmvr_session *session);
/* The ids of such a text, as input.prompt's. */
lmvr_status text_plan(const struct lmvr_session *session, const char *text, struct session_input *input, lmvr_error *error);
/* vectors[i] (one for each feature) receives text i's. */
lmvr_status encode_texts(struct lmvr_session *session, int count, struct session_input *const *inputs,
                         struct feature_rows *const *vectors, lmvr_error *error);

/* ---- generate.c --------------------------------------------------------------------------------------------------------- */

/* A picture that has been encoded, on the device. `maps` is its visual tokens' attention to the patches, NULL where not needed.
 */
struct encoded_image {
    uint64_t hash;
    struct visual_tokens visual;
    const float *maps;
};

/* Computes the beginning that all inputs share, once per session. */
lmvr_status generate_prefix(struct lmvr_session *session, lmvr_error *error);
/* Puts an image into a free slot and runs its prompt (prefill). Takes over `input`, also on failure. `vectors` is the
 * job's. Afterwards the sequence is active, unless nothing more is needed of it: then its features are in
 * `vectors` already. */
lmvr_status generate_start(struct lmvr_session *session, int slot, const struct encoded_image *image,
                           struct session_input *input, struct feature_rows *vectors, lmvr_error *error);
/* Feeds one token to every active sequence (decode). A sequence that ends is no longer active; generate_finish() then reads its
 * features. */
lmvr_status generate_step(struct lmvr_session *session, lmvr_error *error);
lmvr_status generate_finish(struct lmvr_session *session, const struct sequence *sequence, struct feature_rows *vectors,
                            lmvr_error *error);
/* `attention` (count, cells of the input's grid) receives the attention map of each token of the response that has just ended
 * in `slot`. */
lmvr_status generate_attention(struct lmvr_session *session, int slot, float *attention, lmvr_error *error);

#endif
