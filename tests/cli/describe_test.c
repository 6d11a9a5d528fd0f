/* lmvr describe and lmvr info: what they print. */
#include "program.h"

#include <jansson.h>

static void make_images(void)
{
    mkdir("in", 0777);
    write_image("in/a.jpg", "a");
    write_text("in/b.jpg", "bad");
    write_image("in/c\t1\n2.jpg", "c");
}

static void test_lines(void **state)
{
    (void)state;
    char first[256], second[256];
    make_images();
    assert_ended(
        lmvr("describe -m m --prompt Why? in"), 1,
        "lmvr describe: in/b.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image\nlmvr describe: 1 of 3 inputs failed\n");
    assert_int_equal(sscanf(run_done.out, "%255[^\n]\n%255[^\n]\n", first, second), 2);
    assert_int_equal(strlen(first) + strlen(second) + 2, strlen(run_done.out));
    assert_ptr_equal(strstr(first, "in/a.jpg\tA \"dög\" with "), first);
    assert_non_null(strstr(first, " legs, Why?"));
    assert_ptr_equal(strstr(second, "in/c 1 2.jpg\tA \"dög\" with "), second);
}

/* --json prints the same bytes as embed's index. */
static void test_json(void **state)
{
    (void)state;
    make_images();
    assert_ended(lmvr("embed -m m -o out in"), 1, "");
    assert_ended(lmvr("describe -m m --json in"), 1, "in/b.jpg: not a JPEG");
    char *index = read_bytes("out/index.jsonl", NULL);
    assert_string_equal(run_done.out, index);
    free(index);
}

static void test_strict(void **state)
{
    (void)state;
    make_images();
    assert_ended(lmvr("describe -m m --strict in"), 1, "stopped there, with 1 of 3 inputs described, for --strict");
    char *end = strchr(run_done.out, '\n');
    assert_string_equal(end, "\n");
}

static void test_full_output(void **state)
{
    (void)state;
    make_images();
    setting.out = "/dev/full";
    assert_ended(lmvr("describe -m m in"), 3, "lmvr describe: cannot write to standard output: No space left on device\n");
    setting.out = "/dev/full";
    assert_ended(lmvr("describe -m m --json in"), 3,
                 "lmvr describe: cannot write to standard output: No space left on device\n");
}

/* The reader closes the pipe after the first line, like head -1. */
static void test_closed_pipe(void **state)
{
    (void)state;
    char *arguments[] = {(char *)"lmvr", (char *)"describe", (char *)"-m", (char *)"m", (char *)"in", NULL};
    make_images();
    write_text("m/config.json", "{\"delay_us\": 50000}");
    assert_int_equal(mkfifo("pipe", 0600), 0);
    setting.out = "pipe";
    pid_t pid = start(arguments);
    char byte;
    int fd = open("pipe", O_RDONLY);
    assert_int_equal(read(fd, &byte, 1), 1);
    close(fd);
    assert_int_equal(finish(pid), 3);
    char *said = read_bytes("stderr", NULL);
    assert_non_null(strstr(said, "cannot write to standard output: Broken pipe"));
    free(said);
}

static void test_info(void **state)
{
    (void)state;
    assert_ended(lmvr("info -m m"), 0, NULL);
    assert_string_equal(run_done.out,
                        "model         m\n"
                        "architecture  FakeForTests\n"
                        "vision        2 blocks, width 64, 4 heads, MLP 256, 1.2 million parameters\n"
                        "connector     4242 parameters\n"
                        "language      3 blocks, width 128, 8 heads on 2 key-value heads, MLP 512, 6.74 billion parameters\n"
                        "total         6.74 billion parameters, stored as F16, F32\n"
                        "image         28 x 28 pixels in patches of 14, 4 tokens in the prompt\n"
                        "vocabulary    320 tokens\n"
                        "positions     512, prompt and response together\n"
                        "--dtype f32   27.0 GB of weights, 768 bytes of key-value cache per token\n"
                        "--dtype bf16  13.5 GB of weights, 768 bytes of key-value cache per token (the default here)\n"
                        "--dtype int8  6.75 GB of weights, 768 bytes of key-value cache per token\n"
                        "--dtype int4  4.21 GB of weights, 768 bytes of key-value cache per token\n");
}

static void test_info_time(void **state)
{
    (void)state;
    assert_ended(lmvr("info --time -m m"), 0, NULL);
    assert_non_null(strstr(run_done.out, "--dtype f32   27.0 GB of weights, 768 bytes of key-value cache per token\n"
                                         "              about 80 s an image alone, 0.5 s at batch 16\n"
                                         "--dtype bf16  "));
    assert_non_null(strstr(run_done.out,
                           "              about 20 s an image alone, 0.12 s at batch 16\n"
                           "time          of an image and a response of 64 tokens, after a prompt of 44; measured "
                           "on this processor, with random weights in 2 of 3 blocks\n"));
}

static void test_info_time_json(void **state)
{
    (void)state;
    assert_ended(lmvr("info --time --json -m m"), 0, NULL);
    json_t *json = json_loads(run_done.out, JSON_REJECT_DUPLICATES, NULL), *time = json_object_get(json, "time");
    char *text = json_dumps(time, JSON_COMPACT | JSON_REAL_PRECISION(3));
    assert_string_equal(text, "{\"new_tokens\":64,\"prompt_positions\":44,\"blocks\":3,\"measured_blocks\":2,\"image\":{"
                              "\"f32\":{\"alone_s\":80.0,\"batch\":16,\"at_batch_s\":0.5},"
                              "\"bf16\":{\"alone_s\":40.0,\"batch\":16,\"at_batch_s\":0.25},"
                              "\"int8\":{\"alone_s\":26.7,\"batch\":16,\"at_batch_s\":0.167},"
                              "\"int4\":{\"alone_s\":20.0,\"batch\":16,\"at_batch_s\":0.125}}}");
    free(text);
    json_decref(json);
}

static void test_info_json(void **state)
{
    (void)state;
    assert_ended(lmvr("info --json -m m"), 0, NULL);
    json_t *json = json_loads(run_done.out, JSON_REJECT_DUPLICATES, NULL), *memory = json_object_get(json, "memory");
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "architecture")), "FakeForTests");
    assert_int_equal(json_integer_value(json_object_get(json, "parameters")), 6739654425);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "language"), "kv_heads")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(json, "dtypes"), 1)), "F32");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(memory, "f32"), "weights_bytes")), 26958605700);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(memory, "bf16"), "weights_bytes")), 13479302850);
    assert_string_equal(json_string_value(json_object_get(json, "default_dtype")), "bf16");
    assert_null(json_object_get(json, "time"));
    json_decref(json);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder_with_model, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_lines),       IN_FOLDER(test_json),        IN_FOLDER(test_strict),
        IN_FOLDER(test_full_output), IN_FOLDER(test_closed_pipe), IN_FOLDER(test_info),
        IN_FOLDER(test_info_json),   IN_FOLDER(test_info_time),   IN_FOLDER(test_info_time_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
