/* Linear layers on the tape. Of y = x W^T + b: dx = dy W, dW = dy^T x, db = sum of dy over rows. */
#include "train/tape/tape_steps.h"

#include <assert.h>

/* Wraps data (rows, columns) in the type that products run in. */
static struct matrix matrix_of(struct tape *tape, int64_t rows, int64_t columns, const float *data)
{
    struct matrix matrix = {.data = data, .stride = columns};
    if (!tape->half)
        return matrix;
    bf16 *half = (bf16 *)tape_floats(tape, (rows * columns + 1) / 2);
    if (half)
        tape->gradients->round(tape->arena, rows * columns, data, half);
    matrix.data = half;
    return matrix;
}

/* The same for a parameter, whose rounded copy is used if it has one. */
static struct matrix weight_operand(struct tape *tape, const struct parameter *weight)
{
    struct matrix matrix = {.data = weight->half, .stride = weight->columns};
    if (tape->half && weight->half)
        return matrix;
    if (weight->value)
        return matrix_of(tape, weight->rows, weight->columns, weight->value);
    float *wide = tape_memory(tape, weight->rows * weight->columns, sizeof *wide);
    if (wide)
        parameter_get(weight, 0, weight->rows * weight->columns, wide);
    matrix.data = wide;
    return matrix;
}

static struct matrix transposed(struct matrix matrix)
{
    matrix.transposed = true;
    return matrix;
}

/* c (m, n) = or += a (m, k) b (k, n), without gaps in c. */
static void multiply(struct tape *tape, int64_t m, int64_t n, int64_t k, struct matrix a, struct matrix b, const float *bias,
                     bool accumulate, float *c)
{
    tape_matmul(tape, &(struct matmul_call){.dtype = tape->half ? BF16 : F32,
                                            .m = m,
                                            .n = n,
                                            .k = k,
                                            .a = a,
                                            .b = b,
                                            .bias = bias,
                                            .accumulate = accumulate,
                                            .c = c,
                                            .c_stride = n});
}

/* The memory for x's gradient; *fresh: it is uninitialized and must be set rather than added to. NULL: no gradient is
 * needed. */
static float *gradient_room(struct tape *tape, struct value *x, bool *fresh)
{
    *fresh = x->wanted && !x->gradient && !x->parameter;
    if (*fresh)
        x->gradient = tape_floats(tape, x->rows * x->columns);
    return tape_gradient(tape, x);
}

struct linear_step {
    struct step step;
    struct value *x;
    struct matrix x_operand; /* only if the weight is trained */
    struct parameter *weight, *bias;
};

static void linear_back(struct tape *tape, struct step *step)
{
    struct linear_step *s = (struct linear_step *)step;
    struct value *x = s->x, *y = step->result;
    bool fresh;
    float *dx = gradient_room(tape, x, &fresh);
    struct arena_mark mark = arena_mark(tape->arena);
    struct matrix dy = matrix_of(tape, y->rows, y->columns, y->gradient);
    if (s->bias && s->bias->trained)
        TAPE_DO(tape, sum_rows, y->rows, y->columns, y->gradient, s->bias->gradient);
    if (s->weight->trained)
        multiply(tape, y->columns, x->columns, x->rows, transposed(dy), s->x_operand, NULL, true, s->weight->gradient);
    if (dx)
        multiply(tape, x->rows, x->columns, y->columns, dy, weight_operand(tape, s->weight), NULL, !fresh, dx);
    arena_release(tape->arena, mark);
}

struct value *tape_linear(struct tape *tape, struct value *x, struct parameter *weight, struct parameter *bias)
{
    if (!x)
        return NULL;
    assert(x->columns == weight->columns && (!bias || bias->columns == weight->rows));
    struct value *y = tape_new(tape, x->rows, weight->rows, x->wanted || weight->trained || (bias && bias->trained));
    struct linear_step *step = TAPE_STEP(tape, struct linear_step, y, linear_back);
    bool keep = step && weight->trained;
    struct matrix kept = keep ? matrix_of(tape, x->rows, x->columns, x->data) : (struct matrix){0};
    struct arena_mark mark = arena_mark(tape->arena);
    struct matrix from = keep ? kept : matrix_of(tape, x->rows, x->columns, x->data);
    if (y)
        multiply(tape, x->rows, weight->rows, x->columns, from, transposed(weight_operand(tape, weight)),
                 bias ? bias->value : NULL, false, y->data);
    arena_release(tape->arena, mark);
    if (step) {
        step->x = x;
        step->x_operand = kept;
        step->weight = weight;
        step->bias = bias;
    }
    return tape->status == LMVR_OK ? y : NULL;
}

/* ---- low-rank adapters: with h = scale x A^T, y += h B^T ---------------------------------------------------------------- */

struct low_rank_step {
    struct step step;
    struct value *x, *h; /* h (rows, rank), and where its gradient is accumulated */
    struct parameter *a, *b;
    float scale;
    int64_t first_column;
};

static void low_rank_back(struct tape *tape, struct step *step)
{
    struct low_rank_step *s = (struct low_rank_step *)step;
    struct value *x = s->x, *y = step->result;
    int64_t rows = x->rows, rank = s->a->rows, out = s->b->rows;
    bool fresh;
    float *dx = gradient_room(tape, x, &fresh);
    struct arena_mark mark = arena_mark(tape->arena);
    float *dy_plain = tape_floats(tape, rows * out), *dh_plain = tape_floats(tape, rows * rank);
    if (!dh_plain)
        return;
    tape->gradients->copy_columns(tape->arena, rows, out, y->gradient + s->first_column, y->columns, false, dy_plain, out);
    struct matrix dy = matrix_of(tape, rows, out, dy_plain);
    multiply(tape, rows, rank, out, dy, weight_operand(tape, s->b), NULL, false, dh_plain);
    tape->gradients->scale(tape->arena, rows * rank, s->scale, dh_plain, dh_plain);
    struct matrix dh = matrix_of(tape, rows, rank, dh_plain);
    if (s->b->trained)
        multiply(tape, out, rank, rows, transposed(dy), matrix_of(tape, rows, rank, s->h->data), NULL, true, s->b->gradient);
    if (s->a->trained)
        multiply(tape, rank, x->columns, rows, transposed(dh), matrix_of(tape, rows, x->columns, x->data), NULL, true,
                 s->a->gradient);
    if (dx)
        multiply(tape, rows, x->columns, rank, dh, weight_operand(tape, s->a), NULL, !fresh, dx);
    arena_release(tape->arena, mark);
}

struct value *tape_add_low_rank(struct tape *tape, struct value *y, struct value *x, struct parameter *a, struct parameter *b,
                                float scale, int64_t first_column)
{
    if (!y || !x)
        return NULL;
    assert(a->columns == x->columns && b->columns == a->rows && first_column + b->rows <= y->columns && y->rows == x->rows);
    int64_t rows = x->rows, rank = a->rows, out = b->rows;
    y->wanted |= x->wanted || a->trained || b->trained;
    struct value *h = tape_new(tape, rows, rank, false);
    struct low_rank_step *step = TAPE_STEP(tape, struct low_rank_step, y, low_rank_back);
    struct arena_mark mark = arena_mark(tape->arena);
    float *added = tape_floats(tape, rows * out);
    if (!added)
        return NULL;
    multiply(tape, rows, rank, x->columns, matrix_of(tape, rows, x->columns, x->data), transposed(weight_operand(tape, a)),
             NULL, false, h->data);
    tape->gradients->scale(tape->arena, rows * rank, scale, h->data, h->data);
    multiply(tape, rows, out, rank, matrix_of(tape, rows, rank, h->data), transposed(weight_operand(tape, b)), NULL, false,
             added);
    tape->gradients->copy_columns(tape->arena, rows, out, added, out, true, y->data + first_column, y->columns);
    arena_release(tape->arena, mark);
    if (step) {
        step->x = x;
        step->h = h;
        step->a = a;
        step->b = b;
        step->scale = scale;
        step->first_column = first_column;
    }
    return tape->status == LMVR_OK ? y : NULL;
}
