#include "scratch.h"

#include "format/safetensors.h"
#include "lab/probe/probe_file.h"

static float weights[6] = {1, 2, 3, 4, 5, 6}, intercepts[2] = {0.5f, -1}, mean[3] = {1, 2, 3}, deviation[3] = {1, 0.25f, 2};

static struct probe sample(enum labels_kind kind)
{
    static char *names[] = {(char *)"potted plant", (char *)"\"K\xC3\xB6ln\", one"};
    return (struct probe){.kind = kind,
                          .class_count = 2,
                          .classes = names,
                          .columns = kind == LABELS_SINGLE ? 1 : 2,
                          .dim = 3,
                          .weights = weights,
                          .intercepts = intercepts,
                          .mean = mean,
                          .deviation = deviation,
                          .c = 0.1,
                          .seed = 12345678901234567890u,
                          .feature = (char *)"llm:all:mean:-1"};
}

static void test_reads_what_was_written(void **state)
{
    (void)state;
    for (int kind = LABELS_SINGLE; kind <= LABELS_MULTI; kind++) {
        struct probe written = sample((enum labels_kind)kind), read;
        lmvr_error error;
        assert_int_equal(probe_write(&written, "p.safetensors", &error), LMVR_OK);
        if (probe_read("p.safetensors", &read, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        assert_int_equal(read.kind, kind);
        assert_int_equal(read.columns, written.columns);
        assert_int_equal(read.class_count, 2);
        assert_string_equal(read.classes[0], written.classes[0]);
        assert_string_equal(read.classes[1], written.classes[1]);
        assert_true(read.c == written.c && read.seed == written.seed && read.dim == 3);
        assert_string_equal(read.feature, written.feature);
        assert_memory_equal(read.weights, weights, (size_t)written.columns * 3 * sizeof(float));
        assert_memory_equal(read.intercepts, intercepts, (size_t)written.columns * sizeof(float));
        assert_memory_equal(read.mean, mean, sizeof mean);
        assert_memory_equal(read.deviation, deviation, sizeof deviation);
        probe_finish(&read);
    }
}

/* A valid probe file, of which a test changes one thing. */
struct file {
    const char *metadata[15];
    struct safetensors_write tensors[4];
    size_t count;
};

static struct file whole_file(void)
{
    return (struct file){{"format", "lmvr-probe", "version", "1", "kind", "multi", "classes", "[\"a\", \"b\"]", "feature", "x",
                          "c", "1", "seed", "0", NULL},
                         {{"weights", ST_F32, 2, {2, 3}, weights, NULL, NULL},
                          {"intercepts", ST_F32, 1, {2}, intercepts, NULL, NULL},
                          {"mean", ST_F32, 1, {3}, mean, NULL, NULL},
                          {"deviation", ST_F32, 1, {3}, deviation, NULL, NULL}},
                         4};
}

static void assert_refused(const struct file *file, const char *part)
{
    struct probe probe;
    lmvr_error error = {{0}};
    assert_int_equal(safetensors_write("x.safetensors", file->tensors, file->count, file->metadata, &error), LMVR_OK);
    lmvr_status status = probe_read("x.safetensors", &probe, &error);
    if (!part) {
        assert_int_equal(status, LMVR_OK);
        probe_finish(&probe);
        return;
    }
    assert_int_equal(status, LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "x.safetensors: is not a readable probe: "));
    if (!strstr(error.message, part))
        fail_msg("\"%s\" should be said, but: %s", part, error.message);
    assert_null(probe.weights);
    assert_null(probe.classes);
}

static void test_refuses_other_metadata(void **state)
{
    (void)state;
    static const struct {
        int key;
        const char *value, *part;
    } cases[] = {{1, "pt", "does not say"},
                 {3, "2", "its version is not 1"},
                 {5, "both", "neither multi"},
                 {7, "a,b", "no list of classes"},
                 {7, "[]", "no list of classes"},
                 {7, "[\"a\", 3]", "not a list of names"},
                 {7, "[\"a\", \"a\"]", "duplicate class"},
                 {7, "[\"a\"]", "no tensor weights"},
                 {11, "0", "not a number above 0"},
                 {11, "nan", "not a number above 0"},
                 {11, "1x", "not a number above 0"},
                 {13, "-1", "not an integer"},
                 {13, "99999999999999999999999", "not an integer"}};
    struct file whole = whole_file();
    assert_refused(&whole, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = whole_file();
        file.metadata[cases[i].key] = cases[i].value;
        assert_refused(&file, cases[i].part);
    }
    struct file file = whole_file();
    file.metadata[0] = NULL;
    assert_refused(&file, "does not say");
}

static void test_refuses_other_tensors(void **state)
{
    (void)state;
    static const double doubles[6] = {0};
    static const float infinite[3] = {1, __builtin_inff(), 2}, zero[3] = {1, 0, 2};
    struct file file = whole_file();
    file.count = 3;
    assert_refused(&file, "no tensor deviation");
    file = whole_file();
    file.tensors[0] = (struct safetensors_write){"weights", ST_F64, 2, {2, 3}, doubles, NULL, NULL};
    assert_refused(&file, "no tensor weights");
    file = whole_file();
    file.tensors[0].dims = 1;
    file.tensors[0].shape[0] = 6;
    assert_refused(&file, "no weights");
    file = whole_file();
    file.tensors[1].shape[0] = 1;
    assert_refused(&file, "no tensor intercepts");
    file = whole_file();
    file.tensors[2].data = infinite;
    assert_refused(&file, "not finite");
    file = whole_file();
    file.tensors[3].data = zero;
    assert_refused(&file, "deviation that is not above 0");
}

static void test_refuses_other_files(void **state)
{
    (void)state;
    struct probe probe;
    lmvr_error error;
    assert_int_equal(probe_read("none", &probe, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "none: cannot open"));
    write_text("text", "weights");
    assert_int_equal(probe_read("text", &probe, &error), LMVR_ERROR_INVALID);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_reads_what_was_written),
        IN_FOLDER(test_refuses_other_metadata),
        IN_FOLDER(test_refuses_other_tensors),
        IN_FOLDER(test_refuses_other_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
