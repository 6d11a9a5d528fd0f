/* Runs the program on a pseudo-terminal. */
#ifndef LMVR_TESTS_CLI_TERMINAL_H
#define LMVR_TESTS_CLI_TERMINAL_H

#include "program.h"

#include <pty.h>
#include <sys/ioctl.h>

/* Runs the program with standard error on a terminal of that width, and sends it `signal` once it has printed `when` there
 * (NULL: never). Returns what it printed, to be freed. Skips the test if the system has no pseudo-terminals. */
UNUSED static char *on_terminal_until(unsigned short columns, int expected_status, char *const *arguments, const char *when,
                                      int signal)
{
    int terminal;
    struct winsize window = {.ws_row = 24, .ws_col = columns};
    pid_t pid = forkpty(&terminal, NULL, NULL, &window);
    if (pid < 0) {
        print_message("skipped: this system gives no pseudo-terminal (%s); a container needs /dev/pts\n", strerror(errno));
        skip();
    }
    if (pid == 0) {
        int out = open("stdout", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(out, 1);
        execv(program_path(), arguments);
        _exit(98);
    }
    char *said = calloc(1, 100000);
    size_t size = 0;
    ssize_t n;
    while ((n = read(terminal, said + size, 99999 - size)) > 0) { /* ends with EIO when the program exits */
        size += (size_t)n;
        if (when && strstr(said, when)) {
            kill(pid, signal);
            when = NULL;
        }
    }
    close(terminal);
    assert_int_equal(finish(pid), expected_status);
    return said;
}

UNUSED static char *on_terminal(unsigned short columns, int expected_status, char *const *arguments)
{
    return on_terminal_until(columns, expected_status, arguments, NULL, 0);
}

#endif
