/* Finds and loads the module with CUDA. */
#ifndef LMVR_SRC_TENSOR_CUDA_LOAD_MODULE_H
#define LMVR_SRC_TENSOR_CUDA_LOAD_MODULE_H

#include "tensor/cuda/device.h"

/*
 * Loads lmvr-cuda.so, once a process: it lies beside the library or program that holds the engine, or where it was installed,
 * LIBDIR/lmvr, or is the file that the environment's LMVR_CUDA_MODULE names. Thread-safe.
 */
lmvr_status cuda_module_load(const struct cuda_api **api, lmvr_error *error);

#endif
