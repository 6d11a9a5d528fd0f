/* Products of two matrices that both change, for training, by cuBLASLt. */
#include "tensor/cuda/module/two_product.h"

#include "tensor/cuda/module/product.h"

#include <string.h>

#define MOST_ALIGNMENT ((uint64_t)OPERAND_ALIGNMENT)

/* What an algorithm is chosen for. */
static struct two_shape shape_of(const struct cuda_product *p)
{
    uint64_t a = (uint64_t)(p->a.stride | p->a.step) * dtype_size(p->dtype) | (uint64_t)(uintptr_t)p->a.data;
    uint64_t b = (uint64_t)(p->b.stride | p->b.step) * dtype_size(p->dtype) | (uint64_t)(uintptr_t)p->b.data;
    uint64_t c = (uint64_t)(p->c_stride | p->c_step) * sizeof(float) | (uint64_t)(uintptr_t)p->c;
    struct two_shape shape;
    memset(&shape, 0, sizeof shape); /* shapes are compared with their padding */
    a |= MOST_ALIGNMENT, b |= MOST_ALIGNMENT, c |= MOST_ALIGNMENT;
    shape.sizes[0] = p->count;
    shape.sizes[1] = p->m;
    shape.sizes[2] = p->n;
    shape.sizes[3] = p->k;
    shape.sizes[4] = p->a.stride;
    shape.sizes[5] = p->b.stride;
    shape.sizes[6] = p->c_stride;
    shape.steps[0] = p->a.step;
    shape.steps[1] = p->b.step;
    shape.steps[2] = p->c_step;
    shape.alignments[0] = (uint32_t)(a & -a);
    shape.alignments[1] = (uint32_t)(b & -b);
    shape.alignments[2] = (uint32_t)(c & -c);
    shape.kind = p->dtype * 4 + (p->a.turned ? 2 : 0) + (p->b.turned ? 1 : 0);
    return shape;
}

struct description {
    cublasLtMatmulDescOpaque_t operation;
    cublasLtMatrixLayoutOpaque_t a, b, c;
};

static bool lay_out(cublasLtMatrixLayoutOpaque_t *layout, cudaDataType_t type, int64_t rows, int64_t columns, int64_t stride,
                    int64_t step, int64_t count)
{
    const int32_t batch = (int32_t)count;
    return cublasLtMatrixLayoutInit(layout, type, (uint64_t)columns, (uint64_t)rows, stride) == CUBLAS_STATUS_SUCCESS &&
           (count == 1 || (cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch) ==
                               CUBLAS_STATUS_SUCCESS &&
                           cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step,
                                                            sizeof step) == CUBLAS_STATUS_SUCCESS));
}

/*
 * cuBLASLt's matrices are stored by columns: what we store by rows as (rows, columns) is its (columns, rows). So our c = a b is
 * its c = b a, each operand the other way round than we have it.
 */
static bool describe(const struct cuda_product *p, struct description *d)
{
    const cublasOperation_t first = p->b.turned ? CUBLAS_OP_T : CUBLAS_OP_N, second = p->a.turned ? CUBLAS_OP_T : CUBLAS_OP_N;
    cudaDataType_t type = p->dtype == F32 ? CUDA_R_32F : CUDA_R_16BF;
    return cublasLtMatmulDescInit(&d->operation, CUBLAS_COMPUTE_32F, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS &&
           cublasLtMatmulDescSetAttribute(&d->operation, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first) ==
               CUBLAS_STATUS_SUCCESS &&
           cublasLtMatmulDescSetAttribute(&d->operation, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second) ==
               CUBLAS_STATUS_SUCCESS &&
           lay_out(&d->a, type, p->a.turned ? p->k : p->m, p->a.turned ? p->m : p->k, p->a.stride, p->a.step, p->count) &&
           lay_out(&d->b, type, p->b.turned ? p->n : p->k, p->b.turned ? p->k : p->n, p->b.stride, p->b.step, p->count) &&
           lay_out(&d->c, CUDA_R_32F, p->m, p->n, p->c_stride, p->c_step, p->count);
}

static bool prefer(const struct two_shape *shape, cublasLtMatmulPreferenceOpaque_t *preference)
{
    static const cublasLtMatmulPreferenceAttributes_t attributes[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    const uint32_t alignments[] = {shape->alignments[1], shape->alignments[0], shape->alignments[2], shape->alignments[2]};
    const uint64_t workspace = QUEUE_WORKSPACE;
    const uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE; /* parts in memory of their own, added in order */
    bool good = cublasLtMatmulPreferenceInit(preference) == CUBLAS_STATUS_SUCCESS &&
                cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                                                     sizeof workspace) == CUBLAS_STATUS_SUCCESS &&
                cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes,
                                                     sizeof schemes) == CUBLAS_STATUS_SUCCESS;
    for (int i = 0; i < 4 && good; i++)
        good = cublasLtMatmulPreferenceSetAttribute(preference, attributes[i], &alignments[i], sizeof alignments[i]) ==
               CUBLAS_STATUS_SUCCESS;
    return good;
}

/* Whether it computes in full f32 where it should, and always adds in the same order. What was preferred is not taken on trust.
 */
static bool is_allowed(const struct cuda_product *p, const cublasLtMatmulHeuristicResult_t *result)
{
    uint64_t refused = CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_16F | CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_TF32, arithmetic = 0;
    uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_INPLACE;
    const cublasLtMatmulAlgo_t *a = &result->algo;
    if (p->dtype == F32)
        refused |= CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16F | CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF;
    return result->state == CUBLAS_STATUS_SUCCESS && result->workspaceSize <= QUEUE_WORKSPACE &&
           cublasLtMatmulAlgoConfigGetAttribute(a, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme, sizeof scheme, NULL) ==
               CUBLAS_STATUS_SUCCESS &&
           cublasLtMatmulAlgoCapGetAttribute(a, CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS, &arithmetic, sizeof arithmetic, NULL) ==
               CUBLAS_STATUS_SUCCESS &&
           scheme != CUBLASLT_REDUCTION_SCHEME_INPLACE && !(arithmetic & refused);
}

#define ASKED 16 /* algorithms at a time */

/* cuBLASLt's first algorithm that is allowed, which depends on nothing but the shape. */
static lmvr_status find_algorithm(struct cuda_queue *queue, const struct cuda_product *p, const struct two_shape *shape,
                                  struct description *d, cublasLtMatmulAlgo_t *algorithm, lmvr_error *error)
{
    cublasLtMatmulPreferenceOpaque_t preference;
    cublasLtMatmulHeuristicResult_t results[ASKED];
    int found = 0;
    if (prefer(shape, &preference) &&
        cublasLtMatmulAlgoGetHeuristic(queue->gpu->blas, &d->operation, &d->b, &d->a, &d->c, &d->c, &preference, ASKED, results,
                                       &found) == CUBLAS_STATUS_SUCCESS)
        for (int i = 0; i < found; i++)
            if (is_allowed(p, &results[i])) {
                *algorithm = results[i].algo;
                return LMVR_OK;
            }
    return error_set(error, LMVR_ERROR_RESOURCE, "%s: cuBLASLt has no algorithm for a product of %lld x %lld x %lld",
                     queue->gpu->label, (long long)p->m, (long long)p->n, (long long)p->k);
}

/* The algorithm, looked up among those found last. */
static lmvr_status choose(struct cuda_queue *queue, const struct cuda_product *p, struct description *d,
                          const cublasLtMatmulAlgo_t **algorithm, lmvr_error *error)
{
    struct two_products *known = &queue->two;
    struct two_shape shape = shape_of(p);
    for (int i = 0; i < TWO_SHAPES; i++)
        if (memcmp(&known->shapes[i], &shape, sizeof shape) == 0) {
            *algorithm = &known->algorithms[i];
            return LMVR_OK;
        }
    int place = known->next;
    TRY(find_algorithm(queue, p, &shape, d, &known->algorithms[place], error));
    known->shapes[place] = shape;
    known->next = (place + 1) % TWO_SHAPES;
    *algorithm = &known->algorithms[place];
    return LMVR_OK;
}

lmvr_status two_product(struct cuda_queue *queue, const struct cuda_product *p, lmvr_error *error)
{
    const cublasLtMatmulAlgo_t *algorithm;
    struct description d;
    const float kept = p->add ? 1.0f : 0.0f;
    gpu_use(queue->gpu);
    TRY(queue_failure(queue, error));
    if (p->count == 0 || p->m == 0 || p->n == 0)
        return LMVR_OK;
    if (!describe(p, &d))
        return error_set(error, LMVR_ERROR_RESOURCE, "%s: cuBLASLt does not take a product", queue->gpu->label);
    TRY(choose(queue, p, &d, &algorithm, error));
    cublasStatus_t status = cublasLtMatmul(queue->gpu->blas, &d.operation, &p->factor, p->b.data, &d.b, p->a.data, &d.a, &kept,
                                           p->c, &d.c, p->c, &d.c, algorithm, queue->workspace, QUEUE_WORKSPACE, queue->stream);
    return status == CUBLAS_STATUS_SUCCESS ? queue_failure(queue, error)
                                           : gpu_blas_error(queue->gpu, status, "multiply two matrices", error);
}
