#include "tensor/cuda/module/matrix.h"

#include "tensor/cuda/module/shape.h"

#include <stdlib.h>

struct cuda_matrix {
    struct cuda_gpu *gpu;
    int64_t out, in, stride; /* rows are `stride` elements apart, a multiple of 16 bytes; what is between them is 0 */
    enum dtype dtype;
    void *weights;             /* NULL: they come with each product */
    const struct shape *shape; /* NULL until it is sealed */
};

/* ---- the weights -------------------------------------------------------------------------------------------------------- */

static lmvr_status create(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, struct cuda_matrix **matrix,
                          lmvr_error *error)
{
    int64_t step = OPERAND_ALIGNMENT / (int64_t)dtype_size(dtype);
    *matrix = NULL;
    if (out < 1 || in < 1 || out > INT32_MAX || in > INT32_MAX)
        return error_set(error, LMVR_ERROR_INVALID, "%s cannot multiply a matrix of (%lld, %lld)", gpu->label, (long long)out,
                         (long long)in);
    struct cuda_matrix *m = *matrix = malloc(sizeof *m);
    if (!m)
        return error_no_memory(error, "a weight matrix");
    *m = (struct cuda_matrix){.gpu = gpu, .out = out, .in = in, .stride = (in + step - 1) / step * step, .dtype = dtype};
    return LMVR_OK;
}

lmvr_status matrix_create(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, struct cuda_matrix **matrix,
                          lmvr_error *error)
{
    TRY(create(gpu, out, in, dtype, matrix, error));
    struct cuda_matrix *m = *matrix;
    m->weights = gpu_allocate(gpu, (size_t)(out * m->stride) * dtype_size(dtype));
    if (m->weights)
        return LMVR_OK;
    free(m);
    *matrix = NULL;
    return gpu_no_memory(gpu, "a weight matrix", error);
}

lmvr_status matrix_create_lent(struct cuda_gpu *gpu, int64_t out, int64_t in, struct cuda_matrix **matrix, int64_t *stride,
                               lmvr_error *error)
{
    TRY(create(gpu, out, in, BF16, matrix, error));
    *stride = (*matrix)->stride;
    return LMVR_OK;
}

void matrix_free(struct cuda_matrix *matrix)
{
    if (!matrix)
        return;
    gpu_release(matrix->gpu, matrix->weights);
    free(matrix);
}

/* Copies rows of the host, which are of the matrix's type. */
static cudaError_t copy_rows(const struct cuda_matrix *matrix, int64_t first, int64_t count, const void *rows)
{
    size_t size = dtype_size(matrix->dtype), stride = (size_t)matrix->stride * size, width = (size_t)matrix->in * size;
    char *to = (char *)matrix->weights + (size_t)first * stride;
    return cudaMemcpy2DAsync(to, stride, rows, width, width, (size_t)count, cudaMemcpyHostToDevice, cudaStreamLegacy);
}

#define BAND ((int64_t)1 << 20) /* elements that are converted at a time */

static cudaError_t convert_rows(const struct cuda_matrix *matrix, int64_t first, int64_t count, const float *rows, bf16 *band,
                                int64_t band_rows)
{
    cudaError_t code = cudaSuccess;
    for (int64_t r = 0; r < count && code == cudaSuccess; r += band_rows) {
        int64_t some = count - r < band_rows ? count - r : band_rows;
        for (int64_t i = 0; i < some * matrix->in; i++)
            band[i] = bf16_from_f32(rows[r * matrix->in + i]);
        code = copy_rows(matrix, first + r, some, band);
        if (code == cudaSuccess)
            code = cudaStreamSynchronize(cudaStreamLegacy);
    }
    return code;
}

lmvr_status matrix_set(struct cuda_matrix *matrix, int64_t first, int64_t count, const float *rows, lmvr_error *error)
{
    cudaError_t code;
    gpu_use(matrix->gpu);
    if (matrix->dtype == F32) {
        code = copy_rows(matrix, first, count, rows);
        if (code == cudaSuccess)
            code = cudaStreamSynchronize(cudaStreamLegacy);
    } else {
        int64_t band_rows = matrix->in < BAND ? BAND / matrix->in : 1;
        bf16 *band = malloc((size_t)(band_rows * matrix->in) * sizeof *band);
        if (!band)
            return error_no_memory(error, "a weight matrix");
        code = convert_rows(matrix, first, count, rows, band, band_rows);
        free(band);
    }
    return code == cudaSuccess ? LMVR_OK : gpu_error(matrix->gpu, code, "write weights to its memory", error);
}

lmvr_status matrix_seal(struct cuda_matrix *matrix, bool fast, lmvr_error *error)
{
    return shape_get(matrix->gpu, matrix->out, matrix->in, matrix->stride, matrix->dtype, fast, &matrix->shape, error);
}

/* ---- products ----------------------------------------------------------------------------------------------------------- */

/* Rows of x as far apart as those of the matrix, with zeros between them. */
static void pad(struct cuda_queue *queue, const struct cuda_matrix *m, int64_t rows, const void *x, void *padded)
{
    size_t size = dtype_size(m->dtype), width = (size_t)m->in * size, stride = (size_t)m->stride * size;
    cudaError_t code =
        cudaMemcpy2DAsync(padded, stride, x, width, width, (size_t)rows, cudaMemcpyDeviceToDevice, queue->stream);
    if (code == cudaSuccess && stride > width)
        code = cudaMemset2DAsync((char *)padded + width, stride, 0, stride - width, (size_t)rows, queue->stream);
    queue_note(queue, code, "copy its memory");
}

static bool is_aligned(const void *memory, uint32_t alignment)
{
    return (uintptr_t)memory % alignment == 0;
}

/* How a product is computed: `copy` and `padded` are scratch memory for the bias and for rows of x, where these cannot be used
 * as they are. */
struct way {
    struct product_kind kind;
    const void *weights;
    int64_t most; /* rows at a time: where they are divided does not matter to them */
    void *copy, *padded;
};

static lmvr_status find_way(struct cuda_queue *queue, const struct cuda_matrix *m, int64_t rows, const void *x,
                            const float *bias, enum cuda_result result, struct way *way, lmvr_error *error)
{
    way->kind = shape_kind(m->shape, result, bias != NULL);
    bool copied = bias && (product_dtype(&way->kind) != F32 || !is_aligned(bias, OPERAND_ALIGNMENT));
    bool padded = m->in != m->stride || !is_aligned(x, OPERAND_ALIGNMENT);
    way->most = rows < m->shape->rows ? rows : m->shape->rows;
    size_t copy_size = copied ? ((size_t)m->out * sizeof(float) + 255) / 256 * 256 : 0;
    size_t padded_size = padded ? (size_t)(way->most * m->stride) * dtype_size(m->dtype) : 0;
    if (copy_size + padded_size == 0)
        return LMVR_OK;
    char *scratch = queue_scratch(queue, copy_size + padded_size);
    if (!scratch)
        return gpu_no_memory(queue->gpu, "a product", error);
    way->copy = copied ? scratch : NULL;
    way->padded = padded ? scratch + copy_size : NULL;
    return LMVR_OK;
}

static lmvr_status multiply_some(struct cuda_queue *queue, const struct cuda_matrix *m, const struct way *way, int64_t rows,
                                 const void *x, const void *bias, void *y, lmvr_error *error)
{
    if (way->padded)
        pad(queue, m, rows, x, way->padded);
    struct product product = {.rows = rows, .weights = way->weights, .x = way->padded ? way->padded : x, .bias = bias, .y = y};
    const cublasLtMatmulAlgo_t *algorithm;
    TRY(shape_algorithm(queue, m->shape, &way->kind, rows, &algorithm, error));
    cublasStatus_t status = product_run(queue, &way->kind, &product, algorithm);
    return status == CUBLAS_STATUS_SUCCESS ? LMVR_OK : gpu_blas_error(queue->gpu, status, "multiply by a matrix", error);
}

lmvr_status matrix_multiply_lent(struct cuda_queue *queue, const struct cuda_matrix *matrix, const void *weights, int64_t rows,
                                 const void *x, const float *bias, enum cuda_result result, void *y, lmvr_error *error)
{
    struct way way = {.weights = weights};
    gpu_use(queue->gpu);
    if (!matrix->shape)
        return error_set(error, LMVR_ERROR_INVALID, "%s: a matrix is multiplied before it is sealed", queue->gpu->label);
    TRY(queue_failure(queue, error));
    if (rows == 0)
        return LMVR_OK;
    if (!is_aligned(weights, CUDA_WEIGHTS_ALIGNMENT))
        return error_set(error, LMVR_ERROR_INVALID, "%s: the weights of a product do not begin at a multiple of %zu bytes",
                         queue->gpu->label, CUDA_WEIGHTS_ALIGNMENT);
    TRY(find_way(queue, matrix, rows, x, bias, result, &way, error));
    if (!is_aligned(y, product_alignment(&way.kind)))
        return error_set(error, LMVR_ERROR_INVALID, "%s: the result of a product does not begin at a multiple of %u bytes",
                         queue->gpu->label, product_alignment(&way.kind));
    if (way.copy)
        cuda_convert(queue->stream, matrix->out, 1.0f, bias, product_dtype(&way.kind), way.copy);
    for (int64_t r = 0; r < rows; r += way.most) {
        int64_t some = rows - r < way.most ? rows - r : way.most;
        const char *from = (const char *)x + (size_t)(r * matrix->in) * dtype_size(matrix->dtype);
        char *to = (char *)y + (size_t)(r * matrix->out) * dtype_size(product_dtype(&way.kind));
        TRY(multiply_some(queue, matrix, &way, some, from, way.copy ? way.copy : (const void *)bias, to, error));
    }
    return queue_failure(queue, error);
}

lmvr_status matrix_multiply(struct cuda_queue *queue, const struct cuda_matrix *matrix, int64_t rows, const void *x,
                            const float *bias, enum cuda_result result, void *y, lmvr_error *error)
{
    return matrix_multiply_lent(queue, matrix, matrix->weights, rows, x, bias, result, y, error);
}
