/* What the files of the tape's operations share. An operation makes its value by tape_new(), and, where tape_records(), a step
 * that begins with a struct step and holds what the way back needs. */
#ifndef LMVR_TRAIN_TAPE_TAPE_STEPS_H
#define LMVR_TRAIN_TAPE_TAPE_STEPS_H

#include "tensor/arena.h"
#include "tensor/cpu/kernel_gradient.h"
#include "tensor/matmul.h"
#include "train/tape/tape.h"

struct step {
    void (*back)(struct tape *tape, struct step *step);
    struct step *previous;
    struct value *result; /* whose gradient flows back; the step is left out where none has come */
};

struct tape {
    bool half; /* products run in bf16 */
    bool recording;
    lmvr_status status;
    lmvr_error error;
    struct arena *arena;        /* where values go: one of the two below */
    struct arena kept, passing; /* of the pass; of parts that are computed again */
    struct matmul *matmul;
    const struct gradient_kernels *kernels;
    struct step *last;
};

#define TAPE_FEW 16384 /* elements that one thread does faster than two */

/* A value on the tape, its data uninitialized; NULL after a failure. */
struct value *tape_new(struct tape *tape, int64_t rows, int64_t columns, bool wanted);

/* A step of `size` bytes for `result`, hung onto the tape; NULL where nothing is recorded or wanted. */
void *tape_step(struct tape *tape, size_t size, struct value *result, void (*back)(struct tape *tape, struct step *step));
#define TAPE_STEP(tape, type, result, back) ((type *)tape_step((tape), sizeof(type), (result), (back)))

/* Where a value's gradient is gathered; zeros before the first. NULL where none is wanted, or after a failure. */
float *tape_gradient(struct tape *tape, struct value *value);

/* Runs a product; a failure is kept. */
void tape_matmul(struct tape *tape, const struct matmul_call *call);

/* out (columns) += the sums of x (rows, columns) over rows, in an order that no number of threads changes. */
void tape_sum_rows(struct tape *tape, int64_t rows, int64_t columns, const float *x, float *out);

/* y = x, rounded, on all threads. */
void tape_to_bf16(int64_t n, const float *x, bf16 *y);

#endif
