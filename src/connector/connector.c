#include "connector/connector.h"

#include <stdlib.h>
#include <string.h>

/* LLaVA's "default" selection leaves the class out. */
static lmvr_status forward_projector(const struct connector *c, struct arena *arena, int count, const float *x, float *tokens,
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

static void free_projector(void *model)
{
    projector_finish(model);
    free(model);
}

struct connector connector_of_projector(struct projector *projector, int state, int positions, bool drop_class)
{
    int skipped = drop_class ? 1 : 0;
    return (struct connector){.state = state,
                              .tokens = positions - skipped,
                              .positions = positions,
                              .skipped = skipped,
                              .model = projector,
                              .forward = forward_projector,
                              .free = free_projector};
}

static lmvr_status forward_qformer(const struct connector *c, struct arena *arena, int count, const float *x, float *tokens,
                                   float *maps, lmvr_error *error)
{
    return qformer_forward(c->model, arena, count, c->positions, x, NULL, tokens, maps, error);
}

static void free_qformer(void *model)
{
    qformer_finish(model);
    free(model);
}

struct connector connector_of_qformer(struct qformer *qformer, int state, int positions)
{
    return (struct connector){.state = state,
                              .tokens = qformer->queries,
                              .mixes = true,
                              .positions = positions,
                              .model = qformer,
                              .forward = forward_qformer,
                              .free = free_qformer};
}

void connector_finish(struct connector *connector)
{
    if (connector->free)
        connector->free(connector->model);
    *connector = (struct connector){0};
}
