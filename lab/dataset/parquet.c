#include "lab/dataset/parquet.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_SIZE 400 /* of what it says */

extern char **environ;

static const char *python(void)
{
    const char *name = getenv("LMVR_PYTHON");
    return name && *name ? name : PYTHON_NAME;
}

/* ---- the process ----------------------------------------------------------------------------------------------------- */

/* Gives the module a process group of its own: Ctrl-C stops lmvr after the part that is being finished. Returns an error
 * number. */
static int spawn(const char *const words[], const int standard[3], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, standard[i], i);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    int failure = posix_spawnp(pid, words[0], &actions, &attributes, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failure;
}

/* Starts it with a command and perhaps a word; returns an error number. What fails midway is left to parquet_close(). */
static int start(const char *command, const char *word, struct parquet *p)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, failure = 0;
    const char *const words[] = {python(), "-m", "lmvr.parquet", command, word, NULL};
    *p = (struct parquet){.messages = memfd_create("messages", MFD_CLOEXEC)};
    if (p->messages < 0 || pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        failure = errno;
    if (!failure)
        failure = spawn(words, (int[]){in[0], out[1], p->messages}, &p->pid);
    p->input = in[1] >= 0 ? fdopen(in[1], "w") : NULL;
    p->output = out[0] >= 0 ? fdopen(out[0], "r") : NULL;
    if (in[0] >= 0)
        close(in[0]);
    if (out[1] >= 0)
        close(out[1]);
    return failure ? failure : p->input && p->output ? 0 : ENOMEM;
}

/* The next line that is not empty; one for which there is no room ends early, and is no answer. */
static bool read_line(FILE *file, char line[LINE_SIZE])
{
    size_t length = 0;
    int c;
    while (length < LINE_SIZE - 1 && (c = getc(file)) != EOF && !(c == '\n' && length > 0))
        if (c != '\n' && c != '\r')
            line[length++] = (char)c;
    line[length] = '\0';
    return length > 0;
}

/* The last line of a file that is not empty, as far as there is room. */
static void read_last_line(int fd, char line[LINE_SIZE])
{
    char text[4096];
    off_t size = lseek(fd, 0, SEEK_END), most = sizeof text - 1;
    ssize_t length = pread(fd, text, sizeof text - 1, size > most ? size - most : 0);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    text[length > 0 ? length : 0] = '\0';
    const char *newline = strrchr(text, '\n');
    snprintf(line, LINE_SIZE, "%.*s", LINE_SIZE - 1, newline ? newline + 1 : text);
}

/* What it has said last, and if that is nothing or a signal has ended it, how it has ended. */
static void find_why(const struct parquet *p, int status, char why[LINE_SIZE])
{
    char said[LINE_SIZE] = "";
    if (p->messages > 0)
        read_last_line(p->messages, said);
    if (WIFSIGNALED(status))
        snprintf(why, LINE_SIZE, "lmvr.parquet was ended by signal %d, %s%s%.300s", WTERMSIG(status),
                 strsignal(WTERMSIG(status)), *said ? ": " : "", said);
    else if (*said)
        memcpy(why, said, LINE_SIZE);
    else
        snprintf(why, LINE_SIZE, "lmvr.parquet ended with status %d", WEXITSTATUS(status));
}

/* Ends it, and says why it has. False: it has failed. */
static bool end(struct parquet *p, char why[LINE_SIZE])
{
    int status = -1;
    if (p->input)
        fclose(p->input);
    if (p->output)
        fclose(p->output);
    while (p->pid > 0 && waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    find_why(p, status, why);
    if (p->messages > 0)
        close(p->messages);
    *p = (struct parquet){0};
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void parquet_close(struct parquet *parquet)
{
    char why[LINE_SIZE];
    end(parquet, why);
}

/* Starts it, and waits until it says that it has all that it needs. */
static lmvr_status open_ready(const char *what, const char *command, const char *word, struct parquet *p, lmvr_error *error)
{
    char line[LINE_SIZE], why[LINE_SIZE];
    setenv("PYTHONSAFEPATH", "1", 0); /* no modules of the folder that lmvr is run in */
    int failure = start(command, word, p);
    if (!failure && read_line(p->output, line) && strcmp(line, "ready") == 0)
        return LMVR_OK;
    end(p, why);
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s needs Python with lmvr's package and pyarrow: pip install 'lmvr[parquet]'; LMVR_PYTHON names another "
                     "Python than %s (%s)",
                     what, python(), failure ? strerror(failure) : why);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

lmvr_status parquet_open(const char *what, struct parquet *parquet, lmvr_error *error)
{
    return open_ready(what, "write", NULL, parquet, error);
}

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

/* A call is three words, each with a zero behind it; the answer a line. */
static lmvr_status write_rows(struct parquet *p, const char *kind, const char *index, const char *temporary, const char *path,
                              uint64_t rows, lmvr_error *error)
{
    char answer[LINE_SIZE], expected[64];
    snprintf(expected, sizeof expected, "%llu rows", (unsigned long long)rows);
    if (!p->input)
        return error_set(error, LMVR_ERROR_RESOURCE, "%s: cannot be written: lmvr.parquet has ended before", path);
    fprintf(p->input, "%s%c%s%c%s%c", kind, '\0', index, '\0', temporary, '\0');
    fflush(p->input);
    if (!read_line(p->output, answer)) {
        end(p, answer);
        return error_set(error, LMVR_ERROR_RESOURCE, "%s: cannot be written: %s", path, answer);
    }
    if (strcmp(answer, expected) != 0)
        return error_set(error, LMVR_ERROR_RESOURCE, "%s: cannot be written: %s, expected %s", path, answer, expected);
    if (!is_parquet(temporary))
        return error_set(error, LMVR_ERROR_RESOURCE, "%s: cannot be written: lmvr.parquet has written something else", path);
    return rename(temporary, path) == 0 ? LMVR_OK : file_error(error, path, "write");
}

static lmvr_status copy(struct parquet *p, const char *kind, const char *index, const char *path, uint64_t lines,
                        lmvr_error *error)
{
    char *temporary;
    if (asprintf(&temporary, "%s.tmp", path) < 0)
        return error_no_memory(error, "a file name");
    lmvr_status status = write_rows(p, kind, index, temporary, path, lines, error);
    if (status != LMVR_OK)
        unlink(temporary);
    free(temporary);
    return status;
}

lmvr_status parquet_copy_index(const char *index, const char *path, uint64_t lines, void *parquet, lmvr_error *error)
{
    return copy(parquet, "index", index, path, lines, error);
}

lmvr_status parquet_copy_metadata(const char *index, const char *path, uint64_t lines, void *parquet, lmvr_error *error)
{
    return copy(parquet, "metadata", index, path, lines, error);
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

lmvr_status parquet_lines_open(const char *table, struct parquet *parquet, lmvr_error *error)
{
    if (access(table, R_OK) != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read: %s", table, strerror(errno));
    return open_ready(table, "lines", table, parquet, error);
}

lmvr_status parquet_lines_close(const char *table, struct parquet *parquet, lmvr_error *error)
{
    char why[LINE_SIZE];
    return end(parquet, why) ? LMVR_OK : error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read: %s", table, why);
}
