#include "tensor/cuda/self_check.h"

#include "nn/kv_cache.h"
#include "tensor/cuda/check.h"

#include <string.h>

#define ROWS     70 /* more than a tile of keys or queries */
#define HEADS    4
#define KV_HEADS 2
#define DIM      64
#define WIDTH    (HEADS * DIM)
#define STRIDE   ((HEADS + 2 * KV_HEADS) * DIM)
#define MOST     (ROWS * STRIDE) /* CHECK_NUMBERS */

static lmvr_status check_norm(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    const float *weights = arena_sent_floats(&s->arena, x, 2 * WIDTH), *from = arena_sent_floats(&s->arena, x, ROWS * WIDTH);
    operand *y = arena_operands(&s->arena, 2 * ROWS * WIDTH);
    if (!weights || !from || !y)
        return check_no_memory(error);
    struct norm norm = {.weight = (float *)weights, .bias = (float *)weights + WIDTH, .eps = 1e-5f};
    s->run->norm(&s->arena, &norm, ROWS, WIDTH, from, RESULT_OPERANDS, y);
    norm.rms = true;
    s->run->norm(&s->arena, &norm, ROWS, WIDTH, from, RESULT_OPERANDS, operand_at(&s->arena, y, ROWS * WIDTH));
    return check_read(s, y, true, 2 * ROWS * WIDTH, out, error);
}

static lmvr_status check_activations(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    int64_t count = ROWS * WIDTH / 4;
    operand *y = arena_operands(&s->arena, 6 * count);
    const float *from = arena_sent_floats(&s->arena, x, 2 * count);
    if (!y || !from)
        return check_no_memory(error);
    for (int a = ACTIVATION_GELU; a <= ACTIVATION_RELU; a++) {
        s->run->convert(&s->arena, count, 4, from, operand_at(&s->arena, y, a * count));
        s->run->activate(&s->arena, (enum activation)a, 1, count, operand_at(&s->arena, y, a * count));
    }
    operand *both = arena_operands(&s->arena, 2 * count);
    if (!both)
        return check_no_memory(error);
    s->run->convert(&s->arena, 2 * count, 4, from, both);
    s->run->gate(&s->arena, ACTIVATION_SILU, 4, count / 4, both, operand_at(&s->arena, y, 5 * count));
    return check_read(s, y, true, 6 * count, out, error);
}

static lmvr_status check_groups(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    static const int64_t ends[] = {0, 3, ROWS - 1, ROWS};
    const operand *q = arena_sent(&s->arena, x, MOST);
    operand *y = arena_operands(&s->arena, ROWS * WIDTH);
    if (!q || !y)
        return check_no_memory(error);
    struct attention_rule rule = {.heads = HEADS, .scale = 0.5f};
    struct attention_groups groups = {.count = 3,
                                      .queries = ends,
                                      .keys = ends,
                                      .head_dim = DIM,
                                      .q = q,
                                      .k = operand_at(&s->arena, q, DIM),
                                      .v = operand_at(&s->arena, q, 2 * DIM),
                                      .q_stride = STRIDE,
                                      .kv_stride = STRIDE};
    TRY(s->run->attend_groups(&s->arena, &rule, &groups, y, error));
    return check_read(s, y, true, ROWS * WIDTH, out, error);
}

/* Turns and files rows of two sequences, and attends: the second's last row comes alone, as in decoding. */
static lmvr_status attend_filed(struct check_side *s, const struct kv_cache *cache, const float *x, float *out,
                                lmvr_error *error)
{
    struct kv_place places[ROWS];
    struct attention_span spans[] = {{0, 0, ROWS / 2, 0}, {1, 0, ROWS / 2 - 1, 0}, {1, ROWS / 2 - 1, 1, 0}};
    for (int64_t i = 0; i < ROWS; i++)
        places[i] = (struct kv_place){(int)(2 * i / ROWS), i % (ROWS / 2)};
    const float *weight = arena_sent_floats(&s->arena, x, DIM), *angles = arena_sent_floats(&s->arena, x, ROWS * DIM);
    operand *y = arena_operands(&s->arena, ROWS * WIDTH), *qkv = arena_operands(&s->arena, MOST);
    const float *from = arena_sent_floats(&s->arena, x, MOST);
    if (!weight || !angles || !y || !qkv || !from)
        return check_no_memory(error);
    struct norm norm = {.weight = (float *)weight, .eps = 1e-6f, .rms = true};
    struct head_rows rows = {.count = ROWS,
                             .stride = STRIDE,
                             .q_heads = HEADS,
                             .kv_heads = KV_HEADS,
                             .head_dim = DIM,
                             .q_norm = &norm,
                             .k_norm = &norm,
                             .angles = angles,
                             .cache = cache,
                             .block = 1,
                             .places = places};
    struct attention_rule rule = {.heads = HEADS, .causal = true, .scale = 0.5f};
    struct attention_query query = {.cache = cache, .block = 1, .spans = spans, .span_count = 3, .q = qkv, .q_stride = STRIDE};
    s->run->convert(&s->arena, MOST, 1, from, qkv);
    s->run->heads(&s->arena, &rows, qkv);
    TRY(s->run->attend_cache(&s->arena, &rule, &query, y, error));
    return check_read(s, y, true, ROWS * WIDTH, out, error);
}

static lmvr_status check_cache(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    struct kv_cache cache;
    TRY(kv_cache_create(&cache, s->arena.device, s->arena.dtype, 2, KV_HEADS, DIM, 2, error));
    lmvr_status status = kv_cache_reserve(&cache, 0, ROWS, error);
    if (status == LMVR_OK)
        status = kv_cache_reserve(&cache, 1, ROWS, error);
    if (status == LMVR_OK)
        status = attend_filed(s, &cache, x, out, error);
    kv_cache_finish(&cache);
    return status;
}

/* ---- sampling ----------------------------------------------------------------------------------------------------------- */

#define DRAWS      2
#define VOCABULARY 1000

/* Four tokens have nearly all of the probability: 0.2, 0.4, 0.1 and 0.3. `points` are far from where one ends. */
static const int32_t likely[] = {3, 300, 641, 999};
static const double points[DRAWS] = {0.21, 0.95};
static const int32_t drawn[DRAWS] = {300, 999}, drawn_of_most[DRAWS] = {300, 3};

static lmvr_status draw_tokens(struct check_side *s, const float *logits, int32_t *tokens, lmvr_error *error)
{
    TRY(s->run->argmax(&s->arena, DRAWS, VOCABULARY, logits, tokens, error));
    if (!s->run->draw) { /* the processor */
        memcpy(tokens + DRAWS, drawn, sizeof drawn);
        memcpy(tokens + 2 * DRAWS, drawn_of_most, sizeof drawn_of_most);
        return LMVR_OK;
    }
    TRY(s->run->draw(&s->arena, DRAWS, VOCABULARY, logits, 0.5f, 1.0f, points, tokens + DRAWS, error));
    return s->run->draw(&s->arena, DRAWS, VOCABULARY, logits, 0.5f, 0.85f, points, tokens + 2 * DRAWS, error);
}

static lmvr_status check_sampling(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    static const float logarithms[] = {-1.60944f, -0.91629f, -2.30259f, -1.20397f};
    int32_t tokens[3 * DRAWS];
    float *logits = arena_alloc(&s->arena, DRAWS * VOCABULARY, sizeof *logits);
    if (!logits)
        return check_no_memory(error);
    for (int i = 0; i < DRAWS * VOCABULARY; i++)
        logits[i] = x[i] - 20;
    for (int i = 0; i < DRAWS * 4; i++) /* at temperature 0.5 */
        logits[i / 4 * VOCABULARY + likely[i % 4]] = 0.5f * logarithms[i % 4];
    const float *there = arena_sent_floats(&s->arena, logits, DRAWS * VOCABULARY);
    if (!there)
        return check_no_memory(error);
    TRY(draw_tokens(s, there, tokens, error));
    for (int i = 0; i < 3 * DRAWS; i++)
        out[i] = (float)tokens[i];
    return LMVR_OK;
}

/* ---- steps that come again ---------------------------------------------------------------------------------------------- */

#define STEPS 3 /* as it is, as a graph, and the graph again */

static lmvr_status check_steps(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    float *y = arena_floats(&s->arena, ROWS * WIDTH);
    if (!y)
        return check_no_memory(error);
    for (int64_t step = 0; step < STEPS; step++) {
        struct arena_mark mark = arena_mark(&s->arena);
        const int64_t rows[] = {step, 7 * step, ROWS - 1 - step};
        s->run->step_begin(&s->arena);
        const float *from = arena_sent_floats(&s->arena, x + step, ROWS * WIDTH);
        struct norm norm = {.weight = (float *)from, .eps = 1e-5f, .rms = true};
        if (from) {
            s->run->norm(&s->arena, &norm, ROWS, WIDTH, from, RESULT_FLOATS, y);
            s->run->gather(&s->arena, 3, WIDTH, rows, from, WIDTH, RESULT_FLOATS, y, WIDTH);
        }
        s->run->step_end(&s->arena);
        TRY(from ? check_read(s, y, false, 4 * WIDTH, out + step * 4 * WIDTH, error) : check_no_memory(error));
        arena_release(&s->arena, mark);
    }
    return LMVR_OK;
}

/* ---- weights in 8 and 4 bits -------------------------------------------------------------------------------------------- */

#define FEW 17 /* rows that are multiplied: more than a tile */

/* By a matrix (ROWS, WIDTH), in a pass of many rows and in a step of decoding. */
static lmvr_status multiply_both_ways(struct check_side *s, void *matrix, const float *x, float *out, lmvr_error *error)
{
    const operand *rows = arena_sent(&s->arena, x, FEW * WIDTH);
    float *y = arena_floats(&s->arena, FEW * ROWS);
    if (!rows || !y)
        return check_no_memory(error);
    TRY(s->run->multiply(&s->arena, matrix, FEW, rows, NULL, RESULT_FLOATS, y, error));
    TRY(check_read(s, y, false, FEW * ROWS, out, error));
    s->run->zero(&s->arena, y, FEW * ROWS * sizeof *y);
    s->run->step_begin(&s->arena);
    lmvr_status status = s->run->multiply(&s->arena, matrix, FEW, rows, NULL, RESULT_FLOATS, y, error);
    s->run->step_end(&s->arena);
    return status == LMVR_OK ? check_read(s, y, false, FEW * ROWS, out + FEW * ROWS, error) : status;
}

static lmvr_status check_quantized_as(struct check_side *s, enum dtype dtype, const float *x, float *out, lmvr_error *error)
{
    void *matrix;
    float *weights = arena_alloc(&s->arena, ROWS * WIDTH, sizeof *weights);
    if (!weights)
        return check_no_memory(error);
    for (int64_t i = 0; i < ROWS * WIDTH; i++) /* small: on the processor x is rounded to 8 bits */
        weights[i] = x[MOST - 1 - i] / 16;
    TRY(s->run->matrix_create(s->arena.device, ROWS, WIDTH, dtype, &matrix, error));
    lmvr_status status = s->run->matrix_set(matrix, 0, ROWS, weights, error);
    if (status == LMVR_OK)
        status = s->run->matrix_seal(matrix, NULL, error);
    if (status == LMVR_OK)
        status = multiply_both_ways(s, matrix, x, out, error);
    s->run->matrix_free(matrix);
    return status;
}

/* Operands are bf16 beside them. */
static lmvr_status check_quantized(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    TRY(check_quantized_as(s, INT8, x, out, error));
    return check_quantized_as(s, INT4, x, out + (int64_t)2 * FEW * ROWS, error);
}

lmvr_status self_check(const struct device *device, lmvr_error *error)
{
    static const struct check checks[] = {
        {"norms", check_norm, 2 * ROWS * WIDTH, CHECK_BOTH},
        {"activations", check_activations, 6 * ROWS * WIDTH / 4, CHECK_BOTH},
        {"attention within groups", check_groups, ROWS * WIDTH, CHECK_BOTH},
        {"attention over a cache", check_cache, ROWS * WIDTH, CHECK_BOTH},
        {"sampling", check_sampling, 3 * DRAWS, CHECK_F32},
        {"steps that come again", check_steps, (int64_t)STEPS * 4 * WIDTH, CHECK_F32},
        {"products with weights in 8 and 4 bits", check_quantized, (int64_t)4 * FEW * ROWS, CHECK_BF16}};
    return check_all(device, checks, (int)(sizeof checks / sizeof *checks), error);
}
