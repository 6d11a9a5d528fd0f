#include "spin.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Decoding hands out work about every hundred microseconds, and a thread that sleeps in between must be woken each time. One
 * that spins for milliseconds, like libgomp's, occupies a processor that the thread it waits for may need if other programs are
 * running. docs/SPEED.md has the cost of both. */
#define SPIN_SECONDS        150e-6
#define SERVER_SPIN_SECONDS 15e-6
#define ROUNDS              200 /* timed together */

/* A round of libgomp's loop takes from one nanosecond to fifty, depending on the processor. */
static double seconds_of_a_round(void)
{
    static volatile int never;
    double least = 1;
    for (int attempt = 0; attempt < 8; attempt++) { /* the best attempt was not interrupted */
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (int i = 0; i < ROUNDS && !never; i++)
#if defined(__x86_64__)
            __builtin_ia32_pause();
#else
            __asm__ volatile("" ::: "memory");
#endif
        clock_gettime(CLOCK_MONOTONIC, &end);
        double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
        least = seconds < least ? seconds : least;
    }
    return least / ROUNDS;
}

void spin_briefly(char **argv, bool server)
{
    char program[PATH_MAX], count[32];
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0)
        return;
    program[length] = '\0';
    snprintf(count, sizeof count, "%.0f", (server ? SERVER_SPIN_SECONDS : SPIN_SECONDS) / (seconds_of_a_round() + 1e-10));
    if (setenv("GOMP_SPINCOUNT", count, 1) == 0)
        execv(program, argv);
}
