/* Rotary position embeddings on the tape: pairs of values are rotated by their position's angles, and gradients are rotated
 * back. */
#include "train/tape/tape_steps.h"

struct rope_step {
    struct step step;
    struct tape_rope rope;
};

/* Rotates (x[i], x[i + half]) by angle i, `sign` 1 forward or -1 back: transformers' rotate_half. */
static void rotate(const struct tape *tape, const struct tape_rope *rope, int64_t rows, int64_t columns, float sign, float *x)
{
    int half = rope->head_dim / 2;
#pragma omp parallel for schedule(static) if (rows * rope->heads * rope->head_dim > TAPE_FEW)
    for (int64_t r = 0; r < rows; r++) {
        const float *cosines = rope->angles + r * rope->head_dim, *sines = cosines + half;
        for (int h = 0; h < rope->heads; h++) {
            float *head = x + r * columns + rope->column + (int64_t)h * rope->head_dim;
            tape->kernels->rotate(half, cosines, sines, sign, head, head + half);
        }
    }
}

static void rope_back(struct tape *tape, struct step *step)
{
    const struct rope_step *s = (const struct rope_step *)step;
    rotate(tape, &s->rope, step->result->rows, step->result->columns, -1, step->result->gradient);
}

struct value *tape_rope(struct tape *tape, struct value *x, const struct tape_rope *rope)
{
    if (!x || !rope->angles)
        return NULL;
    rotate(tape, rope, x->rows, x->columns, 1, x->data);
    struct rope_step *step = TAPE_STEP(tape, struct rope_step, x, rope_back);
    if (step)
        step->rope = *rope;
    return tape->status == LMVR_OK ? x : NULL;
}

const float *tape_rope_angles(struct tape *tape, int64_t count, const struct position *positions, const struct rope *rope)
{
    float *angles = tape_memory(tape, count * 2 * rope->pairs, sizeof *angles);
    if (angles)
        rope_angles(rope, count, positions, angles);
    return angles;
}
