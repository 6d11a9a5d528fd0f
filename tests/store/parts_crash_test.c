/* Stops a store in parts at every one of its system calls that change a disk, and resumes. */
#include "faults.h"
#include "sample.h"

#include "format/place.h"
#include "format/replace.h"

#define PARTS    4 /* of two inputs each; the last is empty */
#define PER_PART 2

struct parts_run {
    const char *output;
    enum store_mode mode;
};

/* Writes what is not finished, as a recorder does. */
static lmvr_status fill(struct store *store, lmvr_error *error)
{
    bool resumed = false;
    for (size_t part = 0; part < PARTS; part++) {
        size_t first = part * PER_PART, end = first + PER_PART < SAMPLE_COUNT ? first + PER_PART : SAMPLE_COUNT;
        if (!store_wants(store, part) || first >= end)
            continue;
        struct sample_list list = {sample_inputs + first, end - first, 0};
        TRY(store_turn(store, part, resumed ? NULL : sample_next_name, &list, error));
        resumed = true;
        for (size_t i = first + list.given; i < end; i++)
            TRY(sample_add(store, i, error));
    }
    return store_finish(store, error);
}

static lmvr_status copy_index(const char *index, const char *path, uint64_t lines, void *user, lmvr_error *error)
{
    size_t size;
    char *text = read_bytes(index, &size);
    (void)lines, (void)user;
    assert_non_null(text);
    lmvr_status status = file_replace(path, text, size, error);
    free(text);
    return status;
}

static int run_here(const void *argument)
{
    const struct parts_run *r = argument;
    lmvr_error error;
    struct store *store;
    json_t *options = json_pack("{s:s}", "prompt", "What?");
    struct store_plan plan = {.output = r->output,
                              .mode = r->mode,
                              .features = sample_features,
                              .feature_count = SAMPLE_KINDS,
                              .copies = {.index = copy_index},
                              .options = options,
                              .input_count = SAMPLE_COUNT,
                              .part_count = PARTS,
                              .rows_per_part = PER_PART};
    lmvr_status status = store_open(&plan, &store, &error);
    if (status == LMVR_OK) {
        status = fill(store, &error);
        lmvr_status closed = store_close(store, &error);
        status = status == LMVR_OK ? closed : status;
    }
    json_decref(options);
    return (int)status;
}

static int run(const char *output, enum store_mode mode, enum fault kind, int calls)
{
    struct parts_run r = {output, mode};
    return kind == NO_FAULT ? run_here(&r) : run_with_fault(kind, calls, run_here, &r);
}

static void assert_whole(void)
{
    static const char *const files[] = {"index/part-%05d.parquet",    "index/part-%05d.jsonl",   "index/part-%05d.json",
                                        "llm/part-%05d.npy",          "wide/part-%05d.npy",      "many/part-%05d.npy",
                                        "many/part-%05d.offsets.npy", "llm/part-%05d.scale.npy", "many/part-%05d.scale.npy"};
    assert_same_file("out/run.json", "whole/run.json");
    for (size_t i = 0; i < sizeof files / sizeof *files - (sample_features[0].type == NPY_INT8 ? 0 : 2); i++)
        for (int part = 0; part < PARTS; part++) {
            char name[64], out[128], whole[128];
            snprintf(name, sizeof name, "%.*s%05d%s", (int)strcspn(files[i], "%"), files[i], part, strchr(files[i], '%') + 4);
            snprintf(out, sizeof out, "out/%s", name);
            snprintf(whole, sizeof whole, "whole/%s", name);
            assert_same_file(out, whole);
        }
}

static void test_kill_at_every_call(void **state)
{
    (void)state;
    int calls = 0, status;
    assert_int_equal(run("whole", STORE_NEW, NO_FAULT, 0), LMVR_OK);
    do {
        remove_tree("out");
        status = run("out", STORE_NEW, KILL, calls++);
        assert_true(status == STOPPED_BY_KILL || status == LMVR_OK);
        assert_int_equal(run("out", STORE_RESUME, NO_FAULT, 0), LMVR_OK);
        assert_whole();
    } while (status != LMVR_OK);
    print_message("stopped at %d calls\n", calls - 1);
    assert_true(calls > 90);
}

/* The resumed run is killed as well, at every one of its calls. */
static void test_kill_twice(void **state)
{
    (void)state;
    int status, first = 0;
    assert_int_equal(run("whole", STORE_NEW, NO_FAULT, 0), LMVR_OK);
    do {
        int second = 0, resumed;
        do {
            remove_tree("out");
            status = run("out", STORE_NEW, KILL, first);
            resumed = run("out", STORE_RESUME, KILL, second);
            assert_int_equal(run("out", STORE_RESUME, NO_FAULT, 0), LMVR_OK);
            assert_whole();
            second += 7;
        } while (resumed != LMVR_OK);
        first += 31;
    } while (status != LMVR_OK);
}

static void test_full_or_lost_disk_at_every_call(void **state)
{
    (void)state;
    static const enum fault faults[] = {FAIL_ONCE, FULL_FROM_THEN_ON, GONE_FROM_THEN_ON};
    assert_int_equal(run("whole", STORE_NEW, NO_FAULT, 0), LMVR_OK);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        int failures = 0;
        for (int calls = 0; calls < 110; calls += 3) {
            remove_tree("out");
            int status = run("out", STORE_NEW, faults[i], calls);
            assert_true(status == LMVR_OK || status == LMVR_ERROR_RESOURCE);
            failures += status != LMVR_OK;
            assert_int_equal(run("out", STORE_RESUME, NO_FAULT, 0), LMVR_OK);
            assert_whole();
        }
        assert_true(failures > 8);
    }
}

/* Either the old results are still whole, or the new ones can be resumed. */
static void test_kill_while_forcing(void **state)
{
    (void)state;
    int calls = 0, status;
    assert_int_equal(run("whole", STORE_NEW, NO_FAULT, 0), LMVR_OK);
    do {
        remove_tree("out");
        assert_int_equal(run("out", STORE_NEW, NO_FAULT, 0), LMVR_OK);
        status = run("out", STORE_FORCE, KILL, calls);
        assert_int_equal(run("out", STORE_RESUME, NO_FAULT, 0), LMVR_OK);
        assert_whole();
        calls += 5;
    } while (status != LMVR_OK);
}

/* Rows with scales beside them. */
static void test_kill_of_int8_at_every_call(void **state)
{
    sample_keep(NPY_INT8);
    test_kill_at_every_call(state);
    sample_keep(NPY_F32);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_kill_at_every_call),
        IN_FOLDER(test_kill_twice),
        IN_FOLDER(test_full_or_lost_disk_at_every_call),
        IN_FOLDER(test_kill_while_forcing),
        IN_FOLDER(test_kill_of_int8_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
