/*
 * lmvr: images to vectors with a multimodal language model
 * =======================================================
 *
 * A vision encoder sees the image, a projector moves what it saw into the language model's word space, the language model
 * describes it, and its hidden states, pooled, become the image's vector ("Multi-Modal Large Language Models are Effective
 * Vision Learners", WACV 2025, section 3).
 *
 * The simple path:
 *
 *     lmvr_model_open()      a Hugging Face folder becomes a model, read-only from then on, to be shared by any threads
 *     lmvr_session_create()  what to compute with it: features, prompt, generation; one thread at a time per session
 *     lmvr_embed()           images in, one call of yours per image, in order, with its features, response and tokens
 *     lmvr_session_free(), lmvr_model_free()
 *
 * Errors are values: a function that can fail returns an lmvr_status and fills an lmvr_error with one sentence. The library
 * never prints, never exits, and keeps no global state. All strings are UTF-8.
 *
 * NULL: `error` may be NULL everywhere; the sentence is then lost. Any other pointer must not be NULL unless its comment says
 * so. A function with a status refuses a wrong NULL, and a number that is out of range, with LMVR_ERROR_INVALID and does
 * nothing. A function without one accepts NULL: it frees nothing, returns 0, or fills in zeros. Pointers that are not NULL are
 * trusted.
 */
#ifndef LMVR_H
#define LMVR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LMVR_VERSION_MAJOR 0
#define LMVR_VERSION_MINOR 1
#define LMVR_VERSION_PATCH 0
#define LMVR_VERSION       "0.1.0"

#if defined(__GNUC__)
#define LMVR_API __attribute__((visibility("default")))
#else
#define LMVR_API
#endif

/* ---- errors ---------------------------------------------------------------------------------------------------------- */

/* What a call came to. */
typedef enum lmvr_status {
    LMVR_OK = 0,
    LMVR_ERROR_INPUT = 1,    /* an image cannot be used; other images are not concerned */
    LMVR_ERROR_INVALID = 2,  /* the options, the model or a file of it cannot be used */
    LMVR_ERROR_RESOURCE = 3, /* out of memory or disk space, or a read that failed midway */
    LMVR_STOPPED = 4         /* your callback asked to stop */
} lmvr_status;

/* One sentence, without a final period, that names the file, tensor or option and what was expected of it. */
typedef struct lmvr_error {
    char message[1024];
} lmvr_error;

/* The version of the library that is linked, as "0.1.0". */
LMVR_API const char *lmvr_version(void);

/* ---- models ---------------------------------------------------------------------------------------------------------- */

/* The type in which weights are held and multiplied. Sums are always in f32. */
typedef enum lmvr_dtype {
    LMVR_DTYPE_DEFAULT = 0, /* bf16 where the processor computes in it, else f32 */
    LMVR_DTYPE_F32,
    LMVR_DTYPE_BF16
} lmvr_dtype;

typedef struct lmvr_model lmvr_model;

/*
 * Opens the Hugging Face folder `path`: LLaVA, or BLIP-2 with a T5 (config.json, safetensors, preprocessor_config.json,
 * tokenizer.model or spiece.model), or a CLIP model alone, which has encoder features only. Weights are read once and packed
 * for the kernels; the files may go away afterwards. `threads`, from 1 to 4096, is used for packing; 0 means one per processor.
 * On failure *model is NULL.
 */
LMVR_API lmvr_status lmvr_model_open(const char *path, lmvr_dtype dtype, int threads, lmvr_model **model, lmvr_error *error);

/* Frees the model. NULL is allowed. Its sessions must be freed before. */
LMVR_API void lmvr_model_free(lmvr_model *model);

/* Sizes of a part of a model that is a stack of transformer blocks. All zero where a model lacks the part. */
typedef struct lmvr_stack_info {
    int blocks, width, heads, kv_heads, mlp_width;
    int64_t parameters;
} lmvr_stack_info;

typedef struct lmvr_model_info {
    char architecture[96];  /* as in config.json, such as "LlavaForConditionalGeneration" */
    char stored_dtypes[64]; /* of the weights in the files, such as "BF16, F32" */
    lmvr_dtype dtype;       /* the one in use */
    lmvr_stack_info vision, language;
    int64_t connector_parameters;
    int input_blocks;            /* of the stack that the prompt goes through, before language.blocks; 0: the same stack */
    int image_size, patch_size;  /* pixels */
    int visual_tokens;           /* positions that an image takes in the prompt; 0 without a language model */
    int vocabulary;              /* rows of the embedding */
    int max_positions;           /* longest prompt and response together; 0: any length */
    uint64_t weights_bytes;      /* what the weights take in memory */
    uint64_t kv_bytes_per_token; /* of the key-value cache */
    uint64_t fingerprint;        /* of the configuration, the tokenizer and the weights, for caches and reports */
    const char *notice;          /* a sentence on what works, but more slowly than it should; NULL: none. The model's. */
} lmvr_model_info;

/* What the folder `path` holds, without loading its weights: of those only some bytes are read, for the fingerprint. `dtype` is
 * the one that memory is asked for. On failure *info is all zeros. */
LMVR_API lmvr_status lmvr_model_inspect(const char *path, lmvr_dtype dtype, lmvr_model_info *info, lmvr_error *error);

/* What an open model is. A NULL model is all zeros. */
LMVR_API void lmvr_model_get_info(const lmvr_model *model, lmvr_model_info *info);

/* ---- sessions -------------------------------------------------------------------------------------------------------- */

/* How an image that is not square meets the encoder's square input. */
typedef enum lmvr_aspect {
    LMVR_ASPECT_DEFAULT = 0, /* what the model says */
    LMVR_ASPECT_CROP,        /* shortest edge to the input size, then the center */
    LMVR_ASPECT_PAD,         /* a square with the mean color, then resized, as LLaVA-1.5 */
    LMVR_ASPECT_STRETCH      /* resized regardless of the aspect */
} lmvr_aspect;

/* Where the attention that is shown for a generated token is asked from. */
typedef enum lmvr_query {
    LMVR_QUERY_DEFAULT = 0, /* the predicting position */
    LMVR_QUERY_PREDICTING,  /* the position before the token's own, whose state chooses the token: for the first token the
                             * prompt's  last position, or the start token's of a decoder behind an encoder */
    LMVR_QUERY_OWN          /* the token's own position, where it is fed in and its state chooses the next token */
} lmvr_query;

/* Pixels: height rows of width RGB triples, 8 bits each, without gaps. */
typedef struct lmvr_pixels {
    int width, height;
    uint8_t *rgb;
} lmvr_pixels;

/* A change to every image between decoding and preprocessing, such as a corruption whose effect is to be measured. It may
 * write to rgb, or free() it and put malloc'ed pixels of another size there. `index` is into the images of the call, `hash` of
 * the image's own bytes. `pixels`, their rgb and `error` are never NULL; `user` is what the options say. It is called from
 * several threads at once. LMVR_ERROR_RESOURCE stops the call; any other error, or no pixels left, fails this image alone. */
typedef lmvr_status lmvr_filter_fn(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error);

/* How to compute. Start from lmvr_session_options_default(); strings are copied by lmvr_session_create(). */
typedef struct lmvr_session_options {
    /* Features, each as "[NAME=]source[:tokens[:pool[:layer]]]": for example "llm", "llm:generated:max", "e=encoder:cls".
     * None means "llm:all:mean:-1" ("encoder:patches:mean:-2" of a CLIP model alone), or nothing but responses where `describe`
     * or `attention` is set. May be NULL where feature_count is 0; no string in it may be. */
    const char *const *features;
    size_t feature_count;      /* at most 4096 */
    bool describe;             /* generate a response even if no feature needs one */
    bool before_generation;    /* generate nothing: features of the prompt alone */
    const char *prompt;        /* NULL: the model's default */
    const char *template_name; /* vicuna_v1, llava_hf, plain, none; NULL: the model's default */
    int max_new_tokens;        /* at least 1; default 128 */
    float temperature;         /* finite, not negative; 0: greedy, the default */
    float top_p;               /* above 0, at most 1; 1: all, the default */
    uint64_t seed;             /* of sampling, together with each image's own bytes */
    lmvr_aspect aspect;
    /* Also give each response token's attention to the visual tokens; it takes one more pass over the response. */
    bool attention;
    lmvr_query attention_query;
    int attention_first, attention_last; /* the blocks to average over, counted from 1; 0 and 0: all */
    lmvr_filter_fn *filter;              /* NULL: none */
    void *filter_user;                   /* given to the filter; may be NULL */
    int batch;                           /* images decoded together, at most 4096; 0: from the model and the memory */
    int threads;                         /* at most 4096; 0: one per processor */
} lmvr_session_options;

typedef struct lmvr_session lmvr_session;

/* Fills in the defaults. NULL is allowed. */
LMVR_API void lmvr_session_options_default(lmvr_session_options *options);

/* Checks the options against the model (a feature or layer it has not, a prompt without room for an answer, ...) and gets
 * ready to compute. A session is used by one thread at a time; a model may have many. On failure *session is NULL. */
LMVR_API lmvr_status lmvr_session_create(const lmvr_model *model, const lmvr_session_options *options, lmvr_session **session,
                                         lmvr_error *error);

/* Frees the session. NULL is allowed. */
LMVR_API void lmvr_session_free(lmvr_session *session);

/* The options in use, with defaults in place of what was left out: the model's prompt and template, the batch, and the
 * response's length as far as the model has positions for it. Strings are the session's; `features` is NULL, see below. A NULL
 * session has the defaults of lmvr_session_options_default(). */
LMVR_API void lmvr_session_get_options(const lmvr_session *session, lmvr_session_options *options);

/* The features that the session computes, in the order asked for. Strings are the session's. */
typedef struct lmvr_feature_info {
    const char *name; /* NAME, or the spec as given with ':' as '_' */
    const char *spec; /* in full, such as "llm:all:mean:-1" */
    size_t dim;       /* floats in a row */
} lmvr_feature_info;

/* How many there are; 0 of a NULL session. */
LMVR_API size_t lmvr_session_feature_count(const lmvr_session *session);

/* The feature at `index`; all zeros where the session is NULL or has none there. */
LMVR_API void lmvr_session_get_feature(const lmvr_session *session, size_t index, lmvr_feature_info *info);

/* The batch in use, and the bytes of key-value cache that it takes; 0 of a NULL session. */
LMVR_API int lmvr_session_batch(const lmvr_session *session);
LMVR_API uint64_t lmvr_session_kv_cache_bytes(const lmvr_session *session);

/* ---- images ---------------------------------------------------------------------------------------------------------- */

/* An image to embed: a file (JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF, by content), or, with path NULL or as a mere name, pixels in memory. */
typedef struct lmvr_image {
    const char *path;   /* may be NULL where there are pixels */
    const uint8_t *rgb; /* NULL: read the file; else height rows of width RGB triples, 8 bits each, without gaps */
    int width, height;
} lmvr_image;

/* A rectangle of the upright image, in its pixels. */
typedef struct lmvr_view {
    double x, y, width, height;
} lmvr_view;

/* What became of one image. Everything is the library's and lives until the callback returns. */
typedef struct lmvr_result {
    size_t index;                 /* into the images of the call */
    lmvr_status status;           /* LMVR_OK, or LMVR_ERROR_INPUT with the sentence below, and nothing else */
    const char *error;            /* NULL where status is LMVR_OK */
    const float *const *features; /* one row each, in the session's order */
    const char *response;         /* NULL where nothing was generated */
    const int32_t *tokens;        /* every generated id, the end token included */
    size_t token_count;
    bool finished; /* the end token was produced, rather than the length limit met */
    /* With options.attention, else NULL: (token_count, grid_rows, grid_columns), for each generated token the softmax weights
     * from its position (options.attention_query) to the visual tokens, averaged over the heads and the blocks asked for; not
     * rescaled, so that a map's sum is the share of attention that goes to the image. Where visual tokens are not patches
     * (BLIP-2), their shares are carried on to what they attend to: docs/models.md says exactly how. */
    const float *attention;
    int grid_rows, grid_columns;
    lmvr_view view;             /* what the grid covers; where the image was padded it reaches outside */
    const uint32_t *token_ends; /* (token_count): how many bytes of the response the tokens up to this one make */
} lmvr_result;

/* Called once per image, in the order of the images, from the thread that called lmvr_embed. `result` is never NULL; `user` is
 * what lmvr_embed was given. Return 0 to go on, anything else to stop: lmvr_embed then returns LMVR_STOPPED. */
typedef int lmvr_result_fn(const lmvr_result *result, void *user);

/*
 * Embeds `count` images. Images go through the encoder in batches, and their responses are decoded together, a finished one
 * leaving its place to the next image; a result never depends on that company. Memory does not grow with `count`.
 * A bad image is reported through the callback and stops nothing. Returns LMVR_OK when every image was reported. `images` may
 * be NULL where `count` is 0, `user` always; `on_result` may not.
 */
LMVR_API lmvr_status lmvr_embed(lmvr_session *session, const lmvr_image *images, size_t count, lmvr_result_fn *on_result,
                                void *user, lmvr_error *error);

#ifdef __cplusplus
}
#endif
#endif
