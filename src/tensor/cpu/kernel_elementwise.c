/* Norms, activations and conversions of rows that fit in the cache. */
#include "tensor/cpu/kernel_gemm.h"
#include "tensor/cpu/lanes.h"
#include "tensor/cpu/rows.h"

#include <math.h>

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
