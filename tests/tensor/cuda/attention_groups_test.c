/* Attention within groups: near a reference and the processor's, and the same bits in any company. */
#include "attention_reference.h"

#include "nn/attention.h"
#include "tensor/cuda/kernels.h"

#define MOST_GROUPS 300

/* A launch and its operands. Keys and values stand side by side, as behind a linear layer. */
struct sheet {
    struct cuda_groups groups;
    enum dtype dtype;
    int64_t queries[MOST_GROUPS + 1], keys[MOST_GROUPS + 1];
    void *q, *kv, *out;
    float *bias;
};

struct size {
    int64_t queries, keys;
};

static void lay_out(struct sheet *s, int64_t count, const struct size *sizes)
{
    struct cuda_groups *g = &s->groups;
    g->count = count;
    g->queries = s->queries;
    g->keys = s->keys;
    s->queries[0] = s->keys[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        s->queries[i + 1] = s->queries[i] + sizes[i].queries;
        s->keys[i + 1] = s->keys[i] + sizes[i].keys;
        g->longest_queries = sizes[i].queries > g->longest_queries ? sizes[i].queries : g->longest_queries;
        g->longest_keys = sizes[i].keys > g->longest_keys ? sizes[i].keys : g->longest_keys;
    }
}

/* `gap` elements between rows. */
static struct sheet *make(enum dtype dtype, int heads, int head_dim, int64_t gap, int64_t count, const struct size *sizes)
{
    struct sheet *s = allocate(1, sizeof *s);
    *s = (struct sheet){.dtype = dtype};
    lay_out(s, count, sizes);
    struct cuda_groups *g = &s->groups;
    int64_t width = heads * head_dim;
    g->heads = heads;
    g->head_dim = head_dim;
    g->scale = 3.0f / sqrtf((float)head_dim); /* so that weights differ much */
    g->q_stride = width + gap;
    g->kv_stride = 2 * width + gap;
    s->q = operand_random(dtype, s->queries[count] * g->q_stride, 1, 1);
    s->kv = operand_random(dtype, s->keys[count] * g->kv_stride, 2, 1);
    s->out = operand_empty(dtype, s->queries[count] * width);
    g->q = s->q;
    g->k = s->kv;
    g->v = operand_from(dtype, s->kv, width);
    return s;
}

static void add_bias(struct sheet *s)
{
    struct cuda_groups *g = &s->groups;
    int64_t most = g->longest_queries + g->longest_keys;
    s->bias = operand_random(F32, g->heads * (2 * most + 1), 3, 2);
    g->bias = (struct cuda_bias){s->bias, 2 * most + 1, most};
}

static void dispose(struct sheet *s)
{
    free(s->q), free(s->kv), free(s->out), free(s->bias), free(s);
}

static void run(struct sheet *s)
{
    cuda_attention_groups(NULL, &s->groups, s->dtype, s->out);
    assert_margin(s->dtype, s->out, s->queries[s->groups.count] * s->groups.heads * s->groups.head_dim);
}

static struct reference row_of(const struct sheet *s, int64_t group, int64_t query, int head)
{
    const struct cuda_groups *g = &s->groups;
    int64_t at = s->keys[group] * g->kv_stride + head * g->head_dim, keys = s->keys[group + 1] - s->keys[group];
    const struct cuda_bias *bias = &g->bias;
    return (struct reference){
        .dtype = s->dtype,
        .kv_dtype = s->dtype,
        .head_dim = g->head_dim,
        .q = operand_from(s->dtype, s->q, (s->queries[group] + query) * g->q_stride + head * g->head_dim),
        .k = operand_from(s->dtype, s->kv, at),
        .v = operand_from(s->dtype, s->kv, at + g->heads * g->head_dim),
        .visible = g->causal ? query + 1 : keys,
        .stride = g->kv_stride,
        .scale = (double)g->scale,
        .bias = bias->values ? bias->values + head * bias->width + bias->zero - query : NULL,
    };
}

/* Row `query` of a group in `out`. */
static void *out_of(const struct sheet *s, int64_t group, int64_t query, int head)
{
    int64_t row = s->queries[group] + query;
    return operand_from(s->dtype, s->out, (row * s->groups.heads + head) * s->groups.head_dim);
}

/* Compares every `step`-th row. */
static void check(const struct sheet *s, int64_t step)
{
    for (int64_t i = 0; i < s->groups.count; i++)
        for (int64_t query = 0; query < s->queries[i + 1] - s->queries[i]; query += step)
            for (int head = 0; head < s->groups.heads; head++) {
                struct reference r = row_of(s, i, query, head);
                assert_attends(&r, out_of(s, i, query, head));
            }
}

static const struct size ragged[] = {{3, 5}, {0, 0}, {17, 64}, {1, 1}, {65, 33}, {0, 7}, {16, 65}, {4, 130}, {33, 31}};
#define RAGGED (sizeof ragged / sizeof *ragged)

static void groups_of_any_sizes_are_right(void **state)
{
    (void)state;
    for (int dtype = F32; dtype <= BF16; dtype++)
        for (int causal = 0; causal < 2; causal++)
            for (int bias = 0; bias < 2; bias++) {
                struct size sizes[RAGGED];
                for (size_t i = 0; i < RAGGED; i++)
                    sizes[i] = (struct size){ragged[i].queries, causal ? ragged[i].queries : ragged[i].keys};
                struct sheet *s = make(dtype, 2, 16, 8, RAGGED, sizes);
                s->groups.causal = causal;
                if (bias)
                    add_bias(s);
                run(s);
                check(s, 1);
                dispose(s);
            }
}

/* Also such as are no whole pieces of 16 bytes, and rows that do not begin at such. */
static void heads_of_any_size_are_right(void **state)
{
    (void)state;
    static const int dims[] = {1, 7, 8, 20, 32, 36, 64, 72, 80, 88, 96, 104, 112, 128, 136, 200, 256};
    static const struct size sizes[] = {{18, 70}, {2, 9}};
    for (int dtype = F32; dtype <= BF16; dtype++)
        for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
            struct sheet *s = make(dtype, 2, dims[d], dims[d] % 16 ? 3 : 0, 2, sizes);
            run(s);
            check(s, 3);
            dispose(s);
        }
}

static void rows_at_the_bounds_of_tiles_are_right(void **state)
{
    (void)state;
    static const int64_t lengths[] = {1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 600};
    struct size sizes[sizeof lengths / sizeof *lengths];
    for (int causal = 0; causal < 2; causal++)
        for (int dtype = F32; dtype <= BF16; dtype++) {
            for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
                sizes[i] = (struct size){causal ? lengths[i] : 20, lengths[i]};
            struct sheet *s = make(dtype, 1, 32, 0, sizeof lengths / sizeof *lengths, sizes);
            s->groups.causal = causal;
            run(s);
            check(s, causal ? 13 : 5);
            dispose(s);
        }
}

/* Scores so far apart that most weights are 0, and scores that overflow if nothing is subtracted. */
static void large_scores_are_right(void **state)
{
    (void)state;
    static const struct size sizes[] = {{40, 200}};
    for (int dtype = F32; dtype <= BF16; dtype++) {
        struct sheet *s = make(dtype, 2, 64, 0, 1, sizes);
        s->groups.scale = 40;
        run(s);
        for (int64_t query = 0; query < 40; query++)
            for (int head = 0; head < 2; head++) {
                struct reference r = row_of(s, 0, query, head);
                double weights[200] = {0};
                reference_weights(&r, weights);
                for (int d = 0; d < 64; d++) {
                    double expected = 0;
                    for (int64_t i = 0; i < 200; i++)
                        expected += weights[i] * operand_value(dtype, r.v, i * r.stride + d);
                    assert_near(dtype, out_of(s, 0, query, head), d, expected, dtype == F32 ? 2e-4 : 1e-2);
                }
            }
        dispose(s);
    }
}

static void groups_are_as_on_the_processor(void **state)
{
    (void)state;
    for (int causal = 0; causal < 2; causal++) {
        struct size sizes[RAGGED];
        for (size_t i = 0; i < RAGGED; i++)
            sizes[i] = (struct size){ragged[i].queries, causal ? ragged[i].queries : ragged[i].keys};
        struct sheet *s = make(F32, 3, 24, 5, RAGGED, sizes);
        struct cuda_groups *g = &s->groups;
        g->causal = causal;
        add_bias(s);
        run(s);
        struct arena arena;
        lmvr_error error;
        arena_init(&arena);
        int64_t count = s->queries[g->count] * g->heads * g->head_dim;
        float *expected = operand_empty(F32, count);
        struct attention_rule rule = {g->heads, causal, g->scale, {g->bias.values, g->bias.width, g->bias.zero}};
        struct attention_groups groups = {.count = g->count,
                                          .queries = g->queries,
                                          .keys = g->keys,
                                          .head_dim = g->head_dim,
                                          .q = g->q,
                                          .k = g->k,
                                          .v = g->v,
                                          .q_stride = g->q_stride,
                                          .kv_stride = g->kv_stride};
        assert_int_equal(attention_within(&arena, &rule, &groups, (operand *)expected, &error), LMVR_OK);
        for (int64_t i = 0; i < count; i++)
            assert_near(F32, s->out, i, (double)expected[i], 1e-6);
        arena_finish(&arena);
        free(expected);
        dispose(s);
    }
}

/* Group `group` of s, in a launch of its own, and only rows `from` to `to` of it if it is not causal. */
static void check_alone(const struct sheet *s, int64_t group, int64_t from, int64_t to)
{
    struct sheet alone = *s;
    struct size size = {to - from, s->keys[group + 1] - s->keys[group]};
    struct cuda_groups *g = &alone.groups;
    int64_t width = g->heads * g->head_dim;
    g->longest_queries = g->longest_keys = 0;
    lay_out(&alone, 1, &size);
    g->q = operand_from(s->dtype, s->q, (s->queries[group] + from) * g->q_stride);
    g->k = operand_from(s->dtype, s->kv, s->keys[group] * g->kv_stride);
    g->v = operand_from(s->dtype, s->kv, s->keys[group] * g->kv_stride + width);
    alone.out = operand_empty(s->dtype, size.queries * width);
    run(&alone);
    assert_same(s->dtype, alone.out, out_of(s, group, from, 0), size.queries * width);
    free(alone.out);
}

static void company_changes_nothing(void **state)
{
    (void)state;
    for (int dtype = F32; dtype <= BF16; dtype++)
        for (int causal = 0; causal < 2; causal++) {
            struct size sizes[RAGGED];
            for (size_t i = 0; i < RAGGED; i++)
                sizes[i] = (struct size){ragged[i].queries, causal ? ragged[i].queries : ragged[i].keys};
            struct sheet *s = make(dtype, 2, 40, 8, RAGGED, sizes);
            s->groups.causal = causal;
            run(s);
            for (int64_t i = 0; i < s->groups.count; i++) {
                int64_t queries = s->queries[i + 1] - s->queries[i];
                for (int64_t from = 0; from < queries && !causal; from += 7)
                    check_alone(s, i, from, from + 1 + from % 3 < queries ? from + 1 + from % 3 : queries);
                if (queries > 0)
                    check_alone(s, i, 0, queries);
            }
            dispose(s);
        }
}

/* So many rows that blocks of threads take more of them. */
static void a_crowd_changes_nothing(void **state)
{
    (void)state;
    static const int dims[] = {32, 64, 80, 96, 112, 128};
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
        struct size sizes[45];
        for (int i = 0; i < 45; i++)
            sizes[i] = (struct size){i == 7 ? 130 : 1 + i % 9 * 4, i == 7 ? 130 : 1 + i * 2};
        struct sheet *s = make(BF16, 3, dims[d], 0, 45, sizes);
        run(s);
        for (int64_t i = 5; i < 45; i += 11) {
            check_alone(s, i, 0, s->queries[i + 1] - s->queries[i]);
            check_alone(s, i, 0, 1);
        }
        check_alone(s, 7, 0, 130);
        check_alone(s, 7, 100, 120);
        check(s, 40);
        dispose(s);
    }
}

static void weights_are_those_of_the_reference(void **state)
{
    (void)state;
    static const struct size sizes[] = {{3, 5}, {0, 9}, {4, 300}, {7, 70}};
    for (int dtype = F32; dtype <= BF16; dtype++)
        for (int64_t from = 0; from < 4; from += 3) {
            struct sheet *s = make(dtype, 3, 24, 2, 4, sizes);
            int64_t offsets[4], total = 0;
            for (int i = 0; i < 4; total += sizes[i].queries * (sizes[i].keys - from), i++)
                offsets[i] = total + 3 * i;
            int64_t count = total + 3 * 4;
            float *weights = operand_random(F32, count, 5, 1), *before = operand_copy(F32, count, weights);
            cuda_weigh_groups(NULL, &s->groups, dtype, from, 0.25f, offsets, weights);
            assert_margin(F32, weights, count);
            for (int64_t i = 0; i < 4; i++)
                for (int64_t query = 0; query < sizes[i].queries; query++) {
                    double sums[300] = {0}, some[300];
                    for (int head = 0; head < 3; head++) {
                        struct reference r = row_of(s, i, query, head);
                        reference_weights(&r, some);
                        for (int64_t k = 0; k < sizes[i].keys; k++)
                            sums[k] += some[k];
                    }
                    for (int64_t k = from; k < sizes[i].keys; k++) {
                        int64_t at = offsets[i] + query * (sizes[i].keys - from) + k - from;
                        assert_near(F32, weights, at, (double)before[at] + 0.25 * sums[k], 1e-6);
                        before[at] = weights[at];
                    }
                }
            assert_same(F32, weights, before, count); /* nothing else has changed */
            free(weights), free(before);
            dispose(s);
        }
}

static void nothing_is_attended_to_by_no_one(void **state)
{
    (void)state;
    static const struct size sizes[] = {{0, 0}, {0, 3}};
    struct sheet *s = make(BF16, 2, 16, 0, 2, sizes);
    run(s);
    s->groups.count = 0;
    run(s);
    dispose(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_any_sizes_are_right),
        cmocka_unit_test(heads_of_any_size_are_right),
        cmocka_unit_test(rows_at_the_bounds_of_tiles_are_right),
        cmocka_unit_test(large_scores_are_right),
        cmocka_unit_test(groups_are_as_on_the_processor),
        cmocka_unit_test(company_changes_nothing),
        cmocka_unit_test(a_crowd_changes_nothing),
        cmocka_unit_test(weights_are_those_of_the_reference),
        cmocka_unit_test(nothing_is_attended_to_by_no_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
