/* Rotary position embeddings on the tape: pairs of values are rotated by their position's angles, and gradients are rotated
 * back. */
#include "train/tape/tape_steps.h"

struct rope_step {
    struct step step;
    struct tape_rope rope;
};

static void turn(const struct tape *tape, const struct tape_rope *rope, const struct value *shape, bool back, float *x)
{
    struct gradient_turn turn = {shape->rows, shape->columns, rope->column, rope->heads, rope->head_dim, rope->angles};
    tape->gradients->turn(tape->arena, &turn, back, x);
}

static void rope_back(struct tape *tape, struct step *step)
{
    const struct rope_step *s = (const struct rope_step *)step;
    turn(tape, &s->rope, step->result, true, step->result->gradient);
}

struct value *tape_rope(struct tape *tape, struct value *x, const struct tape_rope *rope)
{
    if (!x || !rope->angles)
        return NULL;
    turn(tape, rope, x, false, x->data);
    struct rope_step *step = TAPE_STEP(tape, struct rope_step, x, rope_back);
    if (step)
        step->rope = *rope;
    return tape->status == LMVR_OK ? x : NULL;
}

const float *tape_rope_angles(struct tape *tape, int64_t count, const struct position *positions, const struct rope *rope)
{
    float *angles = tape_memory(tape, count * 2 * rope->pairs, sizeof *angles);
    if (!angles)
        return NULL;
    rope_angles(rope, count, positions, angles);
    return tape_sent(tape, count * 2 * rope->pairs, angles);
}
