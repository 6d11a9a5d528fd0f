#include "front.h"

#include "beside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *command_name;

void complain(const char *format, ...)
{
    va_list args;
    char sentence[2048];
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    for (char *c = sentence; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    fprintf(stderr, "lmvr%s%s: %s\n", command_name ? " " : "", command_name ? command_name : "", sentence);
}

int cannot(lmvr_status status, const lmvr_error *error)
{
    complain("%s", error->message);
    return status == LMVR_ERROR_RESOURCE ? EXIT_STOPPED : EXIT_CANNOT;
}

void print_column(const char *text, char end)
{
    for (const char *c = text; *c; c++)
        putchar((unsigned char)*c < ' ' || *c == 127 ? ' ' : *c);
    putchar(end);
}

bool flush_stdout(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    complain("cannot write to standard output: %s", strerror(errno));
    return false;
}

/* If the caller closed a standard stream, the next opened file would take its place, and output would end up in results. They
 * are opened in the wrong mode, so that using them fails as it should. */
static void hold_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            return;
}

void front_begin(void)
{
    hold_standard_streams();
    /* Errors from write() are more informative than death by a signal: a closed pipe, a limit on file size. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static int run_beside(const struct command *command, char **argv)
{
    char name[64];
    snprintf(name, sizeof name, "lmvr-%s", command->name);
    char *path = beside_program(name);
    if (path)
        execv(path, argv);
    complain("cannot run %s, which should be next to this program, where make builds both: %s", name, strerror(errno));
    free(path);
    return EXIT_CANNOT;
}

int front_run(const struct command *command, int argc, char **argv)
{
    struct options options;
    int status;
    command_name = command->name;
    if (!command->run)
        return run_beside(command, argv);
    if (options_parse(command, argc, argv, &options, &status))
        status = command->run(&options);
    options_finish(&options);
    return status;
}
