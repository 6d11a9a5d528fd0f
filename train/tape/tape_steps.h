/* Shared by the files of the tape's operations. An operation creates its value with tape_new() and, if tape_records(), a step
 * that begins with a struct step and holds what the backward pass needs. */
#ifndef LMVR_TRAIN_TAPE_TAPE_STEPS_H
#define LMVR_TRAIN_TAPE_TAPE_STEPS_H

#include "tensor/arena.h"
#include "tensor/cpu/kernel_gradient.h"
#include "tensor/device.h"
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
    struct arena *arena;                         /* for new values: one of the two below */
    struct arena kept, passing;                  /* of the pass; of recomputed parts */
    const struct gradient_operations *gradients; /* of the device; they run in the arena's queue */
    struct matmul *matmul;                       /* the processor's */
    const struct gradient_kernels *kernels;      /* for what only the processor does: tape_on_processor() */
    struct step *last;
};

/* The device's memory for floats, uninitialized, and for floats of the host; as long-lived as the values. NULL after a failure.
 */
float *tape_floats(struct tape *tape, int64_t count);
const float *tape_sent(struct tape *tape, int64_t count, const float *floats);

/* Runs one of the device's operations that return a status; a failure is kept. */
#define TAPE_DO(tape, operation, ...)                                                                                          \
    do {                                                                                                                       \
        lmvr_error tape_error;                                                                                                 \
        if ((tape)->status == LMVR_OK)                                                                                         \
            tape_keep((tape), (tape)->gradients->operation((tape)->arena, __VA_ARGS__, &tape_error), &tape_error);             \
    } while (0)
void tape_keep(struct tape *tape, lmvr_status status, const lmvr_error *error);

/* Whether the tape's values are the host's; else the tape fails, as this operation is not the device's. */
bool tape_on_processor(struct tape *tape);

/* A new value on the tape, uninitialized; NULL after a failure. */
struct value *tape_new(struct tape *tape, int64_t rows, int64_t columns, bool wanted);

/* Records a step of `size` bytes for `result` on the tape; NULL if not recording, or no gradient is needed. */
void *tape_step(struct tape *tape, size_t size, struct value *result, void (*back)(struct tape *tape, struct step *step));
#define TAPE_STEP(tape, type, result, back) ((type *)tape_step((tape), sizeof(type), (result), (back)))

/* Where a value's gradient is accumulated; zeros at first. NULL: no gradient is needed, or after a failure. */
float *tape_gradient(struct tape *tape, struct value *value);

/* Runs a matrix product; a failure is kept. */
void tape_matmul(struct tape *tape, const struct matmul_call *call);

#endif
