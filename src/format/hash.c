#include "format/hash.h"

uint64_t hash_bytes(uint64_t state, const void *bytes, size_t size)
{
    const unsigned char *c = bytes;
    for (size_t i = 0; i < size; i++)
        state = (state ^ c[i]) * UINT64_C(0x100000001b3);
    return state;
}
