/*
 * What training changes: matrices of weights with their gradients, and the names that files have for them.
 *
 * One parameter may be several tensors of a file stacked by rows (a fused query, key and value projection): its parts.
 */
#ifndef LMVR_TRAIN_TAPE_PARAMETER_H
#define LMVR_TRAIN_TAPE_PARAMETER_H

#include "error.h"
#include "tensor/dtype.h"

#include <stdbool.h>

#define PARAMETER_MAX_DIMS 4

struct parameter_part {
    char *name;           /* canonical, as checkpoints' (model/checkpoint.h) */
    int64_t first, count; /* elements of the parameter, row by row */
    int dims;             /* of the tensor in a file; 0 is a scalar */
    int64_t shape[PARAMETER_MAX_DIMS];
};

struct parameter {
    struct parameter_part *parts;
    int part_count;
    int64_t rows, columns; /* a vector is (1, n), a convolution's weight (out, in * height * width), (1, n, m) is (n, m) */
    bool trained;          /* else it stays as it is, and has no gradient */
    bool decays;           /* weight decay applies: to what has two or more dimensions, unless the caller says otherwise */
    float *value;          /* (rows, columns); NULL where the parameter is frozen and kept in bf16 alone */
    float *gradient;       /* (rows, columns); NULL where it is not trained */
    bf16 *half;            /* (rows, columns): the value rounded, where products run in bf16 and there are two or more
                              dimensions; else NULL */
};

/* Every parameter of a model, in the order in which they were added; pointers to them stay valid. */
struct parameters {
    struct parameter **items;
    size_t count, space;
    enum dtype products; /* what products run in: BF16 keeps `half` beside the `value` of a matrix */
};

void parameters_init(struct parameters *parameters, enum dtype products);
void parameters_finish(struct parameters *parameters);

/* A shape that a file holds under `name`. */
struct parameter_shape {
    const char *name;
    int dims;
    int64_t shape[PARAMETER_MAX_DIMS];
};

/* Adds a parameter of `count` tensors stacked by their first dimension; vectors that are stacked go side by side, (1, sum).
 * All zero. Trained, with a gradient, unless `trained` is false: then it is kept in bf16 alone if products run in bf16 and it
 * has two or more dimensions. `decays` is set where it has two or more dimensions, and may be changed. */
lmvr_status parameters_add(struct parameters *parameters, const struct parameter_shape *shapes, int count, bool trained,
                           struct parameter **parameter, lmvr_error *error);

/* Elements of those that are trained, or of all. */
int64_t parameters_size(const struct parameters *parameters, bool trained_only);

/* Sets elements first .. first + count - 1, row by row, of the value (and of its rounded copy). */
void parameter_set(struct parameter *parameter, int64_t first, int64_t count, const float *values);
/* Reads them, as f32. */
void parameter_get(const struct parameter *parameter, int64_t first, int64_t count, float *values);

/* The root of the mean square of its numbers. */
double parameter_deviation(const struct parameter *parameter);

/* Rounds `value` to `half` again, after it has changed. */
void parameter_round(struct parameter *parameter);

/* Gradients to zero. */
void parameters_clear(struct parameters *parameters);

#endif
