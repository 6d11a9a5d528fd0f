#include "fake_cuda.h"

#include "emulate_graph.h"

#include <string.h>

static float element(cudaDataType_t type, const void *x, int64_t i)
{
    return type == CUDA_R_32F ? ((const float *)x)[i] : bf16_to_f32(((const bf16 *)x)[i]);
}

/* ---- descriptions ------------------------------------------------------------------------------------------------------- */

struct layout {
    cudaDataType_t type;
    int64_t rows, columns, stride;
};

struct operation {
    cublasComputeType_t compute;
    cublasOperation_t turned;
    cublasLtEpilogue_t epilogue;
    const void *bias;
};

struct preference {
    uint64_t workspace, arithmetic;
    uint32_t schemes, x, y;
};

static struct layout layout_of(const cublasLtMatrixLayoutOpaque_t *opaque)
{
    struct layout l;
    memcpy(&l, opaque, sizeof l);
    return l;
}

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t layout, size_t size, cudaDataType type, uint64_t rows,
                                                 uint64_t columns, int64_t stride)
{
    struct layout l = {type, (int64_t)rows, (int64_t)columns, stride};
    memset(layout, 0, size);
    memcpy(layout, &l, sizeof l);
    return CUBLAS_STATUS_SUCCESS;
}

/* Batches are not made up. */
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t attribute,
                                                const void *value, size_t size)
{
    (void)layout, (void)attribute, (void)value, (void)size;
    return CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t operation, size_t size, cublasComputeType_t compute,
                                               cudaDataType_t scale)
{
    struct operation o = {compute, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT, NULL};
    memset(operation, 0, size);
    memcpy(operation, &o, sizeof o);
    return scale == CUDA_R_32F ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

static cublasStatus_t set(void *member, size_t size, const void *value, size_t value_size)
{
    if (size != value_size)
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(member, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t size)
{
    struct operation *o = (void *)operation;
    if (attribute == CUBLASLT_MATMUL_DESC_TRANSA)
        return set(&o->turned, sizeof o->turned, value, size);
    if (attribute == CUBLASLT_MATMUL_DESC_EPILOGUE)
        return set(&o->epilogue, sizeof o->epilogue, value, size);
    if (attribute == CUBLASLT_MATMUL_DESC_BIAS_POINTER)
        return set(&o->bias, sizeof o->bias, value, size);
    return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t preference, size_t size)
{
    struct preference p = {0, UINT64_MAX, CUBLASLT_REDUCTION_SCHEME_MASK, 256, 256};
    memset(preference, 0, size);
    memcpy(preference, &p, sizeof p);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void *value,
                                                    size_t size)
{
    struct preference *p = (void *)preference;
    switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
        return set(&p->workspace, sizeof p->workspace, value, size);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
        return set(&p->schemes, sizeof p->schemes, value, size);
    case CUBLASLT_MATMUL_PREF_IMPL_MASK:
        return set(&p->arithmetic, sizeof p->arithmetic, value, size);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
        return set(&p->x, sizeof p->x, value, size);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
        return set(&p->y, sizeof p->y, value, size);
    default:
        return CUBLAS_STATUS_INVALID_VALUE;
    }
}

/* ---- algorithms --------------------------------------------------------------------------------------------------------- */

static const struct fake_algorithm *algorithm_of(const cublasLtMatmulAlgo_t *algorithm)
{
    return &fake.algorithms[algorithm->data[0]];
}

/* Whether these make y (rows, out) = x (rows, in) weights (out, in)^T, by rows, of types that cuBLASLt has kernels for. */
static bool fits(const struct operation *o, struct layout weights, struct layout x, struct layout y)
{
    return o->turned == CUBLAS_OP_T && weights.rows == x.rows && weights.columns == y.rows && x.columns == y.columns &&
           weights.stride >= weights.rows && x.stride >= x.rows && y.stride >= y.rows && weights.type == x.type &&
           (y.type == x.type || y.type == CUDA_R_32F) && (x.type == CUDA_R_32F || o->compute == CUBLAS_COMPUTE_32F);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t weights, cublasLtMatrixLayout_t x,
                                              cublasLtMatrixLayout_t before, cublasLtMatrixLayout_t y,
                                              cublasLtMatmulPreference_t preference, int most,
                                              cublasLtMatmulHeuristicResult_t results[], int *count)
{
    (void)handle, (void)before;
    const struct operation *o = (const void *)operation;
    const struct preference *p = (const void *)preference;
    const int *offers = fake.offers[shape_class(layout_of(y).columns)];
    uint32_t schemes = fake.splits ? CUBLASLT_REDUCTION_SCHEME_MASK : CUBLASLT_REDUCTION_SCHEME_NONE;
    *count = 0;
    if (!fits(o, layout_of(weights), layout_of(x), layout_of(y)) || p->schemes != schemes || p->x != 16 || p->y > 16 ||
        p->workspace == 0)
        return CUBLAS_STATUS_INVALID_VALUE;
    if (o->compute == CUBLAS_COMPUTE_32F_PEDANTIC && !fake.pedantic)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    for (int i = 0; i < FAKE_OFFERS && i < most && offers[i] >= 0; i++)
        results[(*count)++] = (cublasLtMatmulHeuristicResult_t){.algo.data[0] = (uint64_t)offers[i]};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *algorithm,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute, void *value, size_t size,
                                                    size_t *written)
{
    (void)written;
    int32_t parts = algorithm_of(algorithm)->parts;
    uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_NONE;
    return attribute == CUBLASLT_ALGO_CONFIG_SPLITK_NUM ? set(value, size, &parts, sizeof parts)
                                                        : set(value, size, &scheme, sizeof scheme);
}

cublasStatus_t cublasLtMatmulAlgoCapGetAttribute(const cublasLtMatmulAlgo_t *algorithm,
                                                 cublasLtMatmulAlgoCapAttributes_t attribute, void *value, size_t size,
                                                 size_t *written)
{
    (void)attribute, (void)written;
    cublasLtNumericalImplFlags_t flags =
        CUBLASLT_NUMERICAL_IMPL_FLAGS_FMA | (algorithm_of(algorithm)->tf32 ? CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_TF32 : 0);
    return set(value, size, &flags, sizeof flags);
}

/* ---- products ----------------------------------------------------------------------------------------------------------- */

static float rounded(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x1000) & 0xffffe000;
    memcpy(&x, &bits, sizeof bits);
    return x;
}

static float sum(enum fake_order order, struct layout l, const void *weights, int64_t w, const void *x, int64_t at,
                 int64_t from, int64_t to)
{
    float s = 0.0f;
    for (int64_t i = from; i < to; i++) {
        float a = element(l.type, weights, w + i), b = element(l.type, x, at + i);
        s += order == FAKE_IN_TF32 ? rounded(a) * rounded(b) : a * b;
    }
    return s;
}

static float add_up(enum fake_order order, int64_t row, int64_t rows, struct layout l, const void *weights, int64_t w,
                    const void *x, int64_t at)
{
    int64_t half = l.rows / 4 * 3;
    bool halves = order == FAKE_HALVES || (order == FAKE_BY_COUNT && rows % 3 == 1) || (order == FAKE_BY_PLACE && row % 8 == 7);
    if (halves)
        return sum(order, l, weights, w, x, at, 0, half) + sum(order, l, weights, w, x, at, half, l.rows);
    return sum(order, l, weights, w, x, at, 0, l.rows - (order == FAKE_WRONG ? 9 : 0));
}

struct multiplication {
    enum fake_order order;
    struct layout weights_layout, x_layout, y_layout;
    const void *weights, *x, *bias; /* NULL: no bias */
    bool added;
    void *y;
};

static void multiply(const void *multiplication)
{
    const struct multiplication *m = multiplication;
    const struct layout *wl = &m->weights_layout, *xl = &m->x_layout, *yl = &m->y_layout;
    for (int64_t r = 0; r < yl->columns; r++)
        for (int64_t i = 0; i < yl->rows; i++) {
            float value = add_up(m->order, r, yl->columns, *wl, m->weights, i * wl->stride, m->x, r * xl->stride);
            value += m->added ? element(yl->type, m->y, r * yl->stride + i) : 0.0f;
            value += m->bias ? element(yl->type, m->bias, i) : 0.0f;
            if (yl->type == CUDA_R_32F)
                ((float *)m->y)[r * yl->stride + i] = value;
            else
                ((bf16 *)m->y)[r * yl->stride + i] = bf16_from_f32(value);
        }
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, const void *alpha, const void *weights,
                              cublasLtMatrixLayout_t weights_layout, const void *x, cublasLtMatrixLayout_t x_layout,
                              const void *beta, const void *before, cublasLtMatrixLayout_t before_layout, void *y,
                              cublasLtMatrixLayout_t y_layout, const cublasLtMatmulAlgo_t *algorithm, void *workspace,
                              size_t workspace_size, cudaStream_t stream)
{
    (void)handle, (void)before_layout, (void)alpha, (void)stream;
    const struct operation *o = (const void *)operation;
    struct layout wl = layout_of(weights_layout), xl = layout_of(x_layout), yl = layout_of(y_layout);
    const struct fake_algorithm *a = algorithm_of(algorithm);
    if (fake.broken != cudaSuccess)
        return CUBLAS_STATUS_EXECUTION_FAILED;
    if (!fits(o, wl, xl, yl) || a->order == FAKE_UNTAKEN || before != y || !workspace || workspace_size < ((size_t)32 << 20) ||
        (uintptr_t)x % 16 || (uintptr_t)weights % 16 || (uintptr_t)o->bias % 16)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    const struct multiplication m = {
        a->order, wl, xl, yl, weights, x, o->epilogue == CUBLASLT_EPILOGUE_BIAS ? o->bias : NULL, *(const float *)beta != 0.0f,
        y};
    if (emulate_captures())
        emulate_keep(multiply, &m, sizeof m);
    else
        multiply(&m);
    fake.used = (int)algorithm->data[0];
    fake.products++;
    fake_pass(a->time);
    return CUBLAS_STATUS_SUCCESS;
}

/* ---- the rest ----------------------------------------------------------------------------------------------------------- */

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    *handle = (cublasLtHandle_t)(void *)&fake;
    fake.objects++;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    (void)handle;
    fake.objects--;
    return CUBLAS_STATUS_SUCCESS;
}

const char *cublasLtGetStatusString(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_NOT_SUPPORTED ? "not supported" : "as cuBLASLt says";
}

size_t cublasLtGetVersion(void)
{
    return 130100;
}
