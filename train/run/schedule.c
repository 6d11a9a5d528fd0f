/* The learning rate schedule. */
#include "train/run/run.h"

#include <math.h>

double run_learning_rate(const struct run_options *options, int64_t step)
{
    double steps = (double)options->steps, at = (double)step;
    double warmup = options->warmup < 1 ? ceil(options->warmup * steps) : floor(options->warmup);
    double highest = options->adamw.learning_rate;
    if (at < warmup)
        return highest * at / warmup;
    if (options->constant)
        return highest;
    double progress = (at - warmup) / fmax(1, steps - warmup);
    return highest * fmax(0, (1 + cos(M_PI * progress)) / 2);
}
