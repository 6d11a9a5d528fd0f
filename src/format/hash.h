/* FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): to tell files apart, not to withstand an enemy. */
#ifndef LMVR_SRC_FORMAT_HASH_H
#define LMVR_SRC_FORMAT_HASH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of what `state` stood for, followed by these bytes. */
uint64_t hash_bytes(uint64_t state, const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
