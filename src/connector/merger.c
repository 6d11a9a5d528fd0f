#include "connector/merger.h"

#include <stdlib.h>
#include <string.h>

lmvr_status merger_forward(const struct merger *merger, struct arena *arena, int64_t rows, int64_t width, int merged,
                           const float *x, float *tokens, lmvr_error *error)
{
    int64_t count = rows / merged;
    struct arena_mark mark = arena_mark(arena);
    float *normed = merger->norm.weight ? arena_floats(arena, rows * width) : NULL;
    float *hidden = merger->fc2.weight ? arena_floats(arena, count * merger->fc1.out) : tokens;
    if (!hidden || (merger->norm.weight && !normed))
        return error_no_memory(error, "the connector");
    if (normed) {
        int64_t each = merger->norm_merged ? width * merged : width;
        norm_forward(&merger->norm, rows * width / each, each, x, normed);
        x = normed;
    }
    TRY(linear_forward(&merger->fc1, arena, count, x, false, hidden, error));
    if (merger->fc2.weight) {
        activation_forward(ACTIVATION_GELU, count, merger->fc1.out, hidden);
        TRY(linear_forward(&merger->fc2, arena, count, hidden, false, tokens, error));
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
