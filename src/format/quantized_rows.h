/* Rows of weights in 8 or 4 bits, as files hold them (docs/formats.md, Quantized weights) and kernels take them
 * (tensor/cpu/kernel_quantized.h). */
#ifndef LMVR_SRC_FORMAT_QUANTIZED_ROWS_H
#define LMVR_SRC_FORMAT_QUANTIZED_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a row of `in` weights in 8 or 4 bits. */
size_t quantized_row_bytes(int bits, int64_t in);

/* Whether all scales of `count` rows are finite. */
bool quantized_rows_are_finite(int bits, int64_t in, int64_t count, const unsigned char *rows);

/* What a row says, (in): each weight times its column's factor. `factors` NULL: all are 1. */
void quantized_row_widen(int bits, int64_t in, const unsigned char *row, const float *factors, float *weights);

#endif
