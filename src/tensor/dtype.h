/* The element types of tensors, and conversions between them. */
#ifndef LMVR_SRC_TENSOR_DTYPE_H
#define LMVR_SRC_TENSOR_DTYPE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* INT8 and INT4 have scales beside them: INT8 in weights and in a KV cache, INT4 in weights alone, two in a byte. */
enum dtype { F32, BF16, INT8, INT4 };

/* The types of a model. What is added up over its blocks is always f32. */
struct dtypes {
    enum dtype weights; /* of matrices */
    enum dtype compute; /* F32 or BF16: of operands, of attention within groups, and of embeddings */
    enum dtype cache;   /* of keys and values: not INT4 */
};

/* bfloat16: the upper half of an f32. */
typedef uint16_t bf16;

/* Bytes of an element; not of INT4. */
static inline size_t dtype_size(enum dtype dtype)
{
    return dtype == F32 ? sizeof(float) : dtype == BF16 ? sizeof(bf16) : 1;
}

static inline float bf16_to_f32(bf16 x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Rounds to nearest, ties to even; NaN stays NaN. */
static inline bf16 bf16_from_f32(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (bf16)(bits >> 16 | 0x40);
    return (bf16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
