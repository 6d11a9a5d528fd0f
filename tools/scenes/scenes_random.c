#include "tools/scenes/scenes_random.h"

#include "format/hash.h"

struct random random_of(uint64_t seed, int part, uint64_t index)
{
    return (struct random){hash_mix(hash_mix(seed + UINT64_C(0x632be59bd9b4e019)) + 4 * index + (uint64_t)part)};
}

uint64_t random_next(struct random *r)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    return hash_mix(r->state);
}

double random_unit(struct random *r)
{
    return (double)(random_next(r) >> 11) * 0x1p-53;
}

double random_between(struct random *r, double low, double high)
{
    return low + (high - low) * random_unit(r);
}

int random_below(struct random *r, int count)
{
    return (int)(((random_next(r) >> 32) * (uint64_t)count) >> 32);
}

bool random_chance(struct random *r, double probability)
{
    return random_unit(r) < probability;
}

void random_shuffle(struct random *r, int *values, int count)
{
    for (int i = count - 1; i > 0; i--) {
        int j = random_below(r, i + 1), value = values[i];
        values[i] = values[j];
        values[j] = value;
    }
}
