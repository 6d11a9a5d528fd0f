#include "tensor/cpu/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

bool cpu_has_avx512(void)
{
    return __builtin_cpu_supports("x86-64-v4");
}

bool cpu_has_bf16(void)
{
    return cpu_has_avx512() && __builtin_cpu_supports("avx512bf16");
}

const struct kernels *kernels_get(void)
{
    if (cpu_has_avx512())
        return &kernels_avx512;
    return __builtin_cpu_supports("x86-64-v3") ? &kernels_avx2 : &kernels_generic;
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

#endif
