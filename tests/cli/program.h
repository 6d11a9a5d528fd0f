/* Runs the program from a test, in the test's own folder, and keeps its output, messages and exit status. */
#ifndef LMVR_TESTS_CLI_PROGRAM_H
#define LMVR_TESTS_CLI_PROGRAM_H

#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#ifndef PROGRAM /* from the folder of the tests; "../lmvr" is the real one */
#define PROGRAM "cli/lmvr_fake_cli"
#endif

/* What the fake library accepts as an image. */
UNUSED static void write_image(const char *path, const char *content)
{
    char bytes[256];
    int length = snprintf(bytes, sizeof bytes, "\xFF\xD8\xFF and %s", content);
    write_bytes(path, bytes, (size_t)length);
}

/* cmocka set-up: a new folder with a model, "m". */
UNUSED static int enter_folder_with_model(void **state)
{
    if (enter_folder(state) != 0 || mkdir("m", 0777) != 0)
        return -1;
    write_text("m/config.json", "{}");
    return 0;
}

/* ---- the program ---- */

static const char *program_path(void)
{
    static char path[4200];
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    snprintf(path, sizeof path, "%s/" PROGRAM, dirname(self));
    return path;
}

#define MAX_ARGUMENTS 64

struct program_run {
    int status; /* the exit status, or 128 plus the signal */
    char *out, *err;
};

/* How the next program is started; reset after each run. */
static struct {
    const char *in, *out;  /* files for standard input and output */
    long largest_file;     /* bytes; 0: no limit */
    bool obeys_modes;      /* file modes apply even to root */
    bool without_standard; /* standard output and error are closed */
} setting;

static void become_program(char *const *arguments)
{
    int in = open(setting.in ? setting.in : "/dev/null", O_RDONLY);
    int out = open(setting.out ? setting.out : "stdout", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    int err = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(99);
    if (setting.without_standard) {
        close(1);
        close(2);
    }
    struct rlimit limit = {(rlim_t)setting.largest_file, (rlim_t)setting.largest_file};
    if (setting.largest_file && setrlimit(RLIMIT_FSIZE, &limit) != 0)
        _exit(99);
    if (setting.obeys_modes && geteuid() == 0 &&
        (prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE) != 0 || prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH) != 0))
        _exit(99);
    execv(program_path(), arguments);
    _exit(98);
}

/* Starts the program with standard output and error redirected to the files "stdout" and "stderr". */
UNUSED static pid_t start(char *const *arguments)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        become_program(arguments);
    memset(&setting, 0, sizeof setting);
    return pid;
}

UNUSED static int finish(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static struct program_run run_done = {0, NULL, NULL};

/* Starts `lmvr` with the words of the command line, split at spaces; %20 is a space within a word. */
static pid_t start_line(char *line)
{
    char *arguments[MAX_ARGUMENTS] = {(char *)"lmvr"};
    int count = 1;
    for (char *word = strtok(line, " "); word && count < MAX_ARGUMENTS - 1; word = strtok(NULL, " ")) {
        for (char *c; (c = strstr(word, "%20")) != NULL;) {
            *c = ' ';
            memmove(c + 1, c + 3, strlen(c + 3) + 1);
        }
        arguments[count++] = word;
    }
    return start(arguments);
}

/* Runs such a command line. The result is valid until the next run. */
UNUSED static const struct program_run *lmvr(const char *format, ...) __attribute__((format(printf, 1, 2)));
UNUSED static const struct program_run *lmvr(const char *format, ...)
{
    char line[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    free(run_done.out);
    free(run_done.err);
    run_done.status = finish(start_line(line));
    run_done.out = read_bytes("stdout", NULL);
    run_done.err = read_bytes("stderr", NULL);
    return &run_done;
}

/* Asserts the run's exit status, and that it printed a message with `part` in it (NULL: nothing); a refused call prints one
 * line. */
UNUSED static void assert_ended(const struct program_run *run, int status, const char *part)
{
    if (run->status != status)
        fail_msg("exit status %d, not %d; it said: %s", run->status, status, run->err);
    if (!part && *run->err)
        fail_msg("nothing should be said, but: %s", run->err);
    if (part && !strstr(run->err, part))
        fail_msg("\"%s\" should be said, but: %s", part, run->err);
    if (part && status == 2 && strchr(run->err, '\n') != run->err + strlen(run->err) - 1)
        fail_msg("one sentence should be said, but: %s", run->err);
}

#endif
