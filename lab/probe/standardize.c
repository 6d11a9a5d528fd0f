#include "lab/probe/standardize.h"

#include "format/half.h"

#include <float.h>
#include <math.h>

#define STRIP 256       /* values per row in a task: each sum is computed by one thread, in row order */
#define FEW   (1 << 16) /* values that one thread does in less time than a second needs to start */

static void measure_strip(const float *features, int64_t rows, int64_t dim, int width, float *mean, float *deviation)
{
    double sums[STRIP] = {0}, squares[STRIP] = {0};
    for (int64_t i = 0; i < rows; i++)
        for (int d = 0; d < width; d++)
            sums[d] += (double)features[i * dim + d];
    for (int d = 0; d < width; d++)
        sums[d] /= (double)rows;
    for (int64_t i = 0; i < rows; i++)
        for (int d = 0; d < width; d++) {
            double difference = (double)features[i * dim + d] - sums[d];
            squares[d] += difference * difference;
        }
    for (int d = 0; d < width; d++) {
        double variance = squares[d] / (double)rows, error = (double)rows * sums[d] * DBL_EPSILON;
        /* scikit-learn's bound on the rounding error of a constant; a deviation below f32's smallest would be 0 */
        bool constant = variance <= (double)rows * DBL_EPSILON * variance + error * error || sqrt(variance) < FLT_MIN;
        mean[d] = (float)sums[d];
        deviation[d] = constant ? 1 : (float)sqrt(variance);
    }
}

void standardize_measure(const float *features, int64_t rows, int64_t dim, float *mean, float *deviation)
{
#pragma omp parallel for schedule(dynamic, 1) if (rows * dim > FEW)
    for (int64_t d = 0; d < dim; d += STRIP)
        measure_strip(features + d, rows, dim, (int)(dim - d < STRIP ? dim - d : STRIP), mean + d, deviation + d);
}

void standardize_apply(const float *features, int64_t rows, int64_t dim, const float *mean, const float *deviation, float *out)
{
#pragma omp parallel for schedule(static) if (rows * dim > FEW)
    for (int64_t i = 0; i < rows; i++)
        for (int64_t d = 0; d < dim; d++)
            out[i * dim + d] = (float)(((double)features[i * dim + d] - (double)mean[d]) / (double)deviation[d]);
}

int64_t standardize_find_bad_row(const float *features, int64_t rows, int64_t dim)
{
    int64_t bad = rows;
#pragma omp parallel for schedule(static) reduction(min : bad) if (rows * dim > FEW)
    for (int64_t i = 0; i < rows; i++)
        if (i < bad && !half_all_finite(features + i * dim, (size_t)dim))
            bad = i;
    return bad == rows ? -1 : bad;
}
