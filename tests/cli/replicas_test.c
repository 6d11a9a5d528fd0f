/* `--device cuda:all`: a replica of the model on every GPU, here emulated ones, and results as one GPU gives them. */
#define PROGRAM "../lmvr"
#include "program.h"

#define LOUD_MODEL "-m " LMVR_TEST_DATA "/golden/llava-old-f32 --max-new-tokens 5 --batch 2 "
#define MODEL      LOUD_MODEL "--quiet "
#define IMAGES     LMVR_TEST_DATA "/golden/images"
#define INPUTS                                                                                                                 \
    IMAGES "/wide.jpg " IMAGES "/tall.png missing.jpg " IMAGES "/gradient.jpg bad.jpg " IMAGES "/gray16.png " IMAGES           \
           "/noise.webp " IMAGES "/palette.png " IMAGES "/shapes_rgba.png " IMAGES "/tiny.png " IMAGES "/oriented_gray.jpg"
#define FEATURES "-f llm -f none=llm:image:none:1 -f encoder:cls "
#define LOST     "(emulated) failed, and this process cannot use it any more"
#define LOST_AFTER                                                                                                             \
    "400" /* operations: loading takes 160, and the three images that the busiest GPU has at least more than 500 */

static int enter(void **state)
{
    if (enter_folder(state) != 0)
        return -1;
    write_text("bad.jpg", "no image");
    setenv("LMVR_CUDA_MODULE", EMULATED_GPU, 1);
    setenv("EMULATED_GPUS", "3", 1);
    return 0;
}

static int leave(void **state)
{
    static const char *const set[] = {
        "LMVR_CUDA_MODULE",  "EMULATED_GPUS",      "EMULATED_GPU_CLOSED",         "EMULATED_GPU_LOST",
        "EMULATED_GPU_FULL", "EMULATED_GPU_OTHER", "EMULATED_GPU_WITHOUT_GRAPHS", "EMULATED_GPU_DRIVER"};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        unsetenv(set[i]);
    return leave_folder(state);
}

static void assert_same_output(const char *a, const char *b)
{
    static const char *const files[] = {"index.jsonl", "run.json",         "llm.npy",
                                        "none.npy",    "none.offsets.npy", "encoder_cls.npy"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char paths[2][256];
        snprintf(paths[0], sizeof paths[0], "%s/%s", a, files[i]);
        snprintf(paths[1], sizeof paths[1], "%s/%s", b, files[i]);
        assert_same_file(paths[0], paths[1]);
    }
}

static void assert_said_once(const char *words)
{
    const char *first = strstr(run_done.err, words);
    assert_non_null(first);
    assert_null(strstr(first + 1, words));
}

static void embed_on_one(void)
{
    assert_ended(lmvr("embed " MODEL FEATURES "--device cuda -o one " INPUTS), 1, "2 of 11 inputs failed");
}

static void test_rows_and_responses_are_those_of_one_gpu(void **state)
{
    (void)state;
    embed_on_one();
    setenv("EMULATED_GPU_CLOSED", "1", 1);
    assert_ended(lmvr("embed " MODEL FEATURES "--device cuda:all -o all " INPUTS), 1, "2 of 11 inputs failed");
    assert_same_output("one", "all");
    char *one = strdup(lmvr("describe " MODEL "--device cuda:2 " INPUTS)->out);
    assert_ended(lmvr("describe " MODEL "--device cuda:all " INPUTS), 1, "2 of 11 inputs failed");
    assert_string_equal(run_done.out, one);
    free(one);
}

static void test_one_input_is_enough_for_three_gpus(void **state)
{
    (void)state;
    assert_ended(lmvr("embed " MODEL "--device cuda -f encoder -o one " IMAGES "/tiny.png"), 0, NULL);
    assert_ended(lmvr("embed " MODEL "--device cuda:all -f encoder -o all " IMAGES "/tiny.png"), 0, NULL);
    assert_same_file("one/encoder.npy", "all/encoder.npy");
}

static void test_what_a_lost_gpu_had_goes_to_the_others(void **state)
{
    (void)state;
    embed_on_one();
    char *one = strdup(lmvr("describe " MODEL "--device cuda " INPUTS)->out);
    setenv("EMULATED_GPU_LOST", "-1:" LOST_AFTER, 1); /* whichever does so many first */
    assert_ended(lmvr("embed " MODEL FEATURES "--device cuda:all -o all " INPUTS), 1, "2 of 11 inputs failed");
    assert_said_once(LOST "; 2 of 3 GPUs go on, with its inputs");
    assert_same_output("one", "all");
    assert_ended(lmvr("describe " MODEL "--device cuda:all " INPUTS), 1, "2 of 11 inputs failed");
    assert_said_once(LOST "; 2 of 3 GPUs go on, with its inputs");
    assert_string_equal(run_done.out, one);
    free(one);
}

static void test_the_last_lost_gpu_stops_the_run_and_others_continue_it(void **state)
{
    (void)state;
    embed_on_one();
    setenv("EMULATED_GPU_LOST", "-2:" LOST_AFTER, 1);
    assert_ended(lmvr("embed " MODEL FEATURES "--device cuda:all -o all " INPUTS), 3, LOST);
    assert_said_once(LOST "; 2 of 3 GPUs go on, with its inputs");
    assert_said_once(LOST "; 1 of 3 GPUs goes on, with its inputs");
    assert_non_null(strstr(run_done.err, "--resume continues"));
    assert_ended(lmvr("describe " MODEL "--device cuda:all " INPUTS), 3, LOST);
    unsetenv("EMULATED_GPU_LOST");
    setenv("EMULATED_GPUS", "2", 1);
    assert_ended(lmvr("embed " MODEL FEATURES "--device cuda:all --resume -o all " INPUTS), 1, "2 of 11 inputs failed");
    assert_same_output("one", "all");
}

static void test_a_run_on_a_lost_gpu_is_continued_on_the_processor_if_that_is_asked(void **state)
{
    (void)state;
    setenv("EMULATED_GPU_LOST", "0:" LOST_AFTER, 1);
    assert_ended(lmvr("embed " MODEL FEATURES "--device cuda -o some " INPUTS), 3, LOST);
    assert_ended(lmvr("embed " MODEL FEATURES "--device cpu --resume -o some " INPUTS), 2, "--force-device");
    assert_ended(lmvr("embed " MODEL FEATURES "--device cpu --resume --force-device -o some " INPUTS), 1,
                 "2 of 11 inputs failed");
}

static void test_a_gpu_without_memory_ends_the_call_as_the_only_one_does(void **state)
{
    (void)state;
    setenv("EMULATED_GPU_FULL", "1:40", 1);
    int alone = lmvr("embed " MODEL "--device cuda:1 -o one " INPUTS)->status;
    char *said = strdup(run_done.err);
    assert_ended(lmvr("embed " MODEL "--device cuda:all -o all " INPUTS), alone, "cuda:1 is out of memory");
    assert_string_equal(run_done.err, said);
    assert_int_not_equal(alone, 0);
    free(said);
}

static void test_graphs_that_cannot_be_made_are_told_once_unless_it_is_to_be_quiet(void **state)
{
    (void)state;
    const char *words = "decoding is slower than it should be";
    embed_on_one();
    setenv("EMULATED_GPU_WITHOUT_GRAPHS", "end", 1);
    assert_ended(lmvr("embed " LOUD_MODEL FEATURES "--device cuda:all -o all " INPUTS), 1, "2 of 11 inputs failed");
    assert_said_once(words);
    assert_same_output("one", "all");
    lmvr("describe " MODEL "--device cuda:all " INPUTS);
    assert_null(strstr(run_done.err, words));
}

static bool is_same_row(const char *a, const char *b)
{
    size_t sizes[2] = {0};
    char *rows[] = {read_bytes(a, &sizes[0]), read_bytes(b, &sizes[1])};
    bool same = rows[0] && rows[1] && sizes[0] == sizes[1] && memcmp(rows[0], rows[1], sizes[0]) == 0;
    free(rows[0]);
    free(rows[1]);
    return same;
}

#define TWO IMAGES "/gradient.jpg " IMAGES "/noise.webp"

static void check_company(const char *options, bool changes, bool remembered)
{
    assert_ended(lmvr("embed " MODEL "-f llm %s--batch 1 --force -o a " TWO, options), 0, NULL);
    assert_ended(lmvr("embed " MODEL "-f llm %s--batch 2 --force -o b " TWO, options), 0, NULL);
    assert_true(is_same_row("a/llm.npy", "b/llm.npy") == !changes);
    char *run = read_bytes("b/run.json", NULL);
    assert_true((strstr(run, "\"fast\": true") != NULL) == remembered);
    free(run);
}

static void test_with_fast_company_changes_rows_on_a_gpu_and_the_run_remembers_it(void **state)
{
    (void)state;
    check_company("--device cpu --fast ", false, false);
    check_company("--device cuda ", false, false);
    assert_ended(lmvr("embed " MODEL "-f llm --device cuda --fast --resume -o b " TWO), 2, "fast");
    check_company("--device cuda --fast ", true, true);
    assert_ended(lmvr("embed " MODEL "-f llm --device cuda --resume -o b " TWO), 2, "fast");
    assert_ended(lmvr("embed " MODEL "-f llm --device cuda --fast --resume -o b " TWO), 0, NULL);
}

static void test_a_driver_that_is_too_old_is_one_sentence_before_anything_is_done(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "embed " MODEL "--device cuda -o out " INPUTS, "embed " MODEL "--device cuda:all -o out " INPUTS,
        "describe " MODEL "--device cuda:1 " INPUTS, "train align -m llava --data no.json -o out --device cuda"};
    setenv("EMULATED_GPU_DRIVER", "the NVIDIA driver is for CUDA 11.8, and one for 13.0 or newer is needed", 1);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        assert_ended(lmvr("%s", commands[i]), 2, "no GPU can be used: the NVIDIA driver is for CUDA 11.8");
    assert_int_equal(lmvr("serve " MODEL "--device cuda --port 0")->status, 2);
    assert_said_once("no GPU can be used: the NVIDIA driver is for CUDA 11.8");
    assert_false(exists("out"));
}

static void test_gpus_of_two_kinds_are_refused(void **state)
{
    (void)state;
    setenv("EMULATED_GPU_OTHER", "2", 1);
    assert_ended(lmvr("embed " MODEL "--device cuda:all -o all " INPUTS), 2, "but cuda:0 is emulated and cuda:2 is another");
}

static void test_what_is_measured_is_one_gpu(void **state)
{
    (void)state;
    assert_ended(lmvr("bench -m " LMVR_TEST_DATA "/golden/llava-old-f32 --device cuda:all"), 2, "not cuda:all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_and_responses_are_those_of_one_gpu, enter, leave),
        cmocka_unit_test_setup_teardown(test_one_input_is_enough_for_three_gpus, enter, leave),
        cmocka_unit_test_setup_teardown(test_what_a_lost_gpu_had_goes_to_the_others, enter, leave),
        cmocka_unit_test_setup_teardown(test_the_last_lost_gpu_stops_the_run_and_others_continue_it, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_run_on_a_lost_gpu_is_continued_on_the_processor_if_that_is_asked, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_gpu_without_memory_ends_the_call_as_the_only_one_does, enter, leave),
        cmocka_unit_test_setup_teardown(test_graphs_that_cannot_be_made_are_told_once_unless_it_is_to_be_quiet, enter, leave),
        cmocka_unit_test_setup_teardown(test_with_fast_company_changes_rows_on_a_gpu_and_the_run_remembers_it, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_driver_that_is_too_old_is_one_sentence_before_anything_is_done, enter, leave),
        cmocka_unit_test_setup_teardown(test_gpus_of_two_kinds_are_refused, enter, leave),
        cmocka_unit_test_setup_teardown(test_what_is_measured_is_one_gpu, enter, leave),
    };
    return cmocka_run_group_tests_name("several GPUs", tests, NULL, NULL);
}
