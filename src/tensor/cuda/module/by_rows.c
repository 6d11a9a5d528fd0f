#include "tensor/cuda/module/by_rows.h"

/* Of what decides: the places of products that come in turn should differ. */
static size_t place_of(const struct by_rows *b)
{
    uint64_t hash = (uint64_t)b->out * 0x9e3779b97f4a7c15u ^ (uint64_t)b->in * 0xbf58476d1ce4e5b9u ^
                    ((uint64_t)b->rows * 8 + b->kind) * 0x94d049bb133111ebu;
    return (size_t)(hash >> 40) % BY_ROWS;
}

lmvr_status by_rows_choose(struct cuda_queue *queue, const struct product_kind *kind, int64_t rows,
                           const cublasLtMatmulAlgo_t **algorithm, lmvr_error *error)
{
    struct by_rows wanted = {.out = kind->out,
                             .in = kind->in,
                             .rows = rows,
                             .kind = ((uint32_t)kind->dtype * 4 + (uint32_t)kind->result) * 2 + (kind->bias ? 1 : 0)};
    struct by_rows *known = &queue->by_rows[place_of(&wanted)];
    *algorithm = &known->algorithm;
    if (known->rows == rows && known->out == wanted.out && known->in == wanted.in && known->kind == wanted.kind)
        return LMVR_OK;
    if (product_algorithms(queue->gpu, kind, rows, 1, &wanted.algorithm) == 0)
        return error_set(error, LMVR_ERROR_RESOURCE, "%s: cuBLASLt has no algorithm for %lld rows by a matrix of (%lld, %lld)",
                         queue->gpu->label, (long long)rows, (long long)kind->out, (long long)kind->in);
    *known = wanted;
    return LMVR_OK;
}
