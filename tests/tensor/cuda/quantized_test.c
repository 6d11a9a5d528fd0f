/* Products with weights in 8 and 4 bits, of records as files hold them. */
#include "operands.h"

#include "tensor/cpu/quantized.h"
#include "tensor/cuda/kernels.h"

/* A matrix, its records, and what these say, in f32. */
struct made {
    struct cuda_quantized matrix;
    uint8_t *records;
    size_t record;
    float *factors, *values;
};

static int bits_of(enum dtype dtype)
{
    return dtype == INT8 ? 8 : 4;
}

static struct made make(enum dtype dtype, int64_t out, int64_t in)
{
    struct made m = {.record = quantized_record_bytes(in, bits_of(dtype))};
    size_t bytes = cuda_quantized_bytes(dtype, out, in);
    m.records = allocate((size_t)out, m.record);
    m.factors = allocate((size_t)in, sizeof(float));
    m.values = operand_random(F32, out * in, 1, 0.25f);
    for (int64_t i = 0; i < in; i++)
        m.factors[i] = ldexpf(1, (int)(i * 7 % 5) - 2);
    for (int64_t r = 0; r < out; r++) {
        float *row = m.values + r * in;
        uint8_t *record = m.records + (size_t)r * m.record;
        quantized_write_record(in, bits_of(dtype), row, record);
        quantized_read_record(in, bits_of(dtype), record, row);
        for (int64_t i = 0; i < in; i++)
            row[i] *= m.factors[i];
    }
    m.matrix = (struct cuda_quantized){.out = out,
                                       .in = in,
                                       .dtype = dtype,
                                       .panels = memset(allocate(bytes, 1), 0, bytes),
                                       .scales = allocate((size_t)out, sizeof(float)),
                                       .factors = m.factors};
    return m;
}

/* Packs rows in pieces that do not fall together with panels, the last ones first. */
static void pack(const struct made *m)
{
    for (int64_t end = m->matrix.out, first; end > 0; end = first) {
        first = end > 13 ? end - 13 : 0;
        cuda_quantized_pack(NULL, &m->matrix, first, end - first, m->records + (size_t)first * m->record);
    }
}

static struct made make_packed(enum dtype dtype, int64_t out, int64_t in)
{
    struct made m = make(dtype, out, in);
    pack(&m);
    return m;
}

static void unmake(struct made *m)
{
    free(m->matrix.panels);
    free(m->matrix.scales);
    free(m->records);
    free(m->factors);
    free(m->values);
}

/* Odd ones, one to three groups of 256 columns, and sums in one part and in several. */
static const int64_t shapes[][2] = {{1, 1},    {3, 31},   {16, 32},  {17, 33},   {40, 256}, {130, 300},
                                    {24, 512}, {20, 768}, {33, 129}, {16, 1100}, {8, 2056}};
#define SHAPES (sizeof shapes / sizeof *shapes)

static void check_widened(enum dtype dtype, int64_t out, int64_t in)
{
    struct made m = make_packed(dtype, out, in);
    int64_t stride = (in + 7) / 8 * 8;
    bf16 *weights = operand_empty(BF16, out * stride);
    cuda_quantized_widen(NULL, &m.matrix, stride, weights);
    for (int64_t r = 0; r < out; r++)
        for (int64_t i = 0; i < stride; i++)
            assert_int_equal(weights[r * stride + i], i < in ? bf16_from_f32(m.values[r * in + i]) : 0);
    assert_margin(BF16, weights, out * stride);
    free(weights);
    unmake(&m);
}

static void widened_weights_are_the_processors_rounded(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        check_widened(INT8, shapes[s][0], shapes[s][1]);
        check_widened(INT4, shapes[s][0], shapes[s][1]);
    }
}

struct product {
    int64_t rows, x_shift; /* elements by which x begins off 16 bytes */
    bool bias, add;
    enum dtype dtype; /* of y */
};

/* What it should be, within `slack`. */
static double expected(const struct made *m, const struct product *p, const bf16 *x, const float *bias, int64_t r, int64_t o,
                       double *slack)
{
    int64_t in = m->matrix.in;
    double sum = (p->bias ? (double)bias[o] : 0) + (p->add ? 0.5 : 0), size = 1;
    for (int64_t i = 0; i < in; i++) {
        float w = m->values[o * in + i];
        double term =
            (double)(m->matrix.dtype == INT4 ? bf16_to_f32(bf16_from_f32(w)) : w) * (double)bf16_to_f32(x[r * in + i]);
        sum += term;
        size += fabs(term);
    }
    *slack = 1e-6 * size;
    return sum;
}

static void *multiply(const struct made *m, const struct product *p, const bf16 *x, const float *bias)
{
    int64_t count = p->rows * m->matrix.out;
    void *y = operand_empty(p->dtype, count), *scratch = allocate(cuda_quantized_scratch(&m->matrix, p->rows), 1);
    for (int64_t i = 0; i < count && p->add; i++)
        ((float *)y)[i] = 0.5f;
    cuda_quantized_multiply(NULL, &m->matrix, p->rows, x, p->bias ? bias : NULL, p->dtype, p->add, y, scratch);
    assert_margin(p->dtype, y, count);
    free(scratch);
    return y;
}

static void check_product(const struct made *m, const struct product *p)
{
    bf16 *operands = operand_random(BF16, p->rows * m->matrix.in + p->x_shift, 3, 1), *x = operands + p->x_shift;
    float *bias = operand_random(F32, m->matrix.out, 4, 1);
    void *y = multiply(m, p, x, bias);
    for (int64_t i = 0; i < p->rows * m->matrix.out; i++) {
        double slack, value = expected(m, p, x, bias, i / m->matrix.out, i % m->matrix.out, &slack);
        assert_near(p->dtype, y, i, value, slack);
    }
    free(operands);
    free(bias);
    free(y);
}

static void products_are_sums_whatever_the_shape(void **state)
{
    (void)state;
    static const struct product products[] = {{1, 0, false, false, BF16}, {5, 0, true, false, BF16}, {2, 1, true, false, F32},
                                              {17, 0, false, false, F32}, {3, 0, true, true, F32},   {33, 3, false, true, F32}};
    for (size_t s = 0; s < SHAPES; s++)
        for (int dtype = INT8; dtype <= INT4; dtype++) {
            struct made m = make_packed((enum dtype)dtype, shapes[s][0], shapes[s][1]);
            for (size_t p = 0; p < sizeof products / sizeof *products; p++)
                check_product(&m, &products[p]);
            unmake(&m);
        }
}

static void check_company(enum dtype dtype, int64_t out, int64_t in)
{
    static const int64_t counts[] = {1, 2, 16, 17, 33, 65, 130};
    struct made m = make_packed(dtype, out, in);
    bf16 *x = operand_random(BF16, 130 * in, 5, 1);
    struct product all = {.rows = 130, .dtype = F32};
    float *expected_rows = multiply(&m, &all, x, NULL);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int64_t first = 0; first + counts[c] <= 130; first += 61) {
            struct product some = {.rows = counts[c], .dtype = F32};
            float *y = multiply(&m, &some, x + first * in, NULL);
            assert_same(F32, y, expected_rows + first * out, counts[c] * out);
            free(y);
        }
    free(x);
    free(expected_rows);
    unmake(&m);
}

static void a_row_is_the_same_in_any_company(void **state)
{
    (void)state;
    check_company(INT8, 20, 600);
    check_company(INT4, 20, 600);
    check_company(INT8, 135, 40);
    check_company(INT4, 135, 40);
}

static void what_is_not_finite_stays_in_its_row(void **state)
{
    (void)state;
    for (int dtype = INT8; dtype <= INT4; dtype++) {
        struct made m = make((enum dtype)dtype, 20, 300);
        float *row = operand_random(F32, 300, 6, 1);
        row[299] = NAN;
        quantized_write_record(300, bits_of((enum dtype)dtype), row, m.records + 7 * m.record);
        pack(&m);
        bf16 *x = operand_random(BF16, 3 * 300, 7, 1);
        x[300 + 5] = bf16_from_f32(INFINITY);
        struct product p = {.rows = 3, .dtype = F32};
        float *y = multiply(&m, &p, x, NULL);
        for (int64_t i = 0; i < 3 * 20; i++)
            assert_int_equal(isfinite(y[i]), i / 20 != 1 && i % 20 != 7);
        free(row);
        free(x);
        free(y);
        unmake(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widened_weights_are_the_processors_rounded), cmocka_unit_test(products_are_sums_whatever_the_shape),
        cmocka_unit_test(a_row_is_the_same_in_any_company), cmocka_unit_test(what_is_not_finite_stays_in_its_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
