#include "connector/projector.h"

#include <stdlib.h>
#include <string.h>

lmvr_status projector_forward(const struct projector *projector, struct arena *arena, int64_t rows, const float *x, float *y,
                              lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    float *hidden = arena_floats(arena, rows * projector->linear1.out);
    if (!hidden)
        return error_no_memory(error, "the projector");
    TRY(linear_forward(&projector->linear1, arena, rows, x, false, hidden, error));
    activation_forward(projector->activation, rows, projector->linear1.out, hidden);
    TRY(linear_forward(&projector->linear2, arena, rows, hidden, false, y, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

void projector_finish(struct projector *projector)
{
    linear_finish(&projector->linear1);
    linear_finish(&projector->linear2);
}

/* ---- as a connector ---- */

/* Drops the skipped positions first: LLaVA's "default" feature selection leaves out the class token. */
static lmvr_status forward(const struct connector *c, struct arena *arena, int count, const float *x, float *tokens,
                           float *maps, lmvr_error *error)
{
    (void)maps;
    const struct projector *projector = c->model;
    int64_t kept = c->positions - c->skipped, width = projector->linear1.in;
    struct arena_mark mark = arena_mark(arena);
    float *selected = arena_floats(arena, count * kept * width);
    if (!selected)
        return error_no_memory(error, "the visual features");
    for (int i = 0; i < count; i++)
        memcpy(selected + i * kept * width, x + ((int64_t)i * c->positions + c->skipped) * width,
               (size_t)(kept * width) * sizeof *selected);
    TRY(projector_forward(projector, arena, count * kept, selected, tokens, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static void free_model(void *model)
{
    projector_finish(model);
    free(model);
}

struct connector projector_connector(struct projector *projector, int state, int positions, bool drop_class)
{
    int skipped = drop_class ? 1 : 0;
    return (struct connector){.state = state,
                              .tokens = positions - skipped,
                              .positions = positions,
                              .skipped = skipped,
                              .model = projector,
                              .forward = forward,
                              .free = free_model};
}
