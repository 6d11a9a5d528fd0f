/* The element types of GGUF files: how many elements share a block, how large it is, and what it says
 * (https://github.com/ggml-org/ggml, docs/gguf.md and src/ggml-common.h). */
#ifndef LMVR_SRC_FORMAT_GGUF_BLOCKS_H
#define LMVR_SRC_FORMAT_GGUF_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define GGUF_MAX_BLOCK 256 /* elements */

struct gguf_type {
    const char *name;
    uint16_t elements, size; /* of a block: how many elements, how many bytes */
    /* What `count` blocks say, to the last bit as the Python module gguf computes it. NULL: they are not read as floats. */
    void (*widen)(const unsigned char *blocks, size_t count, float *out);
    /* `count` blocks that say about these values, to the last bit as the module makes them. NULL: such are not written. */
    void (*narrow)(const float *values, size_t count, unsigned char *blocks);
    /* A block's 4 bits as blocks of Q4_1, one for 32 elements: they say the same, but for the rounding of scales and minima to
     * f16, which are infinite where they are too large for that. NULL: its elements are none of Q4_1's. */
    void (*to_q4_1)(const unsigned char *block, unsigned char *out);
};

#define GGUF_Q4_1_ELEMENTS 32
#define GGUF_Q4_1_BYTES    20 /* scale and minimum in f16; 16 bytes: the lower halves are elements 0 .. 15, the upper the rest */

/* Numbers of types that are written. */
enum { GGUF_F32 = 0, GGUF_F16 = 1, GGUF_Q4_0 = 2, GGUF_Q8_0 = 8, GGUF_BF16 = 30 };

/* The type with this number in a file; NULL: there is none. */
const struct gguf_type *gguf_type(uint32_t number);

/* The type's number. */
uint32_t gguf_type_number(const struct gguf_type *type);

#endif
