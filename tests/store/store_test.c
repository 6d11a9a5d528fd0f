#include "sample.h"

#include "store/npy.h"

#include <sys/file.h>
#include <fcntl.h>

static lmvr_error error;

static void assert_run(const char *output, enum store_mode mode, size_t end)
{
    if (sample_run(output, mode, end, "What?", &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

static void assert_refused(const char *output, enum store_mode mode, const char *prompt, const char *sentence)
{
    assert_int_equal(sample_run(output, mode, SAMPLE_COUNT, prompt, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
}

static void test_new(void **state)
{
    (void)state;
    struct npy_reader r;
    float row[3];
    assert_run("a/out", STORE_NEW, SAMPLE_COUNT);
    char *index = read_bytes("a/out/index.jsonl", NULL), *run = read_bytes("a/out/run.json", NULL);
    assert_non_null(strstr(index, "{\"path\": \"a.jpg\", \"row\": 0, \"response\": \"a dog\", \"response_tokens\": [0, 17, 2], "
                                  "\"finish\": \"length\"}\n"));
    assert_non_null(strstr(index, "\n{\"path\": \"bad.jpg\", \"row\": null, \"error\": \"bad.jpg: not a JPEG, PNG, WebP, GIF, "
                                  "BMP, TIFF or AVIF image\"}\n"));
    assert_non_null(strstr(index, "\n{\"path\": \"f.jpg\", \"row\": 4, "));
    assert_non_null(strstr(run, "\"temperature\": 0.7,"));
    assert_non_null(strstr(run, "\"inputs\": 6,"));
    assert_int_equal(npy_reader_open("a/out/llm.npy", &r, &error), LMVR_OK);
    assert_int_equal(r.rows, 5);
    assert_int_equal(npy_reader_read(&r, 4, 1, row, &error), LMVR_OK);
    assert_true(row[0] == 5);
    npy_reader_close(&r);
    free(index);
    free(run);
}

/* Input i has rows offsets[i] .. offsets[i + 1] - 1 of its own; one that failed has none, like one without positions. */
static void test_rows_of_positions(void **state)
{
    (void)state;
    static const char header[] = "\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, 'shape': (7,), } ";
    static const int64_t expected[] = {0, 3, 4, 4, 11, 11, 13};
    struct npy_reader r;
    float rows[13 * SAMPLE_MANY];
    size_t size;
    assert_run("out", STORE_NEW, SAMPLE_COUNT);
    char *offsets = read_bytes("out/many.offsets.npy", &size);
    assert_int_equal(size, 128 + sizeof expected);
    assert_memory_equal(offsets, header, 10);
    assert_memory_equal(offsets + 10, header + 10, sizeof header - 11);
    assert_int_equal(offsets[127], '\n');
    assert_memory_equal(offsets + 128, expected, sizeof expected);
    free(offsets);
    assert_int_equal(npy_reader_open("out/many.npy", &r, &error), LMVR_OK);
    assert_int_equal(r.rows, 13);
    assert_int_equal(r.dim, SAMPLE_MANY);
    assert_int_equal(npy_reader_read(&r, 0, 13, rows, &error), LMVR_OK);
    npy_reader_close(&r);
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t j = 0; i != 2 && j < sample_rows[i] * SAMPLE_MANY; j++)
            assert_true(rows[(size_t)expected[i] * SAMPLE_MANY + j] == (float)(i * 100 + j));
    char *run = read_bytes("out/run.json", NULL);
    assert_non_null(strstr(run, "\"spec\": \"llm:all:none:-1\",\n      \"dim\": 5,\n      \"multi_vector\": true\n"));
    assert_non_null(strstr(run, "\"spec\": \"pixels\",\n      \"dim\": 3000\n"));
    free(run);
}

static void test_resume_at_every_input(void **state)
{
    (void)state;
    struct store *store;
    assert_run("whole", STORE_RESUME, SAMPLE_COUNT); /* on a missing folder it starts */
    for (size_t stop = 0; stop <= SAMPLE_COUNT; stop++) {
        remove_tree("out");
        assert_int_equal(mkdir("out", 0777), 0); /* and on an empty one */
        assert_run("out", STORE_RESUME, stop);
        assert_int_equal(sample_open("out", STORE_RESUME, "What?", &store, &error), LMVR_OK);
        assert_int_equal(store_done(store), stop);
        assert_int_equal(store_failed(store), stop > 2);
        assert_int_equal(store_close(store, &error), LMVR_OK);
        assert_run("out", STORE_RESUME, SAMPLE_COUNT);
        assert_same_results("out", "whole");
    }
    assert_run("out", STORE_RESUME, SAMPLE_COUNT); /* and of a finished one nothing changes */
    assert_same_results("out", "whole");
}

static void test_refuses_results(void **state)
{
    (void)state;
    assert_run("out", STORE_NEW, 0);
    assert_run("out", STORE_NEW, 1); /* nothing was in it yet */
    assert_refused("out", STORE_NEW, "What?", "out: holds results already; --resume continues them, --force removes them");
    assert_int_equal(store_check("out", STORE_NEW, 2, 1, &error), LMVR_ERROR_INVALID);
    assert_int_equal(store_check("out", STORE_RESUME, 2, 1, &error), LMVR_OK);
    assert_int_equal(store_check("out", STORE_FORCE, 2, 1, &error), LMVR_OK);
}

static void test_force_removes_ours_only(void **state)
{
    (void)state;
    const struct store_feature other = {"other", "encoder:patches:none", 2, true, NPY_F32};
    json_t *options = json_object();
    struct store_plan plan = {.output = "out", .mode = STORE_NEW, .features = &other, .feature_count = 1, .options = options};
    struct store *store;
    assert_run("whole", STORE_NEW, SAMPLE_COUNT);
    assert_int_equal(sample_open_list(plan, sample_inputs, 1, &store, &error), LMVR_OK);
    assert_int_equal(store_close(store, &error), LMVR_OK);
    write_text("out/notes.txt", "mine");
    write_text("out/mine.npy", "mine");
    write_text("out/mine.offsets.npy", "mine");
    assert_true(exists("out/other.npy") && exists("out/other.offsets.npy"));
    assert_run("out", STORE_FORCE, SAMPLE_COUNT);
    assert_false(exists("out/other.npy") || exists("out/other.offsets.npy"));
    assert_true(exists("out/notes.txt"));
    assert_true(exists("out/mine.npy") && exists("out/mine.offsets.npy"));
    assert_same_results("out", "whole");
    json_decref(options);
}

static void test_another_device_continues_only_if_told_to(void **state)
{
    (void)state;
    json_t *here = json_pack("{s:s}", "prompt", "What?"),
           *there = json_pack("{s:s, s:s}", "prompt", "What?", "device", "a GPU");
    struct store_plan plan = {
        .output = "out", .mode = STORE_NEW, .features = sample_features, .feature_count = SAMPLE_KINDS, .options = here};
    struct store *store;
    assert_int_equal(sample_open_list(plan, sample_inputs, SAMPLE_COUNT, &store, &error), LMVR_OK);
    assert_int_equal(store_close(store, &error), LMVR_OK);
    plan.mode = STORE_RESUME;
    plan.options = there;
    assert_int_equal(sample_open_list(plan, sample_inputs, SAMPLE_COUNT, &store, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message,
                        "out: cannot be resumed: it was started without device, and now it is \"a GPU\"; --force-device "
                        "resumes it all the same");
    plan.any_device = true;
    assert_int_equal(sample_open_list(plan, sample_inputs, SAMPLE_COUNT, &store, &error), LMVR_OK);
    assert_int_equal(store_close(store, &error), LMVR_OK);
    json_decref(here);
    json_decref(there);
}

static void test_resume_names_the_difference(void **state)
{
    (void)state;
    assert_run("out", STORE_NEW, 3);
    assert_refused("out", STORE_RESUME, "Who?",
                   "out: cannot be resumed: it was started with prompt \"What?\", and now it is \"Who?\"");
    const char *inputs[SAMPLE_COUNT + 1];
    memcpy(inputs, sample_inputs, sizeof sample_inputs);
    json_t *options = json_pack("{s:s, s:f, s:i}", "prompt", "What?", "temperature", (double)0.7f, "seed", 5);
    struct store_plan plan = {
        .output = "out", .mode = STORE_RESUME, .features = sample_features, .feature_count = SAMPLE_KINDS, .options = options};
    struct store *store;
    inputs[SAMPLE_COUNT] = "more.jpg";
    inputs[1] = "other.jpg";
    assert_int_equal(sample_open_list(plan, inputs, SAMPLE_COUNT, &store, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "out: cannot be resumed: its input 2 was b/b.jpg, and now it is other.jpg");
    inputs[1] = sample_inputs[1];
    inputs[4] = "other.jpg";
    assert_int_equal(sample_open_list(plan, inputs, SAMPLE_COUNT, &store, &error), LMVR_ERROR_INVALID);
    assert_string_equal(
        error.message,
        "out: cannot be resumed: it was started with other inputs (the same number, of which the first 3 agree)");
    inputs[4] = sample_inputs[4];
    assert_int_equal(sample_open_list(plan, inputs, SAMPLE_COUNT + 1, &store, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "out: cannot be resumed: it was started with 6 inputs, and now there are 7");
    assert_int_equal(sample_open_list(plan, inputs, 2, &store, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "out: cannot be resumed: it was started with more inputs than the 2 given now");
    plan.feature_count = 1;
    assert_int_equal(sample_open_list(plan, inputs, SAMPLE_COUNT, &store, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "it was started with features [{\"name\": \"llm\""));
    plan.feature_count = SAMPLE_KINDS;
    json_object_set_new(options, "beam", json_integer(3));
    assert_int_equal(sample_open_list(plan, inputs, SAMPLE_COUNT, &store, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "it was started without beam, and now it is 3"));
    json_object_del(options, "beam");
    json_object_del(options, "seed");
    assert_int_equal(sample_open_list(plan, inputs, SAMPLE_COUNT, &store, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "it was started with seed 5, and now there is none"));
    json_decref(options);
    assert_run("out", STORE_RESUME, SAMPLE_COUNT); /* none of them changed anything */
}

static void test_lock(void **state)
{
    (void)state;
    struct store *store, *second;
    static const enum store_mode modes[] = {STORE_NEW, STORE_RESUME, STORE_FORCE};
    assert_int_equal(sample_open("out", STORE_NEW, "What?", &store, &error), LMVR_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sample_open("out", modes[i], "What?", &second, &error), LMVR_ERROR_INVALID);
        assert_string_equal(error.message, "out: another lmvr is writing there");
        assert_int_equal(store_check("out", modes[i], 2, 1, &error), LMVR_ERROR_INVALID);
    }
    assert_int_equal(store_close(store, &error), LMVR_OK);
    assert_run("out", STORE_RESUME, SAMPLE_COUNT);
}

/* Files that somebody else put where results go are not overwritten. */
static void test_foreign_files(void **state)
{
    (void)state;
    assert_int_equal(mkdir("out", 0777), 0);
    write_text("out/run.json", "{\"name\": \"an experiment of mine\"}\n");
    assert_refused("out", STORE_NEW, "What?",
                   "out/run.json: was not written by lmvr embed; the output must be new, empty, or hold its results");
    assert_refused("out", STORE_RESUME, "What?",
                   "out/run.json: was not written by lmvr embed; the output must be new, empty, or hold its results");
    assert_refused("out", STORE_FORCE, "What?",
                   "out/run.json: was not written by lmvr embed; the output must be new, empty, or hold its results");
    assert_int_equal(size_of_file("out/run.json"), 34);
    assert_int_equal(remove("out/run.json"), 0);
    write_text("out/llm.npy", "");
    assert_refused(
        "out", STORE_NEW, "What?",
        "out/llm.npy: already exists, but there is no complete out/run.json to say how it was made; --force removes it");
    assert_refused(
        "out", STORE_RESUME, "What?",
        "out/llm.npy: already exists, but there is no complete out/run.json to say how it was made; --force removes it");
    assert_false(exists("out/run.json"));
    assert_false(exists("out/wide.npy"));
    assert_int_equal(remove("out/llm.npy"), 0);
    assert_int_equal(mkdir("out/index.jsonl", 0777), 0);
    assert_refused("out", STORE_FORCE, "What?", "out/index.jsonl: not a regular file, and in the way of the output");
}

static void test_damaged_results(void **state)
{
    (void)state;
    assert_run("whole", STORE_NEW, SAMPLE_COUNT);
    assert_run("out", STORE_NEW, SAMPLE_COUNT);
    assert_int_equal(truncate("out/run.json", 40), 0);
    assert_refused(
        "out", STORE_RESUME, "What?",
        "out/index.jsonl: already exists, but there is no complete out/run.json to say how it was made; --force removes it");
    assert_int_equal(remove("out/run.json"), 0);
    assert_refused(
        "out", STORE_RESUME, "What?",
        "out/index.jsonl: already exists, but there is no complete out/run.json to say how it was made; --force removes it");
    assert_run("out", STORE_FORCE, SAMPLE_COUNT);
    assert_same_results("out", "whole");
    assert_int_equal(remove("out/llm.npy"), 0);
    assert_refused("out", STORE_RESUME, "What?", "out/llm.npy: cannot open: No such file or directory");
    write_text("out/index.jsonl", "{\"path\": \"a.jpg\", \"row\": 0}\nnonsense\n");
    assert_run("out", STORE_FORCE, SAMPLE_COUNT);
    write_text("out/index.jsonl", "{\"path\": \"a.jpg\", \"row\": 0}\nnonsense\n");
    assert_refused("out", STORE_RESUME, "What?", "out/index.jsonl: line 2 is not an index line");
    write_text("out/index.jsonl", "{\"path\": \"a.jpg\", \"row\": 1}\n");
    assert_refused("out", STORE_RESUME, "What?", "out/index.jsonl: line 1 has row 1, expected row 0");
}

/* After a crash of the machine there may be lines without rows: they are computed again. */
static void test_missing_rows(void **state)
{
    (void)state;
    struct store *store;
    assert_run("whole", STORE_NEW, SAMPLE_COUNT);
    for (long rows = 0; rows <= 5; rows++) {
        remove_tree("out");
        assert_run("out", STORE_NEW, SAMPLE_COUNT);
        assert_int_equal(truncate("out/wide.npy", 128 + rows * SAMPLE_WIDE * 4 + 100), 0);
        assert_int_equal(sample_open("out", STORE_RESUME, "What?", &store, &error), LMVR_OK);
        assert_int_equal(store_done(store), rows < 2 ? rows : rows + 1);
        assert_int_equal(store_close(store, &error), LMVR_OK);
        assert_run("out", STORE_RESUME, SAMPLE_COUNT);
        assert_same_results("out", "whole");
    }
    assert_int_equal(truncate("out/wide.npy", 30), 0);
    assert_run("out", STORE_RESUME, SAMPLE_COUNT);
    assert_same_results("out", "whole");
}

static void assert_done(size_t done)
{
    struct store *store;
    if (sample_open("out", STORE_RESUME, "What?", &store, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(store_done(store), done);
    assert_int_equal(store_close(store, &error), LMVR_OK);
    assert_run("out", STORE_RESUME, SAMPLE_COUNT);
    assert_same_results("out", "whole");
}

/* The same of a feature with several rows an input: what counts is that all of an input's rows and its offset are there. */
static void test_missing_rows_of_positions(void **state)
{
    (void)state;
    static const size_t done[] = {0, 0, 0, 1, 3, 3, 3, 3, 3, 3, 3, 5, 5, 6}; /* by the number of rows that are left */
    assert_run("whole", STORE_NEW, SAMPLE_COUNT);
    assert_run("out", STORE_NEW, SAMPLE_COUNT);
    for (long rows = 0; rows < 14; rows++) {
        assert_int_equal(truncate("out/many.npy", 128 + rows * SAMPLE_MANY * 4 + (rows < 13 ? 7 : 0)), 0);
        assert_done(done[rows]);
    }
    for (long entries = 1; entries <= 7; entries++) {
        assert_int_equal(truncate("out/many.offsets.npy", 128 + entries * 8 + (entries < 7 ? 3 : 0)), 0);
        assert_done((size_t)entries - 1);
    }
    static const long beginnings[] = {0, 30, 128, 135};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(truncate("out/many.offsets.npy", beginnings[i]), 0);
        assert_done(0);
    }
    assert_int_equal(truncate("out/many.offsets.npy", 128 + 4 * 8), 0); /* blocks that were not written are zeros */
    assert_int_equal(truncate("out/many.offsets.npy", 128 + 7 * 8), 0);
    assert_done(3);
    assert_int_equal(truncate("out/many.npy", 30), 0);
    assert_done(0);
}

static void test_foreign_offsets(void **state)
{
    (void)state;
    assert_run("whole", STORE_NEW, SAMPLE_COUNT);
    assert_run("out", STORE_NEW, SAMPLE_COUNT);
    assert_int_equal(remove("out/many.offsets.npy"), 0);
    assert_refused("out", STORE_RESUME, "What?", "out/many.offsets.npy: cannot open: No such file or directory");
    char *rows = read_bytes("out/wide.npy", NULL);
    write_bytes("out/many.offsets.npy", rows, 1000);
    free(rows);
    assert_refused("out", STORE_RESUME, "What?", "out/many.offsets.npy: was not written by lmvr");
    assert_run("out", STORE_FORCE, SAMPLE_COUNT);
    assert_same_results("out", "whole");
    assert_int_equal(mkdir("new", 0777), 0);
    write_text("new/many.offsets.npy", "mine");
    assert_refused(
        "new", STORE_NEW, "What?",
        "new/many.offsets.npy: already exists, but there is no complete new/run.json to say how it was made; --force "
        "removes it");
}

static void test_another_type_is_refused_and_removed(void **state)
{
    (void)state;
    sample_keep(NPY_INT8);
    assert_run("out", STORE_NEW, SAMPLE_COUNT);
    assert_true(exists("out/many.scale.npy"));
    sample_keep(NPY_F16);
    assert_refused("out", STORE_RESUME, "What?",
                   "out: cannot be resumed: it was started with dtype_out \"int8\", and now it is \"f16\"");
    sample_keep(NPY_F32);
    assert_refused("out", STORE_RESUME, "What?",
                   "out: cannot be resumed: it was started with dtype_out \"int8\", and now there is none");
    assert_run("out", STORE_FORCE, SAMPLE_COUNT);
    assert_false(exists("out/many.scale.npy") || exists("out/llm.scale.npy"));
    write_text("out/llm.scale.npy", "mine"); /* which is not in the way of f32 */
    assert_run("out", STORE_FORCE, SAMPLE_COUNT);
    assert_true(exists("out/llm.scale.npy"));
}

static void test_names(void **state)
{
    (void)state;
    struct store_feature features[] = {{"a", "llm", 2, false, NPY_F32}, {"a", "llm:end", 2, false, NPY_F32}};
    json_t *options = json_object();
    struct store_plan plan = {.output = "out", .mode = STORE_NEW, .features = features, .feature_count = 2, .options = options};
    struct store *store;
    assert_int_equal(sample_open_list(plan, sample_inputs, 1, &store, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "two features have the name \"a\"");
    features[1].name = "../a";
    assert_int_equal(sample_open_list(plan, sample_inputs, 1, &store, &error), LMVR_ERROR_INVALID);
    assert_null(store);
    assert_false(exists("out"));
    features[0].multi_vector = true;
    features[1].name = "a.offsets";
    assert_int_equal(sample_open_list(plan, sample_inputs, 1, &store, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message,
                        "the features \"a\" and \"a.offsets\" would share a file: one has its offsets where the other "
                        "has its rows");
    features[0] = (struct store_feature){"a.offsets", "llm", 2, false, NPY_F32};
    features[1] = (struct store_feature){"a", "llm:all:none", 2, true, NPY_F32};
    assert_int_equal(sample_open_list(plan, sample_inputs, 1, &store, &error), LMVR_ERROR_INVALID);
    features[0] = (struct store_feature){"a.scale", "llm", 2, false, NPY_INT8};
    features[1] = (struct store_feature){"a", "llm:end", 2, false, NPY_INT8};
    assert_int_equal(sample_open_list(plan, sample_inputs, 1, &store, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message,
                        "the features \"a.scale\" and \"a\" would share a file: one has its scales where the other "
                        "has its rows");
    assert_false(exists("out"));
    plan.output = "out.npy";
    features[1].name = "b";
    assert_int_equal(sample_open_list(plan, sample_inputs, 1, &store, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "out.npy: a single file holds one feature, not 2; name a folder instead");
    assert_int_equal(store_check("out.npy", STORE_NEW, 2, 1, &error), LMVR_ERROR_INVALID);
    json_decref(options);
    assert_int_equal(store_close(NULL, &error), LMVR_OK);
}

static void test_single_file(void **state)
{
    (void)state;
    const struct store_feature one = {"x", "llm", 3, false, NPY_F32};
    json_t *options = json_object();
    struct store_plan plan = {.output = "a/f.npy", .mode = STORE_NEW, .features = &one, .feature_count = 1, .options = options};
    struct store *store;
    struct npy_reader r;
    for (size_t pass = 0; pass < 2; pass++) {
        assert_int_equal(sample_open_list(plan, sample_inputs, SAMPLE_COUNT, &store, &error), LMVR_OK);
        for (size_t i = store_done(store); i < (pass ? SAMPLE_COUNT : 3); i++)
            assert_int_equal(sample_add(store, i, &error), LMVR_OK);
        assert_int_equal(store_close(store, &error), LMVR_OK);
        assert_int_equal(store_check("a/f.npy", STORE_NEW, 1, 1, &error), LMVR_ERROR_INVALID);
        plan.mode = STORE_RESUME;
    }
    assert_int_equal(npy_reader_open("a/f.npy", &r, &error), LMVR_OK);
    assert_int_equal(r.rows, 5);
    npy_reader_close(&r);
    assert_true(exists("a/f.jsonl"));
    assert_true(exists("a/f.run.json"));
    json_decref(options);
}

static void test_single_file_of_positions(void **state)
{
    (void)state;
    const struct store_feature one = {"x", "llm:all:none", 3, true, NPY_F32};
    json_t *options = json_object();
    struct store_plan plan = {.output = "f.npy", .mode = STORE_NEW, .features = &one, .feature_count = 1, .options = options};
    struct store *store;
    const float values[] = {1, 2, 3, 4, 5, 6}, *const rows[] = {values};
    const size_t counts[] = {2};
    const struct index_line line = {.path = "a.jpg"};
    assert_int_equal(sample_open_list(plan, sample_inputs, 2, &store, &error), LMVR_OK);
    assert_int_equal(store_add(store, rows, counts, &line, &error), LMVR_OK);
    assert_int_equal(store_close(store, &error), LMVR_OK);
    assert_int_equal(size_of_file("f.npy"), 128 + 24);
    assert_int_equal(size_of_file("f.offsets.npy"), 128 + 16);
    plan.mode = STORE_RESUME;
    assert_int_equal(sample_open_list(plan, sample_inputs, 2, &store, &error), LMVR_OK);
    assert_int_equal(store_done(store), 1);
    assert_int_equal(store_close(store, &error), LMVR_OK);
    json_decref(options);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_new),
        IN_FOLDER(test_rows_of_positions),
        IN_FOLDER(test_resume_at_every_input),
        IN_FOLDER(test_refuses_results),
        IN_FOLDER(test_force_removes_ours_only),
        IN_FOLDER(test_another_device_continues_only_if_told_to),
        IN_FOLDER(test_resume_names_the_difference),
        IN_FOLDER(test_lock),
        IN_FOLDER(test_foreign_files),
        IN_FOLDER(test_damaged_results),
        IN_FOLDER(test_missing_rows),
        IN_FOLDER(test_missing_rows_of_positions),
        IN_FOLDER(test_foreign_offsets),
        IN_FOLDER(test_another_type_is_refused_and_removed),
        IN_FOLDER(test_names),
        IN_FOLDER(test_single_file),
        IN_FOLDER(test_single_file_of_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
