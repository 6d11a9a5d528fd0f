/* A GPU as a device, through the module with CUDA. */
#ifndef LMVR_SRC_TENSOR_CUDA_DEVICE_H
#define LMVR_SRC_TENSOR_CUDA_DEVICE_H

#include "tensor/cuda/api.h"
#include "tensor/device.h"

/* Opens GPU `index`, and compares what it computes with the processor (self_check.h). `api` has the right version; `fast` is as
 * in struct device. */
lmvr_status cuda_device_open(const struct cuda_api *api, int index, bool fast, const struct device **device, lmvr_error *error);
/* Its memory, in all and free, in bytes. */
lmvr_status cuda_device_describe(const struct device *device, struct cuda_properties *properties, lmvr_error *error);
/* As api.h says. */
lmvr_status cuda_device_measure_product(const struct device *device, int64_t out, int64_t in, enum dtype dtype, int64_t rows,
                                        struct cuda_times *times, lmvr_error *error);
lmvr_status cuda_device_measure_copy(const struct device *device, size_t bytes, double *seconds, lmvr_error *error);

#endif
