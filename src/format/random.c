#include "format/random.h"

#include "format/hash.h"

#include <math.h>

void random_init(struct random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
        random->state[i] = hash_mix(seed);
    }
}

static double unit(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

double random_uniform(struct random *random, double least, double most)
{
    return least + (most - least) * unit(random);
}

void random_normals(struct random *random, double values[2])
{
    double radius = sqrt(-2 * log1p(-unit(random))), angle = 2 * M_PI * unit(random);
    values[0] = radius * cos(angle);
    values[1] = radius * sin(angle);
}

/* Vose's algorithm: values of more than average probability fill up the slots of those with less. */
void alias_init(double *probabilities, int count, struct alias *slots, int *scratch)
{
    int small = 0, large = count; /* two stacks in one array, growing from both ends */
    for (int i = count - 1; i >= 0; i--) {
        probabilities[i] *= count;
        if (probabilities[i] < 1)
            scratch[small++] = i;
        else
            scratch[--large] = i;
    }
    while (small > 0 && large < count) {
        int low = scratch[--small], high = scratch[large];
        slots[low] = (struct alias){(uint32_t)(probabilities[low] * 0x1p32), high};
        probabilities[high] -= 1 - probabilities[low];
        if (probabilities[high] < 1) {
            large++;
            scratch[small++] = high;
        }
    }
    while (small > 0) {
        int i = scratch[--small];
        slots[i] = (struct alias){UINT32_MAX, i};
    }
    for (; large < count; large++)
        slots[scratch[large]] = (struct alias){UINT32_MAX, scratch[large]};
}
