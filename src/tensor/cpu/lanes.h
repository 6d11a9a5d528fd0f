/* The activations and their derivatives, lane by lane. */
#ifndef LMVR_SRC_TENSOR_CPU_LANES_H
#define LMVR_SRC_TENSOR_CPU_LANES_H

#include "tensor/cpu/vector.h"

INLINE vf sigmoid(vf x)
{
    return 1.0f / (1.0f + vexp(-x));
}

/* erf to 1.5e-7, Abramowitz and Stegun 7.1.26. */
INLINE vf verf(vf x)
{
    vf magnitude = vmax(x, -x), t = 1.0f / (1.0f + 0.3275911f * magnitude);
    vf p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    vf y = 1.0f - p * vexp(-magnitude * magnitude);
    return blend(x < splat(0.0f), -y, y);
}

INLINE vf gelu_lane(vf x)
{
    return 0.5f * x * (1.0f + verf(x * 0.70710678f));
}

/* Phi(x) + x phi(x). */
INLINE vf gelu_slope(vf x)
{
    return 0.5f * (1.0f + verf(x * 0.70710678f)) + x * 0.39894228f * vexp(-0.5f * x * x);
}

INLINE vf quick_gelu_lane(vf x)
{
    return x * sigmoid(1.702f * x);
}

INLINE vf quick_gelu_slope(vf x)
{
    vf s = sigmoid(1.702f * x);
    return s * (1.0f + 1.702f * x * (1.0f - s));
}

/* tanh(u) = 2 sigmoid(2 u) - 1, so 1 + tanh(u) = 2 sigmoid(2 u). */
INLINE vf gelu_tanh_lane(vf x)
{
    return x * sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
}

INLINE vf gelu_tanh_slope(vf x)
{
    vf s = sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
    return s + x * s * (1.0f - s) * 1.5957691216f * (1.0f + 0.134145f * x * x);
}

INLINE vf silu_lane(vf x)
{
    return x * sigmoid(x);
}

INLINE vf silu_slope(vf x)
{
    vf s = sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

INLINE vf relu_lane(vf x)
{
    return vmax(x, splat(0.0f));
}

INLINE vf relu_slope(vf x)
{
    return blend(x > splat(0.0f), splat(1.0f), splat(0.0f));
}

#endif
