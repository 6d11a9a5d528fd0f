#include "tensor/cuda/module/product.h"

/* Leaves the calling function if the call fails. */
#define ASK(call)                                                                                                              \
    do {                                                                                                                       \
        cublasStatus_t ask_status = (call);                                                                                    \
        if (ask_status != CUBLAS_STATUS_SUCCESS)                                                                               \
            return ask_status;                                                                                                 \
    } while (0)

enum dtype product_dtype(const struct product_kind *kind)
{
    return kind->result == CUDA_RESULT_OPERANDS ? kind->dtype : F32;
}

uint32_t product_alignment(const struct product_kind *kind)
{
    uint64_t row = (uint64_t)kind->out * dtype_size(product_dtype(kind)) | OPERAND_ALIGNMENT;
    return (uint32_t)(row & -row);
}

static cudaDataType_t cuda_type(enum dtype dtype)
{
    return dtype == F32 ? CUDA_R_32F : CUDA_R_16BF;
}

struct description {
    cublasLtMatmulDescOpaque_t operation;
    cublasLtMatrixLayoutOpaque_t weights, x, y;
};

/*
 * cuBLASLt's matrices are stored by columns. So what we store by rows as (rows, width) is its (width, rows), and our
 * y = x weights^T is its y = weights^T x, where weights is (in, out), x (in, rows) and y (out, rows). Its bias is added to
 * columns of y, which are our rows.
 */
static cublasStatus_t describe(const struct product_kind *kind, int64_t rows, const void *bias, struct description *d)
{
    const cublasOperation_t turned = CUBLAS_OP_T;
    const cublasLtEpilogue_t add_bias = CUBLASLT_EPILOGUE_BIAS;
    cudaDataType_t type = cuda_type(kind->dtype), y_type = cuda_type(product_dtype(kind));
    uint64_t out = (uint64_t)kind->out, in = (uint64_t)kind->in;
    ASK(cublasLtMatmulDescInit(&d->operation, kind->compute, CUDA_R_32F));
    ASK(cublasLtMatmulDescSetAttribute(&d->operation, CUBLASLT_MATMUL_DESC_TRANSA, &turned, sizeof turned));
    if (kind->bias) {
        ASK(cublasLtMatmulDescSetAttribute(&d->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &add_bias, sizeof add_bias));
        ASK(cublasLtMatmulDescSetAttribute(&d->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias));
    }
    ASK(cublasLtMatrixLayoutInit(&d->weights, type, in, out, kind->in));
    ASK(cublasLtMatrixLayoutInit(&d->x, type, in, (uint64_t)rows, kind->in));
    return cublasLtMatrixLayoutInit(&d->y, y_type, out, (uint64_t)rows, kind->out);
}

/* ---- algorithms --------------------------------------------------------------------------------------------------------- */

/* Arithmetic that no product may be in: for f32 all that has less than f32. */
static uint64_t refused(const struct product_kind *kind)
{
    uint64_t always = CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_16F | CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_TF32;
    uint64_t in_f32 = CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16F | CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF;
    return kind->dtype == F32 ? always | in_f32 : always;
}

static cublasStatus_t prefer(const struct product_kind *kind, cublasLtMatmulPreferenceOpaque_t *p)
{
    const uint64_t workspace = QUEUE_WORKSPACE, allowed = ~refused(kind);
    static const uint32_t allowed_schemes[] = {CUBLASLT_REDUCTION_SCHEME_NONE, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE,
                                               CUBLASLT_REDUCTION_SCHEME_MASK};
    const uint32_t schemes = allowed_schemes[kind->splits];
    const uint32_t x = OPERAND_ALIGNMENT, y = product_alignment(kind);
    ASK(cublasLtMatmulPreferenceInit(p));
    ASK(cublasLtMatmulPreferenceSetAttribute(p, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace));
    ASK(cublasLtMatmulPreferenceSetAttribute(p, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes));
    ASK(cublasLtMatmulPreferenceSetAttribute(p, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &x, sizeof x));
    ASK(cublasLtMatmulPreferenceSetAttribute(p, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &y, sizeof y));
    ASK(cublasLtMatmulPreferenceSetAttribute(p, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &y, sizeof y));
    return cublasLtMatmulPreferenceSetAttribute(p, CUBLASLT_MATMUL_PREF_IMPL_MASK, &allowed, sizeof allowed);
}

static bool splits_as_allowed(const struct product_kind *kind, int32_t parts, uint32_t scheme)
{
    switch (kind->splits) {
    case SPLITS_NONE:
        return parts <= 1 && scheme == CUBLASLT_REDUCTION_SCHEME_NONE;
    case SPLITS_IN_ORDER:
        return scheme != CUBLASLT_REDUCTION_SCHEME_INPLACE;
    default:
        return true;
    }
}

/* What was preferred is not taken on trust. */
static bool is_allowed(const struct product_kind *kind, const cublasLtMatmulHeuristicResult_t *result)
{
    int32_t parts = 0;
    uint32_t scheme = 0;
    uint64_t arithmetic = 0;
    const cublasLtMatmulAlgo_t *a = &result->algo;
    return result->state == CUBLAS_STATUS_SUCCESS && result->workspaceSize <= QUEUE_WORKSPACE &&
           cublasLtMatmulAlgoConfigGetAttribute(a, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &parts, sizeof parts, NULL) ==
               CUBLAS_STATUS_SUCCESS &&
           cublasLtMatmulAlgoConfigGetAttribute(a, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme, sizeof scheme, NULL) ==
               CUBLAS_STATUS_SUCCESS &&
           cublasLtMatmulAlgoCapGetAttribute(a, CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS, &arithmetic, sizeof arithmetic, NULL) ==
               CUBLAS_STATUS_SUCCESS &&
           splits_as_allowed(kind, parts, scheme) && !(arithmetic & refused(kind));
}

#define ASKED 32 /* algorithms at a time */

int product_algorithms(const struct cuda_gpu *gpu, const struct product_kind *kind, int64_t rows, int most,
                       cublasLtMatmulAlgo_t *algorithms)
{
    struct description d;
    cublasLtMatmulPreferenceOpaque_t preference;
    cublasLtMatmulHeuristicResult_t results[ASKED];
    int found = 0, count = 0;
    static _Alignas(2 * OPERAND_ALIGNMENT) const char somewhere[2 * OPERAND_ALIGNMENT];
    const void *bias = somewhere + OPERAND_ALIGNMENT; /* whose alignment alone is looked at */
    if (describe(kind, rows, bias, &d) != CUBLAS_STATUS_SUCCESS || prefer(kind, &preference) != CUBLAS_STATUS_SUCCESS ||
        cublasLtMatmulAlgoGetHeuristic(gpu->blas, &d.operation, &d.weights, &d.x, &d.y, &d.y, &preference, ASKED, results,
                                       &found) != CUBLAS_STATUS_SUCCESS)
        return 0;
    for (int i = 0; i < found && count < most; i++)
        if (is_allowed(kind, &results[i]))
            algorithms[count++] = results[i].algo;
    return count;
}

/* ---- running ------------------------------------------------------------------------------------------------------------ */

cublasStatus_t product_run(struct cuda_queue *queue, const struct product_kind *kind, const struct product *product,
                           const cublasLtMatmulAlgo_t *algorithm)
{
    struct description d;
    const float one = 1.0f, kept = kind->result == CUDA_RESULT_ADDED ? 1.0f : 0.0f;
    ASK(describe(kind, product->rows, product->bias, &d));
    return cublasLtMatmul(queue->gpu->blas, &d.operation, &one, product->weights, &d.weights, product->x, &d.x, &kept,
                          product->y, &d.y, product->y, &d.y, algorithm, queue->workspace, QUEUE_WORKSPACE, queue->stream);
}
