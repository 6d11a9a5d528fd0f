/* One product by cuBLASLt, and the algorithms that it has for it. */
#ifndef LMVR_SRC_TENSOR_CUDA_MODULE_PRODUCT_H
#define LMVR_SRC_TENSOR_CUDA_MODULE_PRODUCT_H

#include "tensor/cuda/module/queue.h"

#define OPERAND_ALIGNMENT 16 /* bytes, of x, of the bias, and of the rows of weights */

/* Whether sums may be split into parts that are added up. */
enum splits {
    SPLITS_NONE,
    SPLITS_IN_ORDER, /* from memory of their own, so that the same product has the same bits */
    SPLITS_ANY
};

/* What an algorithm is chosen for. */
struct product_kind {
    int64_t out, in; /* of the matrix as it lies in memory */
    enum dtype dtype;
    enum cuda_result result;
    bool bias;
    enum splits splits;
    cublasComputeType_t compute;
};

/* The type of y, and of the bias that is added on the way. */
enum dtype product_dtype(const struct product_kind *kind);
/* How y has to be aligned, in bytes. */
uint32_t product_alignment(const struct product_kind *kind);

/* Operands, in the GPU's memory. */
struct product {
    int64_t rows;
    const void *weights, *x, *bias; /* bias: of y's type; set if the kind has one */
    void *y;
};

/*
 * The algorithms, up to `most`, by which cuBLASLt would multiply so many rows: what it takes for the fastest first. Left out
 * are those that split sums, where that is not allowed, those in TF32 or with sums of 16 bits, and those that need more memory
 * than a queue has. Returns how many there are.
 */
int product_algorithms(const struct cuda_gpu *gpu, const struct product_kind *kind, int64_t rows, int most,
                       cublasLtMatmulAlgo_t *algorithms);

cublasStatus_t product_run(struct cuda_queue *queue, const struct product_kind *kind, const struct product *product,
                           const cublasLtMatmulAlgo_t *algorithm);

#endif
