/* The processor's operations, as tensor/device.h says; operands are floats. */
#ifndef LMVR_SRC_TENSOR_CPU_OPERATIONS_H
#define LMVR_SRC_TENSOR_CPU_OPERATIONS_H

#include "tensor/device.h"

extern const struct gradient_operations cpu_gradients; /* gradient.c */

/* elementwise.c */
void cpu_norm(struct arena *arena, const struct norm *norm, int64_t rows, int64_t width, const float *x,
              enum product_result result, void *y);
void cpu_activate(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *x);
void cpu_gate(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *both, operand *y);

/* rows.c */
void cpu_convert(struct arena *arena, int64_t count, float factor, const float *x, operand *y);
void cpu_embed(struct arena *arena, enum dtype dtype, const void *table, int64_t width, int64_t count, const int32_t *tokens,
               float *x);
void cpu_gather(struct arena *arena, int64_t count, int64_t width, const int64_t *rows, const float *from, int64_t from_stride,
                enum product_result result, void *to, int64_t to_stride);
void cpu_add_rows(struct arena *arena, int64_t count, int64_t width, const int64_t *rows, const float *from, float *to);
void cpu_add_table(struct arena *arena, int64_t count, int64_t width, const struct table_rows *rows, float *x);
void cpu_pool(struct arena *arena, int64_t count, const struct pooling_task *tasks);
lmvr_status cpu_argmax(struct arena *arena, int64_t rows, int64_t width, const float *logits, int32_t *tokens,
                       lmvr_error *error);

/* heads.c */
void cpu_heads(struct arena *arena, const struct head_rows *rows, operand *qkv);

/* attention.c */
lmvr_status cpu_attend_groups(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *groups,
                              operand *out, lmvr_error *error);
lmvr_status cpu_attend_cache(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                             operand *out, lmvr_error *error);
lmvr_status cpu_weigh_cache(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                            int64_t first, int64_t count, float weight, float *weights, lmvr_error *error);

/* kv_store.c */
void cpu_kv_copy(struct arena *arena, const struct kv_cache *cache, int from, int to, int64_t positions);

#endif
