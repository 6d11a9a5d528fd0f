#include "connector/projector.h"

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
