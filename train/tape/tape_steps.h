/* Shared by the files of the tape's operations. An operation creates its value with tape_new() and, if tape_records(), a step
 * that begins with a struct step and holds what the backward pass needs. */
#ifndef LMVR_TRAIN_TAPE_TAPE_STEPS_H
#define LMVR_TRAIN_TAPE_TAPE_STEPS_H

#include "tensor/arena.h"
#include "tensor/cpu/kernel_gradient.h"
#include "tensor/matmul.h"
#include "train/tape/tape.h"

struct step {
    void (*back)(struct tape *tape, struct step *step);
    struct step *previous;
    struct value *result; /* its gradient flows back; the step is skipped if it has none */
};

struct tape {
    bool half; /* products run in bf16 */
    bool recording;
    lmvr_status status;
    lmvr_error error;
    struct arena *arena;        /* for new values: one of the two below */
    struct arena kept, passing; /* of the pass; of recomputed parts */
    struct matmul *matmul;
    const struct gradient_kernels *kernels;
    struct step *last;
};

#define TAPE_FEW 16384 /* elements that one thread processes faster than two */

/* A new value on the tape, uninitialized; NULL after a failure. */
struct value *tape_new(struct tape *tape, int64_t rows, int64_t columns, bool wanted);

/* Records a step of `size` bytes for `result` on the tape; NULL if not recording, or no gradient is needed. */
void *tape_step(struct tape *tape, size_t size, struct value *result, void (*back)(struct tape *tape, struct step *step));
#define TAPE_STEP(tape, type, result, back) ((type *)tape_step((tape), sizeof(type), (result), (back)))

/* Where a value's gradient is accumulated; zeros at first. NULL: no gradient is needed, or after a failure. */
float *tape_gradient(struct tape *tape, struct value *value);

/* Runs a matrix product; a failure is kept. */
void tape_matmul(struct tape *tape, const struct matmul_call *call);

/* out (columns) += the sum of x (rows, columns) over rows, in an order that does not depend on the number of threads. */
void tape_sum_rows(struct tape *tape, int64_t rows, int64_t columns, const float *x, float *out);

/* y = x, rounded, on all threads. */
void tape_to_bf16(int64_t n, const float *x, bf16 *y);

#endif
