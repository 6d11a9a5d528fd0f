/*
 * A forward pass that remembers how to go back (reverse-mode differentiation; Baydin et al. 2018). Each operation computes its
 * result at once and, where some gradient is wanted behind it, leaves its own backward step on the tape.
 *
 * Values are matrices (rows, columns) of f32, rows being positions of any number of sequences one after another. They live on
 * the tape until tape_begin() forgets them. Products run in f32 or, with operands rounded, in bf16; sums are always f32.
 *
 * A failure (no memory, for the most part) is kept: from then on every operation returns NULL, operations take NULL, and
 * tape_backward() returns the failure. So a model is written without a check at each step. Wrong shapes are a caller's mistake
 * and assert.
 */
#ifndef LMVR_TRAIN_TAPE_TAPE_H
#define LMVR_TRAIN_TAPE_TAPE_H

#include "tensor/activation.h"
#include "train/tape/parameter.h"

struct tape;

struct value {
    int64_t rows, columns;
    float *data;
    float *gradient;             /* of the loss; NULL until something has flowed back here */
    bool wanted;                 /* a gradient is: some trained parameter lies behind it */
    struct parameter *parameter; /* whose value this is; NULL: it was computed */
};

lmvr_status tape_create(enum dtype products, struct tape **tape, lmvr_error *error);
void tape_free(struct tape *tape); /* NULL is allowed */

/* Forgets all values. Without `recording` nothing is kept to go back, as for validation. */
void tape_begin(struct tape *tape, bool recording);
bool tape_is_recording(const struct tape *tape);

/* Keeps a failure, as an operation does; the first one counts. */
void tape_fail(struct tape *tape, lmvr_status status, const char *sentence);

/* The failure of an operation since tape_begin(), if any. */
lmvr_status tape_status(const struct tape *tape, lmvr_error *error);

/* Adds weight * d loss / d p to the gradient of every trained parameter p. `loss` is (1, 1). Once a pass. */
lmvr_status tape_backward(struct tape *tape, struct value *loss, float weight, lmvr_error *error);

/* Memory for what operations borrow (indices, segments, targets), as long-lived as the values. NULL after a failure. */
void *tape_memory(struct tape *tape, int64_t count, size_t size);

/* ---- where values come from ------------------------------------------------------------------------------------------- */

/* Numbers that no gradient is wanted of; borrowed, not copied. */
struct value *tape_constant(struct tape *tape, int64_t rows, int64_t columns, const float *data);
/* One that is kept in bf16 alone has no data: it is for tape_rows() and tape_assemble(). */
struct value *tape_parameter(struct tape *tape, struct parameter *parameter);

/* y (count, columns): row r is row `rows[r]` of x, such as a table of embeddings. `rows` is borrowed. */
struct value *tape_rows(struct tape *tape, struct value *x, int64_t count, const int32_t *rows);

/* The same from several sources of the same number of columns; a negative source is a row of zeros. */
struct tape_place {
    int32_t source, row;
};
struct value *tape_assemble(struct tape *tape, struct value *const *sources, int source_count, int64_t count,
                            const struct tape_place *places);

/* ---- layers ----------------------------------------------------------------------------------------------------------- */

/* x W^T + b; W (out, in), b (1, out) or NULL. */
struct value *tape_linear(struct tape *tape, struct value *x, struct parameter *weight, struct parameter *bias);

/* Adds scale (x A^T) B^T to y's columns from `first_column` on, in place; a (rank, in), b (out, rank): LoRA, Hu et al. 2021. */
struct value *tape_add_low_rank(struct tape *tape, struct value *y, struct value *x, struct parameter *a, struct parameter *b,
                                float scale, int64_t first_column);

struct value *tape_add(struct tape *tape, struct value *a, struct value *b);
struct value *tape_scale(struct tape *tape, struct value *x, float factor);

struct value *tape_layer_norm(struct tape *tape, struct value *x, struct parameter *weight, struct parameter *bias, float eps);
struct value *tape_rms_norm(struct tape *tape, struct value *x, struct parameter *weight, float eps);
/* Rows divided by their Euclidean length. */
struct value *tape_normalize(struct tape *tape, struct value *x);

struct value *tape_activation(struct tape *tape, enum activation activation, struct value *x);
/* activation(gate) * up, where a row of x is gate and up. */
struct value *tape_gated(struct tape *tape, enum activation activation, struct value *x);

/* Rotary positions (Su et al. 2021, in transformers' rotate_half order) on the columns of `heads` heads from `column` on, in
 * place. `angles` (rows, head_dim), borrowed: of each row the cosines of its head_dim / 2 angles, then the sines. */
struct tape_rope {
    int heads, head_dim;
    int64_t column;
    const float *angles;
};
struct value *tape_rope(struct tape *tape, struct value *x, const struct tape_rope *rope);

/* Angles of `count` rows at these positions, on the tape; linear scaling divides positions by `factor`. */
const float *tape_rope_angles(struct tape *tape, int64_t count, const int32_t *positions, int head_dim, float theta,
                              float factor);

/* Queries q_first .. of one sequence look at keys k_first .. of one. */
struct tape_segment {
    int64_t q_first, q_count, k_first, k_count;
    int64_t prefix; /* where causal: this many keys are seen by all */
};

/* Relative positions (Raffel et al. 2020, section 2.1): for a key at offset j and a query at offset i, row buckets[zero + j -
 * i] of a table (buckets, heads) is added to the scores. `buckets` is borrowed. */
struct tape_bias {
    struct parameter *table; /* NULL: none */
    const int32_t *buckets;  /* (width) */
    int64_t width, zero;
};

/* softmax(scale q k^T + bias) v, head by head. Heads stand side by side from these columns of q, k and v on, which may be one
 * value. Grouped: heads is a multiple of kv_heads. Causal: the query at offset i sees keys up to max(prefix, i + 1 + k_count -
 * q_count). Segments are borrowed; no query and no key is in two of them; queries in none
 * become 0. */
struct tape_attention {
    int heads, kv_heads, head_dim;
    int64_t q_column, k_column, v_column;
    float scale;
    bool causal;
    struct tape_bias bias;
    const struct tape_segment *segments;
    int segment_count;
};
struct value *tape_attention(struct tape *tape, struct value *q, struct value *k, struct value *v,
                             const struct tape_attention *call);

/* y (count, columns): means of the rows first .. first + count - 1 of each span; borrowed. */
struct tape_span {
    int64_t first, count;
};
struct value *tape_mean_rows(struct tape *tape, struct value *x, int64_t count, const struct tape_span *spans);

/*
 * A part of a model that is computed once more on the way back instead of being kept (Chen et al. 2016). `run` makes the
 * result from the inputs, the same each time, by operations of the tape; `context` must outlive the pass.
 */
typedef struct value *tape_part(struct tape *tape, struct value *const *inputs, const void *context);
#define TAPE_PART_INPUTS 4
struct value *tape_recompute(struct tape *tape, tape_part *run, struct value *const *inputs, int input_count,
                             const void *context);

/* ---- losses, (1, 1) --------------------------------------------------------------------------------------------------- */

/* The mean over rows of -log softmax(logits)[target]; with label `smoothing` s the targets are 1 - s + s / columns, and s /
 * columns elsewhere, as torch.nn.functional.cross_entropy has it. Targets are borrowed. */
struct value *tape_cross_entropy(struct tape *tape, struct value *logits, const int32_t *targets, float smoothing);

/* The mean over the elements whose target (rows, columns) is 0 or 1, not NAN, of the logistic loss. */
struct value *tape_binary_cross_entropy(struct tape *tape, struct value *logits, const float *targets);

/*
 * Image-text contrastive loss (Radford et al. 2021, figure 3; Li et al. 2023, section 3.1): scores of all pairs, cross entropy
 * along rows and columns, halved. a (n * queries, columns), of each image `queries` rows of which the best counts; b (n,
 * columns). Scores are multiplied by exp(scale), or divided by it where `temperature`. scale is (1, 1). `smoothing` is of
 * labels.
 */
struct tape_contrast {
    struct parameter *scale;
    bool temperature;
    int queries;
    float smoothing;
};
struct value *tape_contrastive(struct tape *tape, struct value *a, struct value *b, const struct tape_contrast *contrast);

#endif
