#include "connector/anyres.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* As Python's int(round(x, 7)). */
static int rounded(double x)
{
    return (int)(rint(x * 1e7) / 1e7);
}

struct anyres_part anyres_part_of(const struct picture *picture, int side)
{
    int rows = picture->tile_rows * side, columns = picture->tile_columns * side;
    struct anyres_part part = {0, 0, rows, columns};
    if ((double)picture->width / picture->height > (double)columns / rows) {
        int shown = rounded(picture->height * ((double)columns / picture->width));
        part.top = (rows - shown) / 2;
        part.rows = rows - 2 * part.top;
    } else {
        int shown = rounded(picture->width * ((double)rows / picture->height));
        part.left = (columns - shown) / 2;
        part.columns = columns - 2 * part.left;
    }
    return part;
}

int64_t anyres_count(const struct picture *picture, int side)
{
    struct anyres_part part = anyres_part_of(picture, side);
    return (int64_t)side * side + (int64_t)part.rows * (part.columns + 1);
}

/* Packs one picture's tokens, view after view, (views * side * side, width); returns where the next picture's go. */
static float *pack(const struct anyres *anyres, const struct picture *picture, int side, const float *tokens, float *to)
{
    int64_t width = anyres->projector.linear2.out, each = (int64_t)side * side;
    size_t size = (size_t)width * sizeof *to;
    struct anyres_part part = anyres_part_of(picture, side);
    memcpy(to, tokens, (size_t)each * size);
    to += each * width;
    for (int y = part.top; y < part.top + part.rows; y++) {
        for (int x = part.left; x < part.left + part.columns; x++, to += width) {
            int64_t view = 1 + (int64_t)(y / side) * picture->tile_columns + x / side;
            memcpy(to, tokens + (view * each + (int64_t)(y % side) * side + x % side) * width, size);
        }
        memcpy(to, anyres->newline, size);
        to += width;
    }
    return to;
}

static lmvr_status forward(const struct connector *c, const struct encoder *encoder, struct arena *arena,
                           const struct encoded_pictures *encoded, float *tokens, float *maps, lmvr_error *error)
{
    (void)maps;
    const struct anyres *anyres = c->model;
    int64_t width = anyres->projector.linear2.out;
    struct arena_mark mark = arena_mark(arena);
    float *projected = arena_floats(arena, encoded->positions * width);
    if (!projected)
        return error_no_memory(error, "the visual tokens");
    TRY(projector_project(&anyres->projector, c, encoder, arena, encoded, projected, error));
    int side = encoder->image_size / encoder->patch_size;
    const float *from = projected;
    for (int i = 0; i < encoded->count; i++) {
        tokens = pack(anyres, encoded->pictures[i], side, from, tokens);
        from += encoded->pictures[i]->view_count * (int64_t)side * side * width;
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

static void free_model(void *model)
{
    struct anyres *anyres = model;
    projector_finish(&anyres->projector);
    free(anyres->newline);
    free(anyres);
}

struct connector anyres_connector(struct anyres *anyres, const int *states, int state_count, bool drop_class)
{
    struct connector c = {.state_count = state_count, .levels = 1, .model = anyres, .forward = forward, .free = free_model};
    anyres->projector.drop_class = drop_class;
    memcpy(c.states, states, (size_t)state_count * sizeof *states);
    return c;
}
