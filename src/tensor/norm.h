/* The parameters of a LayerNorm (Ba et al. 2016) or an RMS norm (Zhang and Sennrich 2019). */
#ifndef LMVR_SRC_TENSOR_NORM_H
#define LMVR_SRC_TENSOR_NORM_H

#include <stdbool.h>

struct device;

struct norm {
    const struct device *device;
    float *weight, *bias; /* (width), on the device; an RMS norm has no bias */
    float eps;
    bool rms;
};

#endif
