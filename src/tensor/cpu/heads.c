/* Queries and keys before attention: normed, turned, and filed in the KV cache. */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/kv_store.h"
#include "tensor/cpu/operations.h"

#define FEW 16384 /* below this many elements, one thread is faster than two */

/* Turns `heads` heads x (heads, dim) by one row of angles: transformers' rotate_half. */
static void turn(int heads, int64_t dim, const float *angles, float *x)
{
    int64_t pairs = dim / 2;
    for (int h = 0; h < heads; h++, x += dim)
        for (int64_t i = 0; i < pairs; i++) {
            float a = x[i], b = x[pairs + i], cosine = angles[i], sine = angles[pairs + i];
            x[i] = a * cosine - b * sine;
            x[pairs + i] = b * cosine + a * sine;
        }
}

static void prepare(const struct head_rows *rows, const struct norm *norm, int heads, const float *angles, float *x)
{
    if (norm && norm->weight)
        kernels_get()->rms_norm(heads, rows->head_dim, x, norm->weight, norm->eps, x);
    if (angles)
        turn(heads, rows->head_dim, angles, x);
}

void cpu_heads(struct arena *arena, const struct head_rows *rows, operand *qkv)
{
    (void)arena;
    int64_t query_width = (int64_t)rows->q_heads * rows->head_dim, key_width = (int64_t)rows->kv_heads * rows->head_dim;
#pragma omp parallel for schedule(static) if (rows->count * rows->stride > FEW)
    for (int64_t r = 0; r < rows->count; r++) {
        float *q = (float *)qkv + r * rows->stride, *k = q + query_width, *v = k + key_width;
        const float *angles = rows->angles ? rows->angles + r * rows->head_dim : NULL;
        prepare(rows, rows->q_norm, rows->q_heads, angles, q);
        prepare(rows, rows->k_norm, rows->kv_heads, angles, k);
        if (rows->cache) {
            struct kv_store store = kv_store_of(rows->cache, rows->places[r].slot, rows->block);
            kv_store_set(&store, rows->places[r].position, k, v);
        }
    }
}
