/* Norms, activations and conversions: one pass over rows that fit the cache. */
#include "tensor/cpu/gemm.h"

#include <math.h>

static float sum_row(int64_t n, const float *x)
{
    vf sum = splat(0.0f);
    int64_t i, tail = n % LANES;
    for (i = 0; i < n - tail; i += LANES)
        sum += load(x + i);
    sum += load_part(x + i, tail);
    return sum_lanes(sum);
}

static float sum_squares(int64_t n, const float *x, float mean)
{
    vf sum = splat(0.0f);
    int64_t i, tail = n % LANES;
    for (i = 0; i < n - tail; i += LANES) {
        vf d = load(x + i) - mean;
        sum += d * d;
    }
    float total = sum_lanes(sum);
    for (; i < n; i++)
        total += (x[i] - mean) * (x[i] - mean);
    return total;
}

/* Ba, Kiros, Hinton 2016; torch.nn.functional.layer_norm. */
static void layer_norm(int64_t rows, int64_t n, const float *x, const float *weight, const float *bias, float eps, float *y)
{
    for (int64_t r = 0; r < rows; r++, x += n, y += n) {
        float mean = sum_row(n, x) / (float)n;
        float scale = 1.0f / sqrtf(sum_squares(n, x, mean) / (float)n + eps);
        for (int64_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
    }
}

/* Zhang, Sennrich 2019; transformers' LlamaRMSNorm. */
static void rms_norm(int64_t rows, int64_t n, const float *x, const float *weight, float eps, float *y)
{
    for (int64_t r = 0; r < rows; r++, x += n, y += n) {
        float scale = 1.0f / sqrtf(sum_squares(n, x, 0.0f) / (float)n + eps);
        for (int64_t i = 0; i < n; i++)
            y[i] = weight[i] * (x[i] * scale);
    }
}

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

INLINE vf quick_gelu_lane(vf x)
{
    return x * sigmoid(1.702f * x);
}

/* tanh(u) = 2 sigmoid(2 u) - 1, so 1 + tanh(u) = 2 sigmoid(2 u). */
INLINE vf gelu_tanh_lane(vf x)
{
    return x * sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
}

INLINE vf silu_lane(vf x)
{
    return x * sigmoid(x);
}

INLINE vf relu_lane(vf x)
{
    return vmax(x, splat(0.0f));
}

#define DEFINE_ACTIVATION(NAME)                                                                                                \
    static void NAME(int64_t n, float *x)                                                                                      \
    {                                                                                                                          \
        int64_t i, tail = n % LANES;                                                                                           \
        for (i = 0; i < n - tail; i += LANES)                                                                                  \
            store(x + i, NAME##_lane(load(x + i)));                                                                            \
        if (tail)                                                                                                              \
            store_part(x + i, NAME##_lane(load_part(x + i, tail)), tail);                                                      \
    }

DEFINE_ACTIVATION(gelu)
DEFINE_ACTIVATION(quick_gelu)
DEFINE_ACTIVATION(gelu_tanh)
DEFINE_ACTIVATION(silu)
DEFINE_ACTIVATION(relu)

static void multiply(int64_t n, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] *= x[i];
}

static void to_bf16(int64_t n, const float *x, bf16 *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bf16_from_f32(x[i]);
}

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

const struct kernels KERNEL(kernels) = {
    .name = STRING(ISA),
    .panel = PANEL,
    .gemm_scratch = KERNEL(gemm_scratch),
    .gemm = KERNEL(gemm),
    .attention_scratch = KERNEL(attention_scratch),
    .attention = KERNEL(attention),
#if defined(__AVX512BF16__)
    .pairs_size = KERNEL(pairs_size),
    .pairs_pack = KERNEL(pairs_pack),
    .pairs_scratch = KERNEL(pairs_scratch),
    .pairs_attention = KERNEL(pairs_attention),
#endif
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .gelu = gelu,
    .quick_gelu = quick_gelu,
    .gelu_tanh = gelu_tanh,
    .silu = silu,
    .relu = relu,
    .multiply = multiply,
    .to_bf16 = to_bf16,
};
