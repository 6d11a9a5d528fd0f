#include "image/normalize.h"

#include "tensor/cpu/kernel_resample.h"

#include <math.h>

/* The float for each byte, computed in the types and order of transformers' rescale and normalize. */
static void make_table(const struct preprocess *p, int channel, float table[256])
{
    float mean = (float)p->mean[channel], std = (float)p->std[channel];
    for (int i = 0; i < 256; i++) {
        float value = p->do_rescale ? (float)(i * p->rescale_factor) : (float)i;
        table[i] = p->do_normalize ? (value - mean) / std : value;
    }
}

/* Whether floats alone give the same as the factor in double precision: nearly always. */
static bool has_formula(const struct levels *levels)
{
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++) {
            float byte = (float)i, value = fmaf(byte, levels->scale[0], byte * levels->scale[1]);
            if ((value - levels->mean[c]) / levels->std[c] != levels->table[c][i])
                return false;
        }
    return true;
}

static void levels_init(struct levels *levels, const struct preprocess *p)
{
    double factor = p->do_rescale ? p->rescale_factor : 1;
    levels->scale[0] = (float)factor;
    levels->scale[1] = (float)(factor - levels->scale[0]);
    for (int c = 0; c < 3; c++) {
        make_table(p, c, levels->table[c]);
        levels->mean[c] = p->do_normalize ? (float)p->mean[c] : 0;
        levels->std[c] = p->do_normalize ? (float)p->std[c] : 1;
    }
    levels->formula = has_formula(levels);
}

void normalize(const struct preprocess *p, const uint8_t *rgb, size_t stride, int width, int height, float *pixels)
{
    const struct resample_kernels *kernels = resample_kernels_get();
    struct levels levels;
    levels_init(&levels, p);
    for (int y = 0; y < height; y++)
        kernels->spread(&levels, rgb + y * stride, width, pixels + (size_t)y * width, (size_t)width * height);
}
