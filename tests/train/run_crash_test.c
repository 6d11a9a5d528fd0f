/* Stops a run at every one of its system calls that change a disk, and resumes. */
#include "faults.h"
#include "toy.h"

#include <omp.h>

/* ---- runs ---- */

static bool by_time; /* a checkpoint after every step, as each ends later than the last; else after every other step */

static lmvr_status train(const char *output, bool resume, bool force, lmvr_error *error)
{
    struct toy toy;
    struct run_options options = toy_options(output);
    toy_init(&toy, F32);
    struct objective objective = toy_objective(&toy);
    options.steps = 6;
    options.checkpoint_every = by_time ? 0 : 2;
    options.checkpoint_seconds = by_time ? 1e-9 : 0;
    options.resume = resume;
    options.force = force;
    lmvr_status status = run_train(&objective, &toy_corpus, &toy_corpus, &toy_feed, &options, error);
    toy_finish(&toy);
    return status;
}

struct crash_run {
    const char *output;
    bool resume, force;
};

static int run_here(const void *argument)
{
    const struct crash_run *r = argument;
    lmvr_error error;
    return (int)train(r->output, r->resume, r->force, &error);
}

static int run(const char *output, bool resume, bool force, enum fault kind, int calls)
{
    return run_with_fault(kind, calls, run_here, &(struct crash_run){output, resume, force});
}

static void assert_resumes(void)
{
    static const char *const names[] = {"model.txt", "loss.csv", "loss.svg", "run.json",
                                        "checkpoints/step-00000006.safetensors"};
    char path[2][64];
    lmvr_error error = {{0}};
    if (train("out", true, false, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < 5; i++) {
        snprintf(path[0], sizeof path[0], "out/%s", names[i]);
        snprintf(path[1], sizeof path[1], "whole/%s", names[i]);
        assert_same_file(path[0], path[1]);
    }
    assert_false(exists("out/checkpoints/step-00000002.safetensors"));
    assert_false(exists("out/checkpoints/step-00000004.safetensors.tmp"));
}

static void make_whole(void)
{
    lmvr_error error;
    assert_int_equal(train("whole", false, false, &error), LMVR_OK);
}

static void test_kill_at_every_call(void **state)
{
    (void)state;
    int calls = 0, status;
    make_whole();
    do {
        remove_tree("out");
        status = run("out", false, false, KILL, calls++);
        assert_true(status == STOPPED_BY_KILL || status == LMVR_OK);
        assert_resumes();
    } while (status != LMVR_OK);
    print_message("stopped at %d calls\n", calls - 1);
    assert_true(calls > 40);
}

static void test_kill_at_every_call_with_checkpoints_by_time(void **state)
{
    by_time = true;
    test_kill_at_every_call(state);
    by_time = false;
}

/* The resumed run is killed as well. */
static void test_kill_twice(void **state)
{
    (void)state;
    int first = 0, status, pairs = 0;
    make_whole();
    do {
        int second = 0, resumed;
        do {
            remove_tree("out");
            status = run("out", false, false, KILL, first);
            resumed = run("out", true, false, KILL, second);
            assert_true(resumed == STOPPED_BY_KILL || resumed == LMVR_OK);
            assert_resumes();
            second += 3;
            pairs++;
        } while (resumed != LMVR_OK);
        first += 7;
    } while (status != LMVR_OK);
    print_message("stopped at %d pairs of calls\n", pairs);
}

/* --force, killed: either it can be resumed, or another --force is needed. */
static void test_kill_while_forcing(void **state)
{
    (void)state;
    int calls = 0, status, refused = 0;
    make_whole();
    do {
        lmvr_error error;
        remove_tree("out");
        assert_int_equal(run("out", false, false, NO_FAULT, 0), LMVR_OK);
        status = run("out", false, true, KILL, calls++);
        if (train("out", true, false, &error) == LMVR_ERROR_INVALID) {
            assert_non_null(strstr(error.message, "--force removes it"));
            assert_int_equal(train("out", false, true, &error), LMVR_OK);
            refused++;
        }
        assert_resumes();
    } while (status != LMVR_OK);
    assert_true(refused > 0 && refused < calls / 4);
}

/* A disk that is full, for one call or permanently: the run says so, and resumes when there is room. */
static void test_full_disk_at_every_call(void **state)
{
    (void)state;
    static const enum fault faults[] = {FAIL_ONCE, FULL_FROM_THEN_ON};
    make_whole();
    for (size_t i = 0; i < 2; i++) {
        int failures = 0;
        for (int calls = 0; calls < 60; calls++) {
            remove_tree("out");
            int status = run("out", false, false, faults[i], calls);
            assert_true(status == LMVR_OK || status == LMVR_ERROR_RESOURCE);
            failures += status != LMVR_OK;
            assert_resumes();
        }
        assert_true(failures > 20);
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    omp_set_num_threads(1); /* a forked process has only one */
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_kill_at_every_call),
        IN_FOLDER(test_kill_at_every_call_with_checkpoints_by_time),
        IN_FOLDER(test_kill_twice),
        IN_FOLDER(test_kill_while_forcing),
        IN_FOLDER(test_full_disk_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
