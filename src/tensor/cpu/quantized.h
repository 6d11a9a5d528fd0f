/*
 * A weight matrix in 8 bits by row, or in 4 bits by blocks of 32 of a row, that many rows are multiplied by. Those are brought
 * to 8 bits, too, by groups of neighboring columns: 256, or 32 for weights in 4 bits. So a large value costs only its neighbors
 * precision; and where it would leave most of them less than five bits, or four, the group is brought to 16. In a step of
 * decoding (arena.in_step) all of those of 256 columns are: it waits for the weights, not for products.
 *
 * Before weights are quantized, each column of the matrix is divided by its size, a power of two, by which the input is
 * multiplied: the columns of channels that are a thousand times the others, and whose weights are a thousandth, keep their
 * precision. (As SmoothQuant, Xiao et al. 2023, with all of the weights' differences moved to the input, so that nothing has to
 * be calibrated.) In a column's size all rows count alike, however large they are.
 *
 * A row of the result depends only on that row of the input, to the last bit: not on the number of rows or threads. But where
 * it is faster, weights in 4 bits are brought to 8 for all products outside such a step, and the input's groups are of 256
 * columns there: a prompt has many rows, whoever is in it.
 */
#ifndef LMVR_SRC_TENSOR_CPU_QUANTIZED_H
#define LMVR_SRC_TENSOR_CPU_QUANTIZED_H

#include "error.h"
#include "tensor/arena.h"

struct quantized;
struct quantized_kernels;

/* A zero (out, in) matrix in 8 or 4 bits. */
lmvr_status quantized_create(int64_t out, int64_t in, int bits, struct quantized **quantized, lmvr_error *error);
/* For tests: with kernels that this processor can run. */
lmvr_status quantized_create_by(int64_t out, int64_t in, int bits, const struct quantized_kernels *kernels,
                                struct quantized **quantized, lmvr_error *error);
void quantized_free(struct quantized *quantized); /* NULL is allowed */

/* Sets rows first .. first + count - 1 to `rows` (count, in). They are kept in f32 until quantized_seal(), which needs them
 * all. Only before that, and from one thread at a time. A row with a weight that is not finite is not a number wherever it is
 * used. */
lmvr_status quantized_set(struct quantized *quantized, int64_t first, int64_t count, const float *rows, lmvr_error *error);

/* Instead of quantized_set(): rows as quantized_export() gives them. `factors` are those of all rows; that they differ from the
 * factors given before is an error, as is one that is not a power of two. */
lmvr_status quantized_import(struct quantized *quantized, int64_t first, int64_t count, const void *records,
                             const float *factors, lmvr_error *error);

/* Notes the factors (in) of a matrix's columns, of which `known` are 0 until then, with these two errors. */
lmvr_status quantized_take_factors(int64_t in, float *known, const float *factors, lmvr_error *error);

/* Quantizes what was set; quantized_run() can be called from now on. */
lmvr_status quantized_seal(struct quantized *quantized, lmvr_error *error);

/* As product_run(): y (rows, out) = or += x (rows, in) times the transposed matrix, plus bias (out; NULL: none). A row with a
 * value that is not finite becomes not a number, and only that. Thread-safe. */
lmvr_status quantized_run(const struct quantized *quantized, struct arena *arena, int64_t rows, const float *x,
                          int64_t x_stride, const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error);

/* The length of what x (in) may lose as it is rounded in a step of decoding by a matrix in 8 bits with factors of 1, at most.
 */
double quantized_step_loss(int64_t in, const float *x);

/* Rows as quantized, in f32. */
void quantized_get(const struct quantized *quantized, int64_t first, int64_t count, float *rows);

/* What checkpoints hold: rows as records of quantized_record_bytes() each, described in kernel_quantized.h, and the factors
 * (in) of the columns: weight i of a row is what its record says times factor i. */
size_t quantized_record_bytes(int64_t in, int bits);
void quantized_export(const struct quantized *quantized, int64_t first, int64_t count, void *records);
const float *quantized_factors(const struct quantized *quantized);
/* A row of numbers (in) as such a record, without factors, and what a record says. */
void quantized_write_record(int64_t in, int bits, const float *row, void *record);
void quantized_read_record(int64_t in, int bits, const void *record, float *row);

int quantized_bits(const struct quantized *quantized);
int64_t quantized_bytes(const struct quantized *quantized); /* of memory, once sealed */

#endif
