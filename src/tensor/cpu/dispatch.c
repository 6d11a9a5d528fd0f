#include "tensor/cpu/kernel_gradient.h"
#include "tensor/cpu/kernel_resample.h"
#include "tensor/cpu/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* Feature by feature, as Clang 14 does not know names such as x86-64-v3. */
static bool cpu_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}

bool cpu_has_avx512(void)
{
    return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool cpu_has_bf16(void)
{
    return cpu_has_avx512() && __builtin_cpu_supports("avx512bf16");
}

const struct kernels *kernels_get(void)
{
    if (cpu_has_avx512())
        return cpu_has_bf16() ? &kernels_avx512bf16 : &kernels_avx512;
    return cpu_has_avx2() ? &kernels_avx2 : &kernels_generic;
}

const struct gradient_kernels *gradient_kernels_get(void)
{
    if (cpu_has_avx512())
        return &gradient_kernels_avx512;
    return cpu_has_avx2() ? &gradient_kernels_avx2 : &gradient_kernels_generic;
}

const struct resample_kernels *resample_kernels_get(void)
{
    return cpu_has_avx2() ? &resample_kernels_avx2 : &resample_kernels_generic;
}

#else

bool cpu_has_avx512(void)
{
    return false;
}

bool cpu_has_bf16(void)
{
    return false;
}

const struct kernels *kernels_get(void)
{
    return &kernels_generic;
}

const struct gradient_kernels *gradient_kernels_get(void)
{
    return &gradient_kernels_generic;
}

const struct resample_kernels *resample_kernels_get(void)
{
    return &resample_kernels_generic;
}

#endif
