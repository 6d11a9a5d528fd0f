/* `lmvr bench --json` on an emulated GPU. */
#include "bench_report.h"

/* So many of the rows have products by the library; `said` is said besides, if it is not NULL. */
static void check_report(const char *command, size_t with_products, const char *said)
{
    lmvr_error error;
    json_t *report, *row;
    size_t i;
    setenv("LMVR_CUDA_MODULE", EMULATED_GPU, 1);
    assert_ended(lmvr(command), 0, said);
    unsetenv("LMVR_CUDA_MODULE");
    if (json_read("stdout", NULL, &report, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    const json_t *machine = json_object_get(report, "machine");
    assert_is(machine, "gpu", "\"emulated\"");
    assert_is(machine, "library_dtype", "\"bf16\"");
    assert_true(number(machine, "bandwidth_bytes_per_s") > 0);
    assert_int_equal(json_array_size(json_object_get(report, "rows")), 5);
    speed(report, "encode", 64);
    speed(report, "decode", 4);
    json_array_foreach(json_object_get(report, "rows"), i, row)
        assert_near(number(row, "fraction"), number(row, "value") / number(row, "limit"));
    const json_t *products = json_object_get(report, "products");
    assert_int_equal(json_array_size(products), with_products);
    json_array_foreach(products, i, row)
        assert_near(number(row, "default_s"), 1.5 * number(row, "fast_s")); /* as the emulation makes it up */
    json_decref(report);
}

#define BENCH "bench -m " LMVR_TEST_DATA "/golden/llava-old-f32 --device cuda --quick --json"

static void test_a_model_on_a_gpu_is_measured_against_the_gpu(void **state)
{
    (void)state;
    check_report(BENCH, 5, NULL); /* of which none is end to end */
}

/* In int4, of which the patches are in bf16. */
static void test_what_is_slow_is_told(void **state)
{
    (void)state;
    setenv("EMULATED_GPU_WITHOUT_GRAPHS", "begin", 1);
    check_report(BENCH " --dtype int4", 2, "its steps are run kernel by kernel");
    unsetenv("EMULATED_GPU_WITHOUT_GRAPHS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_model_on_a_gpu_is_measured_against_the_gpu, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_what_is_slow_is_told, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
