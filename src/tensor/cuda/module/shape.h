/*
 * Which algorithms multiply matrices of a shape, chosen once on a GPU.
 *
 * A row of a product has to be the same bytes whatever rows are beside it. An algorithm (a kernel and the sizes of its tiles)
 * adds up an element's terms in an order that does not depend on how many rows there are, if the sum is not split over blocks:
 * a tile is always whole inside. But the fastest algorithm for one row is slow for a thousand, and two algorithms may add in
 * different orders. Which ones agree is not documented, so it is tried: one algorithm that is good for many rows says
 * what a row is, and for each class of row counts the fastest is taken of those that give the same bytes, for several counts
 * and places of rows. If none does, that one algorithm serves all counts. Times only decide between equals, so results do not
 * depend on them.
 *
 * Of a `fast` shape nothing of that is asked: cuBLASLt chooses for each number of rows, and may split sums (by_rows.h). That
 * a product of many rows comes out right is tried all the same.
 */
#ifndef LMVR_SRC_TENSOR_CUDA_MODULE_SHAPE_H
#define LMVR_SRC_TENSOR_CUDA_MODULE_SHAPE_H

#include "tensor/cuda/module/product.h"

#define ROW_CLASSES 5
#define RESULTS     3 /* enum cuda_result */

/* The class of so many rows. */
int shape_class(int64_t rows);

struct choice {
    cublasComputeType_t compute;
    cublasLtMatmulAlgo_t algorithms[ROW_CLASSES];
};

struct shape {
    int64_t out, in, stride; /* elements; rows of weights are `stride` apart, and zero from `in` on */
    enum dtype dtype;
    bool fast;
    int64_t rows;                      /* the most that were tried, and may be multiplied at a time */
    struct choice choices[RESULTS][2]; /* by result, and whether there is a bias; of f32 there are no operands; of a fast shape
                                        * no algorithms */
    struct shape *next;
};

/* The kind of products that a choice is for, but for how they compute while that is being chosen. */
struct product_kind shape_kind(const struct shape *shape, enum cuda_result result, bool bias);

/* The shape as the GPU has it, after choosing, for which the first who asks waits. Thread-safe. Fails, with a sentence, where
 * a product comes out wrong, or no algorithm keeps rows apart. */
lmvr_status shape_get(struct cuda_gpu *gpu, int64_t out, int64_t in, int64_t stride, enum dtype dtype, bool fast,
                      const struct shape **shape, lmvr_error *error);
/* The algorithm for so many rows of a product of this kind, at most the shape's; the queue's or the shape's. */
lmvr_status shape_algorithm(struct cuda_queue *queue, const struct shape *shape, const struct product_kind *kind, int64_t rows,
                            const cublasLtMatmulAlgo_t **algorithm, lmvr_error *error);
void shapes_free(struct shape *shapes);

/* choose.c: fills in the shape's choices. */
lmvr_status shape_choose(struct cuda_gpu *gpu, struct shape *shape, lmvr_error *error);

#endif
