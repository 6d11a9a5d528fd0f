#include "connector/merger.h"

#include <stdlib.h>
#include <string.h>

/* x, through the norm if there is one. */
static const operand *normalized(const struct merger *merger, struct arena *arena, int64_t rows, int64_t width, int merged,
                                 const float *x)
{
    if (!merger->norm.weight)
        return arena_converted(arena, x, rows * width);
    operand *normed = arena_operands(arena, rows * width);
    int64_t each = merger->norm_merged ? width * merged : width;
    if (normed)
        norm_forward(&merger->norm, arena, rows * width / each, each, x, normed);
    return normed;
}

lmvr_status merger_forward(const struct merger *merger, struct arena *arena, int64_t rows, int64_t width, int merged,
                           const float *x, float *tokens, lmvr_error *error)
{
    int64_t count = rows / merged;
    struct arena_mark mark = arena_mark(arena);
    const operand *normed = normalized(merger, arena, rows, width, merged, x);
    if (!normed)
        return error_no_memory(error, "the connector");
    if (merger->fc2.weight) {
        operand *hidden = arena_operands(arena, count * merger->fc1.out);
        if (!hidden)
            return error_no_memory(error, "the connector");
        TRY(linear_forward(&merger->fc1, arena, count, normed, hidden, error));
        activation_forward(arena, ACTIVATION_GELU, count, merger->fc1.out, hidden);
        TRY(linear_to_states(&merger->fc2, arena, count, hidden, tokens, error));
    } else {
        TRY(linear_to_states(&merger->fc1, arena, count, normed, tokens, error));
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

void merger_finish(struct merger *merger)
{
    norm_finish(&merger->norm);
    linear_finish(&merger->fc1);
    linear_finish(&merger->fc2);
}

/* ---- as a connector ----------------------------------------------------------------------------------------------------- */

static lmvr_status forward(const struct connector *c, const struct encoder *encoder, struct arena *arena,
                           const struct encoded_pictures *encoded, float *tokens, float *maps, lmvr_error *error)
{
    (void)maps;
    const struct mergers *mergers = c->model;
    int merged = encoder->merge * encoder->merge;
    for (int i = 0; i < mergers->count; i++) {
        const struct merger *m = &mergers->of[i];
        TRY(merger_forward(m, arena, encoded->positions, encoder->width, merged, encoded->states[c->states[i]], tokens, error));
        tokens += encoded->positions / merged * (m->fc2.weight ? m->fc2.out : m->fc1.out);
    }
    return LMVR_OK;
}

static void free_model(void *model)
{
    struct mergers *mergers = model;
    for (int i = 0; i < mergers->count; i++)
        merger_finish(&mergers->of[i]);
    free(mergers);
}

struct connector merger_connector(struct mergers *mergers, const int *states)
{
    struct connector c = {
        .state_count = mergers->count, .levels = mergers->count, .model = mergers, .forward = forward, .free = free_model};
    memcpy(c.states, states, (size_t)mergers->count * sizeof *states);
    return c;
}
