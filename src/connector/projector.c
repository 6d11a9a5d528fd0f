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

/* ---- as a connector ----------------------------------------------------------------------------------------------------- */

/* Copies the positions of all views that are projected, a column of linear1's input for each state. Returns their number. */
static int64_t select_rows(const struct projector *projector, const struct encoder *encoder,
                           const struct encoded_pictures *encoded, const float *from, float *to)
{
    int64_t width = encoder->width, stride = projector->linear1.in, skip = projector->drop_class && encoder->has_class ? 1 : 0;
    int64_t rows = 0;
    for (int i = 0; i < encoded->count; i++)
        for (int v = 0; v < encoded->pictures[i]->view_count; v++) {
            const struct view *view = &encoded->pictures[i]->views[v];
            int64_t positions = encoder_positions(encoder, view->width, view->height);
            for (int64_t p = skip; p < positions; p++)
                memcpy(to + rows++ * stride, from + p * width, (size_t)width * sizeof *to);
            from += positions * width;
        }
    return rows;
}

lmvr_status projector_project(const struct projector *projector, const struct connector *connector,
                              const struct encoder *encoder, struct arena *arena, const struct encoded_pictures *encoded,
                              float *tokens, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    float *selected = arena_floats(arena, encoded->positions * projector->linear1.in);
    if (!selected)
        return error_no_memory(error, "the visual features");
    int64_t rows = 0;
    for (int i = 0; i < connector->state_count; i++)
        rows = select_rows(projector, encoder, encoded, encoded->states[connector->states[i]],
                           selected + (int64_t)i * encoder->width);
    TRY(projector_forward(projector, arena, rows, selected, tokens, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status forward(const struct connector *c, const struct encoder *encoder, struct arena *arena,
                           const struct encoded_pictures *encoded, float *tokens, float *maps, lmvr_error *error)
{
    (void)maps;
    return projector_project(c->model, c, encoder, arena, encoded, tokens, error);
}

static void free_model(void *model)
{
    projector_finish(model);
    free(model);
}

struct connector projector_connector(struct projector *projector, const int *states, int state_count, bool drop_class)
{
    struct connector c = {.state_count = state_count, .levels = 1, .model = projector, .forward = forward, .free = free_model};
    projector->drop_class = drop_class;
    memcpy(c.states, states, (size_t)state_count * sizeof *states);
    return c;
}
