#include "vision/patches.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

void patch_cut(const float *pixels, int width, int height, int size, int y, int x, float *patch)
{
    for (int64_t c = 0; c < 3; c++)
        for (int64_t row = 0; row < size; row++, patch += size)
            memcpy(patch, pixels + ((c * height + (int64_t)y * size + row) * width + (int64_t)x * size),
                   (size_t)size * sizeof *patch);
}

void patches_cut(int64_t count, int64_t size, int64_t patch, const float *pixels, float *patches)
{
    int64_t side = size / patch;
#pragma omp parallel for schedule(static)
    for (int64_t p = 0; p < count * side * side; p++)
        patch_cut(pixels + p / (side * side) * 3 * size * size, (int)size, (int)size, (int)patch, (int)(p / side % side),
                  (int)(p % side), patches + p * 3 * patch * patch);
}

/* ---- order -------------------------------------------------------------------------------------------------------------- */

static int list_block(int block_y, int block_x, int merge, struct patch *patches)
{
    for (int i = 0; i < merge * merge; i++)
        patches[i] = (struct patch){.y = block_y * merge + i / merge, .x = block_x * merge + i % merge};
    return merge * merge;
}

int patches_list(int rows, int columns, int merge, int window, struct patch *patches, int64_t *window_ends)
{
    int down = rows / merge, across = columns / merge, windows = 0;
    int64_t count = 0;
    int tall = window ? window : down, wide = window ? window : across; /* one window for all */
    for (int top = 0; top < down; top += tall)
        for (int left = 0; left < across; left += wide) {
            for (int y = top; y < top + tall && y < down; y++)
                for (int x = left; x < left + wide && x < across; x++)
                    count += list_block(y, x, merge, patches + count);
            if (window)
                window_ends[windows] = count;
            windows++;
        }
    return windows;
}

/* ---- positions ---------------------------------------------------------------------------------------------------------- */

/* Entry `index` of torch.linspace(0, side - 1, count) in f32, whose second half is rounded once. */
static float spaced(int index, int count, int side)
{
    if (count == 1)
        return 0;
    float end = (float)(side - 1), step = end / (float)(count - 1);
    return index < count / 2 ? (float)index * step : fmaf(-step, (float)(count - 1 - index), end);
}

void patches_interpolate(int side, int rows, int columns, int y, int x, int32_t indexes[4], float weights[4])
{
    float row = spaced(y, rows, side), column = spaced(x, columns, side);
    int top = (int)row, left = (int)column;
    int bottom = top + 1 < side ? top + 1 : side - 1, right = left + 1 < side ? left + 1 : side - 1;
    float down = row - (float)top, across = column - (float)left;
    indexes[0] = top * side + left;
    indexes[1] = top * side + right;
    indexes[2] = bottom * side + left;
    indexes[3] = bottom * side + right;
    weights[0] = (1 - down) * (1 - across);
    weights[1] = (1 - down) * across;
    weights[2] = down * (1 - across);
    weights[3] = down * across;
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
