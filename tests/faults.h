/*
 * Simulates a failing disk in the one test program that includes this: it redefines the system calls that change a disk. Each
 * call is counted, and the chosen one ends the process (a write, after half of its bytes) or fails with a full disk; or all
 * fail from then on, as where a file system has gone away.
 */
#ifndef LMVR_TESTS_FAULTS_H
#define LMVR_TESTS_FAULTS_H

#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum fault { NO_FAULT, KILL, FAIL_ONCE, FULL_FROM_THEN_ON, GONE_FROM_THEN_ON };

static enum fault fault;
static int calls_left; /* until the fault; negative: it has happened */

/* Counts a call; true, with errno set, if it must fail. */
static bool has_fault(bool takes_space)
{
    bool now = fault != NO_FAULT && calls_left-- == 0;
    if (now && fault == KILL)
        kill(getpid(), SIGKILL);
    errno = fault == GONE_FROM_THEN_ON ? EIO : ENOSPC;
    if (fault == GONE_FROM_THEN_ON)
        return calls_left < 0;
    return takes_space && (now || (fault == FULL_FROM_THEN_ON && calls_left < 0));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    struct stat st;
    bool grows = fstat(fd, &st) == 0 && offset + (off_t)size > st.st_size; /* else its space is already allocated */
    if (fault != NO_FAULT && calls_left == 0 && grows)
        syscall(SYS_pwrite64, fd, bytes, size / 2, offset);
    if (has_fault(grows))
        return -1;
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int ftruncate(int fd, off_t size)
{
    if (has_fault(false))
        return -1;
    return (int)syscall(SYS_ftruncate, fd, size);
}

int fsync(int fd)
{
    (void)fd;
    return has_fault(false) ? -1 : 0; /* tests do not need to survive a crash of the machine */
}

int unlink(const char *path)
{
    if (has_fault(false))
        return -1;
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rename(const char *from, const char *to)
{
    if (has_fault(false))
        return -1;
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

#define STOPPED_BY_KILL 99

/* The return value, 0 to 98, of `work` run in its own process with the fault at call number `calls`; or STOPPED_BY_KILL. */
static int run_with_fault(enum fault kind, int calls, int (*work)(const void *argument), const void *argument)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fault = kind;
        calls_left = calls;
        _exit(work(argument));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? STOPPED_BY_KILL : WEXITSTATUS(status);
}

#endif
