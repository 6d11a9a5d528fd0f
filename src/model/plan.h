/*
 * What a model's loader reads, and in which types it holds it. A loader with a plan (load.h) reads nothing but writes down what
 * it would have read: with that, a checkpoint can be written in other types than its own.
 */
#ifndef LMVR_SRC_MODEL_PLAN_H
#define LMVR_SRC_MODEL_PLAN_H

#include "model/checkpoint.h"
#include "tensor/dtype.h"

#define PLAN_NAME_SIZE 176
#define PLAN_MOST      3 /* tensors that are stacked */

/* A tensor, by its canonical name. */
struct planned_tensor {
    char name[PLAN_NAME_SIZE];
    struct checkpoint_tensor tensor;
};

struct planned {
    int count; /* tensors; above 1 where they are stacked into one matrix in integers, whose columns' factors they share */
    struct planned_tensor tensors[PLAN_MOST];
    int64_t in;   /* columns of a matrix in integers */
    bool is_kept; /* it is held as the file has it, in a vector or table of f32; the type is then of no meaning */
    enum dtype dtype;
};

struct plan {
    size_t count;
    struct planned *items;
    size_t space;
};

void plan_finish(struct plan *plan);

/* A tensor that is kept, or one that is held in `dtype`. What is planned in the same way already is not planned again. */
lmvr_status plan_kept(struct plan *plan, const char *name, const struct checkpoint_tensor *tensor, lmvr_error *error);
lmvr_status plan_tensor(struct plan *plan, const char *name, const struct checkpoint_tensor *tensor, enum dtype dtype,
                        lmvr_error *error);

/* A matrix of `in` columns in INT8 or INT4, whose rows are those of tensors (count). */
lmvr_status plan_matrix(struct plan *plan, const struct planned_tensor *tensors, int count, int64_t in, enum dtype dtype,
                        lmvr_error *error);

#endif
