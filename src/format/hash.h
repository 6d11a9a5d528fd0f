/* FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): tells files apart, but is not cryptographic. */
#ifndef LMVR_SRC_FORMAT_HASH_H
#define LMVR_SRC_FORMAT_HASH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Continues a hash: the hash of everything hashed into `state` so far, followed by these bytes. */
uint64_t hash_bytes(uint64_t state, const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif

/* SplitMix64's finalizer (Steele, Lea and Flood, 2014): a bijection in which every output bit depends on every input bit. */
static inline uint64_t hash_mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

#endif
