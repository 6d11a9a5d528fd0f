#include "operands.h"

#include "tensor/cpu/quantized.h"
#include "tensor/cuda/kernels.h"

static const int64_t widths[] = {1, 3, 4, 8, 30, 64, 1000, 1030};
#define WIDTHS (sizeof widths / sizeof *widths)

static void check_embed(int64_t width, enum dtype dtype)
{
    const int32_t tokens[] = {4, 0, 4, 2, 6};
    void *table = operand_random(dtype, 7 * width, 1, 1);
    float *x = operand_empty(F32, 5 * width);
    cuda_embed(NULL, dtype, table, width, 5, tokens, x);
    for (int64_t i = 0; i < 5 * width; i++)
        assert_true((double)x[i] == operand_value(dtype, table, tokens[i / width] * width + i % width));
    assert_margin(F32, x, 5 * width);
    free(table);
    free(x);
}

static void test_embeddings_are_rows_of_the_table(void **state)
{
    (void)state;
    for (size_t w = 0; w < WIDTHS; w++) {
        check_embed(widths[w], F32);
        check_embed(widths[w], BF16);
    }
}

static void test_embeddings_of_records_are_what_these_say(void **state)
{
    (void)state;
    const int32_t tokens[] = {2, 0, 2};
    for (size_t w = 0; w < WIDTHS; w++) {
        int64_t width = widths[w];
        size_t size = quantized_record_bytes(width, 8);
        float *rows = operand_random(F32, 3 * width, 1, 1), *x = operand_empty(F32, 3 * width);
        char *records = allocate(3, size);
        for (int r = 0; r < 3; r++) {
            quantized_write_record(width, 8, rows + r * width, records + (size_t)r * size);
            quantized_read_record(width, 8, records + (size_t)r * size, rows + r * width);
        }
        cuda_embed(NULL, INT8, records, width, 3, tokens, x);
        for (int i = 0; i < 3; i++)
            assert_same(F32, x + i * width, rows + tokens[i] * width, width);
        assert_margin(F32, x, 3 * width);
        free(rows);
        free(x);
        free(records);
    }
}

/* With gaps of `from_gap` and `to_gap` between rows. */
static void check_gather(int64_t width, int64_t from_gap, int64_t to_gap, bool all, enum dtype dtype)
{
    const int64_t rows[] = {5, 0, 3, 3, 6, 1};
    int64_t from_stride = width + from_gap, to_stride = width + to_gap;
    float *from = operand_random(F32, 7 * from_stride, 2, 1);
    void *to = operand_empty(dtype, 6 * to_stride);
    cuda_gather(NULL, 6, width, all ? NULL : rows, from, from_stride, dtype, to, to_stride);
    for (int64_t r = 0; r < 6; r++)
        for (int64_t i = 0; i < to_stride; i++) {
            float expected = i < width ? from[(all ? r : rows[r]) * from_stride + i] : 0;
            if (i >= width)
                assert_true(isnan(operand_value(dtype, to, r * to_stride + i)));
            else if (dtype == F32)
                assert_true(((float *)to)[r * to_stride + i] == expected);
            else
                assert_int_equal(((bf16 *)to)[r * to_stride + i], bf16_from_f32(expected));
        }
    assert_margin(dtype, to, 6 * to_stride);
    free(from);
    free(to);
}

static void test_rows_are_gathered_over_any_strides(void **state)
{
    (void)state;
    for (size_t w = 0; w < WIDTHS; w++)
        for (int which = 0; which < 4; which++) {
            check_gather(widths[w], 0, 0, which / 2, which % 2 ? BF16 : F32);
            check_gather(widths[w], 3, 5, which / 2, which % 2 ? BF16 : F32);
            check_gather(widths[w], 8, 4, which / 2, which % 2 ? BF16 : F32);
        }
}

static void test_rows_are_added_where_they_belong(void **state)
{
    (void)state;
    const int64_t rows[] = {5, 0, 3};
    for (size_t w = 0; w < WIDTHS; w++) {
        int64_t width = widths[w];
        float *from = operand_random(F32, 3 * width, 3, 1), *to = operand_random(F32, 7 * width, 4, 1);
        float *expected = operand_copy(F32, 7 * width, to);
        for (int64_t i = 0; i < 3 * width; i++)
            expected[rows[i / width] * width + i % width] += from[i];
        cuda_add_rows(NULL, 3, width, rows, from, to);
        assert_same(F32, to, expected, 7 * width + MARGIN);
        free(from);
        free(to);
        free(expected);
    }
}

static void check_add_table(int64_t width, int terms, bool weighted)
{
    int64_t count = 5;
    float *table = operand_random(F32, 7 * width, 5, 1), *x = operand_random(F32, count * width, 6, 1);
    float *before = operand_copy(F32, count * width, x), weights[5 * 4], alone[1030];
    int32_t indexes[5 * 4];
    for (int i = 0; i < 5 * 4; i++) {
        indexes[i] = i % 3 == 2 ? -1 : i * 5 % 7;
        weights[i] = random_at(7, i);
    }
    cuda_add_table(NULL, count, width, terms, indexes, weighted ? weights : NULL, table, x);
    for (int64_t r = 0; r < count; r++) {
        for (int64_t i = 0; i < width; i++) {
            double sum = (double)before[r * width + i];
            for (int64_t t = r * terms; t < (r + 1) * terms; t++)
                if (indexes[t] >= 0)
                    sum += (weighted ? (double)weights[t] : 1.0) * (double)table[indexes[t] * width + i];
            assert_near(F32, x, r * width + i, sum, 1e-6);
        }
        memcpy(alone, before + r * width, (size_t)width * sizeof *alone);
        cuda_add_table(NULL, 1, width, terms, indexes + r * terms, weighted ? weights + r * terms : NULL, table, alone);
        assert_same(F32, alone, x + r * width, width);
    }
    assert_margin(F32, x, count * width);
    free(table);
    free(x);
    free(before);
}

static void test_weighted_rows_of_a_table_are_added(void **state)
{
    (void)state;
    for (size_t w = 0; w < WIDTHS; w++)
        for (int terms = 1; terms <= 4; terms += 3) {
            check_add_table(widths[w], terms, false);
            check_add_table(widths[w], terms, true);
        }
}

/* ---- pooling ------------------------------------------------------------------------------------------------------------ */

/* Rows are added in two calls, the first of which begins, or none does; several tasks at once. */
static void check_pool(enum cuda_pool kind, bool begin, int64_t first_rows, int64_t rows)
{
    const int64_t dims[] = {1, 64, 100, 130}, stride = 133;
    struct cuda_pool_task tasks[4];
    double values[4][130], expected[4][130];
    float *states = operand_random(F32, 4 * (rows + 1) * stride, 8, 1);
    for (int call = 0; call < 2; call++) {
        int64_t done = call ? first_rows : 0, now = call ? rows - first_rows : first_rows;
        for (int t = 0; t < 4; t++)
            tasks[t] = (struct cuda_pool_task){.states = states + (t * (rows + 1) + done) * stride,
                                               .value = values[t],
                                               .rows = now,
                                               .stride = stride,
                                               .dim = dims[t],
                                               .kind = kind,
                                               .begin = begin && done == 0};
        for (int i = 0; i < 4 * 130 && call == 0; i++)
            values[i / 130][i % 130] = expected[i / 130][i % 130] = begin ? NAN : 0.25;
        cuda_pool(NULL, 4, 130, tasks);
    }
    for (int t = 0; t < 4; t++)
        for (int64_t i = 0; i < dims[t]; i++)
            for (int64_t r = 0; r < rows; r++) {
                double x = (double)states[(t * (rows + 1) + r) * stride + i], *e = &expected[t][i];
                bool take = kind == CUDA_POOL_LAST || (begin && r == 0) || (kind == CUDA_POOL_MAX && x > *e);
                *e = take ? x : kind == CUDA_POOL_SUM ? *e + x : *e;
            }
    assert_memory_equal(values, expected, sizeof values);
    free(states);
}

static void test_pools_take_rows_in_order(void **state)
{
    (void)state;
    for (int kind = CUDA_POOL_SUM; kind <= CUDA_POOL_LAST; kind++)
        for (int begin = 0; begin < 2; begin++) {
            check_pool((enum cuda_pool)kind, begin, 1, 2);
            check_pool((enum cuda_pool)kind, begin, 7, 20);
            check_pool((enum cuda_pool)kind, begin, 0, 9);
            check_pool((enum cuda_pool)kind, begin, 9, 9);
        }
}

static void test_nan_stays_in_a_maximum(void **state)
{
    (void)state;
    float states[] = {1, 1, NAN, 3, 2, 2};
    double values[2];
    struct cuda_pool_task task = {
        .states = states, .value = values, .rows = 3, .stride = 2, .dim = 2, .kind = CUDA_POOL_MAX, .begin = true};
    cuda_pool(NULL, 1, 2, &task);
    assert_true(isnan(values[0]) && values[1] == 3);
    task =
        (struct cuda_pool_task){.states = states + 4, .value = values, .rows = 1, .stride = 2, .dim = 2, .kind = CUDA_POOL_MAX};
    cuda_pool(NULL, 1, 2, &task);
    assert_true(isnan(values[0]) && values[1] == 3);
}

/* ---- searching ---------------------------------------------------------------------------------------------------------- */

static int32_t first_largest(int64_t width, const float *logits)
{
    int32_t best = 0;
    for (int32_t i = 1; i < width; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

static void test_the_first_of_the_largest_is_found(void **state)
{
    (void)state;
    const int64_t sizes[] = {1, 2, 31, 32, 100, 4096, 5003, 20000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t width = sizes[s], rows = 8;
        float *logits = operand_random(F32, rows * width, 9, 100);
        int32_t tokens[8];
        for (int64_t i = 0; i < rows * width; i++)
            switch (i / width) {
            case 1:
                logits[i] = -3; /* all the same */
                break;
            case 2:
                logits[i] = rintf(logits[i] / 30); /* many are */
                break;
            case 3:
                logits[i] = -INFINITY;
                break;
            case 4:
                logits[i] = i % width % 7 == 3 ? NAN : logits[i];
                break;
            case 5:
                logits[i] = i % width == 0 ? NAN : logits[i];
                break;
            case 6:
                logits[i] = i % width == 0 ? -INFINITY : NAN;
                break;
            default:
                break;
            }
        logits[rows * width - 1] = 101;
        cuda_argmax(NULL, rows, width, logits, tokens);
        for (int64_t r = 0; r < rows; r++)
            assert_int_equal(tokens[r], first_largest(width, logits + r * width));
        free(logits);
    }
}

static void test_no_rows_are_no_launch(void **state)
{
    (void)state;
    float x[4] = {0};
    cuda_embed(NULL, F32, x, 4, 0, NULL, x);
    cuda_gather(NULL, 0, 4, NULL, x, 4, F32, x, 4);
    cuda_add_rows(NULL, 0, 4, NULL, x, x);
    cuda_add_table(NULL, 0, 4, 1, NULL, NULL, x, x);
    cuda_pool(NULL, 0, 4, NULL);
    cuda_argmax(NULL, 0, 4, x, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embeddings_are_rows_of_the_table),
        cmocka_unit_test(test_embeddings_of_records_are_what_these_say),
        cmocka_unit_test(test_rows_are_gathered_over_any_strides),
        cmocka_unit_test(test_rows_are_added_where_they_belong),
        cmocka_unit_test(test_weighted_rows_of_a_table_are_added),
        cmocka_unit_test(test_pools_take_rows_in_order),
        cmocka_unit_test(test_nan_stays_in_a_maximum),
        cmocka_unit_test(test_the_first_of_the_largest_is_found),
        cmocka_unit_test(test_no_rows_are_no_launch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
