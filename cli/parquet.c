#include "parquet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_SIZE 400 /* of what it says, which the last line is taken of */

extern char **environ;

static const char *python(void)
{
    const char *name = getenv("LMVR_PYTHON");
    return name && *name ? name : PYTHON_NAME;
}

/* ---- running --------------------------------------------------------------------------------------------------------- */

/* Starts the module with its output and messages to a pipe, and in a process group of its own: Ctrl-C stops lmvr after the
 * part that is being finished. Returns an error number. */
static int start(const char *const *arguments, int output, pid_t *pid)
{
    const char *words[8] = {python(), "-m", "lmvr.parquet"};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    for (size_t i = 0; arguments[i]; i++)
        words[3 + i] = arguments[i];
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_adddup2(&actions, output, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    int failure = posix_spawnp(pid, words[0], &actions, &attributes, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failure;
}

/* Reads to the end; `line` receives the last line that is not empty. */
static void read_last_line(int fd, char line[LINE_SIZE])
{
    FILE *file = fdopen(fd, "r");
    char *text = NULL;
    size_t space = 0;
    *line = '\0';
    while (file && getline(&text, &space, file) > 0) {
        text[strcspn(text, "\r\n")] = '\0';
        if (*text)
            snprintf(line, LINE_SIZE, "%s", text);
    }
    free(text);
    if (file)
        fclose(file);
    else
        close(fd);
}

static bool wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Runs the module with these words; `answer` is the last line that it says, or else why it could not be run. */
static bool run(const char *const *arguments, char answer[LINE_SIZE])
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(answer, LINE_SIZE, "%s", strerror(errno));
        return false;
    }
    int failure = start(arguments, ends[1], &pid);
    close(ends[1]);
    if (failure) {
        close(ends[0]);
        snprintf(answer, LINE_SIZE, "%s: %s", python(), strerror(failure));
        return false;
    }
    read_last_line(ends[0], answer);
    return wait_for(pid);
}

lmvr_status parquet_check(const char *option, lmvr_error *error)
{
    char answer[LINE_SIZE];
    setenv("PYTHONSAFEPATH", "1", 0); /* no modules of the folder that lmvr is run in */
    if (run((const char *const[]){"check", NULL}, answer) && strcmp(answer, "ready") == 0)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s needs Python with lmvr's package and pyarrow: pip install 'lmvr[parquet]'; LMVR_PYTHON names another "
                     "Python than %s (it says: %s)",
                     option, python(), answer);
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

/* Whether a file begins and ends as Parquet does. */
static bool is_parquet(const char *path)
{
    char begin[4], end[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    bool whole = size >= 12 && pread(fd, begin, 4, 0) == 4 && pread(fd, end, 4, size - 4) == 4;
    if (fd >= 0)
        close(fd);
    return whole && memcmp(begin, "PAR1", 4) == 0 && memcmp(end, "PAR1", 4) == 0;
}

static lmvr_status write_rows(const char *kind, const char *index, const char *temporary, const char *path, uint64_t rows,
                              lmvr_error *error)
{
    char answer[LINE_SIZE], expected[64];
    snprintf(expected, sizeof expected, "%llu rows", (unsigned long long)rows);
    if (!run((const char *const[]){kind, index, temporary, NULL}, answer))
        return error_set(error, LMVR_ERROR_RESOURCE, "%s: cannot write: %s", path, answer);
    if (strcmp(answer, expected) != 0 || !is_parquet(temporary))
        return error_set(error, LMVR_ERROR_RESOURCE, "%s: lmvr.parquet has written \"%s\", expected %s of Parquet", path,
                         answer, expected);
    return rename(temporary, path) == 0 ? LMVR_OK : file_error(error, path, "write");
}

static lmvr_status copy(const char *kind, const char *index, const char *path, uint64_t lines, lmvr_error *error)
{
    char *temporary;
    if (asprintf(&temporary, "%s.tmp", path) < 0)
        return error_no_memory(error, "a file name");
    lmvr_status status = write_rows(kind, index, temporary, path, lines, error);
    if (status != LMVR_OK)
        unlink(temporary);
    free(temporary);
    return status;
}

lmvr_status parquet_copy_index(const char *index, const char *path, uint64_t lines, void *unused, lmvr_error *error)
{
    (void)unused;
    return copy("index", index, path, lines, error);
}

lmvr_status parquet_copy_metadata(const char *index, const char *path, uint64_t lines, void *unused, lmvr_error *error)
{
    (void)unused;
    return copy("metadata", index, path, lines, error);
}
