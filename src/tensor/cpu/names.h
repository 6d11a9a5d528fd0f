/* The kernels' files are compiled once per instruction set, with ISA set to its name: KERNEL(gemm) is gemm_avx2 and so on. */
#ifndef LMVR_SRC_TENSOR_CPU_NAMES_H
#define LMVR_SRC_TENSOR_CPU_NAMES_H

#define KERNEL_JOIN_(name, isa) name##_##isa
#define KERNEL_JOIN(name, isa)  KERNEL_JOIN_(name, isa)
#define KERNEL(name)            KERNEL_JOIN(name, ISA)

#endif
