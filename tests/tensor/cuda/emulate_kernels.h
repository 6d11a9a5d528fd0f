/* Kernels that need what an emulation has to do right, and what it has to find. */
#ifndef LMVR_TESTS_TENSOR_CUDA_EMULATE_KERNELS_H
#define LMVR_TESTS_TENSOR_CUDA_EMULATE_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* out (blocks, threads) receives the place of each thread. */
void emulated_places(int columns, int rows, const int block[3], int32_t *out);
/* Each block reverses its part of x (blocks, threads), by an array, or by what the launch gives. */
void emulated_reverse(int blocks, int threads, bool array, int32_t *x);
/* x (blocks, threads) receives the sum of its block. */
void emulated_sum(int blocks, int threads, float *x);
/* x (threads) receives x of the lane above, within a warp, the last lane that of the first. */
void emulated_rotate(int threads, double *x);
/* d (16, 8) += a (16, 16) b (16, 8), of bf16. */
void emulated_multiply(const uint16_t *a, const uint16_t *b, float *d);
/* x (threads) receives an element of shared memory that nothing has been written to. */
void emulated_unwritten(int blocks, int threads, float *x);
/* Without a barrier between writing and reading, which is wrong. */
void emulated_reverse_at_once(int threads, int32_t *x);

enum emulated_mistake {
    SOME_END_BEFORE_A_BARRIER,
    SOME_LANES_SHUFFLE,
    TWO_BARRIERS,
    A_PART_OF_A_WARP,
    TOO_MANY_THREADS,
    TOO_MUCH_SHARED,
    TOO_LARGE_ARRAYS,
    BEYOND_SHARED,
    EMULATED_MISTAKES
};
/* Does not return. */
void emulated_mistake(enum emulated_mistake mistake);

#ifdef __cplusplus
}
#endif

#endif
