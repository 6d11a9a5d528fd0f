/* Random numbers that depend only on the seed, the split and the index: splitmix64 (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", OOPSLA 2014). Every scene has its own generator, so it does not depend on the others. */
#ifndef LMVR_TOOLS_SCENES_SCENES_RANDOM_H
#define LMVR_TOOLS_SCENES_SCENES_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

/* The generator of scene `index` (below 2^61) of split 0 to 3. For one seed, no two scenes start in the same state, and since
 * the first number drawn is a bijection of the state, no two draw the same first number: see scene.h. */
struct random random_of(uint64_t seed, int part, uint64_t index);

uint64_t random_next(struct random *r);

/* Uniform in [0, 1). */
double random_unit(struct random *r);

/* Uniform in [low, high). */
double random_between(struct random *r, double low, double high);

/* Uniform among 0 .. count - 1; count is at least 1. */
int random_below(struct random *r, int count);

/* True with this probability. */
bool random_chance(struct random *r, double probability);

/* Shuffles values[0 .. count - 1]. */
void random_shuffle(struct random *r, int *values, int count);

/* A hash of a lattice point, for textures. */
static inline uint32_t random_lattice(uint32_t seed, int x, int y)
{
    uint32_t h = seed ^ ((uint32_t)x * 0x8da6b343u) ^ ((uint32_t)y * 0xd8163841u);
    h = (h ^ (h >> 16)) * 0x7feb352du;
    h = (h ^ (h >> 15)) * 0x846ca68bu;
    return h ^ (h >> 16);
}

#endif
