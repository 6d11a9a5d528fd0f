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

/* Lists which of one picture's tokens, view after view and the first of them `first`, stand where; -1: the newline. Returns
 * where the next picture's go. */
static int64_t *pack(const struct picture *picture, int side, int64_t first, int64_t *rows)
{
    int64_t each = (int64_t)side * side;
    struct anyres_part part = anyres_part_of(picture, side);
    for (int64_t i = 0; i < each; i++)
        *rows++ = first + i;
    for (int y = part.top; y < part.top + part.rows; y++) {
        for (int x = part.left; x < part.left + part.columns; x++) {
            int64_t view = 1 + (int64_t)(y / side) * picture->tile_columns + x / side;
            *rows++ = first + view * each + (int64_t)(y % side) * side + x % side;
        }
        *rows++ = -1;
    }
    return rows;
}

static lmvr_status forward(const struct connector *c, const struct encoder *encoder, struct arena *arena,
                           const struct encoded_pictures *encoded, float *tokens, float *maps, lmvr_error *error)
{
    (void)maps;
    const struct anyres *anyres = c->model;
    int64_t width = anyres->projector.linear2.out, count = 0;
    int side = encoder->image_size / encoder->patch_size;
    struct arena_mark mark = arena_mark(arena);
    for (int i = 0; i < encoded->count; i++)
        count += anyres_count(encoded->pictures[i], side);
    float *projected = arena_floats(arena, (encoded->positions + 1) * width);
    int64_t *rows = arena_alloc(arena, count, sizeof *rows), *end = rows, first = 0;
    if (!projected || !rows)
        return error_no_memory(error, "the visual tokens");
    TRY(projector_project(&anyres->projector, c, encoder, arena, encoded, projected, error));
    for (int i = 0; i < encoded->count; i++) {
        end = pack(encoded->pictures[i], side, first, end);
        first += encoded->pictures[i]->view_count * (int64_t)side * side;
    }
    for (int64_t i = 0; i < count; i++)
        rows[i] = rows[i] < 0 ? first : rows[i];
    states_copy(arena, width, anyres->newline, projected + first * width);
    arena->device->operations->gather(arena, count, width, rows, projected, width, RESULT_FLOATS, tokens, width);
    arena_release(arena, mark);
    return LMVR_OK;
}

static void free_model(void *model)
{
    struct anyres *anyres = model;
    device_release(anyres->projector.linear1.device, anyres->newline);
    projector_finish(&anyres->projector);
    free(anyres);
}

struct connector anyres_connector(struct anyres *anyres, const int *states, int state_count, bool drop_class)
{
    struct connector c = {.state_count = state_count, .levels = 1, .model = anyres, .forward = forward, .free = free_model};
    anyres->projector.drop_class = drop_class;
    memcpy(c.states, states, (size_t)state_count * sizeof *states);
    return c;
}
