/* Attention over a cache: near a reference and the processor's, and the same bits however rows come. */
#include "attention_reference.h"

#include "nn/attention.h"
#include "nn/kv_cache.h"
#include "tensor/cuda/kernels.h"

#define MOST_SPANS 64

/* A launch and its operands. */
struct sheet {
    struct cuda_spans spans;
    struct cuda_span list[MOST_SPANS];
    enum dtype dtype;
    void *q, *out;
    float *bias;
};

struct shape {
    enum dtype dtype, cache;
    int heads, kv_heads, head_dim;
    int64_t gap; /* elements between rows of q */
    bool causal;
};

/* A span of `count` rows from position `first` on; if not causal, all see `visible` keys. */
struct size {
    int64_t first, count, visible;
};

static int64_t seen_by(const struct sheet *s, const struct cuda_span *span, int64_t row)
{
    return s->spans.causal ? span->first + row + 1 : span->visible;
}

#define BLOCKS 3

/* The other blocks, and what is beyond the last key, are NaN. */
static void *random_cache(const struct cuda_spans *c, int64_t capacity, int64_t visible, uint64_t seed)
{
    int64_t size = c->kv_heads * capacity * c->head_dim;
    void *x = operand_empty(c->cache_dtype, BLOCKS * size);
    for (int64_t i = 0; i < size; i++)
        if (i / c->head_dim % capacity < visible)
            operand_set(c->cache_dtype, x, c->block * size + i, random_at(seed, i));
    return x;
}

static void add_span(struct sheet *s, int64_t i, const struct size *size)
{
    struct cuda_spans *c = &s->spans;
    struct cuda_span *span = &s->list[i];
    *span = (struct cuda_span){
        .row = c->rows, .count = size->count, .first = size->first, .visible = c->causal ? -1 : size->visible};
    int64_t visible = c->causal ? size->first + size->count : size->visible;
    span->capacity = visible + 3 + i % 5;
    span->keys = random_cache(c, span->capacity, visible, 10 + (uint64_t)i);
    span->values = random_cache(c, span->capacity, visible, 1000 + (uint64_t)i);
    c->rows += size->count;
    c->longest_count = size->count > c->longest_count ? size->count : c->longest_count;
    c->longest_visible = visible > c->longest_visible ? visible : c->longest_visible;
}

static void give_scratch(struct cuda_spans *c)
{
    size_t size = cuda_attention_cache_scratch(c->heads, c->head_dim, c->rows, c->longest_visible);
    c->scratch = operand_empty(F32, (int64_t)(size / sizeof(float)));
}

static struct sheet *make(const struct shape *shape, int64_t count, const struct size *sizes)
{
    struct sheet *s = allocate(1, sizeof *s);
    *s = (struct sheet){.dtype = shape->dtype};
    struct cuda_spans *c = &s->spans;
    *c = (struct cuda_spans){.count = count,
                             .spans = s->list,
                             .heads = shape->heads,
                             .kv_heads = shape->kv_heads,
                             .head_dim = shape->head_dim,
                             .causal = shape->causal,
                             .scale = 3.0f / sqrtf((float)shape->head_dim),
                             .cache_dtype = shape->cache,
                             .block = 1,
                             .q_stride = shape->heads * shape->head_dim + shape->gap};
    for (int64_t i = 0; i < count; i++)
        add_span(s, i, &sizes[i]);
    s->q = operand_random(s->dtype, c->rows * c->q_stride, 1, 1);
    s->out = operand_empty(s->dtype, c->rows * c->heads * c->head_dim);
    c->q = s->q;
    give_scratch(c);
    return s;
}

static void add_bias(struct sheet *s)
{
    struct cuda_spans *c = &s->spans;
    int64_t most = c->longest_visible; /* that a key is away from a query */
    for (int64_t i = 0; i < c->count; i++)
        most = s->list[i].first + s->list[i].count > most ? s->list[i].first + s->list[i].count : most;
    s->bias = operand_random(F32, c->heads * 2 * most, 3, 2);
    c->bias = (struct cuda_bias){s->bias, 2 * most, most};
}

static void dispose(struct sheet *s)
{
    for (int64_t i = 0; i < s->spans.count; i++)
        free((void *)s->list[i].keys), free((void *)s->list[i].values);
    free(s->q), free(s->out), free(s->bias), free(s->spans.scratch), free(s);
}

static void run(struct sheet *s)
{
    const struct cuda_spans *c = &s->spans;
    cuda_attention_cache(NULL, c, s->dtype, s->out);
    assert_margin(s->dtype, s->out, c->rows * c->heads * c->head_dim);
    size_t size = cuda_attention_cache_scratch(c->heads, c->head_dim, c->rows, c->longest_visible);
    assert_margin(F32, c->scratch, (int64_t)(size / sizeof(float)));
}

static struct reference row_of(const struct sheet *s, int64_t i, int64_t row, int head)
{
    const struct cuda_spans *c = &s->spans;
    const struct cuda_span *span = &s->list[i];
    int64_t kv_head = c->block * c->kv_heads + head / (c->heads / c->kv_heads);
    int64_t at = kv_head * span->capacity * c->head_dim;
    return (struct reference){
        .dtype = s->dtype,
        .kv_dtype = c->cache_dtype,
        .head_dim = c->head_dim,
        .q = operand_from(s->dtype, s->q, (span->row + row) * c->q_stride + head * c->head_dim),
        .k = operand_from(c->cache_dtype, (void *)span->keys, at),
        .v = operand_from(c->cache_dtype, (void *)span->values, at),
        .visible = seen_by(s, span, row),
        .stride = c->head_dim,
        .scale = (double)c->scale,
        .bias = c->bias.values ? c->bias.values + head * c->bias.width + c->bias.zero - span->first - row : NULL,
    };
}

static void *out_of(const struct sheet *s, int64_t i, int64_t row)
{
    return operand_from(s->dtype, s->out, (s->list[i].row + row) * s->spans.heads * s->spans.head_dim);
}

/* Compares every `step`-th row, and the last. */
static void check(const struct sheet *s, int64_t step)
{
    for (int64_t i = 0; i < s->spans.count; i++)
        for (int64_t row = 0; row < s->list[i].count; row += row + step < s->list[i].count ? step : s->list[i].count - row)
            for (int head = 0; head < s->spans.heads; head++) {
                struct reference r = row_of(s, i, row, head);
                assert_attends(&r, operand_from(s->dtype, out_of(s, i, row), head * s->spans.head_dim));
            }
}

static const enum dtype dtypes[][2] = {{F32, F32}, {F32, BF16}, {BF16, BF16}};

static const struct size ragged[] = {{0, 5, 9}, {30, 1, 31}, {0, 0, 4},  {63, 1, 64},  {64, 1, 65},
                                     {0, 1, 1}, {10, 22, 7}, {0, 33, 0}, {128, 4, 40}, {5, 67, 70}};
#define RAGGED ((int64_t)(sizeof ragged / sizeof *ragged))

static void spans_of_any_sizes_are_right(void **state)
{
    (void)state;
    static const int heads[][2] = {{2, 2}, {4, 2}, {7, 1}};
    for (int t = 0; t < 3; t++)
        for (int h = 0; h < 3; h++)
            for (int causal = 0; causal < 2; causal++)
                for (int bias = 0; bias < 2; bias++) {
                    struct shape shape = {dtypes[t][0], dtypes[t][1], heads[h][0], heads[h][1], 16, 8, causal};
                    struct size sizes[RAGGED];
                    memcpy(sizes, ragged, sizeof sizes);
                    sizes[7].visible = 1; /* a span sees something */
                    struct sheet *s = make(&shape, RAGGED, sizes);
                    if (bias)
                        add_bias(s);
                    run(s);
                    check(s, 5);
                    dispose(s);
                }
}

/* Also such as are no whole pieces of 16 bytes. */
static void heads_of_any_size_are_right(void **state)
{
    (void)state;
    static const int dims[] = {1, 7, 8, 20, 36, 64, 72, 80, 88, 96, 104, 112, 128, 136, 256};
    static const struct size sizes[] = {{65, 1, 0}, {3, 6, 0}};
    for (int t = 0; t < 3; t++)
        for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
            struct shape shape = {dtypes[t][0], dtypes[t][1], 4, 2, dims[d], dims[d] % 16 ? 3 : 0, true};
            struct sheet *s = make(&shape, 2, sizes);
            run(s);
            check(s, 2);
            dispose(s);
        }
}

static const int64_t lengths[] = {1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 600};
#define LENGTHS ((int64_t)(sizeof lengths / sizeof *lengths))

static void single_rows_after_any_length_are_right(void **state)
{
    (void)state;
    struct size sizes[LENGTHS];
    for (int64_t i = 0; i < LENGTHS; i++)
        sizes[i] = (struct size){lengths[i] - 1, 1, 0};
    for (int t = 0; t < 3; t++)
        for (int kv_heads = 1; kv_heads <= 2; kv_heads++) {
            struct shape shape = {dtypes[t][0], dtypes[t][1], kv_heads == 1 ? 20 : 6, kv_heads, 32, 0, true};
            struct sheet *s = make(&shape, LENGTHS, sizes);
            run(s);
            check(s, 1);
            dispose(s);
        }
}

/* Files a span's keys and values in slot `i` of the processor's cache. */
static void file_span(struct arena *arena, const struct sheet *s, int i, int64_t visible, struct kv_cache *cache)
{
    const struct cuda_spans *c = &s->spans;
    int64_t width = c->kv_heads * c->head_dim, half = s->list[i].capacity * c->kv_heads * c->head_dim * c->block;
    float *row = allocate((size_t)(2 * width), sizeof *row);
    lmvr_error error;
    assert_int_equal(kv_cache_reserve(cache, i, visible, &error), LMVR_OK);
    for (int64_t p = 0; p < visible; p++) {
        for (int64_t d = 0; d < width; d++) {
            int64_t at = half + (d / c->head_dim * s->list[i].capacity + p) * c->head_dim + d % c->head_dim;
            row[d] = ((const float *)s->list[i].keys)[at];
            row[width + d] = ((const float *)s->list[i].values)[at];
        }
        struct kv_place place = {i, p};
        struct head_rows rows = {.count = 1,
                                 .stride = 2 * width,
                                 .kv_heads = c->kv_heads,
                                 .head_dim = c->head_dim,
                                 .cache = cache,
                                 .places = &place};
        attention_heads(arena, &rows, (operand *)row);
    }
    free(row);
}

static void spans_are_as_on_the_processor(void **state)
{
    (void)state;
    static const struct size sizes[] = {{0, 5, 9}, {30, 1, 31}, {0, 40, 17}, {70, 20, 100}, {64, 1, 65}};
    for (int causal = 0; causal < 2; causal++) {
        struct shape shape = {F32, F32, 6, 2, 24, 3, causal};
        struct sheet *s = make(&shape, 5, sizes);
        struct cuda_spans *c = &s->spans;
        add_bias(s);
        run(s);
        struct attention_span spans[5];
        struct kv_cache cache;
        struct arena arena;
        lmvr_error error;
        arena_init(&arena);
        assert_int_equal(kv_cache_create(&cache, device_cpu(), F32, 1, 2, 24, 5, &error), LMVR_OK);
        for (int i = 0; i < 5; i++) {
            file_span(&arena, s, i, seen_by(s, &s->list[i], s->list[i].count - 1), &cache);
            spans[i] = (struct attention_span){i, sizes[i].first, sizes[i].count, sizes[i].visible};
        }
        struct attention_rule rule = {6, causal, c->scale, {c->bias.values, c->bias.width, c->bias.zero}};
        struct attention_query query = {&cache, 0, spans, 5, s->q, c->q_stride};
        int64_t count = c->rows * 6 * 24;
        float *expected = operand_empty(F32, count);
        assert_int_equal(attention_forward(&arena, &rule, &query, (operand *)expected, &error), LMVR_OK);
        for (int64_t i = 0; i < count; i++)
            assert_near(F32, s->out, i, (double)expected[i], 1e-6);
        kv_cache_finish(&cache);
        arena_finish(&arena);
        free(expected);
        dispose(s);
    }
}

/* Runs rows of `s`, which are named by span and place, each as a span of one row, and compares. `longest` is said to be the
 * longest that a row sees; a very large number keeps keys from being divided. */
static void check_single(const struct sheet *s, int64_t count, const int64_t (*rows)[2], int64_t longest)
{
    struct sheet alone = *s;
    struct cuda_spans *c = &alone.spans;
    int64_t width = c->heads * c->head_dim;
    c->spans = alone.list;
    c->count = c->rows = count;
    c->longest_count = 1;
    c->longest_visible = longest;
    alone.q = operand_empty(s->dtype, count * c->q_stride);
    alone.out = operand_empty(s->dtype, count * width);
    c->q = alone.q;
    for (int64_t i = 0; i < count; i++) {
        const struct cuda_span *from = &s->list[rows[i][0]];
        alone.list[i] = *from;
        alone.list[i].row = i;
        alone.list[i].count = 1;
        alone.list[i].first = from->first + rows[i][1];
        memcpy(operand_from(s->dtype, alone.q, i * c->q_stride),
               operand_from(s->dtype, s->q, (from->row + rows[i][1]) * c->q_stride), (size_t)width * dtype_size(s->dtype));
    }
    give_scratch(c);
    run(&alone);
    for (int64_t i = 0; i < count; i++)
        assert_same(s->dtype, operand_from(s->dtype, alone.out, i * width), out_of(s, rows[i][0], rows[i][1]), width);
    free(alone.q), free(alone.out), free(c->scratch);
}

/* Decoding gives the same bits as a prompt: alone, with others, and with keys divided among blocks or not. */
static void rows_are_the_same_alone_and_in_a_span(void **state)
{
    (void)state;
    static const struct size sizes[] = {{0, 131, 150}, {250, 8, 262}, {0, 1, 3}, {0, 66, 65}, {64, 1, 65}, {590, 11, 600}};
    static const int64_t rows[][2] = {{0, 130}, {0, 0}, {0, 14}, {0, 15}, {0, 31}, {0, 32}, {0, 63}, {0, 64}, {0, 65}, {0, 127},
                                      {0, 128}, {1, 5}, {1, 6},  {1, 7},  {2, 0},  {3, 65}, {3, 33}, {4, 0},  {5, 0},  {5, 10}};
    static const int heads[][2] = {{1, 1}, {6, 2}, {18, 1}};
    for (int t = 0; t < 3; t++)
        for (int h = 0; h < 3; h++)
            for (int causal = h == 1 ? 0 : 1; causal < 2; causal++) {
                struct shape shape = {dtypes[t][0], dtypes[t][1], heads[h][0], heads[h][1], 24, 8, causal};
                struct sheet *s = make(&shape, h == 2 ? 3 : 6, sizes);
                int64_t count = h == 2 ? 15 : 20;
                run(s);
                check_single(s, count, rows, s->spans.longest_visible);
                check_single(s, 1, rows, s->spans.longest_visible);
                check_single(s, 1, rows + 13, s->spans.longest_visible);
                check_single(s, count, rows, INT32_MAX);
                dispose(s);
            }
}

/* Sizes of heads that models have, so many rows that blocks of threads take more of them, and a bias. */
static void a_crowd_changes_nothing(void **state)
{
    (void)state;
    static const int dims[] = {64, 128};
    static const int64_t rows[][2] = {{0, 69}, {1, 0}, {1, 63}, {2, 0}, {33, 1}};
    for (int d = 0; d < 2; d++)
        for (int bias = 0; bias < 2 - d; bias++) {
            struct size sizes[34];
            for (int i = 0; i < 34; i++)
                sizes[i] = (struct size){i % 3 * 2, i < 2 ? 70 : 1 + i % 8, 0};
            struct shape shape = {BF16, BF16, 4, 2, dims[d], 0, true};
            shape.heads = bias ? 4 : 8;
            shape.kv_heads = bias ? 2 : 8;
            struct sheet *s = make(&shape, 34, sizes);
            if (bias)
                add_bias(s);
            run(s);
            check_single(s, 5, rows, s->spans.longest_visible);
            check_single(s, 1, rows, INT32_MAX);
            check(s, 40);
            dispose(s);
        }
}

/* Values so small that they become -0 when later keys weigh much more. It must not matter whether a row is then taken along
 * over keys that it does not see, by which -0 becomes 0. */
static void zeros_have_no_sign(void **state)
{
    (void)state;
    static const struct size sizes[] = {{5, 130, 0}};
    static const int64_t rows[][2] = {{0, 115}, {0, 129}};
    for (int t = 0; t < 3; t++) {
        struct shape shape = {dtypes[t][0], dtypes[t][1], 2, 2, 32, 0, true};
        struct sheet *s = make(&shape, 1, sizes);
        int64_t capacity = s->list[0].capacity, light = shape.dtype == F32 ? 32 : 64;
        s->spans.scale = 60;
        for (int64_t i = 0; i < s->spans.rows * s->spans.q_stride; i++)
            operand_set(shape.dtype, s->q, i, i % 32 == 0 ? 1.0f : 0.0f);
        for (int64_t i = 0; i < BLOCKS * 2 * capacity * 32; i++) {
            bool early = i / 32 % capacity < light;
            operand_set(shape.cache, (void *)s->list[0].keys, i, i % 32 == 0 && !early ? 1.0f : 0.0f);
            operand_set(shape.cache, (void *)s->list[0].values, i, early ? -1e-40f : 0.0f);
        }
        run(s);
        check_single(s, 2, rows, s->spans.longest_visible);
        check_single(s, 2, rows, INT32_MAX);
        dispose(s);
    }
}

static void weights_are_those_of_the_reference(void **state)
{
    (void)state;
    static const struct size sizes[] = {{0, 3, 5}, {290, 2, 300}, {0, 0, 9}, {69, 1, 70}};
    for (int t = 0; t < 3; t++)
        for (int causal = 0; causal < 2; causal++) {
            struct shape shape = {dtypes[t][0], dtypes[t][1], 6, 2, 20, 2, causal};
            struct sheet *s = make(&shape, 4, sizes);
            int64_t from = 2, count = 60;
            float *weights = operand_random(F32, s->spans.rows * count, 5, 1);
            float *before = operand_copy(F32, s->spans.rows * count, weights);
            cuda_weigh_cache(NULL, &s->spans, s->dtype, from, count, 0.5f, weights);
            assert_margin(F32, weights, s->spans.rows * count);
            for (int i = 0; i < 4; i++)
                for (int64_t row = 0; row < s->list[i].count; row++) {
                    double sums[400] = {0}, some[400];
                    for (int head = 0; head < 6; head++) {
                        struct reference r = row_of(s, i, row, head);
                        reference_weights(&r, some);
                        for (int64_t k = 0; k < r.visible; k++)
                            sums[k] += some[k];
                    }
                    for (int64_t k = 0; k < count; k++) {
                        int64_t at = (s->list[i].row + row) * count + k;
                        assert_near(F32, weights, at, (double)before[at] + 0.5 * sums[from + k], 1e-6);
                    }
                }
            free(weights), free(before);
            dispose(s);
        }
}

static void scratch_is_bounded(void **state)
{
    (void)state;
    size_t most = ((size_t)128 + 2) * sizeof(float) << 17;
    assert_true(cuda_attention_cache_scratch(32, 128, 64, 700) < most);
    assert_true(cuda_attention_cache_scratch(32, 128, 1 << 20, 1 << 20) <= most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_of_any_sizes_are_right),
        cmocka_unit_test(heads_of_any_size_are_right),
        cmocka_unit_test(single_rows_after_any_length_are_right),
        cmocka_unit_test(spans_are_as_on_the_processor),
        cmocka_unit_test(rows_are_the_same_alone_and_in_a_span),
        cmocka_unit_test(a_crowd_changes_nothing),
        cmocka_unit_test(zeros_have_no_sign),
        cmocka_unit_test(weights_are_those_of_the_reference),
        cmocka_unit_test(scratch_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
