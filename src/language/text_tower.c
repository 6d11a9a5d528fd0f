#include "language/text_tower.h"

#include <stdlib.h>
#include <string.h>

/* Where each text begins among all rows, and the number of rows. */
static int64_t *lay_out(struct arena *arena, const struct text_ids *texts, int count)
{
    int64_t *ends = arena_alloc(arena, count + 1, sizeof *ends);
    for (int i = 0; ends && i <= count; i++)
        ends[i] = i > 0 ? ends[i - 1] + texts[i - 1].count : 0;
    return ends;
}

/* x (rows, width) = embedding of the token + embedding of its position. */
static void embed(const struct text_tower *tower, const struct text_ids *texts, int count, const int64_t *ends, float *x)
{
    int64_t width = tower->shape.width;
    for (int i = 0; i < count; i++) {
        float *rows = x + ends[i] * width;
        embedding_forward(tower->dtype, tower->embedding, width, texts[i].count, texts[i].ids, rows);
        for (int64_t j = 0; j < texts[i].count * width; j++)
            rows[j] += tower->position_embedding[j];
    }
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
    if (!x || !read)
        return error_no_memory(error, "the texts");
    struct block_rows rows = {.count = ends[count], .group_count = count, .ends = ends};
    embed(tower, texts, count, ends, x);
    for (int i = 0; i < tower->block_count; i++)
        TRY(block_forward(&tower->blocks[i], &tower->shape, arena, &rows, x, error));
    for (int i = 0; i < count; i++)
        memcpy(read + i * width, x + (ends[i] + position_read(tower, &texts[i])) * width, (size_t)width * sizeof *x);
    norm_forward(&tower->final_norm, count, width, read, read);
    TRY(linear_forward(&tower->projection, arena, count, read, false, vectors, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

void text_tower_finish(struct text_tower *tower)
{
    for (int i = 0; tower->blocks && i < tower->block_count; i++)
        block_finish(&tower->blocks[i]);
    free(tower->blocks);
    free(tower->embedding);
    free(tower->position_embedding);
    norm_finish(&tower->final_norm);
    linear_finish(&tower->projection);
    *tower = (struct text_tower){0};
}
