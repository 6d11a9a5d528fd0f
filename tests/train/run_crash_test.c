/*
 * A run is stopped at every one of its system calls that change a disk, and goes on from there. The calls are this file's own
 * functions of their names: each counts, and the chosen one ends the process (a write after half of its bytes) or fails for
 * want of space.
 */
#include "toy.h"

#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum fault { NO_FAULT, KILL, FAIL_ONCE, FULL_FROM_THEN_ON };

static enum fault fault;
static int calls_left; /* until the fault; negative: it has passed */

/* ---- the calls ---- */

/* Counts a call; true, with errno set, where it has to fail. */
static bool has_fault(bool takes_space)
{
    bool now = fault != NO_FAULT && calls_left-- == 0;
    if (now && fault == KILL)
        kill(getpid(), SIGKILL);
    errno = ENOSPC;
    return takes_space && (now || (fault == FULL_FROM_THEN_ON && calls_left < 0));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (fault != NO_FAULT && calls_left == 0)
        syscall(SYS_pwrite64, fd, bytes, size / 2, offset);
    if (has_fault(true))
        return -1;
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int ftruncate(int fd, off_t size)
{
    has_fault(false);
    return (int)syscall(SYS_ftruncate, fd, size);
}

int fsync(int fd)
{
    has_fault(false);
    (void)fd;
    return 0; /* nothing here has to outlive the machine */
}

int unlink(const char *path)
{
    has_fault(false);
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rename(const char *from, const char *to)
{
    has_fault(false);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdir(const char *path, mode_t mode)
{
    if (has_fault(true))
        return -1;
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int open(const char *path, int flags, ...)
{
    if ((flags & O_CREAT) && has_fault(true))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0666);
}

/* ---- runs ---- */

#define STOPPED_BY_KILL 99

static lmvr_status train(const char *output, bool resume, bool force, lmvr_error *error)
{
    struct toy toy;
    struct run_options options = toy_options(output);
    toy_init(&toy, F32);
    struct objective objective = toy_objective(&toy);
    options.steps = 6;
    options.checkpoint_every = 2;
    options.resume = resume;
    options.force = force;
    lmvr_status status = run_train(&objective, &toy_corpus, &toy_corpus, &toy_feed, &options, error);
    toy_finish(&toy);
    return status;
}

/* In a process of its own, where something is to happen to it. */
static int run(const char *output, bool resume, bool force, enum fault kind, int calls)
{
    int status;
    lmvr_error error;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fault = kind;
        calls_left = calls;
        _exit((int)train(output, resume, force, &error));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? STOPPED_BY_KILL : WEXITSTATUS(status);
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

/* Forced, and killed: either it can be resumed, or another --force is asked for. */
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

/* A disk that is full, for one call or for good: the run says so, and goes on when there is room. */
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
    omp_set_num_threads(1); /* a forked process has no others */
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_kill_at_every_call),
        IN_FOLDER(test_kill_twice),
        IN_FOLDER(test_kill_while_forcing),
        IN_FOLDER(test_full_disk_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
