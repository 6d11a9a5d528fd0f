#include "vision/patches.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

void patches_cut(int64_t count, int64_t size, int64_t patch, const float *pixels, float *patches)
{
    int64_t side = size / patch;
#pragma omp parallel for schedule(static)
    for (int64_t p = 0; p < count * side * side; p++) {
        int64_t image = p / (side * side), y = p / side % side, x = p % side;
        float *to = patches + p * 3 * patch * patch;
        for (int64_t c = 0; c < 3; c++)
            for (int64_t row = 0; row < patch; row++, to += patch)
                memcpy(to, pixels + ((image * 3 + c) * size + y * patch + row) * size + x * patch, (size_t)patch * sizeof *to);
    }
}

/* Four neighbors along one axis and their weights: cubic convolution with torch's a = -0.75, the edge replicated. */
struct taps {
    int at[4];
    double share[4];
};

static double cubic(double distance)
{
    const double a = -0.75, x = fabs(distance);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static struct taps find_taps(int index, int side, int resized_side)
{
    struct taps taps;
    double center = (index + 0.5) * side / resized_side - 0.5;
    int first = (int)floor(center) - 1;
    for (int i = 0; i < 4; i++) {
        int at = first + i;
        taps.at[i] = at < 0 ? 0 : at < side ? at : side - 1;
        taps.share[i] = cubic(center - at);
    }
    return taps;
}

void patches_resize_positions(const float *table, int side, int resized_side, int64_t width, float *resized)
{
    memcpy(resized, table, (size_t)width * sizeof *table);
    for (int y = 0; y < resized_side; y++)
        for (int x = 0; x < resized_side; x++) {
            struct taps rows = find_taps(y, side, resized_side), columns = find_taps(x, side, resized_side);
            float *out = resized + (1 + (ptrdiff_t)y * resized_side + x) * width;
            for (int64_t c = 0; c < width; c++) {
                double sum = 0;
                for (int i = 0; i < 16; i++)
                    sum += rows.share[i / 4] * columns.share[i % 4] *
                           (double)table[(1 + (ptrdiff_t)rows.at[i / 4] * side + columns.at[i % 4]) * width + c];
                out[c] = (float)sum;
            }
        }
}
