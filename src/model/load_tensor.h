/* From a checkpoint's tensors to what the rooms are made of. Each leaves what its finish function frees, also after a failure.
 */
#ifndef LMVR_SRC_MODEL_LOAD_TENSOR_H
#define LMVR_SRC_MODEL_LOAD_TENSOR_H

#include "model/load.h"

#define LOAD_NAME_SIZE 160

/* A whole vector or small table, `dims` long in each direction. */
lmvr_status load_floats(struct loader *loader, const char *name, int dims, const int64_t *shape, float **out);
lmvr_status load_vector(struct loader *loader, const char *name, int64_t size, float **out);

/* PREFIX.weight and, where `bias` is not NULL, PREFIX.bias. Norms of random models are ones and zeros, so that activations keep
 * their size through any depth. */
lmvr_status load_norm(struct loader *loader, const char *prefix, int64_t size, float **weight, float **bias);

/* One tensor of a linear layer that may be stacked from several. */
struct part {
    char prefix[LOAD_NAME_SIZE]; /* ".weight" and ".bias" follow */
    int64_t out;
};

/* `format` has one %d, for the block's number. */
void set_part(struct part *part, int64_t out, const char *format, int block) __attribute__((format(printf, 3, 0)));

/* `count` tensors stacked to one layer. `kernel` is NULL, or the (3, patch, patch) that a convolution's weight has as its
 * inner shape. */
lmvr_status load_stacked(struct loader *loader, const struct part *parts, int count, int64_t in, const int64_t *kernel,
                         bool bias, struct linear *linear);
lmvr_status load_linear(struct loader *loader, const char *prefix, int64_t out, int64_t in, bool bias, struct linear *linear);

/* A table (rows, width) in the loader's dtype. */
lmvr_status load_embedding(struct loader *loader, const char *name, int64_t rows, int64_t width, void **out);

#endif
