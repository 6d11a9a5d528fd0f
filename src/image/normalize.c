#include "image/normalize.h"

/* The float for each byte, computed in the types and order of transformers' rescale and normalize. */
static void make_table(const struct preprocess *p, int channel, float table[256])
{
    float mean = (float)p->mean[channel], std = (float)p->std[channel];
    for (int i = 0; i < 256; i++) {
        float value = p->do_rescale ? (float)(i * p->rescale_factor) : (float)i;
        table[i] = p->do_normalize ? (value - mean) / std : value;
    }
}

void normalize(const struct preprocess *p, const uint8_t *rgb, size_t stride, int width, int height, float *pixels)
{
    float tables[3][256];
    size_t plane = (size_t)width * height;
    for (int c = 0; c < 3; c++)
        make_table(p, c, tables[c]);
    for (int y = 0; y < height; y++, pixels += width) {
        const uint8_t *row = rgb + y * stride;
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                pixels[c * plane + x] = tables[c][row[3 * x + c]];
    }
}
