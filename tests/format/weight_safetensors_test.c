/* Quantized matrices in safetensors files: they say what the processor's do, and what is broken is refused. */
#include "format/quantized_rows.h"
#include "format/safetensors.h"
#include "format/weight_file.h"
#include "golden.h"
#include "scratch.h"
#include "tensor/cpu/quantized.h"

#define OUT 37
#define IN  70

static lmvr_error error;

/* A matrix of one row in 8 bits, which tests break. */
struct parts {
    struct safetensors_write tensors[2];
    const char *metadata[5];
    unsigned char row[4 + 3];
    float factors[3];
};

static void make_parts(struct parts *p)
{
    const float scale = 0.5f;
    *p = (struct parts){
        .tensors = {{.name = "a", .dtype = ST_I8, .dims = 2, .shape = {1, 4 + 3}, .data = p->row},
                    {.name = "a_factors", .dtype = ST_F32, .dims = 1, .shape = {3}, .data = p->factors}},
        .metadata = {"lmvr_quantized", "1", NULL},
        .factors = {1, 2, 0.25f},
    };
    memcpy(p->row, &scale, sizeof scale);
    p->row[4] = 1;
    p->row[5] = (unsigned char)-3;
    p->row[6] = 127;
}

static void write_parts(const struct parts *p, size_t count)
{
    CHECK(safetensors_write("x", p->tensors, count, p->metadata, &error));
}

static void rows_say_scale_times_byte_times_factor(void **state)
{
    (void)state;
    float out[3];
    struct parts p;
    struct weight_file *file;
    make_parts(&p);
    write_parts(&p, 2);
    CHECK(weight_file_open("x", &file, &error));
    const struct weight_entry *a = weight_file_find(file, "a");
    assert_string_equal(a->dtype, "INT8");
    assert_true(a->is_float && a->row_bits == 8 && a->dims == 2 && a->shape[0] == 1 && a->shape[1] == 3);
    assert_true(weight_file_find(file, "a_factors")->inner);
    CHECK(file->format->read(file, a, 0, 3, out, &error));
    assert_true(out[0] == 0.5f && out[1] == -3 && out[2] == 0.5f * 127 * 0.25f);
    assert_int_equal(file->format->read(file, a, 1, 3, out, &error), LMVR_ERROR_INVALID);
    assert_int_equal(file->format->read_rows(file, a, 1, 1, out, &error), LMVR_ERROR_INVALID);
    weight_file_close(file);
}

/* Without the metadata they are bytes. */
static void other_programs_bytes_stay_bytes(void **state)
{
    (void)state;
    struct parts p;
    struct weight_file *file;
    make_parts(&p);
    p.metadata[0] = NULL;
    write_parts(&p, 2);
    CHECK(weight_file_open("x", &file, &error));
    assert_string_equal(weight_file_find(file, "a")->dtype, "I8");
    assert_false(weight_file_find(file, "a")->is_float);
    assert_false(weight_file_find(file, "a_factors")->inner);
    weight_file_close(file);
}

static float made(int64_t i)
{
    uint32_t x = (uint32_t)i * 2654435761u + 12345;
    x ^= x >> 15;
    x *= 2246822519u;
    return (float)(int32_t)(x ^ x >> 13) * 0x1p-31f * (i % IN % 7 == 0 ? 20 : 0.1f);
}

/* A matrix as the processor holds it, written and read in parts that begin and end anywhere. */
static void compare_with_processor(int bits)
{
    static float weights[OUT * IN], expected[OUT * IN], found[OUT * IN];
    struct quantized *quantized;
    struct weight_file *file;
    int64_t bytes = (int64_t)quantized_row_bytes(bits, IN);
    assert_int_equal(bytes, quantized_record_bytes(IN, bits));
    unsigned char *rows = malloc((size_t)(OUT * bytes)), *again = malloc((size_t)(OUT * bytes));
    for (int64_t i = 0; i < OUT * IN; i++)
        weights[i] = made(i);
    CHECK(quantized_create(OUT, IN, bits, &quantized, &error));
    CHECK(quantized_set(quantized, 0, OUT, weights, &error));
    CHECK(quantized_seal(quantized, &error));
    quantized_get(quantized, 0, OUT, expected);
    quantized_export(quantized, 0, OUT, rows);
    const struct safetensors_write tensors[] = {
        {.name = "m", .dtype = bits == 8 ? ST_I8 : ST_U8, .dims = 2, .shape = {OUT, bytes}, .data = rows},
        {.name = "m_factors", .dtype = ST_F32, .dims = 1, .shape = {IN}, .data = quantized_factors(quantized)}};
    const char *const metadata[] = {"lmvr_quantized", "1", NULL};
    CHECK(safetensors_write("m", tensors, 2, metadata, &error));
    CHECK(weight_file_open("m", &file, &error));
    const struct weight_entry *m = weight_file_find(file, "m");
    for (int64_t first = 0; first < OUT * IN; first += 131)
        for (int64_t count = 0; first + count <= OUT * IN; count += 257) {
            CHECK(file->format->read(file, m, (uint64_t)first, (uint64_t)count, found, &error));
            assert_memory_equal(found, expected + first, (size_t)count * sizeof(float));
        }
    CHECK(file->format->read_rows(file, m, 3, OUT - 3, again, &error));
    assert_memory_equal(again, rows + 3 * bytes, (size_t)((OUT - 3) * bytes));
    weight_file_close(file);
    quantized_free(quantized);
    free(rows);
    free(again);
}

static void they_say_what_the_processor_s_do(void **state)
{
    (void)state;
    compare_with_processor(8);
    compare_with_processor(4);
}

static void assert_refused(const struct parts *p, size_t count, const char *why)
{
    struct weight_file *file;
    write_parts(p, count);
    assert_int_equal(weight_file_open("x", &file, &error), LMVR_ERROR_INVALID);
    assert_null(file);
    if (!strstr(error.message, why))
        fail_msg("%s: expected \"%s\"", error.message, why);
}

static void broken_files_are_refused(void **state)
{
    (void)state;
    struct parts p;
    make_parts(&p);
    assert_refused(&p, 1, "x: tensor a is quantized, but the factors of its columns are missing");
    p.factors[1] = 3;
    assert_refused(&p, 2, "x: tensor a_factors holds 3 at 1, expected a power of two");
    p.factors[1] = -2;
    assert_refused(&p, 2, "x: tensor a_factors holds -2 at 1, expected a power of two");
    p.factors[1] = 0;
    assert_refused(&p, 2, "x: tensor a_factors holds 0 at 1, expected a power of two");
    p.factors[1] = (float)INFINITY;
    assert_refused(&p, 2, "x: tensor a_factors holds inf at 1, expected a power of two");
    make_parts(&p);
    p.tensors[1].shape[0] = 2;
    assert_refused(&p, 2, "x: tensor a has rows of 7 bytes, expected 6 for 2 columns");
    make_parts(&p);
    p.tensors[0].dtype = ST_U8;
    assert_refused(&p, 2, "x: tensor a has rows of 7 bytes, expected 20 for 3 columns");
    make_parts(&p);
    p.tensors[1].shape[0] = 0;
    assert_refused(&p, 2, "x: tensor a_factors is not a list of factors in F32");
    make_parts(&p);
    p.tensors[1].dims = 2;
    p.tensors[1].shape[1] = 1;
    assert_refused(&p, 2, "x: tensor a_factors is not a list of factors in F32");
    make_parts(&p);
    p.metadata[1] = "2";
    assert_refused(&p, 2, "x: lmvr_quantized is 2, expected 1");
}

static void scales_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    struct parts p;
    struct weight_file *file;
    unsigned char block[20] = {0, 0, 0, 0x7c}; /* its minimum is infinite */
    const float nan = NAN;
    float out[3];
    for (int bits = 4; bits <= 8; bits += 4) {
        make_parts(&p);
        memcpy(p.row, &nan, sizeof nan);
        if (bits == 4) {
            p.tensors[0].dtype = ST_U8;
            p.tensors[0].shape[1] = sizeof block;
            p.tensors[0].data = block;
        }
        write_parts(&p, 2);
        CHECK(weight_file_open("x", &file, &error));
        assert_int_equal(file->format->read(file, weight_file_find(file, "a"), 0, 3, out, &error), LMVR_ERROR_INVALID);
        assert_string_equal(error.message, "x: tensor a holds a scale that is not finite");
        weight_file_close(file);
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(rows_say_scale_times_byte_times_factor), IN_FOLDER(other_programs_bytes_stay_bytes),
        IN_FOLDER(they_say_what_the_processor_s_do),       IN_FOLDER(broken_files_are_refused),
        IN_FOLDER(scales_that_are_not_finite_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
