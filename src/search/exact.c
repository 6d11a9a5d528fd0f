#include "search/exact.h"

#include <math.h>
#include <string.h>

#define LANES 8
typedef float floats __attribute__((vector_size(LANES * sizeof(float))));
typedef double doubles __attribute__((vector_size(LANES * sizeof(double))));

double exact_dot(const float *a, const float *b, size_t count)
{
    doubles even = {0}, odd = {0};
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        floats x[2], y[2];
        memcpy(x, a + i, sizeof x);
        memcpy(y, b + i, sizeof y);
        even += __builtin_convertvector(x[0], doubles) * __builtin_convertvector(y[0], doubles);
        odd += __builtin_convertvector(x[1], doubles) * __builtin_convertvector(y[1], doubles);
    }
    even += odd;
    double sum = 0;
    for (; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    for (int lane = 0; lane < LANES; lane++)
        sum += even[lane];
    return sum;
}

/* The square root of a square is exact, so nothing is lost where all three are equal. Squares of floats' sums are far from the
 * ends of doubles. */
double exact_cosine(double dot, double a_square, double b_square)
{
    return a_square > 0 && b_square > 0 ? dot / sqrt(a_square * b_square) : 0;
}
