/* Loads single layers from a checkpoint's tensors. What they allocate must be freed even after a failure. */
#ifndef LMVR_SRC_MODEL_LOAD_TENSOR_H
#define LMVR_SRC_MODEL_LOAD_TENSOR_H

#include "model/load.h"

#define LOAD_NAME_SIZE 160

/* A small tensor of `dims` dimensions in f32, in the host's memory. */
lmvr_status load_floats(struct loader *loader, const char *name, int dims, const int64_t *shape, float **out);
/* The same on the device, and a vector. */
lmvr_status load_table(struct loader *loader, const char *name, int dims, const int64_t *shape, float **out);
lmvr_status load_vector(struct loader *loader, const char *name, int64_t size, float **out);

/* A LayerNorm, PREFIX.weight and PREFIX.bias, or an RMS norm, which has no bias. In random models they are ones and zeros, so
 * that activations keep their scale at any depth. */
lmvr_status load_norm(struct loader *loader, const char *prefix, int64_t size, float eps, bool rms, struct norm *norm);

/* One of the tensors that are stacked into a linear layer. */
struct part {
    char prefix[LOAD_NAME_SIZE]; /* ".weight" and ".bias" follow */
    int64_t out;
    const char *alias; /* the prefix of what it would be if it were not another tensor, too; NULL: its own */
};

/* `format` has one %d, for the block's index. */
void set_part(struct part *part, int64_t out, const char *format, int block) __attribute__((format(printf, 3, 0)));

/* Stacks `count` tensors into one layer. `kernel` is NULL, or (3, patch, patch), the inner shape of a convolution's weight. */
lmvr_status load_stacked(struct loader *loader, const struct part *parts, int count, int64_t in, const int64_t *kernel,
                         bool bias, struct linear *linear);
lmvr_status load_linear(struct loader *loader, const char *prefix, int64_t out, int64_t in, bool bias, struct linear *linear);

/* A language model's head, without a bias. `tied`: the prefix of the embedding that it shares its weights with; NULL: none. */
lmvr_status load_head(struct loader *loader, const char *prefix, const char *tied, int64_t out, int64_t in,
                      struct linear *linear);

/* The rows of `count` tensors, of which each has outs[i], as one matrix. Where the tensors hold rows in its type, they are
 * taken as they are. */
lmvr_status load_matrix(struct loader *loader, const struct checkpoint_tensor *tensors, const int64_t *outs, int count,
                        int64_t in, enum dtype dtype, struct linear *linear);

/* `weight` (linear's out, in), of the host, as a layer without a bias, in this type. */
lmvr_status load_linear_from(struct loader *loader, int64_t out, int64_t in, enum dtype dtype, const float *weight,
                             struct linear *linear);

/* An embedding (rows, width) on the device, as the device's embed() takes it. */
lmvr_status load_embedding(struct loader *loader, const char *name, int64_t rows, int64_t width, enum dtype dtype, void **out);

#endif
