/*
 * Measures speed against this machine's own limits, or a GPU's, in the same run (docs/SPEED.md says how to read and reproduce
 * it).
 *
 * A row's limit is the time that the bare library (oneDNN) needs for the row's linear products, with the same number of rows,
 * in the faster of the layouts that it picks for that number and for 32; plus attention's two products at the same rate,
 * counting only what the causal mask leaves; plus, in decoding, reading the key-value cache once at the measured bandwidth. If
 * the library has no bf16 products on this processor, its f32 products are the limit. With weights in 8 or 4 bits the library
 * multiplies 8 bits, or f32 where that is faster, and a product of few rows need only read its weights once, or multiply as
 * fast as with many, whichever takes longer. On a GPU the library is cuBLASLt, by the fastest of its algorithms, in
 * bf16 with weights in 8 or 4 bits, and the bandwidth is that of a copy within its memory.
 */
#ifndef LMVR_BENCH_BENCH_H
#define LMVR_BENCH_BENCH_H

#include "bench/work.h"
#include "model/model.h"

#define BENCH_NEW_TOKENS 64
#define BENCH_MOST_ROWS  16
#define BENCH_BATCHES    4 /* that decoding is measured at */

struct bench_row {
    const char *name, *unit;
    int batch;
    double value, limit; /* in `unit` */
    double steady, fast; /* on a GPU, what cuBLASLt's products of a pass take in seconds, as they are and with --fast */
};

/* What an image takes by the clock, in seconds, in a model of all blocks, with responses of BENCH_NEW_TOKENS. */
struct bench_image {
    int batch;
    double encode, prompt, decode;
    double prompt_block, decode_block; /* one block's share of them; 0 where the model was measured whole */
};

struct bench_report {
    char cpu[128];
    char gpu[128]; /* empty: the model is on the processor */
    const char *kernels, *library, *library_dtype;
    int threads;
    double bandwidth; /* bytes per second, read by all threads; on a GPU read and written */
    struct bench_row rows[BENCH_MOST_ROWS];
    int row_count;
    struct lmvr_model_info info;
    uint64_t kv_cache_bytes, peak_memory_bytes; /* of the largest batch; of everything but the limits, or all of the GPU's */
    int blocks;                                 /* of the shape's language model when nothing is cut */
    int other_blocks;  /* it was also measured with so many, to tell what a block takes; 0: it was measured whole */
    lmvr_error notice; /* of the device, a sentence on what was slower than it should be; empty: nothing */
    struct bench_image images[BENCH_BATCHES];
    int image_count; /* 0: there is no language model */
};

struct bench_options {
    const char *model;  /* NULL: random weights of `shape` */
    const char *mmproj; /* as in lmvr_model_options */
    const char *shape;  /* a name that bench_shape() knows */
    int layers;         /* of the language model or, when measuring training, of all stacks; 0: all */
    const char *device; /* as in lmvr_model_options; when measuring training, NULL: the processor */
    bool fast;          /* the same */
    lmvr_dtype dtype, cache_dtype;
    int threads;
    bool quick; /* skip the rows that take minutes: end to end, and batches above 4 */
};

lmvr_status bench_run(const struct bench_options *options, struct bench_report *report, lmvr_error *error);

double bench_image_seconds(const struct bench_image *image);

/* Fills `images` from the rows, and from those of the same model with `other_blocks`; a prompt is of so many positions. */
void bench_images(struct bench_report *report, const struct bench_report *other, int64_t prompt);

/* The configuration of a shape, with at most `layers` blocks in each stack of its language model (0: all). */
lmvr_status bench_shape(const char *name, int layers, struct model_config *config, lmvr_error *error);

/* Both encoders of the shape's CLIP, for training; *pairs, if not NULL, is the number of pairs that fit in a step.
 * LMVR_ERROR_INVALID: training does not support the shape's model. */
lmvr_status bench_shape_clip(const char *name, struct clip_config *config, int *pairs, lmvr_error *error);

/* Seconds since a fixed moment. */
double bench_now(void);

/* Random numbers from -1 to 1, for example as pixels: zeros would be faster than any real image. malloc'ed; NULL: out of
 * memory. */
float *bench_made_up(int64_t count);

/* ---- corruptions.c ------------------------------------------------------------------------------------------------------ */

#define BENCH_CORRUPTIONS 19

/* One row per corruption, "corrupt:NAME": images of 224 x 224 per second on one thread, averaged over the times of the five
 * severities, without reading or writing files. They have no limit. `names` holds the rows' names. */
lmvr_status bench_corruptions(struct bench_row rows[BENCH_CORRUPTIONS], char names[BENCH_CORRUPTIONS][32], lmvr_error *error);

/* The processor's name. */
void bench_cpu(char *name, size_t size);

/* ---- limit.c: the machine alone, or the GPU ---------------------------------------------------------------------------- */

struct limit {
    const struct device *device;
    struct dtypes dtypes; /* the model's */
    enum dtype dtype;     /* the library's */
    double bandwidth;
    double steady, fast; /* of the last work, as in bench_row */
    struct arena arena;
};

lmvr_status limit_init(struct limit *limit, const struct device *device, const struct dtypes *dtypes, lmvr_error *error);
void limit_finish(struct limit *limit);

/* The time for this work. */
lmvr_status limit_work(struct limit *limit, const struct work *work, double *seconds, lmvr_error *error);

#endif
