/*
 * Scores of rows, as they are reported. Products of two floats are exact in double precision, and they are added in one order,
 * so that a score has the same bits on every machine, whatever instructions that has.
 */
#ifndef LMVR_SRC_SEARCH_EXACT_H
#define LMVR_SRC_SEARCH_EXACT_H

#include <stddef.h>

double exact_dot(const float *a, const float *b, size_t count);

/* The cosine of two rows from their product and their products with themselves: exactly 1 for equal rows, 0 where one is all
 * zeros. */
double exact_cosine(double dot, double a_square, double b_square);

#endif
