/* `lmvr train --device cuda`: LLaVA's two stages on a GPU, here the emulated one. */
#include "train_made.h"

#define LONG                                                                                                                   \
    "train instruct" NUMBERS                                                                                                   \
    "--data llava.json --batch 1 --steps 4 --lr 0.01 -m llava --lora 2 --checkpoint-every 1 --device cuda "

static int make_gpu(void **state)
{
    int status = make_parts(state);
    setenv("LMVR_CUDA_MODULE", EMULATED_GPU, 1);
    return status;
}

static void test_a_killed_run_goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    static const char *const files[] = {"model.safetensors", "loss.csv", "run.json", "adapter/adapter_model.safetensors"};
    assert_ended(lmvr(LONG "-o whole"), 0, NULL);
    assert_int_equal(interrupt_after(LONG "-o out --resume", 2, SIGKILL), 128 + SIGKILL);
    assert_ended(lmvr(LONG "-o out --resume"), 0, NULL);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char paths[2][96];
        snprintf(paths[0], sizeof paths[0], "whole/%s", files[i]);
        snprintf(paths[1], sizeof paths[1], "out/%s", files[i]);
        assert_same_file(paths[0], paths[1]);
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
        cmocka_unit_test(test_a_killed_run_goes_on_to_the_same_bytes),
        cmocka_unit_test(test_another_device_goes_on_only_if_told_to),
        cmocka_unit_test(test_what_a_gpu_does_not_train_is_refused),
    };
    return cmocka_run_group_tests(tests, make_gpu, remove_parts);
}
