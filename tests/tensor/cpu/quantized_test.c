/* Products with weights in 8 and 4 bits: near those in f32, equal to what their own numbers give, and each row for itself. All
 * by every set of kernels that this processor can run. */
#include "cmocka_all.h"
#include "tensor/cpu/f16.h"
#include "tensor/cpu/kernel_quantized.h"
#include "tensor/cpu/quantized.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

static const struct quantized_kernels *sets[MOST_QUANTIZED_KERNELS];
static int set_count;

#define EACH_SET_AND_BITS                                                                                                      \
    for (int set = 0; set < set_count; set++)                                                                                  \
        for (int bits = 4; bits <= 8; bits += 4)

/* About normal, of unit variance. */
static float *random_floats(int64_t count, unsigned seed)
{
    float *values = malloc((size_t)(count + 1) * sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        values[i] = 0;
        for (int part = 0; part < 6; part++) {
            seed = seed * 1664525u + 1013904223u;
            values[i] += (float)(int32_t)seed * 0x1p-31f * 0.7071f;
        }
    }
    return values;
}

/* Whether products are of a step of decoding: others are less exact, or bring weights in 4 bits to 8. */
static bool in_step = true;

#define IN_AND_OUTSIDE_A_STEP for (int inside = 0; in_step = inside, inside < 2; inside++)

static struct quantized *make(int64_t out, int64_t in, int bits, int set, const float *weights)
{
    struct quantized *q;
    lmvr_error error;
    assert_int_equal(quantized_create_by(out, in, bits, sets[set], &q, &error), LMVR_OK);
    assert_int_equal(quantized_set(q, 0, out / 3, weights, &error), LMVR_OK); /* in two pieces, like stacked layers */
    assert_int_equal(quantized_set(q, out / 3, out - out / 3, weights + out / 3 * in, &error), LMVR_OK);
    assert_int_equal(quantized_seal(q, &error), LMVR_OK);
    return q;
}

static void run(const struct quantized *q, int64_t rows, const float *x, int64_t in, const float *bias, bool accumulate,
                float *y, int64_t stride)
{
    struct arena arena;
    lmvr_error error;
    arena_init(&arena);
    arena.in_step = in_step;
    assert_int_equal(quantized_run(q, &arena, rows, x, in, bias, accumulate, y, stride, &error), LMVR_OK);
    arena_finish(&arena);
}

static double cosine(int64_t count, const float *a, const float *b)
{
    double aa = 0, ab = 0, bb = 0;
    for (int64_t i = 0; i < count; i++) {
        aa += (double)a[i] * (double)a[i];
        ab += (double)a[i] * (double)b[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* y (rows, out) = x (rows, in) times the transposed weights, in double. */
static float *exact(int64_t rows, int64_t out, int64_t in, const float *x, const float *weights)
{
    float *y = malloc((size_t)(rows * out) * sizeof *y);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < out; o++) {
            double sum = 0;
            for (int64_t i = 0; i < in; i++)
                sum += (double)x[r * in + i] * (double)weights[o * in + i];
            y[r * out + o] = (float)sum;
        }
    return y;
}

/* What becomes of a group of x times the factors, written down plainly. */
static void take_plainly(int bits, int64_t count, const float *x, float *to)
{
    float most = 0, reach = bits == 8 ? 15.5f : 7.5f;
    int small = 0, large = 0;
    for (int64_t i = 0; i < count; i++)
        most = fmaxf(most, fabsf(x[i]));
    float scale = most / 127, inverse = scale > 0 ? 1 / scale : 0;
    for (int64_t i = 0; i < count; i++) {
        to[i] = scale * (float)lrintf(x[i] * inverse);
        if (x[i] != 0)
            fabsf(to[i]) < reach *scale ? small++ : large++;
    }
    bool wide = scale > 0 && (small > large || (bits == 8 && in_step));
    for (int64_t i = 0; wide && i < count; i++)
        to[i] += scale / 256 * fmaxf(-128, fminf(127, (float)lrintf((x[i] - to[i]) * (256 / scale))));
}

static bool lies_on_one_side(float least, float most)
{
    return -least < most / 4 || most < -least / 4;
}

/* What is taken from a row of x times the factors before it is quantized. */
static float offset_plainly(int bits, int64_t in, const float *x, const float *factors)
{
    float least = 0, most = 0;
    double squares = 0;
    for (int64_t i = 0; i < in; i++) {
        float value = x[i] * factors[i];
        least = fminf(least, value);
        most = fmaxf(most, value);
        squares += (double)value * (double)value;
        if (i == (in < GROUP_8 ? in : GROUP_8) - 1 && !lies_on_one_side(least, most))
            return 0;
    }
    double mean = sqrt(squares / (double)in), steps = mean / ((double)(most - least) / 254);
    assert_true(bits == 4 || in_step || !lies_on_one_side(least, most) ||
                fabs(steps - 34) > 1e-3); /* else it may round either way */
    return bits == 8 && !in_step && lies_on_one_side(least, most) && steps > 34 ? (most + least) / 2 : 0;
}

/* x as the kernels have it: quantized, and with the factors taken out again. */
static float *quantized_input(const struct quantized *q, int64_t rows, int64_t in, const float *x)
{
    int64_t group = quantized_bits(q) == 4 ? GROUP_4 : GROUP_8;
    const float *factors = quantized_factors(q);
    float *to = malloc((size_t)(rows * in) * sizeof *to), part[GROUP_8];
    for (int64_t r = 0; r < rows; r++) {
        float offset = offset_plainly(quantized_bits(q), in, x + r * in, factors);
        for (int64_t g = 0; g < in; g += group) {
            int64_t count = in - g < group ? in - g : group;
            for (int64_t i = 0; i < count; i++)
                part[i] = x[r * in + g + i] * factors[g + i] - offset;
            take_plainly(quantized_bits(q), count, part, to + r * in + g);
            for (int64_t i = 0; i < count; i++)
                to[r * in + g + i] = (to[r * in + g + i] + offset) / factors[g + i];
        }
    }
    return to;
}

static const int64_t shapes[][2] = {{1, 1}, {1, 40}, {7, 5}, {16, 32}, {33, 20}, {48, 64}, {65, 130}, {100, 300}, {37, 1030}};

#define ROWS 13

/* As behind an activation: nearly all on one side of zero. */
static void activate(int64_t count, float *x)
{
    for (int64_t i = 0; i < count; i++)
        x[i] /= 1 + expf(-1.702f * x[i]);
}

static void check_values(int64_t out, int64_t in, int bits, int set)
{
    int64_t stride = out + 3;
    float *w = random_floats(out * in, 1), *x = random_floats(ROWS * in, 2), *y = random_floats(ROWS * stride, 3);
    float *bias = random_floats(out, 4), *before = random_floats(ROWS * stride, 3), *kept = malloc((size_t)(out * in) * 4);
    for (int64_t r = 0; r < ROWS; r += 3) /* outliers, so that groups are quantized twice */
        x[r * in + in / 2] *= 700;
    for (int64_t r = 1; r < ROWS; r += 3)
        activate(in, x + r * in);
    struct quantized *q = make(out, in, bits, set, w);
    quantized_get(q, 0, out, kept);
    float *taken_x = quantized_input(q, ROWS, in, x), *expected = exact(ROWS, out, in, taken_x, kept);
    run(q, ROWS, x, in, bias, true, y, stride);
    for (int64_t r = 0; r < ROWS; r++) {
        double difference = 0, size = 0;
        for (int64_t o = 0; o < stride; o++) {
            double want = (double)before[r * stride + o];
            if (o < out)
                want += (double)expected[r * out + o] + (double)bias[o];
            difference += pow(want - (double)y[r * stride + o], 2);
            size += want * want;
            assert_true(o < out || y[r * stride + o] == before[r * stride + o]);
        }
        assert_true(sqrt(difference / size) < 1e-5); /* kernels may round a 256th of a step otherwise */
    }
    quantized_free(q);
    free(w), free(x), free(y), free(bias), free(before), free(kept), free(taken_x), free(expected);
}

static void products_are_those_of_the_quantized_numbers(void **state)
{
    (void)state;
    IN_AND_OUTSIDE_A_STEP
    EACH_SET_AND_BITS
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes && (in_step || bits == 8); s++)
        check_values(shapes[s][0], shapes[s][1], bits, set);
}

/* Outside a step of decoding, what the input loses may differ, and weights in 4 bits may be brought to 8. */
static void products_outside_a_step_are_near_those_inside(void **state)
{
    (void)state;
    EACH_SET_AND_BITS
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t out = shapes[s][0], in = shapes[s][1];
        float *w = random_floats(out * in, 1), *x = random_floats(ROWS * in, 2), *bias = random_floats(out, 4), *y[2];
        struct quantized *q = make(out, in, bits, set, w);
        IN_AND_OUTSIDE_A_STEP
        {
            y[inside] = random_floats(ROWS * out, 3);
            run(q, ROWS, x, in, bias, true, y[inside], out);
        }
        double difference = 0, size = 0;
        for (int64_t i = 0; i < ROWS * out; i++) {
            difference += pow((double)y[0][i] - (double)y[1][i], 2);
            size += pow((double)y[1][i], 2);
        }
        assert_true(sqrt(difference / size) < (bits == 4 ? 0.012 : 0.007));
        quantized_free(q);
        free(w), free(x), free(bias), free(y[0]), free(y[1]);
    }
}

/* Also beside a row of them that one large value keeps from that. */
static void rows_on_one_side_lose_no_more_than_others(void **state)
{
    (void)state;
    const int64_t rows = 40, out = 96, in = 1024;
    float *w = random_floats(out * in, 1), *x = random_floats(rows * in, 2), *y = malloc((size_t)(rows * out) * sizeof *y);
    activate(rows / 2 * in, x);
    for (int64_t i = 0; i < 3 * in; i++)
        x[i] *= i < in ? -1 : 1;
    x[2 * in + 900] = 40;
    float *exactly = exact(rows, out, in, x, w);
    in_step = false;
    for (int set = 0; set < set_count; set++) {
        struct quantized *q = make(out, in, 8, set, w);
        run(q, rows, x, in, NULL, false, y, out);
        for (int64_t r = 0; r < rows; r++) {
            double lost = 1 - cosine(out, y + r * out, exactly + r * out);
            assert_true(lost < 1e-4);
        }
        quantized_free(q);
    }
    free(w), free(x), free(y), free(exactly);
}

/* How much of the size of most rows, which is 1, is lost. Row `but` does not count. */
static double loss_of_rows(int64_t out, int64_t in, const float *w, const float *kept, int64_t but)
{
    double squares = 0;
    for (int64_t r = 0; r < out; r++)
        for (int64_t i = 0; i < in && r != but; i++)
            squares += pow((double)w[r * in + i] - (double)kept[r * in + i], 2);
    return sqrt(squares / (double)(out * in));
}

/* Normal numbers, the worst that real weights are, also beside a row that is a thousand times the others. The bounds are what
 * was measured, and a tenth. */
static void weights_lose_little(void **state)
{
    (void)state;
    const int64_t out = 64, in = 512, large = 7;
    float *w = random_floats(out * in, 1), *kept = malloc((size_t)(out * in) * sizeof *kept);
    for (int size = 1; size <= 1000; size *= 1000) {
        for (int64_t i = 0; i < in; i++)
            w[large * in + i] *= (float)size;
        EACH_SET_AND_BITS
        {
            struct quantized *q = make(out, in, bits, set, w);
            quantized_get(q, 0, out, kept);
            double loss = loss_of_rows(out, in, w, kept, size > 1 ? large : -1);
            print_message("%s, %d bits: %.4f of the weights' size is lost\n", sets[set]->name, bits, loss);
            assert_true(loss < (bits == 4 ? 0.075 : 0.0085));
            quantized_free(q);
        }
    }
    free(w), free(kept);
}

/* Channels a hundred and a thousand times the others whose weights are as much smaller, a row that is huge altogether, and a
 * channel that is huge in one row alone: what is not an outlier counts as much as it did. */
static void outliers_take_no_precision_from_the_rest(void **state)
{
    (void)state;
    const int64_t rows = 8, out = 96, in = 256;
    float *w = random_floats(out * in, 1), *x = random_floats(rows * in, 2), *y = malloc((size_t)(rows * out) * sizeof *y);
    const float sizes[][2] = {{3, 100}, {70, 1000}, {130, -400}, {131, 1000}};
    for (int c = 0; c < 4; c++) {
        for (int64_t r = 0; r < rows; r++)
            x[r * in + (int)sizes[c][0]] *= sizes[c][1];
        for (int64_t o = 0; o < out; o++)
            w[o * in + (int)sizes[c][0]] /= sizes[c][1];
    }
    for (int64_t i = 0; i < in; i++)
        x[2 * in + i] *= 5000;
    x[3 * in + 200] *= 1000;
    float *expected = exact(rows, out, in, x, w);
    EACH_SET_AND_BITS
    {
        struct quantized *q = make(out, in, bits, set, w);
        IN_AND_OUTSIDE_A_STEP
        {
            run(q, rows, x, in, NULL, false, y, out);
            for (int64_t r = 0; r < rows; r++)
                assert_true(cosine(out, y + r * out, expected + r * out) > (bits == 4 ? 0.995 : 0.9999));
        }
        /* row 3, inside a step, without the huge channel's part, which would hide the rest */
        float *column = malloc((size_t)(out * in) * sizeof *column), rest[96], wanted[96];
        quantized_get(q, 0, out, column);
        for (int64_t o = 0; o < out; o++) {
            rest[o] = y[3 * out + o] - x[3 * in + 200] * column[o * in + 200];
            wanted[o] = expected[3 * out + o] - x[3 * in + 200] * w[o * in + 200];
        }
        assert_true(cosine(out, rest, wanted) > (bits == 4 ? 0.99 : 0.999));
        free(column);
        quantized_free(q);
    }
    free(w), free(x), free(y), free(expected);
}

#define MOST_COMPANY 200

static void check_company(const struct quantized *q, int64_t out, int64_t in, const float *x, const float *alone)
{
    static const int64_t counts[] = {2, 3, 4, 5, 7, 8, 9, 16, 31, 96, 97, 130, MOST_COMPANY};
    float *y = malloc((size_t)(MOST_COMPANY * out) * sizeof *y);
    for (int threads = 1; threads <= 3; threads++) {
        omp_set_num_threads(threads);
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            int64_t first = MOST_COMPANY - counts[c];
            run(q, counts[c], x + first * in, in, NULL, false, y, out);
            assert_memory_equal(y, alone + first * out, (size_t)(counts[c] * out) * sizeof *y);
        }
    }
    free(y);
}

static void company_changes_no_bit(void **state)
{
    (void)state;
    int before = omp_get_max_threads();
    for (int64_t out = 20; out <= 100; out += 80) { /* divided by rows, and by columns */
        const int64_t in = 580;
        float *w = random_floats(out * in, 1), *x = random_floats(MOST_COMPANY * in, 2);
        float *alone = malloc((size_t)(MOST_COMPANY * out) * sizeof *alone);
        for (int64_t r = 0; r < MOST_COMPANY; r += 2)
            x[r * in + r % in] *= 900;
        for (int64_t r = 0; r < MOST_COMPANY; r += 3)
            activate(in, x + r * in);
        EACH_SET_AND_BITS
        IN_AND_OUTSIDE_A_STEP
        {
            struct quantized *q = make(out, in, bits, set, w);
            for (int64_t r = 0; r < MOST_COMPANY; r++)
                run(q, 1, x + r * in, in, NULL, false, alone + r * out, out);
            check_company(q, out, in, x, alone);
            omp_set_num_threads(before);
            quantized_free(q);
        }
        free(w), free(x), free(alone);
    }
}

static void what_is_not_finite_stays_in_its_row(void **state)
{
    (void)state;
    const int64_t rows = 9, out = 20, in = 70;
    float *w = random_floats(out * in, 1), *x = random_floats(rows * in, 2), *y = malloc((size_t)(rows * out) * sizeof *y);
    float *clean = malloc((size_t)(rows * out) * sizeof *clean);
    w[5 * in + 7] = NAN;
    w[6 * in + 8] = INFINITY;
    memset(x + 8 * in, 0, (size_t)in * sizeof *x);
    EACH_SET_AND_BITS
    IN_AND_OUTSIDE_A_STEP
    {
        struct quantized *q = make(out, in, bits, set, w);
        x[2 * in + 69] = x[4 * in + 3] = 0.5f;
        run(q, rows, x, in, NULL, false, clean, out);
        x[2 * in + 69] = INFINITY;
        x[4 * in + 3] = NAN;
        run(q, rows, x, in, NULL, false, y, out);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t o = 0; o < out; o++) {
                bool spoilt = r == 2 || r == 4 || o == 5 || o == 6;
                assert_true(spoilt ? isnan(y[r * out + o]) : y[r * out + o] == clean[r * out + o]);
                assert_true(spoilt || r < 8 || y[r * out + o] == 0);
            }
        quantized_free(q);
    }
    free(w), free(x), free(y), free(clean);
}

static void huge_and_tiny_numbers_are_kept(void **state)
{
    (void)state;
    const int64_t out = 20, in = 96;
    float *w = random_floats(out * in, 1), *x = random_floats(in, 2), y[20];
    static const float sizes[][2] = {{1e-12f, 1e18f}, {1e10f, 1e-20f}, {1e-8f, 1e-8f}};
    for (size_t s = 0; s < 3; s++) {
        float *scaled = malloc((size_t)(out * in) * sizeof *scaled), scaled_x[96];
        for (int64_t i = 0; i < out * in; i++)
            scaled[i] = w[i] * sizes[s][0];
        for (int64_t i = 0; i < in; i++)
            scaled_x[i] = x[i] * sizes[s][1];
        float *expected = exact(1, out, in, scaled_x, scaled);
        EACH_SET_AND_BITS
        IN_AND_OUTSIDE_A_STEP
        {
            struct quantized *q = make(out, in, bits, set, scaled);
            run(q, 1, scaled_x, in, NULL, false, y, out);
            assert_true(cosine(out, y, expected) > (bits == 4 ? 0.99 : 0.999));
            quantized_free(q);
        }
        free(scaled), free(expected);
    }
    free(w), free(x);
}

static void records_give_the_same_product(void **state)
{
    (void)state;
    const int64_t out = 45, in = 100;
    float *w = random_floats(out * in, 1), *x = random_floats(2 * in, 2), y[2][90];
    EACH_SET_AND_BITS
    {
        struct quantized *q = make(out, in, bits, set, w), *copy;
        size_t size = quantized_record_bytes(in, bits);
        uint8_t *records = malloc((size_t)out * size), *again = malloc((size_t)out * size);
        float *factors = malloc((size_t)in * sizeof *factors);
        lmvr_error error;
        memcpy(factors, quantized_factors(q), (size_t)in * sizeof *factors);
        quantized_export(q, 0, out, records);
        assert_int_equal(quantized_create_by(out, in, bits, sets[set], &copy, &error), LMVR_OK);
        assert_int_equal(quantized_import(copy, 0, 20, records, factors, &error), LMVR_OK);
        assert_int_equal(quantized_import(copy, 20, out - 20, records + 20 * size, factors, &error), LMVR_OK);
        assert_int_equal(quantized_seal(copy, &error), LMVR_OK);
        quantized_export(copy, 0, out, again);
        assert_memory_equal(again, records, (size_t)out * size);
        run(q, 2, x, in, NULL, false, y[0], out);
        run(copy, 2, x, in, NULL, false, y[1], out);
        assert_memory_equal(y[0], y[1], sizeof y[0]);
        assert_int_equal(quantized_bytes(q), quantized_bytes(copy));
        factors[3] *= 2;
        assert_int_equal(quantized_import(copy, 0, 20, records, factors, &error), LMVR_ERROR_INVALID);
        factors[3] = NAN;
        assert_int_equal(quantized_import(copy, 0, 20, records, factors, &error), LMVR_ERROR_INVALID);
        quantized_free(q), quantized_free(copy);
        free(records), free(again), free(factors);
    }
    free(w), free(x);
}

static void halves_are_rounded_to_the_nearest(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        float f = f16_to_f32((f16)h);
        if (f == f)
            assert_int_equal(f16_from_f32(f), h);
        else
            assert_true(isnan(f16_to_f32(f16_from_f32(f))));
    }
    static const float cases[][2] = {{1 + 0x1p-11f, 1},
                                     {1 + 0x3p-11f, 1 + 0x1p-9f},
                                     {65519, 65504},
                                     {65520, INFINITY},
                                     {0x1p-25f, 0},
                                     {0x1.1p-25f, 0x1p-24f},
                                     {1e30f, INFINITY},
                                     {0x3p-25f, 0x1p-23f},
                                     {0x1.ffep-15f, 0x1p-14f},
                                     {-0.1f, -0.0999755859375f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(f16_to_f32(f16_from_f32(cases[i][0])) == cases[i][1]);
}

/* A matrix in 8 bits that gives what the input has become. */
static struct quantized *make_identity(int64_t in, int set)
{
    struct quantized *q;
    lmvr_error error;
    size_t size = quantized_record_bytes(in, 8);
    uint8_t *records = calloc((size_t)in, size);
    float *factors = calloc((size_t)in, sizeof *factors);
    for (int64_t i = 0; i < in; i++) {
        factors[i] = 1;
        memcpy(records + (size_t)i * size, &factors[i], sizeof *factors);
        records[(size_t)i * size + sizeof *factors + (size_t)i] = 1;
    }
    assert_int_equal(quantized_create_by(in, in, 8, sets[set], &q, &error), LMVR_OK);
    assert_int_equal(quantized_import(q, 0, in, records, factors, &error), LMVR_OK);
    assert_int_equal(quantized_seal(q, &error), LMVR_OK);
    free(records), free(factors);
    return q;
}

static void a_step_loses_no_more_of_its_input_than_it_says(void **state)
{
    (void)state;
    enum { IN = 600 };
    for (int set = 0; set < set_count; set++) {
        struct quantized *q = make_identity(IN, set);
        for (unsigned seed = 1; seed < 40; seed++) {
            float *x = random_floats(IN, seed), y[IN];
            for (int64_t i = 0; i < IN; i++) /* of all sizes; with large values; near the middle between two steps */
                x[i] = seed % 3 == 0   ? ldexpf(x[i], (int)seed * 6 - 125)
                       : seed % 3 == 1 ? x[i] * (i % 50 == 0 ? 100 : 1)
                                       : (i % 256 == 0 ? 127 : rintf(3 * x[i]) + 0.4999f);
            in_step = true;
            run(q, 1, x, IN, NULL, false, y, IN);
            double lost = 0, length = 0;
            for (int64_t i = 0; i < IN; i++) {
                lost += pow((double)x[i] - (double)y[i], 2);
                length += (double)x[i] * (double)x[i];
            }
            assert_true(sqrt(lost) <= quantized_step_loss(IN, x) + 1e-6 * sqrt(length));
            assert_true(quantized_step_loss(IN, x) < 5e-3 * sqrt(length) + 1e-26);
            free(x);
        }
        quantized_free(q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_the_quantized_numbers),
        cmocka_unit_test(products_outside_a_step_are_near_those_inside),
        cmocka_unit_test(rows_on_one_side_lose_no_more_than_others),
        cmocka_unit_test(weights_lose_little),
        cmocka_unit_test(outliers_take_no_precision_from_the_rest),
        cmocka_unit_test(company_changes_no_bit),
        cmocka_unit_test(what_is_not_finite_stays_in_its_row),
        cmocka_unit_test(huge_and_tiny_numbers_are_kept),
        cmocka_unit_test(records_give_the_same_product),
        cmocka_unit_test(halves_are_rounded_to_the_nearest),
        cmocka_unit_test(a_step_loses_no_more_of_its_input_than_it_says),
    };
    set_count = quantized_kernels_all(sets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
