#include "search/rotation.h"

#include "format/random.h"

#include <math.h>
#include <stdlib.h>

bool rotation_init(struct rotation *rotation, size_t dim)
{
    struct random random;
    *rotation = (struct rotation){.dim = dim, .width = 1, .signs = malloc(dim * sizeof(float) + 1)};
    while (rotation->width <= dim / 2)
        rotation->width *= 2;
    random_init(&random, dim);
    for (size_t i = 0; rotation->signs && i < dim; i++)
        rotation->signs[i] = random_next(&random) >> 63 ? 1 : -1;
    return rotation->signs;
}

void rotation_finish(struct rotation *rotation)
{
    free(rotation->signs);
}

/* Hadamard's transform of `width` values, divided by the root of `width`. */
static void transform(float *x, size_t width)
{
    float factor = 1 / sqrtf((float)width);
    for (size_t half = 1; half < width; half *= 2)
        for (size_t first = 0; first < width; first += 2 * half)
            for (size_t i = first; i < first + half; i++) {
                float a = x[i], b = x[i + half];
                x[i] = a + b;
                x[i + half] = a - b;
            }
    for (size_t i = 0; i < width; i++)
        x[i] *= factor;
}

/* Rotates the values from `first` on, of the width of the transform. */
static void turn(const struct rotation *r, size_t first, float *x)
{
    for (size_t i = first; i < first + r->width; i++)
        x[i] *= r->signs[i];
    transform(x + first, r->width);
}

/* The first values, then the last, where a power of two leaves some. */
void rotation_apply(const struct rotation *rotation, float *x)
{
    turn(rotation, 0, x);
    if (rotation->dim > rotation->width)
        turn(rotation, rotation->dim - rotation->width, x);
}

/* Each of log2(width) sums rounds once, relative to what it gives, and so does the product with the factor, which is off by two
 * roundings itself. All that comes after keeps lengths. */
double rotation_error(const struct rotation *rotation)
{
    int roundings = 3;
    for (size_t width = rotation->width; width > 1; width /= 2)
        roundings++;
    return 1.01 * roundings * (rotation->dim > rotation->width ? 2 : 1) * 0x1p-24;
}
