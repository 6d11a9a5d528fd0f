/*
 * A tape for reverse-mode automatic differentiation (Baydin et al. 2018): each operation computes its result at once and, if
 * some gradient is needed, records its backward step on the tape.
 *
 * Values are matrices (rows, columns) of f32, with the positions of any number of sequences as rows, one after another. They
 * live until tape_begin() clears the tape. Products run in f32 or, with rounded operands, in bf16; sums are always f32. Values,
 * like the parameters, are in the memory of the tape's device.
 *
 * A failure (mostly out of memory) is kept: from then on every operation returns NULL, operations accept NULL, and
 * tape_backward() returns the failure. So a model needs no check at each step. Wrong shapes are programming errors and assert.
 */
#ifndef LMVR_TRAIN_TAPE_TAPE_H
#define LMVR_TRAIN_TAPE_TAPE_H

#include "nn/rope.h"
#include "tensor/gradient.h"
#include "train/tape/parameter.h"

struct tape;

struct value {
    int64_t rows, columns;
    float *data;
    float *gradient;             /* of the loss; NULL until a gradient has flowed back here */
    bool wanted;                 /* a gradient is needed: the value depends on a trained parameter */
    struct parameter *parameter; /* the parameter whose value this is; NULL: it was computed */
};

/* On the processor. */
lmvr_status tape_create(enum dtype products, struct tape **tape, lmvr_error *error);
/* On the device of these parameters, and in their queue; they are borrowed. */
lmvr_status tape_create_for(const struct parameters *parameters, struct tape **tape, lmvr_error *error);
void tape_free(struct tape *tape); /* NULL is allowed */

/* Clears the tape. Without `recording` nothing is kept for a backward pass, as for validation. */
void tape_begin(struct tape *tape, bool recording);
bool tape_is_recording(const struct tape *tape);

/* Records a failure, as operations do; the first one is kept. */
void tape_fail(struct tape *tape, lmvr_status status, const char *sentence);

/* The first failure since tape_begin(), if any. */
lmvr_status tape_status(const struct tape *tape, lmvr_error *error);

/* Adds weight * d loss / d p to the gradient of every trained parameter p. `loss` is (1, 1). Call once per forward pass. */
lmvr_status tape_backward(struct tape *tape, struct value *loss, float weight, lmvr_error *error);

/* Reads a computed (1, 1), such as the loss, and waits for it. */
lmvr_status tape_read(struct tape *tape, const struct value *value, double *number, lmvr_error *error);

/* Memory of the host for what operations borrow (indices, segments, targets); lives as long as the values. NULL after a
 * failure. */
void *tape_memory(struct tape *tape, int64_t count, size_t size);

/* ---- sources of values ------------------------------------------------------------------------------------------------ */

/* Data of the host without a gradient; borrowed, and on the processor not copied. */
struct value *tape_constant(struct tape *tape, int64_t rows, int64_t columns, const float *data);
/* A parameter kept only in bf16 has no data: it is only for tape_rows() and tape_assemble(). */
struct value *tape_parameter(struct tape *tape, struct parameter *parameter);

/* y (count, columns): row r is row `rows[r]` of x, such as an embedding table. `rows` is borrowed. */
struct value *tape_rows(struct tape *tape, struct value *x, int64_t count, const int32_t *rows);

/* The same from several sources with the same number of columns; a negative source is a row of zeros. Places are borrowed. */
struct value *tape_assemble(struct tape *tape, struct value *const *sources, int source_count, int64_t count,
                            const struct gradient_place *places);

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
/* Divides rows by their Euclidean length. */
struct value *tape_normalize(struct tape *tape, struct value *x);

struct value *tape_activation(struct tape *tape, enum activation activation, struct value *x);
/* activation(gate) * up; each row of x is gate, then up. */
struct value *tape_gated(struct tape *tape, enum activation activation, struct value *x);

/* Rotary position embeddings (Su et al. 2021, in transformers' rotate_half order) on the columns of `heads` heads from `column`
 * on, in place. `angles` (rows, head_dim), borrowed: for each row the cosines of its head_dim / 2 angles, then the sines. */
struct tape_rope {
    int heads, head_dim;
    int64_t column;
    const float *angles;
};
struct value *tape_rope(struct tape *tape, struct value *x, const struct tape_rope *rope);

/* The angles of `count` rows at these positions, on the tape. */
const float *tape_rope_angles(struct tape *tape, int64_t count, const struct position *positions, const struct rope *rope);

/* Relative position bias (Raffel et al. 2020, section 2.1): for a key at offset j and a query at offset i, row buckets[zero + j
 * - i] of a table (buckets, heads) is added to the scores. `buckets` is borrowed. */
struct tape_bias {
    struct parameter *table; /* NULL: none */
    const int32_t *buckets;  /* (width) */
    int64_t width, zero;
};

/* softmax(scale q k^T + bias) v, head by head. Heads are side by side from these columns of q, k and v on, which may be the
 * same value. Grouped-query: heads is a multiple of kv_heads. Causal: the query at offset i sees keys up to max(prefix, i + 1 +
 * k_count - q_count). Segments are borrowed; no query or key may be in two of them; queries in none give 0. */
struct tape_attention {
    int heads, kv_heads, head_dim;
    int64_t q_column, k_column, v_column;
    float scale;
    bool causal;
    struct tape_bias bias;
    const struct gradient_segment *segments; /* of the host */
    int segment_count;
};
struct value *tape_attention(struct tape *tape, struct value *q, struct value *k, struct value *v,
                             const struct tape_attention *call);

/* y (count, columns): the mean of rows first .. first + count - 1 of each span; borrowed. */
struct tape_span {
    int64_t first, count;
};
struct value *tape_mean_rows(struct tape *tape, struct value *x, int64_t count, const struct tape_span *spans);

/*
 * Gradient checkpointing: a part of a model that is computed again in the backward pass instead of being kept (Chen et al.
 * 2016). `run` computes the result from the inputs by operations on the tape, the same each time; `context` must outlive the
 * pass.
 */
typedef struct value *tape_part(struct tape *tape, struct value *const *inputs, const void *context);
#define TAPE_PART_INPUTS 4
struct value *tape_recompute(struct tape *tape, tape_part *run, struct value *const *inputs, int input_count,
                             const void *context);

/* ---- losses, (1, 1) --------------------------------------------------------------------------------------------------- */

/* The mean over rows of -log softmax(logits)[target]; with label `smoothing` s, targets are 1 - s + s / columns, and s /
 * columns elsewhere, as in torch.nn.functional.cross_entropy. Targets are borrowed. */
struct value *tape_cross_entropy(struct tape *tape, struct value *logits, const int32_t *targets, float smoothing);

/* The mean logistic loss over the elements whose target (rows, columns) is 0 or 1, not NAN. */
struct value *tape_binary_cross_entropy(struct tape *tape, struct value *logits, const float *targets);

/*
 * Image-text contrastive loss (Radford et al. 2021, figure 3; Li et al. 2023, section 3.1): the mean of the cross entropies
 * along rows and along columns of all pairs' scores. a (n * queries, columns) has `queries` rows per image, of which the best
 * counts; b is (n, columns). Scores are multiplied by exp(scale), or if `temperature` divided by scale. scale is (1, 1).
 * `smoothing` is label smoothing.
 */
struct tape_contrast {
    struct parameter *scale;
    bool temperature;
    int queries;
    float smoothing;
};
struct value *tape_contrastive(struct tape *tape, struct value *a, struct value *b, const struct tape_contrast *contrast);

#endif
