#include "format/quantized_rows.h"

#include "format/gguf_blocks.h"

#include <math.h>
#include <string.h>

#define BLOCK       32 /* weights that share a scale, in 4 bits */
#define BLOCK_BYTES 20
#define Q4_1        3 /* GGUF's number of the type that a block is of */

#define F16_EXPONENT 0x7c00 /* all of its bits are set in what is not finite */

static int64_t block_count(int64_t in)
{
    return (in + BLOCK - 1) / BLOCK;
}

size_t quantized_row_bytes(int bits, int64_t in)
{
    return bits == 4 ? (size_t)block_count(in) * BLOCK_BYTES : sizeof(float) + (size_t)in;
}

static bool is_finite(int bits, int64_t in, const unsigned char *row)
{
    float scale;
    uint16_t halves[2];
    if (bits == 8) {
        memcpy(&scale, row, sizeof scale);
        return isfinite(scale);
    }
    for (int64_t b = 0; b < block_count(in); b++) {
        memcpy(halves, row + b * BLOCK_BYTES, sizeof halves);
        if ((halves[0] & F16_EXPONENT) == F16_EXPONENT || (halves[1] & F16_EXPONENT) == F16_EXPONENT)
            return false;
    }
    return true;
}

bool quantized_rows_are_finite(int bits, int64_t in, int64_t count, const unsigned char *rows)
{
    for (int64_t r = 0; r < count; r++)
        if (!is_finite(bits, in, rows + (size_t)r * quantized_row_bytes(bits, in)))
            return false;
    return true;
}

static void widen_8(int64_t in, const unsigned char *row, float *weights)
{
    float scale;
    memcpy(&scale, row, sizeof scale);
    for (int64_t i = 0; i < in; i++)
        weights[i] = scale * (float)(int8_t)row[sizeof scale + (size_t)i];
}

static void widen_4(int64_t in, const unsigned char *row, float *weights)
{
    float last[BLOCK];
    int64_t whole = in / BLOCK;
    gguf_type(Q4_1)->widen(row, (size_t)whole, weights);
    if (in % BLOCK == 0)
        return;
    gguf_type(Q4_1)->widen(row + whole * BLOCK_BYTES, 1, last);
    memcpy(weights + whole * BLOCK, last, (size_t)(in % BLOCK) * sizeof *last);
}

void quantized_row_widen(int bits, int64_t in, const unsigned char *row, const float *factors, float *weights)
{
    if (bits == 8)
        widen_8(in, row, weights);
    else
        widen_4(in, row, weights);
    for (int64_t i = 0; factors && i < in; i++)
        weights[i] *= factors[i];
}
