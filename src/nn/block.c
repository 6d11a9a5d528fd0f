#include "nn/block.h"

#include "nn/attention.h"

#define MLP_ROWS 1024 /* enough for matrix products to run at full speed */

/* Turns queries and keys, which lie side by side. */
static void turn(const struct block_shape *shape, struct arena *arena, const struct block_rows *rows, operand *qkv)
{
    struct head_rows heads = {.count = rows->count,
                              .stride = 3 * (int64_t)shape->width,
                              .q_heads = shape->heads,
                              .kv_heads = shape->heads,
                              .head_dim = shape->width / shape->heads,
                              .angles = rows->angles};
    attention_heads(arena, &heads, qkv);
}

/* out (count, width) from qkv (count, 3 width). */
static lmvr_status attend(const struct block_shape *shape, struct arena *arena, const struct block_rows *rows,
                          const operand *qkv, operand *out, lmvr_error *error)
{
    int64_t width = shape->width;
    int head_dim = shape->width / shape->heads;
    struct attention_rule rule = {.heads = shape->heads, .causal = shape->causal, .scale = attention_scale(head_dim)};
    struct attention_groups groups = {.count = rows->group_count,
                                      .queries = rows->ends,
                                      .keys = rows->ends,
                                      .head_dim = head_dim,
                                      .q = qkv,
                                      .k = operand_at(arena, qkv, width),
                                      .v = operand_at(arena, qkv, 2 * width),
                                      .q_stride = 3 * width,
                                      .kv_stride = 3 * width};
    return attention_within(arena, &rule, &groups, out, error);
}

static lmvr_status attend_to_others(const struct block *block, const struct block_shape *shape, struct arena *arena,
                                    const struct block_rows *rows, float *x, lmvr_error *error)
{
    int64_t count = rows->count, width = shape->width;
    struct arena_mark mark = arena_mark(arena);
    operand *normed = arena_operands(arena, count * width), *qkv = arena_operands(arena, count * 3 * width);
    if (!normed || !qkv)
        return error_no_memory(error, "the encoder");
    norm_forward(&block->norm1, arena, count, width, x, normed);
    TRY(linear_forward(&block->qkv, arena, count, normed, qkv, error));
    if (rows->angles)
        turn(shape, arena, rows, qkv);
    TRY(attend(shape, arena, rows, qkv, normed, error));
    TRY(linear_add(&block->attention_out, arena, count, normed, x, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

/* Buffers for so many rows. */
struct buffers {
    operand *normed, *wide, *mlp;
};

static lmvr_status feed_forward(const struct block *block, const struct block_shape *shape, struct arena *arena, int64_t rows,
                                const struct buffers *b, float *x, lmvr_error *error)
{
    norm_forward(&block->norm2, arena, rows, shape->width, x, b->normed);
    TRY(linear_forward(&block->fc1, arena, rows, b->normed, b->wide, error));
    if (shape->gated)
        gated_forward(arena, shape->activation, rows, shape->mlp_width, b->wide, b->mlp);
    else
        activation_forward(arena, shape->activation, rows, shape->mlp_width, b->mlp);
    return linear_add(&block->fc2, arena, rows, b->mlp, x, error);
}

/* Some rows at a time: the hidden layer of a picture of 16 megapixels would take gigabytes. */
static lmvr_status feed_all_forward(const struct block *block, const struct block_shape *shape, struct arena *arena,
                                    int64_t count, float *x, lmvr_error *error)
{
    int64_t most = count < MLP_ROWS ? count : MLP_ROWS;
    struct arena_mark mark = arena_mark(arena);
    struct buffers b = {.normed = arena_operands(arena, most * shape->width),
                        .wide = arena_operands(arena, most * block->fc1.out)};
    b.mlp = shape->gated ? arena_operands(arena, most * shape->mlp_width) : b.wide;
    if (!b.normed || !b.wide || !b.mlp)
        return error_no_memory(error, "the encoder");
    for (int64_t first = 0; first < count; first += most) {
        int64_t rows = count - first < most ? count - first : most;
        TRY(feed_forward(block, shape, arena, rows, &b, x + first * shape->width, error));
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

lmvr_status block_forward(const struct block *block, const struct block_shape *shape, struct arena *arena,
                          const struct block_rows *rows, float *x, lmvr_error *error)
{
    TRY(attend_to_others(block, shape, arena, rows, x, error));
    return feed_all_forward(block, shape, arena, rows->count, x, error);
}

void block_finish(struct block *block)
{
    norm_finish(&block->norm1);
    norm_finish(&block->norm2);
    linear_finish(&block->qkv);
    linear_finish(&block->attention_out);
    linear_finish(&block->fc1);
    linear_finish(&block->fc2);
}
