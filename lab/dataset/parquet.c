#include "lab/dataset/parquet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_SIZE 400 /* of a line that it says */

extern char **environ;

static const char *python(void)
{
    const char *name = getenv("LMVR_PYTHON");
    return name && *name ? name : PYTHON_NAME;
}

/* ---- running --------------------------------------------------------------------------------------------------------- */

/* The module at work. */
struct process {
    pid_t pid;
    FILE *output;
    int messages; /* a file without a name, of what it says on standard error */
};

/* Gives the module a process group of its own: Ctrl-C stops lmvr after the part that is being finished. Returns an error
 * number. */
static int spawn(const char *const *arguments, int output, int messages, pid_t *pid)
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
    posix_spawn_file_actions_adddup2(&actions, messages, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    int failure = posix_spawnp(pid, words[0], &actions, &attributes, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failure;
}

/* On failure `why` says why. */
static bool start(const char *const *arguments, struct process *process, char why[LINE_SIZE])
{
    int ends[2] = {-1, -1}, failure = 0;
    *process = (struct process){.messages = memfd_create("messages", MFD_CLOEXEC)};
    if (process->messages < 0 || pipe2(ends, O_CLOEXEC) != 0)
        failure = errno;
    if (!failure)
        failure = spawn(arguments, ends[1], process->messages, &process->pid);
    process->output = failure ? NULL : fdopen(ends[0], "r");
    if (!failure && process->output) {
        close(ends[1]);
        return true;
    }
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    if (process->messages >= 0)
        close(process->messages);
    snprintf(why, LINE_SIZE, "%s: %s", python(), strerror(failure ? failure : errno));
    return false;
}

/* The last line that is not empty, if there is one. */
static void read_last_line(FILE *file, char line[LINE_SIZE])
{
    char *text = NULL;
    size_t space = 0;
    *line = '\0';
    while (getline(&text, &space, file) > 0) {
        text[strcspn(text, "\r\n")] = '\0';
        if (*text)
            snprintf(line, LINE_SIZE, "%s", text);
    }
    free(text);
}

/* Waits for its end. False: it has failed, and `why` is the last line of what it said. */
static bool end(struct process *process, char why[LINE_SIZE])
{
    int status;
    pid_t ended;
    fclose(process->output);
    do
        ended = waitpid(process->pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    FILE *messages = lseek(process->messages, 0, SEEK_SET) == 0 ? fdopen(process->messages, "r") : NULL;
    if (messages) {
        read_last_line(messages, why);
        fclose(messages);
    } else {
        snprintf(why, LINE_SIZE, "?");
        close(process->messages);
    }
    return ended == process->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Runs the module with these words; `answer` is the last line of its output, or else why it has none. */
static bool run(const char *const *arguments, char answer[LINE_SIZE])
{
    struct process process;
    char why[LINE_SIZE];
    if (!start(arguments, &process, answer))
        return false;
    read_last_line(process.output, answer);
    bool good = end(&process, why);
    if (!good)
        memcpy(answer, why, LINE_SIZE);
    return good;
}

lmvr_status parquet_check(const char *what, lmvr_error *error)
{
    char answer[LINE_SIZE];
    setenv("PYTHONSAFEPATH", "1", 0); /* no modules of the folder that lmvr is run in */
    if (run((const char *const[]){"check", NULL}, answer) && strcmp(answer, "ready") == 0)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s needs Python with lmvr's package and pyarrow: pip install 'lmvr[parquet]'; LMVR_PYTHON names another "
                     "Python than %s (it says: %s)",
                     what, python(), answer);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

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

/* ---- reading --------------------------------------------------------------------------------------------------------- */

lmvr_status parquet_lines_open(const char *path, struct parquet_lines *table, lmvr_error *error)
{
    char why[LINE_SIZE];
    struct process process;
    TRY(parquet_check(path, error));
    if (!start((const char *const[]){"lines", path, NULL}, &process, why))
        return error_set(error, LMVR_ERROR_RESOURCE, "%s", why);
    *table = (struct parquet_lines){process.output, process.pid, process.messages};
    return LMVR_OK;
}

lmvr_status parquet_lines_close(const char *path, struct parquet_lines *table, lmvr_error *error)
{
    char why[LINE_SIZE];
    struct process process = {table->pid, table->lines, table->messages};
    return end(&process, why) ? LMVR_OK : error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read: %s", path, why);
}
