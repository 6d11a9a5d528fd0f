#include "progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static double seconds_since(const struct timespec *begun)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begun->tv_sec) + 1e-9 * (double)(now.tv_nsec - begun->tv_nsec);
}

static void format_time(char *text, size_t size, double seconds)
{
    if (seconds > 359999999)
        seconds = 359999999;
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
}

void progress_format(char *line, size_t size, size_t done, size_t total, size_t here, double seconds)
{
    char time[32], of[32] = "";
    if (total > 0)
        snprintf(of, sizeof of, "/%zu", total);
    if (here == 0 || seconds <= 0) {
        snprintf(line, size, "%zu%s", done, of);
        return;
    }
    double rate = (double)here / seconds;
    bool left = done < total;
    format_time(time, sizeof time, left ? (double)(total - done) / rate : seconds);
    snprintf(line, size, "%zu%s   %.*f images/s   %s%s", done, of, rate < 10 ? 2 : 1, rate, time,
             left        ? " left"
             : total > 0 ? " in all"
                         : "");
}

static void draw_line(const char *line)
{
    struct winsize window;
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col - 1 : 79;
    fprintf(stderr, "\r%.*s\033[K", columns, line); /* a full last column would wrap, and the line could not be erased */
}

static void draw(struct progress *p, size_t done)
{
    char line[128];
    p->drawn = seconds_since(&p->begun);
    progress_format(line, sizeof line, done, p->total, done - p->before, p->drawn);
    draw_line(line);
}

void progress_begin(struct progress *progress, bool wanted, size_t before, size_t total)
{
    *progress = (struct progress){.shown = wanted && isatty(STDERR_FILENO), .before = before, .total = total, .drawn = -1};
    clock_gettime(CLOCK_MONOTONIC, &progress->begun);
    if (progress->shown)
        draw(progress, before);
}

void progress_step(struct progress *progress, size_t done)
{
    if (progress->shown && (done == progress->total || seconds_since(&progress->begun) - progress->drawn >= 0.1))
        draw(progress, done);
}

void progress_begin_saying(struct progress *progress, bool wanted)
{
    *progress = (struct progress){.shown = wanted && isatty(STDERR_FILENO), .drawn = -1};
    clock_gettime(CLOCK_MONOTONIC, &progress->begun);
}

static void draw_said(struct progress *p)
{
    char whole[PROGRESS_LINE + 48], time[32];
    p->drawn = seconds_since(&p->begun);
    format_time(time, sizeof time, p->drawn);
    snprintf(whole, sizeof whole, "%s   %s", p->said, time);
    draw_line(whole);
}

void progress_say(struct progress *progress, const char *line)
{
    snprintf(progress->said, sizeof progress->said, "%s", line);
    if (progress->shown && seconds_since(&progress->begun) - progress->drawn >= 0.1)
        draw_said(progress);
}

void progress_clear(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->drawn = -1;
}

void progress_end(struct progress *progress, size_t done)
{
    if (!progress->shown)
        return;
    draw(progress, done);
    fputc('\n', stderr);
    progress->shown = false;
}

void progress_end_saying(struct progress *progress)
{
    if (!progress->shown || !*progress->said)
        return;
    draw_said(progress);
    fputc('\n', stderr);
    progress->shown = false;
}
