#include "operands.h"

#include "tensor/cuda/kernels.h"

#define CAPACITY 23
#define BLOCKS   3 /* of the cache */

struct shape {
    int q_heads, kv_heads, head_dim;
    int64_t rows, gap; /* between rows */
};
static const struct shape shapes[] = {
    {1, 1, 2, 1, 0},  {4, 2, 8, 5, 0},    {3, 3, 6, 4, 1},   {16, 2, 64, 3, 0}, {9, 3, 80, 2, 4},
    {2, 1, 72, 7, 0}, {8, 8, 128, 2, 16}, {6, 2, 256, 2, 0}, {5, 1, 34, 3, 2},
};
#define SHAPES (sizeof shapes / sizeof *shapes)

enum { NORM_Q = 1, NORM_K = 2, TURN = 4, FILE_THEM = 8, EVERYTHING = 15 };

/* A call, and all that it reads and writes. */
struct made {
    struct shape shape;
    enum dtype dtype;
    struct cuda_heads heads;
    int64_t width, count;
    void *before, *qkv; /* (rows, stride) */
    void *cache;        /* (rows, 2, BLOCKS, kv_heads, CAPACITY, head_dim): each row has its own slot */
    struct cuda_kv_place *places;
    int64_t cached;
};

static struct made make(const struct shape *shape, unsigned parts, enum dtype dtype, enum dtype cache_dtype)
{
    const struct shape s = *shape;
    struct made m = {.shape = s, .dtype = dtype, .width = (s.q_heads + 2 * s.kv_heads) * s.head_dim};
    int64_t stride = m.width + s.gap, slot = (int64_t)BLOCKS * s.kv_heads * CAPACITY * s.head_dim;
    float *angles = operand_random(F32, s.rows * s.head_dim, 2, 1);
    m.count = s.rows * stride;
    m.cached = s.rows * 2 * slot;
    m.before = operand_random(dtype, m.count, 1, 3);
    m.qkv = operand_copy(dtype, m.count, m.before);
    m.cache = operand_empty(cache_dtype, m.cached);
    m.places = allocate((size_t)s.rows, sizeof *m.places);
    for (int64_t r = 0; r < s.rows; r++)
        m.places[r] =
            (struct cuda_kv_place){operand_from(cache_dtype, m.cache, 2 * r * slot),
                                   operand_from(cache_dtype, m.cache, (2 * r + 1) * slot), CAPACITY, r * 5 % CAPACITY};
    m.heads = (struct cuda_heads){.rows = s.rows,
                                  .stride = stride,
                                  .q_heads = s.q_heads,
                                  .kv_heads = s.kv_heads,
                                  .head_dim = s.head_dim,
                                  .q_norm = operand_random(F32, s.head_dim, 3, 2),
                                  .k_norm = operand_random(F32, s.head_dim, 4, 2),
                                  .q_eps = 1e-6f,
                                  .k_eps = 1e-5f,
                                  .angles = angles,
                                  .places = m.places,
                                  .block = (int)(s.rows % BLOCKS),
                                  .cache_dtype = cache_dtype};
    struct cuda_heads *h = &m.heads;
    if (!(parts & NORM_Q)) {
        free((void *)h->q_norm);
        h->q_norm = NULL;
    }
    if (!(parts & NORM_K)) {
        free((void *)h->k_norm);
        h->k_norm = NULL;
    }
    if (!(parts & TURN)) {
        free(angles);
        h->angles = NULL;
    }
    h->places = parts & FILE_THEM ? m.places : NULL;
    return m;
}

static void finish(struct made *m)
{
    free((void *)m->heads.q_norm);
    free((void *)m->heads.k_norm);
    free((void *)m->heads.angles);
    free(m->before);
    free(m->qkv);
    free(m->cache);
    free(m->places);
}

/* x (head_dim), normed and turned, in double. */
static void reference(const struct made *m, int64_t row, int head, double *x)
{
    const struct cuda_heads *h = &m->heads;
    int dim = h->head_dim, half = dim / 2;
    bool query = head < h->q_heads, value = head >= h->q_heads + h->kv_heads;
    const float *norm = query ? h->q_norm : value ? NULL : h->k_norm;
    double squares = 0;
    for (int i = 0; i < dim; i++) {
        x[i] = operand_value(m->dtype, m->before, row * h->stride + (int64_t)head * dim + i);
        squares += x[i] * x[i] / dim;
    }
    for (int i = 0; i < dim && norm; i++)
        x[i] *= (double)norm[i] / sqrt(squares + (double)(query ? h->q_eps : h->k_eps));
    for (int i = 0; i < half && h->angles && !value; i++) {
        double a = x[i], b = x[half + i], c = (double)h->angles[row * dim + i], s = (double)h->angles[row * dim + half + i];
        x[i] = a * c - b * s;
        x[half + i] = b * c + a * s;
    }
}

static bool is_worked_on(const struct cuda_heads *h, int head)
{
    return head < h->q_heads ? h->q_norm || h->angles : head < h->q_heads + h->kv_heads ? h->k_norm || h->angles : false;
}

/* Each head is as the reference says, or untouched; and filed, rounded as it stands in the row. */
static void check_row(const struct made *m, int64_t row)
{
    const struct cuda_heads *h = &m->heads;
    double x[256] = {0};
    for (int head = 0; head < h->q_heads + 2 * h->kv_heads; head++) {
        int64_t at = row * h->stride + (int64_t)head * h->head_dim;
        reference(m, row, head, x);
        if (!is_worked_on(h, head))
            assert_same(m->dtype, operand_from(m->dtype, m->qkv, at), operand_from(m->dtype, m->before, at), h->head_dim);
        for (int i = 0; i < h->head_dim; i++)
            assert_near(m->dtype, m->qkv, at + i, x[i], m->dtype == F32 ? 4e-6 : 1e-5);
        if (head < h->q_heads || !h->places)
            continue;
        int kv_head = (head - h->q_heads) % h->kv_heads;
        const struct cuda_kv_place *p = &m->places[row];
        void *file = head < h->q_heads + h->kv_heads ? p->keys : p->values;
        int64_t filed = ((h->block * h->kv_heads + kv_head) * p->capacity + p->position) * h->head_dim;
        for (int i = 0; i < h->head_dim; i++) {
            float value = (float)operand_value(m->dtype, m->qkv, at + i);
            value = h->cache_dtype == F32 ? value : bf16_to_f32(bf16_from_f32(value));
            assert_true(operand_value(h->cache_dtype, file, filed + i) == (double)value);
        }
    }
}

static void check(const struct shape *shape, unsigned parts, enum dtype dtype, enum dtype cache_dtype)
{
    struct made m = make(shape, parts, dtype, cache_dtype);
    cuda_heads(NULL, &m.heads, dtype, m.qkv);
    for (int64_t r = 0; r < m.shape.rows; r++) {
        check_row(&m, r);
        int64_t gap = r * m.heads.stride + m.width;
        assert_same(dtype, operand_from(dtype, m.qkv, gap), operand_from(dtype, m.before, gap), m.shape.gap);
    }
    assert_margin(dtype, m.qkv, m.count);
    int64_t written = 0; /* nothing else in the cache is */
    for (int64_t i = 0; i < m.cached; i++)
        written += !isnan(operand_value(cache_dtype, m.cache, i));
    assert_int_equal(written, parts & FILE_THEM ? m.shape.rows * 2 * m.shape.kv_heads * m.shape.head_dim : 0);
    finish(&m);
}

static void test_heads_are_normed_turned_and_filed(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++)
        for (int which = 0; which < 4; which++)
            check(&shapes[s], EVERYTHING, which / 2 ? BF16 : F32, which % 2 ? BF16 : F32);
}

static void test_any_part_may_be_left_out(void **state)
{
    (void)state;
    for (unsigned parts = 0; parts < EVERYTHING; parts++) {
        check(&shapes[1], parts, F32, F32);
        check(&shapes[4], parts, BF16, BF16);
    }
}

static void test_an_odd_head_is_normed(void **state)
{
    (void)state;
    for (int dim = 1; dim < 70; dim += 4)
        check(&(struct shape){3, 2, dim, 2, 1}, NORM_Q | NORM_K | FILE_THEM, dim % 8 == 1 ? F32 : BF16, BF16);
}

/* A row alone, as in decoding, is the same as among others, as in a prompt. */
static void test_a_row_is_the_same_in_company(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++)
        for (int which = 0; which < 2; which++) {
            enum dtype dtype = which ? BF16 : F32;
            struct made all = make(&shapes[s], EVERYTHING, dtype, dtype), one = make(&shapes[s], EVERYTHING, dtype, dtype);
            cuda_heads(NULL, &all.heads, dtype, all.qkv);
            const float *angles = one.heads.angles;
            one.heads.rows = 1;
            for (int64_t r = 0; r < all.shape.rows; r++) {
                one.heads.angles = angles + r * one.heads.head_dim;
                one.heads.places = one.places + r;
                cuda_heads(NULL, &one.heads, dtype, operand_from(dtype, one.qkv, r * one.heads.stride));
            }
            one.heads.angles = angles;
            assert_same(dtype, one.qkv, all.qkv, all.count);
            assert_same(dtype, one.cache, all.cache, all.cached);
            finish(&all);
            finish(&one);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_are_normed_turned_and_filed),
        cmocka_unit_test(test_any_part_may_be_left_out),
        cmocka_unit_test(test_an_odd_head_is_normed),
        cmocka_unit_test(test_a_row_is_the_same_in_company),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
