/* Widens the 16-bit floats of checkpoints to f32 without loss, including subnormals, infinities and NaN payloads, and rounds
 * f32 to them. */
#ifndef LMVR_SRC_FORMAT_HALF_H
#define LMVR_SRC_FORMAT_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IEEE binary16, and bfloat16. `in` and `out` must not overlap. */
void half_widen_f16(const uint16_t *in, size_t count, float *out);
void half_widen_bf16(const uint16_t *in, size_t count, float *out);

/* Rounds to nearest, ties to even; what is too large becomes infinite. */
void half_narrow_f16(const float *in, size_t count, uint16_t *out);
void half_narrow_bf16(const float *in, size_t count, uint16_t *out);

/* Whether no value is infinite or NaN. */
bool half_all_finite(const float *values, size_t count);

#endif
