/* `lmvr train --device cuda`: LLaVA's two stages on a GPU, here the emulated one. */
#include "train_made.h"

/* Long enough to be killed before it ends, wherever this test waits for the processor. */
#define LONG                                                                                                                   \
    "train instruct --threads 1 -q --data llava.json --batch 1 --steps 12 --lr 0.01 -m llava --checkpoint-every 1 "            \
    "--device cuda "

static int make_gpu(void **state)
{
    int status = make_parts(state);
    setenv("LMVR_CUDA_MODULE", EMULATED_GPU, 1);
    return status;
}

/* `adapter`: NULL: none. */
static void assert_same_result(const char *a, const char *b, const char *adapter)
{
    const char *files[] = {"model.safetensors", "loss.csv", "run.json", adapter};
    for (size_t i = 0; i < sizeof files / sizeof *files && files[i]; i++) {
        char paths[2][96];
        snprintf(paths[0], sizeof paths[0], "%s/%s", a, files[i]);
        snprintf(paths[1], sizeof paths[1], "%s/%s", b, files[i]);
        assert_same_file(paths[0], paths[1]);
    }
}

static void check_killed(const char *options, const char *adapter)
{
    char call[2][512];
    snprintf(call[0], sizeof call[0], LONG "%s -o whole", options);
    snprintf(call[1], sizeof call[1], LONG "%s -o out --resume", options);
    assert_ended(lmvr(call[0]), 0, NULL);
    assert_int_equal(interrupt_after(call[1], 2, SIGKILL), 128 + SIGKILL);
    assert_ended(lmvr(call[1]), 0, NULL);
    assert_same_result("whole", "out", adapter);
}

static void test_a_killed_run_goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    check_killed("--dtype f32 --lora 2", "adapter/adapter_model.safetensors");
}

static void test_one_in_bf16_too(void **state)
{
    (void)state;
    check_killed("--dtype bf16", NULL);
}

static void test_one_of_adapters_in_bf16_too(void **state)
{
    (void)state;
    check_killed("--dtype bf16 --lora 2", "adapter/adapter_model.safetensors");
}

static void test_a_lost_gpu_and_one_that_is_full_stop_the_run_and_resume_goes_on(void **state)
{
    (void)state;
    static const char *const faults[][4] = {
        {"lost", "EMULATED_GPU_LOST", "0:1500", "(emulated) failed, and this process cannot use it any more"},
        {"full", "EMULATED_GPU_FULL", "0:120", "out of memory"},
    };
    assert_ended(lmvr(LONG "--dtype f32 --lora 2 -o whole"), 0, NULL);
    for (size_t i = 0; i < 2; i++) {
        setenv(faults[i][1], faults[i][2], 1);
        assert_ended(lmvr(LONG "--dtype f32 --lora 2 -o %s", faults[i][0]), 3, faults[i][3]);
        unsetenv(faults[i][1]);
        assert_ended(lmvr(LONG "--dtype f32 --lora 2 -o %s --resume", faults[i][0]), 0, NULL);
        assert_same_result("whole", faults[i][0], "adapter/adapter_model.safetensors");
    }
}

static void test_another_device_goes_on_only_if_told_to(void **state)
{
    (void)state;
    assert_ended(lmvr(ALIGN "-m llava -o aligned --device cuda"), 0, NULL);
    assert_ended(lmvr(ALIGN "-m llava -o aligned --resume"), 2, "aligned: cannot be resumed: it was started with device");
    assert_ended(lmvr(ALIGN "-m llava -o aligned --resume --force-device"), 0, NULL);
}

static void test_what_a_gpu_does_not_train_is_refused(void **state)
{
    (void)state;
    assert_ended(lmvr(LANGUAGE "--config llama.json -o no --device cuda"), 2,
                 "--device cuda: only LLaVA's two stages, align and instruct, are trained on a GPU");
    assert_ended(lmvr(INSTRUCT "-m llava --train-vision -o no --device cuda:0"), 2,
                 "--device cuda:0: with --train-vision, training is on the processor");
    assert_ended(lmvr(ALIGN "-m llava -o no --device cuda:all"), 2, "one device is used here");
    assert_false(exists("no"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRAIN_TEST(test_a_killed_run_goes_on_to_the_same_bytes),
        TRAIN_TEST(test_one_in_bf16_too),
        TRAIN_TEST(test_one_of_adapters_in_bf16_too),
        TRAIN_TEST(test_a_lost_gpu_and_one_that_is_full_stop_the_run_and_resume_goes_on),
        cmocka_unit_test(test_another_device_goes_on_only_if_told_to),
        cmocka_unit_test(test_what_a_gpu_does_not_train_is_refused),
    };
    return cmocka_run_group_tests(tests, make_gpu, remove_parts);
}
