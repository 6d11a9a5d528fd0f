#include "language/text_tower.h"

#include <stdlib.h>

/* Where each text begins among all rows, and the number of rows. */
static int64_t *lay_out(struct arena *arena, const struct text_ids *texts, int count)
{
    int64_t *ends = arena_alloc(arena, count + 1, sizeof *ends);
    for (int i = 0; ends && i <= count; i++)
        ends[i] = i > 0 ? ends[i - 1] + texts[i - 1].count : 0;
    return ends;
}

/* x (rows, width) = embedding of the token + embedding of its position. */
static lmvr_status embed(const struct text_tower *tower, struct arena *arena, const struct text_ids *texts, int count,
                         const int64_t *ends, float *x, lmvr_error *error)
{
    int64_t width = tower->shape.width;
    int32_t *positions = arena_alloc(arena, ends[count], sizeof *positions);
    if (!positions)
        return error_no_memory(error, "the texts");
    for (int i = 0; i < count; i++) {
        embedding_forward(arena, tower->embedding_dtype, tower->embedding, width, texts[i].count, texts[i].ids,
                          x + ends[i] * width);
        for (int32_t j = 0; j < texts[i].count; j++)
            positions[ends[i] + j] = j;
    }
    struct table_rows rows = {tower->position_embedding, 1, positions, NULL};
    arena->device->operations->add_table(arena, ends[count], width, &rows, x);
    return LMVR_OK;
}

static int64_t position_read(const struct text_tower *tower, const struct text_ids *text)
{
    int64_t largest = 0;
    if (tower->read == TEXT_LAST)
        return text->count - 1;
    for (int64_t i = 0; i < text->count; i++) {
        if (tower->read == TEXT_FIRST_END && text->ids[i] == tower->end_token)
            return i;
        largest = text->ids[i] > text->ids[largest] ? i : largest;
    }
    return tower->read == TEXT_LARGEST_ID ? largest : 0;
}

lmvr_status text_tower_forward(const struct text_tower *tower, struct arena *arena, const struct text_ids *texts, int count,
                               float *vectors, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    int64_t width = tower->shape.width, *ends = lay_out(arena, texts, count);
    float *x = ends ? arena_floats(arena, ends[count] * width) : NULL, *read = arena_floats(arena, count * width);
    operand *normed = arena_operands(arena, count * width);
    if (!x || !read || !normed)
        return error_no_memory(error, "the texts");
    struct block_rows rows = {.count = ends[count], .group_count = count, .ends = ends};
    TRY(embed(tower, arena, texts, count, ends, x, error));
    for (int i = 0; i < tower->block_count; i++)
        TRY(block_forward(&tower->blocks[i], &tower->shape, arena, &rows, x, error));
    for (int i = 0; i < count; i++)
        states_copy(arena, width, x + (ends[i] + position_read(tower, &texts[i])) * width, read + i * width);
    norm_forward(&tower->final_norm, arena, count, width, read, normed);
    TRY(linear_to_states(&tower->projection, arena, count, normed, vectors, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

void text_tower_finish(struct text_tower *tower)
{
    for (int i = 0; tower->blocks && i < tower->block_count; i++)
        block_finish(&tower->blocks[i]);
    free(tower->blocks);
    device_release(tower->device, tower->embedding);
    device_release(tower->device, tower->position_embedding);
    norm_finish(&tower->final_norm);
    linear_finish(&tower->projection);
    *tower = (struct text_tower){0};
}
