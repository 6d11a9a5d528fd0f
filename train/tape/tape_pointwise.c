/* Row-wise operations on the tape: sums, activations and norms. */
#include "tensor/cpu/kernels.h"
#include "train/tape/tape_steps.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static inline int64_t size_of(const struct value *x)
{
    return x->rows * x->columns;
}

/* y += factor * x, of the size of `like`; does nothing if y is NULL. */
static void add_to(struct tape *tape, const struct value *like, float factor, const float *x, float *y)
{
    if (!y)
        return;
#pragma omp parallel for schedule(static) if (size_of(like) > TAPE_FEW)
    for (int64_t r = 0; r < like->rows; r++)
        tape->kernels->add(like->columns, factor, x + r * like->columns, y + r * like->columns);
}

/* ---- sums ------------------------------------------------------------------------------------------------------------- */

struct add_step {
    struct step step;
    struct value *a, *b;
};

static void add_back(struct tape *tape, struct step *step)
{
    struct add_step *s = (struct add_step *)step;
    add_to(tape, step->result, 1.0f, step->result->gradient, tape_gradient(tape, s->b));
    if (s->a->wanted && !s->a->gradient && !s->a->parameter)
        s->a->gradient =
            step->result->gradient; /* last use of the result's gradient: its memory becomes the first summand's gradient */
    else
        add_to(tape, step->result, 1.0f, step->result->gradient, tape_gradient(tape, s->a));
}

struct value *tape_add(struct tape *tape, struct value *a, struct value *b)
{
    if (!a || !b)
        return NULL;
    assert(a->rows == b->rows && a->columns == b->columns);
    struct value *y = tape_new(tape, a->rows, a->columns, a->wanted || b->wanted);
    if (!y)
        return NULL;
    int64_t n = y->columns;
#pragma omp parallel for schedule(static) if (size_of(y) > TAPE_FEW)
    for (int64_t r = 0; r < y->rows; r++) {
        memcpy(y->data + r * n, a->data + r * n, (size_t)n * sizeof *y->data);
        tape->kernels->add(n, 1.0f, b->data + r * n, y->data + r * n);
    }
    struct add_step *step = TAPE_STEP(tape, struct add_step, y, add_back);
    if (step) {
        step->a = a;
        step->b = b;
    }
    return y;
}

struct scale_step {
    struct step step;
    struct value *x;
    float factor;
};

static void scale_back(struct tape *tape, struct step *step)
{
    struct scale_step *s = (struct scale_step *)step;
    add_to(tape, s->x, s->factor, step->result->gradient, tape_gradient(tape, s->x));
}

struct value *tape_scale(struct tape *tape, struct value *x, float factor)
{
    struct value *y = x ? tape_new(tape, x->rows, x->columns, x->wanted) : NULL;
    if (!y)
        return NULL;
    int64_t n = y->columns;
#pragma omp parallel for schedule(static) if (size_of(y) > TAPE_FEW)
    for (int64_t r = 0; r < y->rows; r++)
        tape->kernels->scale(n, factor, x->data + r * n, y->data + r * n);
    struct scale_step *step = TAPE_STEP(tape, struct scale_step, y, scale_back);
    if (step) {
        step->x = x;
        step->factor = factor;
    }
    return y;
}

/* ---- activations ------------------------------------------------------------------------------------------------------ */

struct activation_step {
    struct step step;
    struct value *x;
    enum activation activation;
};

static void activation_back(struct tape *tape, struct step *step)
{
    struct activation_step *s = (struct activation_step *)step;
    float *dx = tape_gradient(tape, s->x);
    int64_t n = s->x->columns;
    if (!dx)
        return;
#pragma omp parallel for schedule(static) if (size_of(s->x) > TAPE_FEW)
    for (int64_t r = 0; r < s->x->rows; r++)
        tape->kernels->activate_back(s->activation, n, s->x->data + r * n, step->result->gradient + r * n, dx + r * n);
}

struct value *tape_activation(struct tape *tape, enum activation activation, struct value *x)
{
    struct value *y = x ? tape_new(tape, x->rows, x->columns, x->wanted) : NULL;
    if (!y)
        return NULL;
    int64_t n = y->columns;
#pragma omp parallel for schedule(static) if (size_of(y) > TAPE_FEW)
    for (int64_t r = 0; r < y->rows; r++)
        tape->kernels->activate(activation, n, x->data + r * n, y->data + r * n);
    struct activation_step *step = TAPE_STEP(tape, struct activation_step, y, activation_back);
    if (step) {
        step->x = x;
        step->activation = activation;
    }
    return y;
}

static void gated_back(struct tape *tape, struct step *step)
{
    struct activation_step *s = (struct activation_step *)step;
    int64_t width = step->result->columns;
    float *dx = tape_gradient(tape, s->x);
    if (!dx)
        return;
#pragma omp parallel for schedule(static) if (size_of(step->result) > TAPE_FEW)
    for (int64_t r = 0; r < s->x->rows; r++) {
        const float *gate = s->x->data + r * 2 * width;
        tape->kernels->gated_back(s->activation, width, gate, gate + width, step->result->gradient + r * width,
                                  dx + r * 2 * width, dx + r * 2 * width + width);
    }
}

struct value *tape_gated(struct tape *tape, enum activation activation, struct value *x)
{
    struct value *y = x ? tape_new(tape, x->rows, x->columns / 2, x->wanted) : NULL;
    if (!y)
        return NULL;
    int64_t width = y->columns;
#pragma omp parallel for schedule(static) if (size_of(y) > TAPE_FEW)
    for (int64_t r = 0; r < x->rows; r++) {
        const float *gate = x->data + r * 2 * width;
        tape->kernels->gated(activation, width, gate, gate + width, y->data + r * width);
    }
    struct activation_step *step = TAPE_STEP(tape, struct activation_step, y, gated_back);
    if (step) {
        step->x = x;
        step->activation = activation;
    }
    return y;
}

/* ---- norms ------------------------------------------------------------------------------------------------------------ */

struct norm_step {
    struct step step;
    struct value *x;
    struct parameter *weight, *bias;
    float eps;
};

#define CHUNKS                                                                                                                 \
    16 /* of rows, whose weight and bias gradients are summed separately, so that the order does not depend on threads */

static void chunk_back(const struct tape *tape, const struct norm_step *s, bool centered, int64_t first, int64_t last,
                       float *dx, float *dweight, float *dbias)
{
    int64_t n = s->x->columns, at = first * n;
    const float *x = s->x->data + at, *dy = s->step.result->gradient + at, *weight = s->weight ? s->weight->value : NULL;
    if (centered)
        tape->kernels->layer_norm(last - first, n, x, weight, s->eps, dy, dx + at, dweight, dbias);
    else
        tape->kernels->rms_norm(last - first, n, x, weight, s->eps, dy, dx + at, dweight);
}

static void norm_back(struct tape *tape, struct step *step, bool centered)
{
    struct norm_step *s = (struct norm_step *)step;
    int64_t rows = s->x->rows, n = s->x->columns;
    float *kept = tape_gradient(tape, s->x);
    struct arena_mark mark = arena_mark(tape->arena);
    bool weighs = s->weight && s->weight->trained, biased = s->bias && s->bias->trained;
    float *dx = kept ? kept : tape_memory(tape, rows * n, sizeof *dx); /* not needed, but the kernels write it */
    float *partial = tape_memory(tape, 2 * CHUNKS * n, sizeof *partial);
    if (!partial)
        return;
    if (!kept)
        memset(dx, 0, (size_t)(rows * n) * sizeof *dx);
    memset(partial, 0, (size_t)(2 * CHUNKS * n) * sizeof *partial);
#pragma omp parallel for schedule(static) if (rows * n > TAPE_FEW)
    for (int64_t c = 0; c < CHUNKS; c++)
        chunk_back(tape, s, centered, rows * c / CHUNKS, rows * (c + 1) / CHUNKS, dx, weighs ? partial + c * n : NULL,
                   biased ? partial + (CHUNKS + c) * n : NULL);
    if (weighs)
        tape->kernels->sum_rows(CHUNKS, n, partial, s->weight->gradient);
    if (biased)
        tape->kernels->sum_rows(CHUNKS, n, partial + CHUNKS * n, s->bias->gradient);
    arena_release(tape->arena, mark);
}

static void layer_norm_back(struct tape *tape, struct step *step)
{
    norm_back(tape, step, true);
}

static void rms_norm_back(struct tape *tape, struct step *step)
{
    norm_back(tape, step, false);
}

static bool is_trained(const struct parameter *parameter)
{
    return parameter && parameter->trained;
}

struct value *tape_layer_norm(struct tape *tape, struct value *x, struct parameter *weight, struct parameter *bias, float eps)
{
    struct value *y = x ? tape_new(tape, x->rows, x->columns, x->wanted || is_trained(weight) || is_trained(bias)) : NULL;
    if (!y)
        return NULL;
    const struct kernels *kernels = kernels_get();
#pragma omp parallel for schedule(static) if (size_of(x) > TAPE_FEW)
    for (int64_t r = 0; r < x->rows; r++)
        kernels->layer_norm(1, x->columns, x->data + r * x->columns, weight->value, bias->value, eps, y->data + r * x->columns);
    struct norm_step *step = TAPE_STEP(tape, struct norm_step, y, layer_norm_back);
    if (step) {
        step->x = x;
        step->weight = weight;
        step->bias = bias;
        step->eps = eps;
    }
    return y;
}

struct value *tape_rms_norm(struct tape *tape, struct value *x, struct parameter *weight, float eps)
{
    struct value *y = x ? tape_new(tape, x->rows, x->columns, x->wanted || is_trained(weight)) : NULL;
    if (!y)
        return NULL;
    const struct kernels *kernels = kernels_get();
#pragma omp parallel for schedule(static) if (size_of(x) > TAPE_FEW)
    for (int64_t r = 0; r < x->rows; r++)
        kernels->rms_norm(1, x->columns, x->data + r * x->columns, weight->value, eps, y->data + r * x->columns);
    struct norm_step *step = TAPE_STEP(tape, struct norm_step, y, rms_norm_back);
    if (step) {
        step->x = x;
        step->weight = weight;
        step->eps = eps;
    }
    return y;
}

/* With y = x / |x|: dx = (dy - y (y . dy)) / |x|. */
static void normalize_back(struct tape *tape, struct step *step)
{
    struct norm_step *s = (struct norm_step *)step;
    const struct gradient_kernels *k = tape->kernels;
    int64_t n = s->x->columns;
    float *dx = tape_gradient(tape, s->x);
    if (!dx)
        return;
    for (int64_t r = 0; r < s->x->rows; r++) {
        const float *y = step->result->data + r * n, *dy = step->result->gradient + r * n, *x = s->x->data + r * n;
        float length = sqrtf(k->dot(n, x, x));
        if (length == 0)
            continue;
        k->add(n, 1.0f / length, dy, dx + r * n);
        k->add(n, -k->dot(n, y, dy) / length, y, dx + r * n);
    }
}

struct value *tape_normalize(struct tape *tape, struct value *x)
{
    struct value *y = x ? tape_new(tape, x->rows, x->columns, x->wanted) : NULL;
    if (!y)
        return NULL;
    for (int64_t r = 0; r < x->rows; r++) {
        const float *row = x->data + r * x->columns;
        float length = sqrtf(tape->kernels->dot(x->columns, row, row));
        tape->kernels->scale(x->columns, length == 0 ? 0 : 1.0f / length, row, y->data + r * x->columns);
    }
    struct norm_step *step = TAPE_STEP(tape, struct norm_step, y, normalize_back);
    if (step)
        step->x = x;
    return y;
}
