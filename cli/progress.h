/* A line on the terminal that shows a run's progress: done, total, images per second, time left. */
#ifndef LMVR_CLI_PROGRESS_H
#define LMVR_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define PROGRESS_LINE 192

struct progress {
    bool shown;               /* standard error is a terminal, and progress is wanted */
    size_t before, total;     /* done by an earlier run; total, 0: not known */
    struct timespec begun;    /* when this run began */
    double drawn;             /* seconds from `begun` to the last redraw; negative: never drawn */
    char said[PROGRESS_LINE]; /* by progress_say(); "": nothing */
};

/* `wanted` false: never show anything. `total` 0: not known. */
void progress_begin(struct progress *progress, bool wanted, size_t before, size_t total);

/* `done` includes those of earlier runs. Redraws at most ten times a second, but always for the last one. */
void progress_step(struct progress *progress, size_t done);

/* For work of unknown duration: shows messages, at most ten times a second. */
void progress_begin_saying(struct progress *progress, bool wanted);
void progress_say(struct progress *progress, const char *line);

/* Clears the line to make room for a message; the next step draws it again. */
void progress_clear(struct progress *progress);

/* Draws the final line and leaves it. */
void progress_end(struct progress *progress, size_t done);

/* The same for the last message, if there was one. */
void progress_end_saying(struct progress *progress);

/* Formats the line for `done` of `total`, of which `here` took the last `seconds`: " 12/47   3.8 images/s   0:09 left". `total`
 * 0: not known. */
void progress_format(char *line, size_t size, size_t done, size_t total, size_t here, double seconds);

#endif
