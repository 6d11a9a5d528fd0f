#include "lab/report/scale.h"

#include <math.h>

/* The smallest and largest values; false: there are none. */
static bool find_range(const struct report_chart *chart, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < chart->series_count; i++)
        for (size_t k = 0; k < chart->category_count; k++) {
            const struct series *s = &chart->series[i];
            *low = fmin(*low, fmin(s->values[k], s->low[k])); /* ignores NaN */
            *high = fmax(*high, fmax(s->values[k], s->high[k]));
        }
    return *low <= *high;
}

/* The next of 1, 2, 5, 10, ... times a power of ten, at least `least`. */
static double round_step(double least, int *decimals)
{
    double exponent = floor(log10(least)), power = pow(10, exponent);
    double step = least <= power * 1.0001 ? 1 : least <= 2.0001 * power ? 2 : least <= 5.0001 * power ? 5 : 10;
    exponent += step >= 10 ? 1 : 0;
    *decimals = exponent < 0 ? (int)-exponent : 0;
    return step * power;
}

struct scale scale_of(const struct report_chart *chart, int wanted)
{
    double low, high;
    if (!find_range(chart, &low, &high))
        low = 0, high = 1;
    if (chart->kind == REPORT_BARS) {
        low = fmin(low, 0);
        high = fmax(high, 0);
    }
    /* values that are (nearly) all the same are centered */
    double size = fmax(fabs(low), fabs(high)), least = size > 0 ? size * 1e-6 : 1;
    if (high - low < least) {
        low -= chart->kind == REPORT_BARS ? 0 : least;
        high += least;
    }
    struct scale scale;
    scale.step = round_step((high - low) / wanted, &scale.decimals);
    scale.low = floor(low / scale.step + 1e-9) * scale.step;
    scale.high = ceil(high / scale.step - 1e-9) * scale.step;
    scale.ticks = (int)lround((scale.high - scale.low) / scale.step) + 1;
    return scale;
}

double scale_tick(const struct scale *scale, int tick)
{
    return scale->low + tick * scale->step;
}

double scale_at(const struct scale *scale, double value)
{
    return (value - scale->low) / (scale->high - scale->low);
}
