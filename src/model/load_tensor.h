/* Loads single layers from a checkpoint's tensors. What they allocate must be freed even after a failure. */
#ifndef LMVR_SRC_MODEL_LOAD_TENSOR_H
#define LMVR_SRC_MODEL_LOAD_TENSOR_H

#include "model/load.h"

#define LOAD_NAME_SIZE 160

/* A whole vector, or a small tensor of `dims` dimensions, in f32. */
lmvr_status load_floats(struct loader *loader, const char *name, int dims, const int64_t *shape, float **out);
lmvr_status load_vector(struct loader *loader, const char *name, int64_t size, float **out);

/* PREFIX.weight and, if `bias` is not NULL, PREFIX.bias. In random models they are ones and zeros, so that activations keep
 * their scale at any depth. */
lmvr_status load_norm(struct loader *loader, const char *prefix, int64_t size, float **weight, float **bias);

/* A LayerNorm, or an RMS norm. */
lmvr_status load_either_norm(struct loader *loader, const char *prefix, int64_t size, float eps, bool rms, struct norm *norm);

/* One of the tensors that are stacked into a linear layer. */
struct part {
    char prefix[LOAD_NAME_SIZE]; /* ".weight" and ".bias" follow */
    int64_t out;
};

/* `format` has one %d, for the block's index. */
void set_part(struct part *part, int64_t out, const char *format, int block) __attribute__((format(printf, 3, 0)));

/* Stacks `count` tensors into one layer. `kernel` is NULL, or (3, patch, patch), the inner shape of a convolution's weight. */
lmvr_status load_stacked(struct loader *loader, const struct part *parts, int count, int64_t in, const int64_t *kernel,
                         bool bias, struct linear *linear);
lmvr_status load_linear(struct loader *loader, const char *prefix, int64_t out, int64_t in, bool bias, struct linear *linear);

/* An embedding (rows, width) in the loader's dtype. */
lmvr_status load_embedding(struct loader *loader, const char *name, int64_t rows, int64_t width, void **out);

#endif
