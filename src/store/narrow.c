#include "store/narrow.h"

#include "format/half.h"

#include <math.h>
#include <string.h>

#define F16_MAX 65504.0f
#define F16_END 65520.0f /* from which on values are rounded to infinity */
#define BLOCK   256      /* values widened at a time */

/* ---- narrowing ------------------------------------------------------------------------------------------------------- */

static uint64_t narrow_f16(const float *values, size_t count, uint16_t *out)
{
    uint64_t clipped = 0;
    half_narrow_f16(values, count, out);
    for (size_t i = 0; i < count; i++)
        if (fabsf(values[i]) >= F16_END && isfinite(values[i])) {
            half_narrow_f16(&(float){copysignf(F16_MAX, values[i])}, 1, &out[i]);
            clipped++;
        }
    return clipped;
}

static float narrow_int8(const float *row, size_t dim, int8_t *out)
{
    float most = 0;
    for (size_t i = 0; i < dim; i++)
        most = fabsf(row[i]) > most ? fabsf(row[i]) : most;
    float scale = half_all_finite(row, dim) ? most / 127 : NAN;
    for (size_t i = 0; i < dim; i++) {
        double value = scale > 0 ? rint((double)row[i] / (double)scale) : 0;
        out[i] = (int8_t)fmax(-127, fmin(127, value));
    }
    return scale;
}

uint64_t narrow_rows(enum npy_type type, const float *rows, size_t count, size_t dim, void *out, float *scales)
{
    if (type == NPY_F16)
        return narrow_f16(rows, count * dim, out);
    for (size_t i = 0; i < count; i++)
        scales[i] = narrow_int8(rows + i * dim, dim, (int8_t *)out + i * dim);
    return 0;
}

/* ---- widening -------------------------------------------------------------------------------------------------------- */

/* A block is copied before it is overwritten: what is written never passes the values that are still to be read. */
void narrow_widen(enum npy_type type, size_t count, float *values)
{
    size_t size = npy_type_size(type);
    const char *in = (const char *)(values + count) - count * size;
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t here = count - first < BLOCK ? count - first : BLOCK;
        uint16_t halves[BLOCK];
        memcpy(halves, in + first * size, here * size);
        if (type == NPY_F16) {
            half_widen_f16(halves, here, values + first);
            continue;
        }
        for (size_t i = 0; i < here; i++)
            values[first + i] = (float)((const int8_t *)halves)[i];
    }
}
