/*
 * Trainable parameters: matrices of weights with their gradients, and their names in files.
 *
 * A parameter may consist of several of a file's tensors stacked by rows (a fused query, key and value projection): its parts.
 * Its elements are in the memory of a device, where operations on them run in one queue.
 */
#ifndef LMVR_TRAIN_TAPE_PARAMETER_H
#define LMVR_TRAIN_TAPE_PARAMETER_H

#include "error.h"
#include "format/safetensors.h"
#include "tensor/arena.h"

#include <stdbool.h>

#define PARAMETER_MAX_DIMS 4

struct parameter_part {
    char *name;           /* canonical, as in checkpoints (model/checkpoint.h) */
    int64_t first, count; /* the part's elements in the parameter, in row order */
    int dims;             /* of the tensor in a file; 0: a scalar */
    int64_t shape[PARAMETER_MAX_DIMS];
};

struct parameter {
    struct arena *arena; /* the device and its queue */
    struct parameter_part *parts;
    int part_count;
    int64_t rows, columns; /* a vector is (1, n), a convolution's weight (out, in * height * width), (1, n, m) is (n, m) */
    bool trained;          /* else it is frozen and has no gradient */
    bool decays;           /* weight decay applies: by default if it has two or more dimensions */
    float *value;          /* (rows, columns); NULL if it is frozen and only kept in bf16 */
    float *gradient;       /* (rows, columns); NULL if it is not trained */
    bf16 *half; /* (rows, columns): the rounded value, if products run in bf16 and it has two or more dimensions; else NULL */
};

/* All parameters of a model, in the order in which they were added; pointers to them stay valid. */
struct parameters {
    struct parameter **items;
    size_t count, space;
    enum dtype products; /* data type of products: BF16 keeps a matrix's `half` besides its `value` */
    struct arena arena;  /* the device, whose queue the parameters own */
};

/* On the processor. The struct stays where it is until parameters_finish(). */
void parameters_init(struct parameters *parameters, enum dtype products);
lmvr_status parameters_init_on(struct parameters *parameters, enum dtype products, const struct device *device,
                               lmvr_error *error);
void parameters_finish(struct parameters *parameters);

/* A tensor's name and shape in a file. */
struct parameter_shape {
    const char *name;
    int dims;
    int64_t shape[PARAMETER_MAX_DIMS];
};

/* Adds a parameter of `count` tensors stacked by their first dimension; stacked vectors go side by side, (1, sum). All zero. It
 * has a gradient if `trained`; if not, it is kept only in bf16 if products run in bf16 and it has two or more dimensions.
 * `decays` is set if it has two or more dimensions, and may be changed. */
lmvr_status parameters_add(struct parameters *parameters, const struct parameter_shape *shapes, int count, bool trained,
                           struct parameter **parameter, lmvr_error *error);

/* The number of elements of trained parameters, or of all. */
int64_t parameters_size(const struct parameters *parameters, bool trained_only);

/* Sets elements first .. first + count - 1, in row order, of the value and its rounded copy. */
void parameter_set(struct parameter *parameter, int64_t first, int64_t count, const float *values);
/* Reads elements, as f32. What fails on a GPU is told by the next operation on it that returns a status. */
void parameter_get(const struct parameter *parameter, int64_t first, int64_t count, float *values);

/* Reads elements at a place in the parameter's memory, or in other memory of its device, such as its moments. */
lmvr_status parameter_read(const struct parameter *parameter, int64_t count, const float *from, float *values,
                           lmvr_error *error);
/* Writes them. */
void parameter_write(const struct parameter *parameter, int64_t count, const float *values, float *to);
/* Makes such elements a tensor's data. */
void parameter_describe(const struct parameter *parameter, const float *data, struct safetensors_write *tensor);

/* The root mean square of the elements. */
double parameter_deviation(const struct parameter *parameter);

/* Rounds `value` to `half` again after a change. */
void parameter_round(struct parameter *parameter);

/* Sets all gradients to zero. */
void parameters_clear(struct parameters *parameters);

#endif
