#include "nn/rope.h"

#include <math.h>
#include <stdlib.h>

#define PI 3.14159265358979323846

static lmvr_status allocate(struct rope *rope, int head_dim, lmvr_error *error)
{
    *rope = (struct rope){.pairs = head_dim / 2};
    rope->frequencies = calloc((size_t)rope->pairs + 1, sizeof *rope->frequencies);
    rope->axes = calloc((size_t)rope->pairs + 1, sizeof *rope->axes);
    if (rope->frequencies && rope->axes)
        return LMVR_OK;
    rope_finish(rope);
    return error_no_memory(error, "the rotary embedding");
}

/* transformers' _compute_llama3_parameters: wavelengths beyond the low limit are scaled, those below the high one are not. */
static float scale_as_llama3(const struct rope_config *c, float frequency)
{
    float wavelength = 2.0f * (float)PI / frequency, trained = (float)c->trained_positions;
    if (wavelength > trained / c->low_factor)
        return frequency / c->factor;
    if (wavelength < trained / c->high_factor)
        return frequency;
    float smooth = (trained / wavelength - c->low_factor) / (c->high_factor - c->low_factor);
    return (1 - smooth) * frequency / c->factor + smooth * frequency;
}

/* The frequency is rounded to f32 before it is multiplied by a position, as in transformers. */
static float frequency_of(const struct rope_config *c, int pair, int head_dim)
{
    float frequency = 1.0f / powf(c->theta, (float)(2 * pair) / (float)head_dim);
    if (c->scaling == ROPE_LLAMA3)
        return scale_as_llama3(c, frequency);
    return frequency / (c->scaling == ROPE_TABLE ? c->factors[pair] : c->factor);
}

static uint8_t axis_of(const struct rope_config *c, int pair)
{
    if (!c->interleaved)
        return pair < c->sections[0] ? 0 : pair < c->sections[0] + c->sections[1] ? 1 : 2;
    int axis = pair % 3;
    return axis > 0 && pair < 3 * c->sections[axis] ? (uint8_t)axis : 0;
}

lmvr_status rope_create(struct rope *rope, const struct rope_config *config, int head_dim, lmvr_error *error)
{
    TRY(allocate(rope, head_dim, error));
    bool one_axis = config->sections[0] + config->sections[1] + config->sections[2] == 0;
    for (int i = 0; i < rope->pairs; i++) {
        rope->frequencies[i] = frequency_of(config, i, head_dim);
        rope->axes[i] = one_axis ? 0 : axis_of(config, i);
    }
    return LMVR_OK;
}

lmvr_status rope_create_for_grid(struct rope *rope, float theta, int head_dim, lmvr_error *error)
{
    TRY(allocate(rope, head_dim, error));
    int half = rope->pairs / 2;
    for (int i = 0; i < rope->pairs; i++) {
        rope->frequencies[i] = 1.0f / powf(theta, (float)(2 * (i % half)) / (float)rope->pairs);
        rope->axes[i] = i < half ? 1 : 2;
    }
    return LMVR_OK;
}

void rope_finish(struct rope *rope)
{
    free(rope->frequencies);
    free(rope->axes);
    *rope = (struct rope){0};
}

void rope_angles(const struct rope *rope, int64_t rows, const struct position *positions, float *angles)
{
    int pairs = rope->pairs;
#pragma omp parallel for schedule(static) if (rows * pairs > 4096)
    for (int64_t r = 0; r < rows; r++)
        for (int i = 0; i < pairs; i++) {
            float angle = (float)positions[r].at[rope->axes[i]] * rope->frequencies[i];
            angles[r * 2 * pairs + i] = cosf(angle);
            angles[r * 2 * pairs + pairs + i] = sinf(angle);
        }
}

const float *rope_angles_on(const struct rope *rope, struct arena *arena, int64_t rows, const struct position *positions)
{
    int64_t count = rows * 2 * rope->pairs;
    float *angles = arena_alloc(arena, count, sizeof *angles);
    if (!angles)
        return NULL;
    rope_angles(rope, rows, positions, angles);
    return arena_sent_floats(arena, angles, count);
}
