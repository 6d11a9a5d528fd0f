#include "tensor/cpu/spot.h"

#include <math.h>

#define TOLERANCE 2e-5 /* of the sum of magnitudes: far above rounding errors, far below a lost term */

int spot_choose(int64_t count, int most, int64_t *indices)
{
    const int64_t last = count - 1;
    /* by importance: both ends, the first of the last block of 64 and of 16, the middle, a neighbor of the end, ... */
    const int64_t wanted[] = {last, 0, last / 64 * 64, last / 16 * 16, count / 2, last - 1, last / 48 * 48, count / 4};
    int chosen = 0;
    for (int i = 0; i < 8 && chosen < most; i++) {
        if (wanted[i] < 0)
            continue;
        int at = chosen;
        while (at > 0 && indices[at - 1] > wanted[i])
            at--;
        if (at > 0 && indices[at - 1] == wanted[i])
            continue;
        for (int j = chosen; j > at; j--)
            indices[j] = indices[j - 1];
        indices[at] = wanted[i];
        chosen++;
    }
    return chosen;
}

static double element(const struct spot_factor *factor, int64_t i)
{
    if (factor->dtype == F32)
        return (double)((const float *)factor->data)[i * factor->step];
    return (double)bf16_to_f32(((const bf16 *)factor->data)[i * factor->step]);
}

bool spot_agrees(int64_t k, struct spot_factor a, struct spot_factor b, float before, float result)
{
    double sum = (double)before, size = fabs(sum);
    for (int64_t i = 0; i < k; i++) {
        double product = element(&a, i) * element(&b, i);
        sum += product;
        size += fabs(product);
    }
    if (!isfinite(size) || size > 1e38)
        return true;
    return fabs(sum - (double)result) <= TOLERANCE * size + 1e-30;
}
