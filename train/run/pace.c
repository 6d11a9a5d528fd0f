#include "train/run/pace.h"

#include <time.h>

#define KEPT 0.95 /* weight of earlier steps, per step */

double pace_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void pace_begin(struct pace *pace)
{
    *pace = (struct pace){.begun = pace_now()};
}

void pace_step_begins(struct pace *pace)
{
    pace->step_begun = pace_now();
}

void pace_step_ends(struct pace *pace, int64_t tokens, int64_t items)
{
    pace->seconds = KEPT * pace->seconds + pace_now() - pace->step_begun;
    pace->tokens = KEPT * pace->tokens + (double)tokens;
    pace->items = KEPT * pace->items + (double)items;
    pace->steps++;
}

double pace_tokens_per_second(const struct pace *pace)
{
    return pace->seconds > 0 ? pace->tokens / pace->seconds : 0;
}

double pace_items_per_second(const struct pace *pace)
{
    return pace->seconds > 0 ? pace->items / pace->seconds : 0;
}

double pace_seconds_left(const struct pace *pace, int64_t steps)
{
    return pace->steps > 0 ? (pace_now() - pace->begun) / (double)pace->steps * (double)steps : 0;
}
