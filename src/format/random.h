/*
 * Random numbers, for corruptions above all: xoshiro256++ (Blackman and Vigna, https://prng.di.unimi.it/), its state seeded by
 * splitmix64. The same seed gives the same numbers on every machine.
 */
#ifndef LMVR_SRC_FORMAT_RANDOM_H
#define LMVR_SRC_FORMAT_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_init(struct random *random, uint64_t seed);

static inline uint64_t random_next(struct random *random)
{
    uint64_t *s = random->state, sum = s[0] + s[3], out = (sum << 23 | sum >> 41) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;
    return out;
}

/* A whole number from 0 to n - 1, where n is at least 1, from 32 random bits. */
static inline int random_below(uint32_t bits, int n)
{
    return (int)((uint64_t)bits * (uint32_t)n >> 32);
}

/* Uniform in [least, most). */
double random_uniform(struct random *random, double least, double most);

/* Two independent standard normal values, by the Box-Muller transform. */
void random_normals(struct random *random, double values[2]);

/* ---- draws from a distribution over 0 to count - 1 in constant time: Walker's alias method ---- */

/* A slot gives its own index with probability keep / 2^32, else `other`. */
struct alias {
    uint32_t keep;
    int32_t other;
};

/* `probabilities` add up to about 1 and are overwritten. `slots` and `scratch` have room for `count`. */
void alias_init(double *probabilities, int count, struct alias *slots, int *scratch);

static inline int alias_draw(const struct alias *slots, int count, uint64_t bits)
{
    int slot = random_below((uint32_t)(bits >> 32), count);
    return (uint32_t)bits < slots[slot].keep ? slot : slots[slot].other;
}

#endif
