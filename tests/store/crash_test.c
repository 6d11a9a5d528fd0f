/* Stops the store at every one of its system calls that change a disk, and resumes. */
#include "faults.h"
#include "sample.h"

#include "store/npy.h"

/* ---- runs ---- */

struct store_run {
    const char *output, *prompt;
    enum store_mode mode;
};

static int run_here(const void *argument)
{
    const struct store_run *r = argument;
    lmvr_error error;
    return (int)sample_run(r->output, r->mode, SAMPLE_COUNT, r->prompt, &error);
}

/* A run, in its own process if a fault is to happen. */
static int run(const char *output, enum store_mode mode, const char *prompt, enum fault kind, int calls)
{
    struct store_run r = {output, prompt, mode};
    return kind == NO_FAULT ? run_here(&r) : run_with_fault(kind, calls, run_here, &r);
}

static size_t count_lines(const char *path)
{
    size_t lines = 0;
    char *text = read_bytes(path, NULL);
    for (char *c = text; c && *c; c++)
        lines += *c == '\n';
    free(text);
    return lines;
}

/* Like NumPy: a header whose rows are all there. Files without rows may lack their header. Returns the rows. */
static uint64_t assert_readable(const char *path, size_t least_rows)
{
    size_t size;
    struct npy_header header;
    lmvr_error error;
    char *bytes = read_bytes(path, &size);
    assert_non_null(bytes);
    if (npy_header_parse(bytes, size, path, &header, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_true(header.data + header.data_bytes <= size);
    assert_true(header.rows >= least_rows);
    free(bytes);
    return header.rows;
}

/* Offsets rise from 0 to a number of rows that are there, and there is one more than inputs. */
static void assert_readable_offsets(size_t inputs, uint64_t rows, const char *path)
{
    size_t size;
    char *bytes = read_bytes(path, &size);
    assert_non_null(bytes);
    char *shape = strstr(bytes + 10, "'shape': (");
    assert_non_null(shape);
    size_t entries = strtoul(shape + 10, NULL, 10);
    assert_true(entries > inputs && size >= 128 + entries * sizeof(int64_t));
    int64_t before = 0, entry = 0;
    for (size_t i = 0; i < entries; i++, before = entry) {
        memcpy(&entry, bytes + 128 + i * sizeof entry, sizeof entry);
        assert_true(i ? entry >= before : entry == 0);
    }
    assert_true((uint64_t)entry <= rows);
    free(bytes);
}

/* The files of a stopped run are readable, and resuming gives the files of an uninterrupted run, without repeating work. */
static void assert_resumes(const char *output)
{
    char index[64], rows[64], many[64], offsets[64];
    struct store *store;
    lmvr_error error;
    snprintf(index, sizeof index, "%s/index.jsonl", output);
    snprintf(rows, sizeof rows, "%s/wide.npy", output);
    size_t lines = count_lines(index);
    snprintf(many, sizeof many, "%s/many.npy", output);
    snprintf(offsets, sizeof offsets, "%s/many.offsets.npy", output);
    if (exists(index)) {
        assert_readable(rows, lines - (lines > 2));
        assert_readable_offsets(lines, assert_readable(many, 0), offsets);
    }
    if (sample_open(output, STORE_RESUME, "What?", &store, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(store_done(store), lines);
    assert_int_equal(store_close(store, &error), LMVR_OK);
    assert_int_equal(run(output, STORE_RESUME, "What?", NO_FAULT, 0), LMVR_OK);
    assert_same_results(output, "whole");
}

static void make_whole(void)
{
    assert_int_equal(run("whole", STORE_NEW, "What?", NO_FAULT, 0), LMVR_OK);
}

static void test_kill_at_every_call(void **state)
{
    (void)state;
    int calls = 0, status;
    make_whole();
    do {
        remove_tree("out");
        status = run("out", STORE_NEW, "What?", KILL, calls++);
        assert_true(status == STOPPED_BY_KILL || status == LMVR_OK);
        assert_resumes("out");
    } while (status != LMVR_OK);
    print_message("stopped at %d calls\n", calls - 1);
    assert_true(calls > 60);
}

/* The resumed run is killed as well, at every one of its calls. */
static void test_kill_twice(void **state)
{
    (void)state;
    int first = 0, status, pairs = 0;
    make_whole();
    do {
        int second = 0, resumed;
        do {
            remove_tree("out");
            status = run("out", STORE_NEW, "What?", KILL, first);
            resumed = run("out", STORE_RESUME, "What?", KILL, second++);
            assert_true(resumed == STOPPED_BY_KILL || resumed == LMVR_OK);
            assert_resumes("out");
            pairs++;
        } while (resumed != LMVR_OK);
        first += 7; /* an image has 9 calls, so every kind is covered */
    } while (status != LMVR_OK);
    print_message("stopped at %d pairs of calls\n", pairs);
}

/* --force, killed: either the old results are still complete, or the new ones can be resumed. */
static void test_kill_while_forcing(void **state)
{
    (void)state;
    int calls = 0, status;
    make_whole();
    do {
        lmvr_error error;
        remove_tree("out");
        assert_int_equal(run("out", STORE_NEW, "Who?", NO_FAULT, 0), LMVR_OK);
        status = run("out", STORE_FORCE, "What?", KILL, calls++);
        if (store_check("out", STORE_RESUME, 2, 1, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        if (run("out", STORE_RESUME, "What?", NO_FAULT, 0) == LMVR_ERROR_INVALID) {
            assert_int_equal(run("out", STORE_RESUME, "Who?", NO_FAULT, 0), LMVR_OK);
            assert_int_equal(run("out", STORE_FORCE, "What?", NO_FAULT, 0), LMVR_OK);
        }
        assert_same_results("out", "whole");
    } while (status != LMVR_OK);
}

/* A disk that is full, for one call or permanently: the run says so, keeps complete rows, and resumes when there is room. */
static void test_full_or_lost_disk_at_every_call(void **state)
{
    (void)state;
    static const enum fault faults[] = {FAIL_ONCE, FULL_FROM_THEN_ON, GONE_FROM_THEN_ON};
    make_whole();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        int failures = 0;
        for (int calls = 0; calls < 75; calls++) {
            remove_tree("out");
            int status = run("out", STORE_NEW, "What?", faults[i], calls);
            assert_true(status == LMVR_OK || status == LMVR_ERROR_RESOURCE);
            failures += status != LMVR_OK;
            assert_resumes("out");
            remove_tree("out");
            run("out", STORE_NEW, "What?", KILL, 45);
            status = run("out", STORE_RESUME, "What?", faults[i], calls);
            assert_true(status == LMVR_OK || status == LMVR_ERROR_RESOURCE);
            assert_resumes("out");
        }
        assert_true(failures > 15);
    }
}

/* After a failed write everything complete is already consistent: rows and lines agree without resuming. */
static void test_full_disk_leaves_order(void **state)
{
    (void)state;
    struct npy_reader r;
    lmvr_error error;
    for (int calls = 12; calls < 80; calls++) {
        remove_tree("out");
        if (run("out", STORE_NEW, "What?", FULL_FROM_THEN_ON, calls) == LMVR_OK || !exists("out/index.jsonl"))
            continue;
        size_t lines = count_lines("out/index.jsonl");
        assert_int_equal(npy_reader_open("out/llm.npy", &r, &error), LMVR_OK);
        assert_int_equal(r.rows, lines - (lines > 2));
        npy_reader_close(&r);
        assert_int_equal(npy_reader_open("out/wide.npy", &r, &error), LMVR_OK);
        assert_int_equal(r.rows, lines - (lines > 2));
        npy_reader_close(&r);
    }
}

/* Rows with scales beside them. */
static void test_kill_of_int8_at_every_call(void **state)
{
    sample_keep(NPY_INT8);
    test_kill_at_every_call(state);
    sample_keep(NPY_F32);
}

static void test_full_disk_of_int8_at_every_call(void **state)
{
    sample_keep(NPY_INT8);
    test_full_or_lost_disk_at_every_call(state);
    sample_keep(NPY_F32);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_kill_at_every_call),
        IN_FOLDER(test_kill_twice),
        IN_FOLDER(test_kill_while_forcing),
        IN_FOLDER(test_full_or_lost_disk_at_every_call),
        IN_FOLDER(test_full_disk_leaves_order),
        IN_FOLDER(test_kill_of_int8_at_every_call),
        IN_FOLDER(test_full_disk_of_int8_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
