/* Row-wise operations on the tape: sums, activations and norms. */
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
    if (y)
        tape->gradients->add(tape->arena, size_of(like), factor, x, y);
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
    tape->gradients->sum(tape->arena, size_of(y), a->data, b->data, y->data);
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
    tape->gradients->scale(tape->arena, size_of(y), factor, x->data, y->data);
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
    if (dx)
        tape->gradients->activate_back(tape->arena, s->activation, size_of(s->x), s->x->data, step->result->gradient, dx);
}

struct value *tape_activation(struct tape *tape, enum activation activation, struct value *x)
{
    struct value *y = x ? tape_new(tape, x->rows, x->columns, x->wanted) : NULL;
    if (!y)
        return NULL;
    tape->gradients->activate(tape->arena, activation, size_of(y), x->data, y->data);
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
    const struct value *y = step->result;
    float *dx = tape_gradient(tape, s->x);
    if (dx)
        tape->gradients->gate_back(tape->arena, s->activation, y->rows, y->columns, s->x->data, y->gradient, dx);
}

struct value *tape_gated(struct tape *tape, enum activation activation, struct value *x)
{
    struct value *y = x ? tape_new(tape, x->rows, x->columns / 2, x->wanted) : NULL;
    if (!y)
        return NULL;
    tape->gradients->gate(tape->arena, activation, y->rows, y->columns, x->data, y->data);
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
    struct norm norm;
};

static bool is_trained(const struct parameter *parameter)
{
    return parameter && parameter->trained;
}

static void norm_back(struct tape *tape, struct step *step)
{
    struct norm_step *s = (struct norm_step *)step;
    float *dx = tape_gradient(tape, s->x);
    TAPE_DO(tape, norm_back, &s->norm, s->x->rows, s->x->columns, s->x->data, step->result->gradient, dx,
            is_trained(s->weight) ? s->weight->gradient : NULL, is_trained(s->bias) ? s->bias->gradient : NULL);
}

static struct value *norm(struct tape *tape, struct value *x, struct parameter *weight, struct parameter *bias, float eps)
{
    struct value *y = x ? tape_new(tape, x->rows, x->columns, x->wanted || is_trained(weight) || is_trained(bias)) : NULL;
    if (!y)
        return NULL;
    struct norm norm = {tape->arena->device, weight->value, bias ? bias->value : NULL, eps, !bias};
    tape->arena->device->operations->norm(tape->arena, &norm, x->rows, x->columns, x->data, RESULT_FLOATS, y->data);
    struct norm_step *step = TAPE_STEP(tape, struct norm_step, y, norm_back);
    if (step) {
        step->x = x;
        step->weight = weight;
        step->bias = bias;
        step->norm = norm;
    }
    return y;
}

struct value *tape_layer_norm(struct tape *tape, struct value *x, struct parameter *weight, struct parameter *bias, float eps)
{
    return norm(tape, x, weight, bias, eps);
}

struct value *tape_rms_norm(struct tape *tape, struct value *x, struct parameter *weight, float eps)
{
    return norm(tape, x, weight, NULL, eps);
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
    struct value *y = x && tape_on_processor(tape) ? tape_new(tape, x->rows, x->columns, x->wanted) : NULL;
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
