/*
 * Rotary position embeddings (Su et al. 2021, equation 15), as transformers' rotate_half: pair i of a head, (x[i], x[i +
 * pairs]), turns by a coordinate of its position times a frequency. In text all coordinates are the same. In pictures they
 * differ, and which of them turns a pair is the pair's axis (M-RoPE: Wang et al. 2024, section 2.1; the vision transformer of
 * Qwen2-VL).
 */
#ifndef LMVR_SRC_NN_ROPE_H
#define LMVR_SRC_NN_ROPE_H

#include "tensor/arena.h"

/* Time, row and column. */
struct position {
    int32_t at[3];
};

static inline struct position position_in_text(int64_t index)
{
    return (struct position){{(int32_t)index, (int32_t)index, (int32_t)index}};
}

/* How frequencies are scaled for contexts longer than the model was trained on: not; divided by `factor` (Chen et al. 2023);
 * only the low ones, with a smooth passage (LLaMA 3.1); or each divided by a factor of its own. */
enum rope_scaling { ROPE_UNSCALED, ROPE_LINEAR, ROPE_LLAMA3, ROPE_TABLE };

#define ROPE_MAX_FACTORS 256

struct rope_config {
    float theta;
    enum rope_scaling scaling;
    float factor;                  /* 1 where unscaled */
    float low_factor, high_factor; /* these and the next: of ROPE_LLAMA3 */
    int trained_positions;
    float factors[ROPE_MAX_FACTORS]; /* (pairs), of ROPE_TABLE */
    int sections[3];                 /* pairs of each axis; all 0: one axis */
    bool interleaved;                /* t h w t h w … instead of t … h … w … */
};

struct rope {
    int pairs;          /* half of the head's dimensions */
    float *frequencies; /* (pairs) */
    uint8_t *axes;      /* (pairs): the coordinate of a position that turns the pair */
};

/* For heads of `head_dim` dimensions, an even number; sections, unless all are 0, add up to half of it. */
lmvr_status rope_create(struct rope *rope, const struct rope_config *config, int head_dim, lmvr_error *error);

/* For the vision transformer of Qwen2-VL: the first half of the pairs turns by the row, the second by the column.
 * `head_dim` is a multiple of 4. */
lmvr_status rope_create_for_grid(struct rope *rope, float theta, int head_dim, lmvr_error *error);
void rope_finish(struct rope *rope);

/* angles (rows, 2 pairs), of the host, receives for each position the cosines of its pairs, then their sines, in f32 as in
 * transformers. Heads are turned by them in attention_heads(). */
void rope_angles(const struct rope *rope, int64_t rows, const struct position *positions, float *angles);
/* The same on the arena's device; NULL: out of memory. */
const float *rope_angles_on(const struct rope *rope, struct arena *arena, int64_t rows, const struct position *positions);

#endif
