/*
 * lmvr: images to vectors with a multimodal language model
 * =======================================================
 *
 * A vision encoder encodes the image, a connector maps its features into the language model's word embedding space, the
 * language model describes the image, and its hidden states, pooled, become the image's vector ("Multi-Modal Large Language
 * Models are Effective Vision Learners", WACV 2025, section 3).
 *
 * The simple path:
 *
 *     lmvr_model_open()      loads a model from a Hugging Face folder; it is read-only and can be shared by threads
 *     lmvr_session_create()  says what to compute: features, prompt, generation; one thread at a time per session
 *     lmvr_embed()           calls you back once per image, in order, with its features, response and tokens
 *     lmvr_session_free(), lmvr_model_free()
 *
 * Where inputs come one by one, as to a server, a session is fed: lmvr_session_submit(), lmvr_session_next(), and
 * lmvr_session_cancel(). lmvr_embed() is a loop over these.
 *
 * Errors are values: a function that can fail returns an lmvr_status and fills an lmvr_error with one sentence. The library
 * never prints, never exits, and keeps no global state. All strings are UTF-8.
 *
 * NULL: `error` may be NULL everywhere; the sentence is then lost. No other pointer may be NULL unless its comment says so. A
 * function that returns a status refuses a wrong NULL, or a number out of range, with LMVR_ERROR_INVALID and does nothing else.
 * Other functions accept NULL: they free nothing, return 0, or fill in zeros. Pointers that are not NULL are trusted.
 *
 * Stability: a program that was compiled with an older header of the same LMVR_ABI_VERSION works with this library. Structs
 * only grow, at their end, and the library knows which part of one the program has: options carry their size, as their
 * _default() function sets it, and inline functions pass that of what is filled in and of images to those whose names end in
 * _sized. What the library shows by a const pointer is its own. lmvr_error, lmvr_view, lmvr_stack_info and lmvr_sampling never
 * change. A program that is newer than the library works, too, unless it sets what that does not know, which is refused as
 * LMVR_ERROR_INVALID.
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
#define LMVR_ABI_VERSION   1

#if defined(__GNUC__)
#define LMVR_API __attribute__((visibility("default")))
#else
#define LMVR_API
#endif

/* ---- errors ---------------------------------------------------------------------------------------------------------- */

/* The outcome of a call. */
typedef enum lmvr_status {
    LMVR_OK = 0,
    LMVR_ERROR_INPUT = 1,    /* an image cannot be used; other images are not affected */
    LMVR_ERROR_INVALID = 2,  /* the options, the model or one of its files cannot be used */
    LMVR_ERROR_RESOURCE = 3, /* out of memory or disk space, or a read failed midway */
    LMVR_STOPPED = 4,        /* your callback asked to stop, or the input was cancelled */
    LMVR_FULL = 5            /* the session has as many inputs as it takes */
} lmvr_status;

/* One sentence, without a final period, that names the file, tensor or option and what was expected of it. */
typedef struct lmvr_error {
    char message[1024];
} lmvr_error;

/* The version of the linked library, such as "0.1.0". */
LMVR_API const char *lmvr_version(void);

/* The LMVR_ABI_VERSION of the linked library. */
LMVR_API int lmvr_abi_version(void);

/* ---- models ---------------------------------------------------------------------------------------------------------- */

/* The type in which weights are held and multiplied, or a KV cache is held. Sums are always in f32. */
typedef enum lmvr_dtype {
    LMVR_DTYPE_DEFAULT = 0, /* bf16 where the device computes in it, else f32 */
    LMVR_DTYPE_F32,
    LMVR_DTYPE_BF16,
    LMVR_DTYPE_INT8, /* with scales: of a row of weights, of a head's key or value, which only the processor has */
    LMVR_DTYPE_INT4, /* weights of the language model's blocks in groups of 32; all others are int8 */
    LMVR_DTYPE_F16   /* of files in GGUF, which lmvr_model_convert() writes; no model is held in it */
} lmvr_dtype;

/* "f32" and so on, as options and files name it; LMVR_DTYPE_DEFAULT is "default", and anything else NULL. */
LMVR_API const char *lmvr_dtype_name(lmvr_dtype dtype);

typedef struct lmvr_model lmvr_model;

/*
 * Opens the Hugging Face folder `path`: LLaVA, or BLIP-2 with a T5 (config.json, safetensors or pytorch_model.bin,
 * preprocessor_config.json, tokenizer.model or spiece.model), or a CLIP or SigLIP model, which only has encoder and joint
 * features; or a folder with the two GGUF files of a model alone. Weights are read once and packed for the kernels; the files
 * may then be removed. `threads`, 1 to 4096, is for packing; 0: one per processor. On failure *model is NULL.
 */
LMVR_API lmvr_status lmvr_model_open(const char *path, lmvr_dtype dtype, int threads, lmvr_model **model, lmvr_error *error);

/* What may happen to a model that is open, while its sessions go on. */
typedef enum lmvr_notice {
    LMVR_NOTICE_SLOW = 0, /* something works, but slower than it should */
    LMVR_NOTICE_LOST      /* a GPU of several has failed: what it had goes to the others */
} lmvr_notice;

/* Called with a sentence, once for what has happened, from a thread of the model's sessions. `user` is
 * lmvr_model_options.notice_user. */
typedef void lmvr_notice_fn(lmvr_notice notice, const char *sentence, void *user);

/* How a model is opened; begin with lmvr_model_options_default(). */
typedef struct lmvr_model_options {
    size_t size;            /* of this struct */
    lmvr_dtype dtype;       /* of weights */
    int threads;            /* as in lmvr_model_open() */
    const char *device;     /* "cpu", "cuda" (the first GPU), "cuda:N", or "cuda:all": a replica on every GPU, all of one kind,
                             * among which sessions share out their images; NULL: a GPU if one can be used and the model fits,
                             * else the processor. A GPU that is named and cannot be used is an error */
    lmvr_dtype cache_dtype; /* of keys and values, not INT4; DEFAULT: f32 if `dtype` is f32, else bf16. A model without a
                             * language model has none: all but DEFAULT are an error there */
    const char *mmproj;     /* the image encoder's GGUF file, where `path` is the language model's; NULL: `path` is a folder */
    bool fast; /* a GPU may multiply as is fastest for the number of rows, so that a result depends on its company in
                * its last bits, as a GPU's libraries have it by themselves; on the processor it changes nothing */
    lmvr_notice_fn *notice; /* NULL: nobody is told */
    void *notice_user;
} lmvr_model_options;

/* Fills in the defaults. NULL is allowed. */
LMVR_API void lmvr_model_options_default_sized(lmvr_model_options *options, size_t size);
static inline void lmvr_model_options_default(lmvr_model_options *options)
{
    lmvr_model_options_default_sized(options, sizeof *options);
}

/* As lmvr_model_open(), which has the default device. */
LMVR_API lmvr_status lmvr_model_open_with(const char *path, const lmvr_model_options *options, lmvr_model **model,
                                          lmvr_error *error);

/* Frees the model. NULL is allowed. Free its sessions first. */
LMVR_API void lmvr_model_free(lmvr_model *model);

/* The sizes of a stack of transformer blocks in a model. All zero if the model lacks it. */
typedef struct lmvr_stack_info {
    int blocks, width, heads, kv_heads, mlp_width;
    int64_t parameters;
} lmvr_stack_info;

typedef struct lmvr_model_info {
    char architecture[96];                  /* as in config.json, such as "LlavaForConditionalGeneration" */
    char stored_dtypes[64];                 /* of the weights in the files, such as "BF16, F32" */
    lmvr_dtype dtype, cache_dtype;          /* in use */
    lmvr_stack_info vision, language, text; /* text: a dual encoder's text tower */
    int64_t connector_parameters;           /* between encoder and language model, or joint space */
    int input_blocks;            /* encoder blocks of an encoder-decoder language model; 0: it is decoder-only, or none */
    int image_size, patch_size;  /* pixels; image_size 0: the encoder takes any size */
    int joint_width;             /* of the space that a dual encoder's images share with texts; 0: none */
    int visual_tokens;           /* positions of an image in the prompt; 0: they depend on its size, or there is no
                                  * language model */
    int vocabulary;              /* rows of the embedding */
    int max_positions;           /* the most positions of prompt and response together; 0: no limit */
    uint64_t weights_bytes;      /* of the weights in memory */
    uint64_t kv_bytes_per_token; /* of the KV cache */
    uint64_t fingerprint;        /* of the configuration, the tokenizer and the weights, for caches and reports */
    char device[16];             /* where an open model is, as in lmvr_model_options */
    char gpu[64];                /* that GPU's name; empty: none */
    const char *notice;          /* a sentence on what is slower than it should be, owned by the model; NULL: nothing */
    bool fast;                   /* results depend on their company in their last bits, as lmvr_model_options.fast allows */
    bool lost;                   /* every GPU that it was on has failed: this process can compute nothing with it any more */
} lmvr_model_info;

/* Describes the model in the folder `path` without loading its weights; only some of their bytes are read, for the fingerprint.
 * Memory sizes are for options->dtype; `device` and `threads` are not used. On failure *info is all zeros. */
LMVR_API lmvr_status lmvr_model_inspect_sized(const char *path, const lmvr_model_options *options, lmvr_model_info *info,
                                              size_t size, lmvr_error *error);
static inline lmvr_status lmvr_model_inspect_with(const char *path, const lmvr_model_options *options, lmvr_model_info *info,
                                                  lmvr_error *error)
{
    return lmvr_model_inspect_sized(path, options, info, sizeof *info, error);
}

/* As lmvr_model_inspect_with(), with default options but for the type. */
static inline lmvr_status lmvr_model_inspect(const char *path, lmvr_dtype dtype, lmvr_model_info *info, lmvr_error *error)
{
    lmvr_model_options options;
    lmvr_model_options_default(&options);
    options.dtype = dtype;
    return lmvr_model_inspect_with(path, &options, info, error);
}

/* Describes an open model; all zeros for a NULL model. */
LMVR_API void lmvr_model_get_info_sized(const lmvr_model *model, lmvr_model_info *info, size_t size);
static inline void lmvr_model_get_info(const lmvr_model *model, lmvr_model_info *info)
{
    lmvr_model_get_info_sized(model, info, sizeof *info);
}

/* How a model is converted; begin with lmvr_convert_options_default(). */
typedef struct lmvr_convert_options {
    size_t size;        /* of this struct */
    lmvr_dtype dtype;   /* of the weights that are written; not DEFAULT */
    int threads;        /* as in lmvr_model_open() */
    const char *mmproj; /* as in lmvr_model_options */
    bool replace;       /* a model that is in the output folder */
    /* Called now and then with the bytes of weights that are written, and all there are; not 0: stop. NULL: not called. */
    int (*progress)(uint64_t done, uint64_t total, void *user);
    void *user; /* passed to it; may be NULL */
} lmvr_convert_options;

/* NULL is allowed. */
LMVR_API void lmvr_convert_options_default_sized(lmvr_convert_options *options, size_t size);
static inline void lmvr_convert_options_default(lmvr_convert_options *options)
{
    lmvr_convert_options_default_sized(options, sizeof *options);
}

/*
 * Saves the model `path`, of any kind that lmvr_model_open_with() opens, in the folder `output` with its weights in another
 * type: safetensors (docs/formats.md describes quantized ones) and copies of the files beside them. The new model computes what
 * the old one does when it is opened in that type, to the last bit, and opens in it by default. One matrix at a time is in
 * memory. `output` is made, and appears complete or not at all; one that holds something is refused, or, with `replace`, what
 * is not a model. LMVR_STOPPED: `progress` asked to stop, and nothing is left.
 *
 * An output whose name ends in .gguf is a file in GGUF for llama.cpp, which has the language model, in F32, F16, BF16, Q8_0
 * (INT8) or Q4_0 (INT4); the encoder is in mmproj-NAME.gguf beside it. LMVR_ERROR_INVALID: llama.cpp has no such models, or
 * GGUF cannot say what this one is.
 */
LMVR_API lmvr_status lmvr_model_convert(const char *path, const lmvr_convert_options *options, const char *output,
                                        lmvr_error *error);

/* ---- sessions -------------------------------------------------------------------------------------------------------- */

/* How an image that is not square is fitted to the encoder's square input. */
typedef enum lmvr_aspect {
    LMVR_ASPECT_DEFAULT = 0, /* as the model's configuration says */
    LMVR_ASPECT_CROP,        /* resized to the input size by the shortest edge, then center-cropped */
    LMVR_ASPECT_PAD,         /* padded to a square with the mean color, then resized, as in LLaVA-1.5 */
    LMVR_ASPECT_STRETCH      /* resized regardless of the aspect */
} lmvr_aspect;

/* The query position whose attention is returned for a generated token. */
typedef enum lmvr_query {
    LMVR_QUERY_DEFAULT = 0, /* the predicting position */
    LMVR_QUERY_PREDICTING,  /* the position before the token's own, from whose hidden state the token is chosen; for the
                             * first token the prompt's last position, or the start token's in an encoder-decoder */
    LMVR_QUERY_OWN          /* the token's own position, from whose hidden state the next token is chosen */
} lmvr_query;

/* An image's pixels: height rows of width RGB triples, 8 bits per channel, contiguous. The library owns them. */
typedef struct lmvr_pixels {
    int width, height;
    uint8_t *rgb;
} lmvr_pixels;

/* Changes every image between decoding and preprocessing, for example to measure the effect of a corruption. It may write to
 * pixels->rgb, and replace all of it by lmvr_pixels_replace(); nothing else of *pixels is read back. `index` is that of the
 * image in the call, or in the session, `hash` that of the image's own bytes, `user` is options.filter_user; `pixels`, their
 * rgb and `error` are never NULL. It is called from several threads at once. LMVR_ERROR_RESOURCE ends lmvr_embed(); any other
 * error fails only this image. */
typedef lmvr_status lmvr_filter_fn(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error);

/* In a filter, gives the image other pixels, which are copied from `rgb` (height rows of width RGB triples, not those of
 * *pixels itself), and updates *pixels. On failure they are as they were: LMVR_ERROR_INPUT, as images of this size are not
 * taken, or LMVR_ERROR_RESOURCE. */
LMVR_API lmvr_status lmvr_pixels_replace(lmvr_pixels *pixels, int width, int height, const uint8_t *rgb, lmvr_error *error);

/* What to compute, and how. Start from lmvr_session_options_default(); lmvr_session_create() copies the strings. */
typedef struct lmvr_session_options {
    size_t size; /* of this struct */
    /* Features, each as "[NAME=]source[:tokens[:pool[:layer]]]": for example "llm", "llm:generated:max", "e=encoder:cls",
     * "llm:image:none". The pool "none" gives a row per position, the others one row per image.
     * If there are none: no features if `describe` or `attention` is set, else "llm:all:mean:-1" ("encoder:patches:mean:-2" for
     * a CLIP model). May be NULL if feature_count is 0; none of the strings may be NULL. */
    const char *const *features;
    size_t feature_count;       /* at most 4096 */
    bool describe;              /* generate a response even if no feature needs one */
    bool before_generation;     /* generate nothing: features of the prompt only */
    const char *prompt;         /* NULL: the model's default */
    const char *system;         /* the system turn of the template; NULL: the template's own, if it has one */
    const char *template_name;  /* vicuna_v1, llava_hf, qwen2_vl, qwen3_vl, gme, smolvlm, idefics3, mistral, llama3, plain or
                                   none;  NULL: the model's default */
    int max_new_tokens;         /* at least 1, in any response; default 128 */
    float temperature;          /* finite, not negative; default 0: greedy */
    float top_p;                /* above 0, at most 1; default 1: all tokens */
    uint64_t seed;              /* for sampling, together with each image's own bytes */
    lmvr_aspect aspect;         /* of a model whose pictures have one size */
    int min_pixels, max_pixels; /* of a model whose pictures have any size: least and most pixels of what the
                                 * encoder sees, width times height; 0: the model's own */
    bool normalize;             /* divide every row of a feature by its L2 norm; a row of zeros stays one */
    int dims;                   /* keep the first `dims` numbers of every row, before normalizing, as for models trained by
                                 * Matryoshka representation learning; at most the least width; 0: all */
    /* Also return each response token's attention map over the image, which takes one more pass over the response. */
    bool attention;
    lmvr_query attention_query;
    int attention_first, attention_last; /* the blocks to average over, counted from 1; 0 and 0: all */
    lmvr_filter_fn *filter;              /* NULL: none */
    void *filter_user;                   /* passed to the filter; may be NULL */
    int batch;                           /* responses generated together, on each GPU, at most 4096; 0: by model and memory */
    int threads;                         /* at most 4096; 0: one per processor. A small model computes on several groups of
                                          * them at once, each with a batch of its own */
    int max_file_pixels;                 /* images with more are refused, before they are decoded; 0: 178,956,970, the most */
} lmvr_session_options;

typedef struct lmvr_session lmvr_session;

/* Fills in the defaults. NULL is allowed. */
LMVR_API void lmvr_session_options_default_sized(lmvr_session_options *options, size_t size);
static inline void lmvr_session_options_default(lmvr_session_options *options)
{
    lmvr_session_options_default_sized(options, sizeof *options);
}

/* Checks the options against the model (features or layers that it lacks, a prompt that leaves no room for an answer, ...) and
 * prepares to compute. A model can have many sessions. Use a session from one thread at a time, but for
 * lmvr_session_submit(), lmvr_session_cancel() and lmvr_session_count(), which any thread may call at any time between creation
 * and lmvr_session_free(). It starts threads of its own when it is first used, which live as long as it does, and wait when
 * there is nothing to do. On failure *session is NULL. */
LMVR_API lmvr_status lmvr_session_create(const lmvr_model *model, const lmvr_session_options *options, lmvr_session **session,
                                         lmvr_error *error);

/* Frees the session and cancels what is in it: waits until the step that is being computed ends. NULL is allowed. */
LMVR_API void lmvr_session_free(lmvr_session *session);

/* The options in use, with all defaults filled in: the model's prompt and template, the batch, and the response's length as far
 * as the model has positions for it. The session owns the strings. `features` is NULL: see below. A NULL session has the
 * defaults of lmvr_session_options_default(). */
LMVR_API void lmvr_session_get_options_sized(const lmvr_session *session, lmvr_session_options *options, size_t size);
static inline void lmvr_session_get_options(const lmvr_session *session, lmvr_session_options *options)
{
    lmvr_session_get_options_sized(session, options, sizeof *options);
}

/* A feature that the session computes. The session owns the strings. */
typedef struct lmvr_feature_info {
    const char *name;  /* NAME, or the spec as given with ':' as '_' */
    const char *spec;  /* with all parts, such as "llm:all:mean:-1" */
    size_t dim;        /* floats per row */
    bool multi_vector; /* an image has a row per position (pool "none"), not one */
} lmvr_feature_info;

/* The number of features; 0 for a NULL session. */
LMVR_API size_t lmvr_session_feature_count(const lmvr_session *session);

/* The feature at `index`, in the order of the options; all zeros if the session is NULL or has none there. */
LMVR_API void lmvr_session_get_feature_sized(const lmvr_session *session, size_t index, lmvr_feature_info *info, size_t size);
static inline void lmvr_session_get_feature(const lmvr_session *session, size_t index, lmvr_feature_info *info)
{
    lmvr_session_get_feature_sized(session, index, info, sizeof *info);
}

/* The batch in use, and the size of its KV cache in bytes, of each GPU or group of threads; 0 for a NULL session. */
LMVR_API int lmvr_session_batch(const lmvr_session *session);
LMVR_API uint64_t lmvr_session_kv_cache_bytes(const lmvr_session *session);

/* ---- images ---------------------------------------------------------------------------------------------------------- */

/* How tokens are chosen, as in lmvr_session_options. */
typedef struct lmvr_sampling {
    float temperature, top_p;
    uint64_t seed;
} lmvr_sampling;

/* An input to embed: an image, a text, or both. An image is a file (JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF, by content), or
 * such a file's bytes in memory, or pixels in memory; with these, `path` is NULL or a mere name for error sentences. Zero what
 * is not used. Nothing is copied: what an image points to has to stay until its result has been taken. */
typedef struct lmvr_image {
    const char *path;   /* may be NULL if there are bytes, pixels or a text */
    const uint8_t *rgb; /* NULL: none; else height rows of width RGB triples, 8 bits per channel, contiguous */
    int width, height;
    const char *text;   /* UTF-8; in the user's turn, in place of options.prompt; NULL: that prompt. Needs a language model
                         * or, for a text alone, the feature joint, whose model reads it as it is */
    const char *system; /* the system turn, in place of options.system; NULL: that */
    const void *bytes;  /* of a file; NULL: none. Not together with rgb */
    size_t byte_count;
    int max_new_tokens;            /* in the response, at most the session's, in place of that; 0: that */
    bool stream;                   /* lmvr_session_next() reports the response's tokens as they come */
    const lmvr_sampling *sampling; /* in place of the session's; NULL: that */
    void *user;                    /* for lmvr_session_next(); may be NULL */
} lmvr_image;

/* A rectangle in the upright image, in its pixels. */
typedef struct lmvr_view {
    double x, y, width, height;
} lmvr_view;

/* The result for one image. The library owns everything, and it is valid until the callback returns, or until the next
 * lmvr_session_next(). */
typedef struct lmvr_result {
    size_t index;                 /* of the image in the call, or as lmvr_session_submit() gave it */
    lmvr_status status;           /* LMVR_OK; else only index and error are set. LMVR_ERROR_INPUT: the image cannot be used */
    const char *error;            /* NULL if status is LMVR_OK */
    const float *const *features; /* in the session's order, each (rows, dim) */
    const size_t *rows;           /* of each feature: 1, or the positions of a multi-vector feature, in their order */
    const char *response;         /* NULL if nothing was generated */
    const int32_t *tokens;        /* all generated ids, including the end token */
    size_t token_count;
    bool finished; /* ended by the end token rather than by the length limit */
    /* With options.attention, else NULL: (token_count, grid_rows, grid_columns). For each generated token, the softmax weights
     * of its query (options.attention_query) on the visual tokens, averaged over the heads and the chosen blocks. They are not
     * rescaled, so a map's sum is the share of attention that goes to the image. Where visual tokens are not patches (BLIP-2),
     * their weights are distributed over the patches that they attend to, as docs/models.md says. */
    const float *attention;
    int grid_rows, grid_columns;
    lmvr_view view;             /* what the grid covers; extends beyond the image where that was padded */
    const uint32_t *token_ends; /* NULL likewise; (token_count): where each token's part of the response ends, in bytes */
    size_t prompt_tokens;       /* positions of the prompt, visual tokens included; 0: no language model has read it */
} lmvr_result;

/* Called once per image, in the order of the images, on the thread that called lmvr_embed(). `result` is never NULL; `user` is
 * lmvr_embed()'s. Return 0 to continue, anything else to stop: lmvr_embed() then returns LMVR_STOPPED. */
typedef int lmvr_result_fn(const lmvr_result *result, void *user);

/*
 * Embeds `count` images. They go through the encoder in batches, and their responses are generated together; as soon as one is
 * finished, the next image takes its place. No result depends on the other images. Memory does not grow with `count`. A bad
 * image is reported through the callback and does not stop the others. Returns LMVR_OK once every image has been reported.
 * `images` may be NULL if `count` is 0; `user` may always be NULL. LMVR_ERROR_INVALID: the session has been fed, and results
 * have not been taken.
 */
LMVR_API lmvr_status lmvr_embed_sized(lmvr_session *session, const lmvr_image *images, size_t size, size_t count,
                                      lmvr_result_fn *on_result, void *user, lmvr_error *error);
static inline lmvr_status lmvr_embed(lmvr_session *session, const lmvr_image *images, size_t count, lmvr_result_fn *on_result,
                                     void *user, lmvr_error *error)
{
    return lmvr_embed_sized(session, images, sizeof *images, count, on_result, user, error);
}

/* Gives lmvr_embed_stream() the next image, on the thread that called it: fills in *image, which is zeroed. What it points to
 * has to stay until the image's result has been reported. LMVR_OK; LMVR_STOPPED: there are no more; LMVR_FULL: there is none
 * before another result has been reported, which bounds what the images hold. Anything else ends the call with that status, and
 * with what has been written to `error`, which is never NULL. `user` is lmvr_embed_stream()'s. */
typedef lmvr_status lmvr_image_fn(lmvr_image *image, void *user, lmvr_error *error);

/*
 * As lmvr_embed(), with images that come one by one: `next` is asked for one whenever the session has room, so that at most
 * lmvr_session_capacity() have been given and not been reported. Those that were given before it failed, or on_result asked to
 * stop, may have no result; none is in use any more when this returns. LMVR_ERROR_INVALID also: `next` returned LMVR_FULL when
 * all results had been reported.
 */
LMVR_API lmvr_status lmvr_embed_stream_sized(lmvr_session *session, lmvr_image_fn *next, size_t size, lmvr_result_fn *on_result,
                                             void *user, lmvr_error *error);
static inline lmvr_status lmvr_embed_stream(lmvr_session *session, lmvr_image_fn *next, lmvr_result_fn *on_result, void *user,
                                            lmvr_error *error)
{
    return lmvr_embed_stream_sized(session, next, sizeof(lmvr_image), on_result, user, error);
}

/* ---- feeding a session ----------------------------------------------------------------------------------------------- */

/*
 * Puts an input into the session, whose threads work on it from now on, together with all others; *index (NULL is allowed)
 * receives its number: 0 for the first, then ascending, and again from 0 after lmvr_embed(). Does not wait. The struct is
 * copied, what it points to is not: that has to stay until lmvr_session_next() has given its result, and that has been used.
 * LMVR_FULL: lmvr_session_capacity() inputs are in the session already, and nothing has been done. LMVR_ERROR_INVALID: an
 * argument is wrong. LMVR_ERROR_RESOURCE: memory ran out, or the last GPU of the session has failed. An image that cannot be
 * used is told by its result.
 */
LMVR_API lmvr_status lmvr_session_submit_sized(lmvr_session *session, const lmvr_image *image, size_t size, size_t *index,
                                               lmvr_error *error);
static inline lmvr_status lmvr_session_submit(lmvr_session *session, const lmvr_image *image, size_t *index, lmvr_error *error)
{
    return lmvr_session_submit_sized(session, image, sizeof *image, index, error);
}

/* What has become of an input. The library owns it. */
typedef struct lmvr_event {
    size_t index;              /* as lmvr_session_submit() gave it */
    void *user;                /* lmvr_image.user */
    const lmvr_result *result; /* the input has ended, and is no longer in the session; NULL: it has not, and the rest is set */
    const int32_t *tokens;     /* (token_count): those of the response that have come since the event before */
    size_t token_count;
    const char *text; /* what they add to the response, whole characters; perhaps nothing. Never NULL. All the texts of an input
                       * are its response, but where byte tokens break off within a character */
} lmvr_event;

/*
 * Waits for what happens next in the session, at most `milliseconds`, or without limit if that is negative, also for inputs
 * that are still to be submitted. *event is NULL if nothing has happened in that time, and else valid until the next call, or
 * until the session is freed. Each input that was submitted has one result, in the order in which they end: status LMVR_OK,
 * LMVR_ERROR_INPUT, LMVR_STOPPED (it was cancelled), or LMVR_ERROR_RESOURCE or _INVALID (memory ran out, or the device failed,
 * with it and perhaps with others; the session goes on). Of several GPUs, one that fails takes no more inputs, and those that
 * it had are begun again on another; lmvr_model_info.lost says that none is left. Before a result come, if lmvr_image.stream is
 * set, events with all of its tokens. A session whose results are not taken stops working when it is full. Fails if memory runs
 * out for the event, which a later call gives again.
 */
LMVR_API lmvr_status lmvr_session_next(lmvr_session *session, int milliseconds, const lmvr_event **event, lmvr_error *error);

/* Cancels an input: its result is LMVR_STOPPED, and its place in the batch free at the next step. False: there is no such
 * input, or it has ended, and its result is what it is. */
LMVR_API bool lmvr_session_cancel(lmvr_session *session, size_t index);

/* The stages that an input goes through. */
typedef enum lmvr_stage {
    LMVR_STAGE_QUEUED = 0, /* it is to be read, or is being read, or waits for the model */
    LMVR_STAGE_RUNNING,    /* the model has it */
    LMVR_STAGE_ENDED,      /* its result is to be taken */
    LMVR_STAGE_ANY         /* one of these */
} lmvr_stage;

/* How many inputs are at this stage; 0 for a NULL session. Inputs go on while the caller adds up: how many are in the session,
 * LMVR_STAGE_ANY says. */
LMVR_API size_t lmvr_session_count(const lmvr_session *session, lmvr_stage stage);

/* How many inputs can be in the session at once, enough to keep the model busy; 0 for a NULL session. */
LMVR_API size_t lmvr_session_capacity(const lmvr_session *session);

#ifdef __cplusplus
}
#endif
#endif
