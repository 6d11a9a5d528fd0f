#include "language/input.h"

#include "nn/elementwise.h"

void input_embed(struct arena *arena, const struct language_input *input, const struct visual_tokens *visual, int64_t offset,
                 enum dtype dtype, const void *table, int64_t width, float *x)
{
    int64_t skip = offset;
    const float *states = visual ? visual->states : NULL;
    for (int i = 0; i < input->piece_count; i++) {
        const struct input_piece *piece = &input->pieces[i];
        int64_t skipped = skip < piece->count ? skip : piece->count, count = piece->count - skipped;
        skip -= skipped;
        if (piece->tokens) {
            embedding_forward(arena, dtype, table, width, count, piece->tokens + skipped, x);
        } else if (states) {
            states_copy(arena, count * width, states + skipped * width, x);
            states += piece->count * width;
        }
        x += count * width;
    }
}

void input_place(const struct input_piece *pieces, int count, struct position *positions)
{
    int32_t next = 0;
    for (int i = 0; i < count; i++) {
        const struct input_piece *piece = &pieces[i];
        for (int64_t r = 0; r < piece->count; r++)
            *positions++ =
                piece->columns
                    ? (struct position){{next, next + (int32_t)(r / piece->columns), next + (int32_t)(r % piece->columns)}}
                    : position_in_text(next + r);
        int32_t side = piece->rows > piece->columns ? piece->rows : piece->columns;
        next += piece->columns ? side : (int32_t)piece->count;
    }
}
