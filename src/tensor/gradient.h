/*
 * What training needs of a device besides its operations (device.h): products of two matrices that both change, and operations
 * on rows of f32 with their ways back. As there, operations run in the order of their calls in the queue of an arena, whose
 * operands are floats; arrays "of the host" may be changed or freed at once; all other pointers are the device's. What returns
 * nothing cannot fail on the processor; a GPU's failure is kept.
 *
 * A way back adds to gradients, in an order that is always the same: a step that is repeated gives the same bits.
 */
#ifndef LMVR_SRC_TENSOR_GRADIENT_H
#define LMVR_SRC_TENSOR_GRADIENT_H

#include "tensor/activation.h"
#include "tensor/arena.h"
#include "tensor/norm.h"

struct matmul; /* tensor/matmul.h */
struct matmul_call;

#define GRADIENT_CHUNK 16384 /* elements whose squares are summed together */

/* Of row `row` of a source; a negative source is a row of zeros. */
struct gradient_place {
    int32_t source, row;
};

/* A matrix from which rows are taken. */
struct gradient_source {
    const float *values; /* NULL: they are in `half` */
    const bf16 *half;
    float *gradient; /* NULL: not needed */
};

/* Heads side by side, of `head_dim` columns each, from `column` on in rows of `stride` elements. */
struct gradient_turn {
    int64_t rows, stride, column;
    int heads, head_dim;
    const float *angles; /* (rows, head_dim): for each row the cosines of its head_dim / 2 angles, then the sines */
};

/* Queries of one sequence, from q_first on, attend to keys of one, from k_first on. */
struct gradient_segment {
    int64_t q_first, q_count, k_first, k_count;
    int64_t prefix; /* causal only: this many keys are visible to all queries */
};

/* softmax(scale q k^T + bias) v, head by head; q, k and v are the first head's columns of the first row, and heads lie side by
 * side. Query head h uses key head h / (heads / kv_heads). Causal: the query at offset i sees keys up to
 * max(prefix, i + 1 + k_count - q_count). No query or key is in two segments. */
struct gradient_attention {
    int heads, kv_heads, head_dim;
    const float *q, *k, *v;
    int64_t q_stride, k_stride, v_stride;
    int64_t rows, k_rows; /* of q; of k and v */
    float scale;
    bool causal;
    const struct gradient_segment *segments; /* of the host */
    int segment_count;
    /* On the processor only: bias[h * width + zero + j - i] is added for a key at offset j and a query at offset i. */
    const float *bias; /* (heads, width); NULL: none */
    int64_t bias_width, bias_zero;
};

/* dy (rows, heads * head_dim); dq, dk and dv lie as q, k and v do; NULL: not needed. */
struct gradient_attention_back {
    const float *dy;
    float *dq, *dk, *dv;
    float *distances; /* (segments, heads, bias_width): the bias's gradient for each segment; NULL: not needed */
};

/* The constants of AdamW's step, as in torch. */
struct gradient_adamw {
    float decay;       /* weight decay's factor for the value */
    float first;       /* 1 - beta1 */
    float beta2;       /* decay of the second moment */
    float second;      /* 1 - beta2 */
    float step;        /* the learning rate divided by the first moment's bias correction */
    float root_factor; /* 1 / sqrt of the second moment's bias correction */
    float eps;
};

struct gradient_operations {
    /* Whether products of a model in this type are of operands rounded to bf16. */
    bool (*rounds)(enum dtype products);

    /* ---- products ---- */
    /* `compiled` is the processor's, and NULL on a GPU. */
    lmvr_status (*multiply)(struct arena *arena, struct matmul *compiled, const struct matmul_call *call, lmvr_error *error);
    void (*round)(struct arena *arena, int64_t count, const float *x, bf16 *y);

    /* ---- elements ---- */
    void (*sum)(struct arena *arena, int64_t count, const float *a, const float *b, float *y);         /* y = a + b */
    void (*add)(struct arena *arena, int64_t count, float factor, const float *x, float *y);           /* y += factor x */
    void (*add_by)(struct arena *arena, int64_t count, const float *factor, const float *x, float *y); /* factor: one number */
    void (*scale)(struct arena *arena, int64_t count, float factor, const float *x, float *y); /* y = factor x; may be x */
    void (*activate)(struct arena *arena, enum activation activation, int64_t count, const float *x, float *y);
    void (*activate_back)(struct arena *arena, enum activation activation, int64_t count, const float *x, const float *dy,
                          float *dx);
    /* y (rows, width) = activation(gate) * up, where a row of `both` is gate, then up. */
    void (*gate)(struct arena *arena, enum activation activation, int64_t rows, int64_t width, const float *both, float *y);
    void (*gate_back)(struct arena *arena, enum activation activation, int64_t rows, int64_t width, const float *both,
                      const float *dy, float *dboth);

    /* ---- rows ---- */
    /* y = or += x, matrices of these strides. */
    void (*copy_columns)(struct arena *arena, int64_t rows, int64_t columns, const float *x, int64_t x_stride, bool add,
                         float *y, int64_t y_stride);
    /* sums (columns) += x (rows, columns), row by row. */
    lmvr_status (*sum_rows)(struct arena *arena, int64_t rows, int64_t columns, const float *x, float *sums, lmvr_error *error);
    /* dx (rows, width), and dweight and dbias (width), of device.h's norm. Any may be NULL. */
    lmvr_status (*norm_back)(struct arena *arena, const struct norm *norm, int64_t rows, int64_t width, const float *x,
                             const float *dy, float *dx, float *dweight, float *dbias, lmvr_error *error);
    /* In place: pairs (x[i], x[i + head_dim / 2]) are turned by their angles, or back. */
    void (*turn)(struct arena *arena, const struct gradient_turn *turn, bool back, float *x);
    /* Row r of y (count, width) is that of places[r]. `sources` and `places` are of the host. */
    lmvr_status (*assemble)(struct arena *arena, int64_t count, int64_t width, const struct gradient_source *sources,
                            int source_count, const struct gradient_place *places, float *y, lmvr_error *error);
    lmvr_status (*assemble_back)(struct arena *arena, int64_t count, int64_t width, const struct gradient_source *sources,
                                 int source_count, const struct gradient_place *places, const float *dy, lmvr_error *error);
    lmvr_status (*attend)(struct arena *arena, const struct gradient_attention *call, enum dtype products, float *y,
                          lmvr_error *error);
    lmvr_status (*attend_back)(struct arena *arena, const struct gradient_attention *call, enum dtype products,
                               const struct gradient_attention_back *back, lmvr_error *error);
    /* *loss: the mean over rows of -log softmax(logits)[target], with label smoothing; slope (rows, columns): its gradient.
     * `targets` (rows) are of the host. */
    lmvr_status (*cross_entropy)(struct arena *arena, int64_t rows, int64_t columns, const float *logits,
                                 const int32_t *targets, float smoothing, float *slope, float *loss, lmvr_error *error);

    /* ---- the optimizer ---- */
    /* sums[i]: of the squares of elements i * GRADIENT_CHUNK and on. */
    void (*squares)(struct arena *arena, int64_t count, const float *x, double *sums);
    /* One step; half: the rounded value, or NULL. `decays`: weight decay applies. */
    void (*adamw)(struct arena *arena, const struct gradient_adamw *step, bool decays, int64_t count, const float *gradient,
                  float *value, float *first, float *second, bf16 *half);
};

#endif
