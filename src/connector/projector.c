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

static int64_t skipped(const struct projector *projector, const struct encoder *encoder)
{
    return projector->drop_class && encoder->has_class ? 1 : 0;
}

/* LLaVA's "default" feature selection leaves out the class token. */
static lmvr_status forward(const struct connector *c, const struct encoder *encoder, struct arena *arena,
                           const struct encoded_pictures *encoded, float *tokens, float *maps, lmvr_error *error)
{
    (void)maps;
    const struct projector *projector = c->model;
    int64_t width = encoder->width, skip = skipped(projector, encoder), rows = 0;
    struct arena_mark mark = arena_mark(arena);
    float *selected = arena_floats(arena, encoded->positions * width);
    if (!selected)
        return error_no_memory(error, "the visual features");
    const float *from = encoded->states[c->states[0]];
    for (int i = 0; i < encoded->count; i++)
        for (int v = 0; v < encoded->pictures[i]->view_count; v++) {
            const struct view *view = &encoded->pictures[i]->views[v];
            int64_t positions = encoder_positions(encoder, view->width, view->height);
            memcpy(selected + rows * width, from + skip * width, (size_t)((positions - skip) * width) * sizeof *selected);
            from += positions * width;
            rows += positions - skip;
        }
    TRY(projector_forward(projector, arena, rows, selected, tokens, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static void free_model(void *model)
{
    projector_finish(model);
    free(model);
}

struct connector projector_connector(struct projector *projector, int state, bool drop_class)
{
    projector->drop_class = drop_class;
    return (struct connector){
        .states = {state}, .state_count = 1, .levels = 1, .model = projector, .forward = forward, .free = free_model};
}
