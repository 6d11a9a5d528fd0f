/* Floats as they are kept in fewer bytes. */
#ifndef LMVR_SRC_STORE_NARROW_H
#define LMVR_SRC_STORE_NARROW_H

#include "store/npy.h"

/*
 * Narrows rows (count, dim) to `out`, of a type that is not NPY_F32.
 *
 * NPY_F16 rounds to nearest, ties to even. Finite values that are too large for it become its largest, 65504, with their sign,
 * so that no row gets an infinite value that it did not have; the result is how many these were.
 *
 * NPY_INT8 divides each row by its scale, a 127th of its largest magnitude, and rounds likewise. `scales` (count) receives
 * them: NaN for a row with a value that is not finite, all of which is read as NaN then.
 */
uint64_t narrow_rows(enum npy_type type, const float *rows, size_t count, size_t dim, void *out, float *scales);

/* Widens `count` values of a type that is not NPY_F32, which are the last bytes of `values` (count), in their place. */
void narrow_widen(enum npy_type type, size_t count, float *values);

#endif
