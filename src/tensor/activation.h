/* The activations that models use; their formulas are in tensor/cpu/kernels.h. */
#ifndef LMVR_SRC_TENSOR_ACTIVATION_H
#define LMVR_SRC_TENSOR_ACTIVATION_H

enum activation { ACTIVATION_GELU, ACTIVATION_QUICK_GELU, ACTIVATION_GELU_TANH, ACTIVATION_SILU, ACTIVATION_RELU };

#endif
