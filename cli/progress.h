/* One line on the terminal that says how far a run is: done, total, images a second, time left. */
#ifndef LMVR_CLI_PROGRESS_H
#define LMVR_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define PROGRESS_LINE 192

struct progress {
    bool shown;               /* standard error is a terminal, and progress is wanted */
    size_t before, total;     /* done by an earlier run; in all */
    struct timespec begun;    /* when this run began */
    double drawn;             /* seconds after that when the line was last drawn, negative for never */
    char said[PROGRESS_LINE]; /* by progress_say(); "": nothing */
};

/* `wanted` false: nothing is ever shown. */
void progress_begin(struct progress *progress, bool wanted, size_t before, size_t total);

/* `done` includes those from before. Draws at most ten times a second, but always the last. */
void progress_step(struct progress *progress, size_t done);

/* For work of which nobody knows how long it takes: shows what is said, at most ten times a second. */
void progress_begin_saying(struct progress *progress, bool wanted);
void progress_say(struct progress *progress, const char *line);

/* Makes room for a message; the next step draws the line again. */
void progress_clear(struct progress *progress);

/* Ends the line and leaves it there. */
void progress_end(struct progress *progress, size_t done);

/* Ends what was said last in the same way; nothing where nothing was. */
void progress_end_saying(struct progress *progress);

/* The line for `done` of `total`, `here` of them in the last `seconds`: " 12/47   3.8 images/s   0:09 left". */
void progress_format(char *line, size_t size, size_t done, size_t total, size_t here, double seconds);

#endif
