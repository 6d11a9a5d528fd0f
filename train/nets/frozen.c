#include "train/nets/frozen.h"

#include "tensor/device.h"

#include <string.h>

#define AT_ONCE 16 /* images per batch, to keep the encoder's working memory small */

static lmvr_status encode(const struct encoder *vision, struct arena *arena, int state_index, int skipped,
                          const struct batch *batch, float *features, lmvr_error *error)
{
    int64_t width = vision->width, positions = encoder_positions(vision, vision->image_size, vision->image_size),
            kept = positions - skipped;
    int64_t image = 3 * (int64_t)vision->image_size * vision->image_size;
    for (int first = 0; first < batch->image_count; first += AT_ONCE) {
        int count = batch->image_count - first < AT_ONCE ? batch->image_count - first : AT_ONCE;
        struct arena_mark mark = arena_mark(arena);
        float **states = arena_alloc(arena, vision->block_count + 1, sizeof *states);
        struct encoder_view *views = arena_alloc(arena, count, sizeof *views);
        float *state = arena_floats(arena, count * positions * width);
        if (!states || !views || !state)
            return error_no_memory(error, "the encoder");
        memset(states, 0, (size_t)(vision->block_count + 1) * sizeof *states);
        states[state_index] = state;
        for (int i = 0; i < count; i++)
            views[i] = (struct encoder_view){batch->pixels + (first + i) * image, vision->image_size, vision->image_size};
        TRY(vision->forward(vision->model, arena, views, count, states, error));
        for (int i = 0; i < count; i++)
            TRY(arena->device->operations->read(arena, features + (first + i) * kept * width,
                                                state + (i * positions + skipped) * width,
                                                (size_t)(kept * width) * sizeof *features, error));
        arena_release(arena, mark);
    }
    return LMVR_OK;
}

struct value *frozen_states(const struct encoder *vision, struct arena *arena, int state, int skipped, struct tape *tape,
                            const struct batch *batch)
{
    int64_t positions = encoder_positions(vision, vision->image_size, vision->image_size);
    int64_t rows = batch->image_count * (positions - skipped), width = vision->width;
    float *features = tape_memory(tape, rows * width, sizeof *features);
    lmvr_error error;
    if (!features)
        return NULL;
    lmvr_status status = encode(vision, arena, state, skipped, batch, features, &error);
    if (status != LMVR_OK) {
        tape_fail(tape, status, error.message);
        return NULL;
    }
    return tape_constant(tape, rows, width, features);
}
