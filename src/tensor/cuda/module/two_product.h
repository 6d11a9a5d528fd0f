/* Products of two matrices that both change, for training. */
#ifndef LMVR_SRC_TENSOR_CUDA_MODULE_TWO_PRODUCT_H
#define LMVR_SRC_TENSOR_CUDA_MODULE_TWO_PRODUCT_H

#include "tensor/cuda/module/queue.h"

/* As api.h says of `product`. */
lmvr_status two_product(struct cuda_queue *queue, const struct cuda_product *product, lmvr_error *error);

#endif
