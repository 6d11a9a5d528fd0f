/* Norms, activations and embeddings over rows. */
#ifndef LMVR_SRC_NN_ELEMENTWISE_H
#define LMVR_SRC_NN_ELEMENTWISE_H

#include "tensor/device.h"

void norm_finish(struct norm *norm);

/* y (rows, width) from x (rows, width). */
void norm_forward(const struct norm *norm, struct arena *arena, int64_t rows, int64_t width, const float *x, operand *y);
/* The same in f32, as states are; y may be x. */
void norm_states(const struct norm *norm, struct arena *arena, int64_t rows, int64_t width, const float *x, float *y);

/* x (count, width) receives the rows `tokens`, of the host, which must be in range, of a table (.., width). */
void embedding_forward(struct arena *arena, enum dtype dtype, const void *table, int64_t width, int64_t count,
                       const int32_t *tokens, float *x);

/* x (rows, width) in place. */
void activation_forward(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *x);

/* y (rows, width) = activation(gate) * up, where a row of `both`, which is overwritten, is gate, then up, (2 width). SwiGLU:
 * Shazeer 2020. */
void gated_forward(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *both, operand *y);

/* Copies `count` floats of the device's memory. */
void states_copy(struct arena *arena, int64_t count, const float *from, float *to);

#endif
