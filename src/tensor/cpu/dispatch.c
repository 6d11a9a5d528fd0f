#include "tensor/cpu/kernel_gradient.h"
#include "tensor/cpu/kernel_quantized.h"
#include "tensor/cpu/kernel_resample.h"
#include "tensor/cpu/kernel_tiles.h"
#include "tensor/cpu/kernels.h"

#include <stdatomic.h>

#if defined(__x86_64__)
#include <asm/prctl.h>
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef ARCH_REQ_XCOMP_PERM
#define ARCH_REQ_XCOMP_PERM 0x1023
#endif

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

/* AVX-VNNI: leaf 7, subleaf 1, EAX bit 4, for which compilers before GCC 13 have no name. */
static bool cpu_has_avx_vnni(void)
{
    unsigned a, b, c, d;
    return cpu_has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && a >> 4 & 1;
}

/* AMX's tiles: leaf 7, EDX bits 22 (bf16), 24 and 25 (bytes). The kernel saves them from switch to switch for programs that
 * ask. */
static bool cpu_has_amx(void)
{
    enum { TILE_DATA = 18 };
    unsigned a, b, c, d;
    return cpu_has_bf16() && __builtin_cpu_supports("avx512vnni") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (d >> 22 & 13) == 13 && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
}

const struct tile_kernels *tile_kernels_get(void)
{
    static atomic_int known; /* 1: no, 2: yes */
    if (known == 0)
        known = cpu_has_amx() ? 2 : 1;
    return known == 2 ? &tile_kernels_amx : NULL;
}

const struct pair_kernels *pair_kernels_get(void)
{
    if (tile_kernels_get())
        return &pair_kernels_amx;
    return cpu_has_bf16() ? &pair_kernels_avx512bf16 : NULL;
}

int quantized_kernels_all(const struct quantized_kernels *sets[MOST_QUANTIZED_KERNELS])
{
    int count = 0;
    if (tile_kernels_get())
        sets[count++] = &quantized_kernels_amx;
    if (cpu_has_avx512() && __builtin_cpu_supports("avx512vnni"))
        sets[count++] = &quantized_kernels_avx512vnni;
    if (cpu_has_avx512())
        sets[count++] = &quantized_kernels_avx512;
    if (cpu_has_avx_vnni())
        sets[count++] = &quantized_kernels_avx2vnni;
    if (cpu_has_avx2())
        sets[count++] = &quantized_kernels_avx2;
    sets[count++] = &quantized_kernels_generic;
    return count;
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

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

static bool cpu_has_dot_product(void)
{
    return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
}
#endif

int quantized_kernels_all(const struct quantized_kernels *sets[MOST_QUANTIZED_KERNELS])
{
    int count = 0;
#if defined(__aarch64__)
    if (cpu_has_dot_product())
        sets[count++] = &quantized_kernels_dotprod;
#endif
    sets[count++] = &quantized_kernels_generic;
    return count;
}

const struct tile_kernels *tile_kernels_get(void)
{
    return NULL;
}

const struct pair_kernels *pair_kernels_get(void)
{
    return NULL;
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

/* Asking the processor takes a virtual machine tens of microseconds. */
const struct quantized_kernels *quantized_kernels_get(void)
{
    static _Atomic(const struct quantized_kernels *) best;
    if (!best) {
        const struct quantized_kernels *sets[MOST_QUANTIZED_KERNELS];
        quantized_kernels_all(sets);
        best = sets[0];
    }
    return best;
}
