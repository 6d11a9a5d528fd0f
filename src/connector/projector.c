#include "connector/projector.h"

#include <stdlib.h>
#include <string.h>

lmvr_status projector_forward(const struct projector *projector, struct arena *arena, int64_t rows, const operand *x, float *y,
                              lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    if (!projector->linear2.weight)
        return linear_to_states(&projector->linear1, arena, rows, x, y, error);
    operand *hidden = arena_operands(arena, rows * projector->linear1.out);
    if (!hidden)
        return error_no_memory(error, "the projector");
    TRY(linear_forward(&projector->linear1, arena, rows, x, hidden, error));
    activation_forward(arena, projector->activation, rows, projector->linear1.out, hidden);
    TRY(linear_to_states(&projector->linear2, arena, rows, hidden, y, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

void projector_finish(struct projector *projector)
{
    linear_finish(&projector->linear1);
    linear_finish(&projector->linear2);
}

/* ---- as a connector ----------------------------------------------------------------------------------------------------- */

/* Lists the positions of all views that are projected. Returns their number. */
static int64_t select_rows(const struct projector *projector, const struct encoder *encoder,
                           const struct encoded_pictures *encoded, int64_t *rows)
{
    int64_t skip = projector->drop_class && encoder->has_class ? 1 : 0, first = 0, count = 0;
    for (int i = 0; i < encoded->count; i++)
        for (int v = 0; v < encoded->pictures[i]->view_count; v++) {
            const struct view *view = &encoded->pictures[i]->views[v];
            int64_t positions = encoder_positions(encoder, view->width, view->height);
            for (int64_t p = skip; p < positions; p++)
                rows[count++] = first + p;
            first += positions;
        }
    return count;
}

lmvr_status projector_project(const struct projector *projector, const struct connector *connector,
                              const struct encoder *encoder, struct arena *arena, const struct encoded_pictures *encoded,
                              float *tokens, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    int64_t *rows = arena_alloc(arena, encoded->positions, sizeof *rows), in = projector->linear1.in;
    operand *selected = arena_operands(arena, encoded->positions * in);
    if (!rows || !selected)
        return error_no_memory(error, "the visual features");
    int64_t count = select_rows(projector, encoder, encoded, rows);
    for (int i = 0; i < connector->state_count; i++) /* a column of linear1's input for each state */
        arena->device->operations->gather(arena, count, encoder->width, rows, encoded->states[connector->states[i]],
                                          encoder->width, RESULT_OPERANDS,
                                          operand_at(arena, selected, (int64_t)i * encoder->width), in);
    TRY(projector_forward(projector, arena, count, selected, tokens, error));
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
