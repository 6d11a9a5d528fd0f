/* Attention with a relative position bias: compared with its definition, row by row with all rows at once, and in bf16. */
#include "cmocka_all.h"
#include "nn/attention.h"
#include "nn/kv_cache.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define HEADS 6
#define ROWS  41
#define DIM   13

static lmvr_error error;

/* A sequence whose queries have the same positions as its keys. */
struct sample {
    struct arena arena;
    float q[ROWS * HEADS * DIM], k[ROWS * HEADS * DIM], v[ROWS * HEADS * DIM], bias[HEADS * (2 * ROWS - 1)];
    struct kv_cache cache;
    struct attention_rule rule;
};

static void fill(float *x, int count, uint32_t seed)
{
    for (int i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)seed * 0x1p-31f;
    }
}

/* Rows (count, DIM) become what a cache holds of them. */
static void round_rows(enum dtype dtype, int count, float *x)
{
    for (int row = 0; row < count; row++, x += DIM) {
        float most = 0;
        for (int d = 0; d < DIM; d++)
            most = fmaxf(most, fabsf(x[d]));
        for (int d = 0; d < DIM; d++) {
            if (dtype == BF16)
                x[d] = bf16_to_f32(bf16_from_f32(x[d]));
            if (dtype == INT8)
                x[d] = roundf(x[d] * (127 / most)) * (most / 127);
        }
    }
}

static void file_row(struct sample *s, int position)
{
    int width = s->cache.kv_heads * DIM;
    float row[2 * HEADS * DIM];
    struct kv_place place = {0, position};
    struct head_rows filed = {
        .count = 1, .stride = 2 * width, .kv_heads = s->cache.kv_heads, .head_dim = DIM, .cache = &s->cache, .places = &place};
    memcpy(row, s->k + position * width, (size_t)width * sizeof *row);
    memcpy(row + width, s->v + position * width, (size_t)width * sizeof *row);
    attention_heads(&s->arena, &filed, (operand *)row);
}

static void sample_make_in(struct sample *s, enum dtype dtype, int kv_heads, bool causal)
{
    memset(s, 0, sizeof *s);
    arena_init(&s->arena);
    fill(s->q, ROWS * HEADS * DIM, 1);
    fill(s->k, ROWS * HEADS * DIM, 2);
    fill(s->v, ROWS * HEADS * DIM, 3);
    fill(s->bias, HEADS * (2 * ROWS - 1), 4);
    assert_int_equal(kv_cache_create(&s->cache, device_cpu(), dtype, 1, kv_heads, DIM, 2, &error), LMVR_OK);
    assert_int_equal(kv_cache_reserve(&s->cache, 0, ROWS, &error), LMVR_OK);
    for (int i = 0; i < ROWS; i++)
        file_row(s, i);
    round_rows(dtype, ROWS * kv_heads, s->k);
    round_rows(dtype, ROWS * kv_heads, s->v);
    s->rule =
        (struct attention_rule){.heads = HEADS, .causal = causal, .scale = 0.75f, .bias = {s->bias, 2 * ROWS - 1, ROWS - 1}};
}

static void sample_make(struct sample *s, int kv_heads, bool causal)
{
    sample_make_in(s, F32, kv_heads, causal);
}

static void sample_free(struct sample *s)
{
    kv_cache_finish(&s->cache);
    arena_finish(&s->arena);
}

static void attend_slot(struct sample *s, int slot, int64_t first, int64_t count, float *out)
{
    struct attention_span span = {slot, first, count, ROWS};
    struct attention_query query = {.cache = &s->cache,
                                    .spans = &span,
                                    .span_count = 1,
                                    .q = (const operand *)(s->q + first * HEADS * DIM),
                                    .q_stride = HEADS * DIM};
    assert_int_equal(attention_forward(&s->arena, &s->rule, &query, (operand *)out, &error), LMVR_OK);
}

static void attend(struct sample *s, int64_t first, int64_t count, float *out)
{
    attend_slot(s, 0, first, count, out);
}

static double score(const struct sample *s, int row, int key, int head)
{
    int kv_head = head / (HEADS / s->cache.kv_heads);
    double sum = 0;
    for (int d = 0; d < DIM; d++)
        sum += (double)s->q[(row * HEADS + head) * DIM + d] * (double)s->k[(key * s->cache.kv_heads + kv_head) * DIM + d];
    return sum * (double)s->rule.scale + (double)s->bias[head * (2 * ROWS - 1) + ROWS - 1 + key - row];
}

static void compare_row(const struct sample *s, int row, int head, const float *out)
{
    int kv_heads = s->cache.kv_heads, kv_head = head / (HEADS / kv_heads), visible = s->rule.causal ? row + 1 : ROWS;
    double expected[DIM] = {0}, total = 0;
    for (int key = 0; key < visible; key++) {
        double weight = exp(score(s, row, key, head));
        total += weight;
        for (int d = 0; d < DIM; d++)
            expected[d] += weight * (double)s->v[(key * kv_heads + kv_head) * DIM + d];
    }
    for (int d = 0; d < DIM; d++)
        assert_true(fabs((double)out[(row * HEADS + head) * DIM + d] - expected[d] / total) < 1e-5);
}

static void a_bias_is_added_by_head_and_distance(void **state)
{
    (void)state;
    static struct sample s;
    static float out[ROWS * HEADS * DIM];
    for (int i = 0; i < 12; i++) {
        int kv_heads = i % 2 ? HEADS : 2;
        sample_make_in(&s, (enum dtype)(i / 4), kv_heads, i / 2 % 2);
        attend(&s, 0, ROWS, out);
        for (int row = 0; row < ROWS; row++)
            for (int head = 0; head < HEADS; head++)
                compare_row(&s, row, head, out);
        sample_free(&s);
    }
}

static void a_row_is_the_same_bytes_alone_and_among_others(void **state)
{
    (void)state;
    static struct sample s;
    static float together[ROWS * HEADS * DIM], alone[HEADS * DIM];
    for (int i = 0; i < 12; i++) {
        int kv_heads = i % 2 ? HEADS : 2;
        sample_make_in(&s, (enum dtype)(i / 4), kv_heads, i / 2 % 2);
        attend(&s, 0, ROWS, together);
        for (int row = 0; row < ROWS; row++) {
            attend(&s, row, 1, alone);
            assert_memory_equal(alone, together + row * HEADS * DIM, sizeof alone);
        }
        sample_free(&s);
    }
}

static void a_copied_slot_gives_the_same_bytes(void **state)
{
    (void)state;
    static struct sample s;
    static float from[HEADS * DIM], copied[HEADS * DIM];
    for (int dtype = F32; dtype <= INT8; dtype++) {
        sample_make_in(&s, (enum dtype)dtype, 2, true);
        assert_int_equal(kv_cache_reserve(&s.cache, 1, ROWS + 100, &error), LMVR_OK);
        kv_cache_copy(&s.arena, &s.cache, 0, 1, ROWS);
        attend(&s, ROWS - 1, 1, from);
        attend_slot(&s, 1, ROWS - 1, 1, copied);
        assert_memory_equal(copied, from, sizeof from);
        sample_free(&s);
    }
}

static void a_row_that_is_not_finite_is_not_forgotten_by_the_cache(void **state)
{
    (void)state;
    static struct sample s;
    static float out[HEADS * DIM];
    const float wrong[] = {NAN, INFINITY};
    for (int dtype = F32; dtype <= INT8; dtype++)
        for (int i = 0; i < 2; i++) {
            sample_make_in(&s, (enum dtype)dtype, HEADS, true);
            attend(&s, 5, 1, out);
            assert_true(isfinite(out[3]));
            s.v[5 * HEADS * DIM + 3] = wrong[i];
            file_row(&s, 5);
            attend(&s, 5, 1, out);
            assert_false(isfinite(out[3]));
            sample_free(&s);
        }
}

static void attention_weights_sum_to_the_number_of_heads(void **state)
{
    (void)state;
    static struct sample s;
    static float exact[ROWS], rounded[ROWS];
    for (int dtype = F32; dtype <= INT8; dtype++) {
        float *weights = dtype == F32 ? exact : rounded, sum = 0;
        sample_make_in(&s, (enum dtype)dtype, 2, true);
        struct attention_span span = {0, ROWS - 1, 1, ROWS};
        struct attention_query query = {.cache = &s.cache,
                                        .spans = &span,
                                        .span_count = 1,
                                        .q = (const operand *)(s.q + (ROWS - 1) * HEADS * DIM),
                                        .q_stride = HEADS * DIM};
        memset(weights, 0, sizeof exact);
        s.rule.bias.values = NULL;
        assert_int_equal(device_cpu()->operations->weigh_cache(&s.arena, &s.rule, &query, 0, ROWS, 1, weights, &error),
                         LMVR_OK);
        for (int i = 0; i < ROWS; i++) {
            sum += weights[i];
            assert_true(fabsf(weights[i] - exact[i]) < 0.02f * exact[i] + 1e-6f);
        }
        assert_true(fabsf(sum - HEADS) < 1e-4f);
        sample_free(&s);
    }
}

/* Groups from the first rows of the sample, with another head size; `ends` are those of queries and of keys. */
static void attend_groups(struct sample *s, enum dtype dtype, int count, const int64_t *queries, const int64_t *keys, int dim,
                          float *out)
{
    int heads = HEADS * DIM / dim;
    struct attention_rule rule = {.heads = heads, .scale = 0.75f, .bias = {s->bias, 2 * ROWS - 1, ROWS - 1}};
    s->arena.dtype = dtype;
    struct attention_groups groups = {.count = count,
                                      .queries = queries,
                                      .keys = keys,
                                      .head_dim = dim,
                                      .q = (const operand *)s->q,
                                      .k = (const operand *)s->k,
                                      .v = (const operand *)s->v,
                                      .q_stride = (int64_t)heads * dim,
                                      .kv_stride = (int64_t)heads * dim};
    assert_int_equal(attention_within(&s->arena, &rule, &groups, (operand *)out, &error), LMVR_OK);
}

/* Three groups of one size. */
static void attend_within(struct sample *s, enum dtype dtype, int64_t queries, int64_t keys, int dim, float *out)
{
    const int64_t query_ends[] = {0, queries, 2 * queries, 3 * queries}, key_ends[] = {0, keys, 2 * keys, 3 * keys};
    attend_groups(s, dtype, 3, query_ends, key_ends, dim, out);
}

static void bf16_products_are_near_those_of_f32(void **state)
{
    (void)state;
    static struct sample s;
    static float exact[ROWS * HEADS * DIM], near[ROWS * HEADS * DIM];
    const int dims[] = {13, 26, 39, 78}; /* of HEADS * DIM together; the sample has biases for HEADS heads */
    sample_make(&s, HEADS, false);
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
        for (int64_t queries = 1; queries <= ROWS / 3; queries++)
            for (int64_t keys = 1; keys <= ROWS / 3; keys++) {
                attend_within(&s, F32, queries, keys, dims[d], exact);
                attend_within(&s, BF16, queries, keys, dims[d], near);
                for (int64_t i = 0; i < 3 * queries * HEADS * DIM; i++)
                    assert_true(fabsf(exact[i] - near[i]) < 0.03f);
            }
    sample_free(&s);
}

/* With more threads than heads, a group's queries are split. */
static void a_row_is_the_same_bytes_in_any_part_of_a_group(void **state)
{
    (void)state;
    static struct sample s;
    static float one[ROWS * HEADS * DIM], cut[ROWS * HEADS * DIM], exact[ROWS * HEADS * DIM];
    sample_make(&s, HEADS, false);
    for (int dtype = F32; dtype <= BF16; dtype++) {
        struct attention_rule rule = {.heads = 1, .scale = 0.75f};
        s.arena.dtype = (enum dtype)dtype;
        int64_t queries[] = {0, HEADS * ROWS};
        const int64_t keys[] = {0, 201};
        struct attention_groups groups = {.count = 1,
                                          .queries = queries,
                                          .keys = keys,
                                          .head_dim = DIM,
                                          .q = (const operand *)s.q,
                                          .k = (const operand *)s.k,
                                          .v = (const operand *)s.v,
                                          .q_stride = DIM,
                                          .kv_stride = DIM};
        omp_set_num_threads(1);
        assert_int_equal(attention_within(&s.arena, &rule, &groups, (operand *)one, &error), LMVR_OK);
        if (dtype == F32)
            memcpy(exact, one, sizeof one);
        for (int i = 0; i < ROWS * HEADS * DIM; i++)
            assert_true(fabsf(exact[i] - one[i]) < 0.01f);
        omp_set_num_threads(3);
        assert_int_equal(attention_within(&s.arena, &rule, &groups, (operand *)cut, &error), LMVR_OK);
        assert_memory_equal(cut, one, sizeof one);
        queries[1] = 1;
        for (int row = 0; row < HEADS * ROWS; row++) {
            groups.q = (const operand *)(s.q + row * DIM);
            assert_int_equal(attention_within(&s.arena, &rule, &groups, (operand *)cut, &error), LMVR_OK);
            assert_memory_equal(cut, one + row * DIM, DIM * sizeof *cut);
        }
    }
    sample_free(&s);
}

/* Groups of different sizes, the largest first, so that a later one meets what it has left in the buffers. */
static void a_group_is_the_same_bytes_alone_and_beside_others(void **state)
{
    (void)state;
    static struct sample s;
    static float together[ROWS * HEADS * DIM], alone[ROWS * HEADS * DIM];
    const int64_t ends[] = {0, 20, 21, 28, ROWS};
    sample_make(&s, HEADS, false);
    for (int dtype = F32; dtype <= BF16; dtype++) {
        attend_groups(&s, (enum dtype)dtype, 4, ends, ends, DIM, together);
        for (int i = 0; i < 4; i++) {
            const int64_t own[] = {0, ends[i + 1] - ends[i]};
            struct sample part = s;
            memmove(part.q, s.q + ends[i] * HEADS * DIM, (size_t)own[1] * HEADS * DIM * sizeof(float));
            memmove(part.k, s.k + ends[i] * HEADS * DIM, (size_t)own[1] * HEADS * DIM * sizeof(float));
            memmove(part.v, s.v + ends[i] * HEADS * DIM, (size_t)own[1] * HEADS * DIM * sizeof(float));
            attend_groups(&part, (enum dtype)dtype, 1, own, own, DIM, alone);
            assert_memory_equal(alone, together + ends[i] * HEADS * DIM, (size_t)own[1] * HEADS * DIM * sizeof(float));
        }
    }
    sample_free(&s);
}

/* A query that sees the rows of its group up to its own is one that sees all of a shorter group. */
static void a_causal_group_shows_each_query_what_comes_before(void **state)
{
    (void)state;
    static struct sample s;
    static float causal[ROWS * HEADS * DIM];
    float alone[HEADS * DIM];
    const int64_t ends[] = {0, 7, 8, ROWS}, one[] = {0, 1};
    sample_make(&s, HEADS, true);
    struct attention_rule rule = {.heads = HEADS, .causal = true, .scale = 0.75f};
    for (int dtype = F32; dtype <= BF16; dtype++) {
        struct attention_groups groups = {.count = 3,
                                          .queries = ends,
                                          .keys = ends,
                                          .head_dim = DIM,
                                          .q = (const operand *)s.q,
                                          .k = (const operand *)s.k,
                                          .v = (const operand *)s.v,
                                          .q_stride = HEADS * DIM,
                                          .kv_stride = HEADS * DIM};
        rule.causal = true;
        s.arena.dtype = (enum dtype)dtype;
        assert_int_equal(attention_within(&s.arena, &rule, &groups, (operand *)causal, &error), LMVR_OK);
        rule.causal = false;
        s.arena.dtype = F32;
        for (int g = 0; g < 3; g++)
            for (int64_t row = ends[g]; row < ends[g + 1]; row++) {
                const int64_t seen[] = {0, row - ends[g] + 1};
                struct attention_groups part = groups;
                part.count = 1;
                part.queries = one;
                part.keys = seen;
                part.q = (const operand *)(s.q + row * HEADS * DIM);
                part.k = (const operand *)(s.k + ends[g] * HEADS * DIM);
                part.v = (const operand *)(s.v + ends[g] * HEADS * DIM);
                assert_int_equal(attention_within(&s.arena, &rule, &part, (operand *)alone, &error), LMVR_OK);
                for (int i = 0; i < HEADS * DIM; i++)
                    assert_true(fabsf(alone[i] - causal[row * HEADS * DIM + i]) < 1e-5f);
            }
    }
    sample_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bias_is_added_by_head_and_distance),
        cmocka_unit_test(a_row_is_the_same_bytes_alone_and_among_others),
        cmocka_unit_test(a_copied_slot_gives_the_same_bytes),
        cmocka_unit_test(a_row_that_is_not_finite_is_not_forgotten_by_the_cache),
        cmocka_unit_test(attention_weights_sum_to_the_number_of_heads),
        cmocka_unit_test(bf16_products_are_near_those_of_f32),
        cmocka_unit_test(a_row_is_the_same_bytes_in_any_part_of_a_group),
        cmocka_unit_test(a_group_is_the_same_bytes_alone_and_beside_others),
        cmocka_unit_test(a_causal_group_shows_each_query_what_comes_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
