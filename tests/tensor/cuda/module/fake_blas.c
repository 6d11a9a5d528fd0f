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
    int64_t rows, columns, stride, step;
    int32_t count;
};

struct operation {
    cublasComputeType_t compute;
    cublasOperation_t turns_a, turns_b;
    cublasLtEpilogue_t epilogue;
    const void *bias;
};

struct preference {
    uint64_t workspace, arithmetic;
    uint32_t schemes, a, b, y;
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
    struct layout l = {type, (int64_t)rows, (int64_t)columns, stride, 0, 1};
    memset(layout, 0, size);
    memcpy(layout, &l, sizeof l);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t operation, size_t size, cublasComputeType_t compute,
                                               cudaDataType_t scale)
{
    struct operation o = {compute, CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT, NULL};
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

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t attribute,
                                                const void *value, size_t size)
{
    struct layout *l = (void *)layout;
    if (fake.without_batches)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT)
        return set(&l->count, sizeof l->count, value, size);
    if (attribute == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET)
        return set(&l->step, sizeof l->step, value, size);
    return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t size)
{
    struct operation *o = (void *)operation;
    if (attribute == CUBLASLT_MATMUL_DESC_TRANSA)
        return set(&o->turns_a, sizeof o->turns_a, value, size);
    if (attribute == CUBLASLT_MATMUL_DESC_TRANSB)
        return set(&o->turns_b, sizeof o->turns_b, value, size);
    if (attribute == CUBLASLT_MATMUL_DESC_EPILOGUE)
        return set(&o->epilogue, sizeof o->epilogue, value, size);
    if (attribute == CUBLASLT_MATMUL_DESC_BIAS_POINTER)
        return set(&o->bias, sizeof o->bias, value, size);
    return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t preference, size_t size)
{
    struct preference p = {0, UINT64_MAX, CUBLASLT_REDUCTION_SCHEME_MASK, 256, 256, 256};
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
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
        return set(&p->a, sizeof p->a, value, size);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
        return set(&p->b, sizeof p->b, value, size);
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

/* As it is multiplied: the other way round if turned. */
static struct layout turned(struct layout l, cublasOperation_t operation)
{
    int64_t rows = l.rows;
    if (operation == CUBLAS_OP_T) {
        l.rows = l.columns;
        l.columns = rows;
    }
    return l;
}

/* Whether these make y = a b, of types that cuBLASLt has kernels for. */
static bool fits(const struct operation *o, struct layout a, struct layout b, struct layout y)
{
    bool room = a.stride >= a.rows && b.stride >= b.rows && y.stride >= y.rows;
    a = turned(a, o->turns_a);
    b = turned(b, o->turns_b);
    return room && a.rows == y.rows && a.columns == b.rows && b.columns == y.columns && a.count == y.count &&
           b.count == y.count && a.type == b.type && (y.type == b.type || y.type == CUDA_R_32F) &&
           (b.type == CUDA_R_32F || o->compute == CUBLAS_COMPUTE_32F);
}

/* Whether it is preferred as a product with weights is, or as one of two matrices that change. */
static bool is_preferred_well(const struct preference *p)
{
    bool of_two = p->a <= 16; /* weights are aligned as they were allocated */
    return p->workspace > 0 && p->y <= 16 && p->b <= 16 &&
           (of_two ? p->schemes == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE : p->b == 16);
}

/* What an algorithm is good for, whatever the number of columns. */
static uint64_t purpose(const struct operation *o, struct layout a, struct layout b, struct layout y)
{
    uint64_t types = (uint64_t)a.type << 8 | (uint64_t)y.type, turns = (uint64_t)o->turns_a << 4 | (uint64_t)o->turns_b;
    return (uint64_t)a.rows << 48 | (uint64_t)y.rows << 32 | (uint64_t)b.rows % 256 << 24 | types << 8 | turns;
}

/* An algorithm remembers how aligned memory was said to be, and what it is good for. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t before, cublasLtMatrixLayout_t y,
                                              cublasLtMatmulPreference_t preference, int most,
                                              cublasLtMatmulHeuristicResult_t results[], int *count)
{
    (void)handle, (void)before;
    const struct operation *o = (const void *)operation;
    const struct preference *p = (const void *)preference;
    const int *offers = fake.offers[shape_class(layout_of(y).columns)];
    *count = 0;
    fake.asked++;
    fake.schemes |= p->schemes;
    if (!fits(o, layout_of(a), layout_of(b), layout_of(y)) || !is_preferred_well(p))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (o->compute == CUBLAS_COMPUTE_32F_PEDANTIC && !fake.pedantic)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    for (int i = 0; i < FAKE_OFFERS && i < most && offers[i] >= 0; i++)
        results[(*count)++] = (cublasLtMatmulHeuristicResult_t){
            .algo.data = {(uint64_t)offers[i], p->a, p->b, p->y, purpose(o, layout_of(a), layout_of(b), layout_of(y))}};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *algorithm,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute, void *value, size_t size,
                                                    size_t *written)
{
    (void)written;
    int32_t parts = algorithm_of(algorithm)->parts;
    uint32_t scheme = algorithm_of(algorithm)->races ? CUBLASLT_REDUCTION_SCHEME_INPLACE : CUBLASLT_REDUCTION_SCHEME_NONE;
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

/* The terms of a sum: every `step`th element from `at` on. */
struct terms {
    cudaDataType_t type;
    const void *x;
    int64_t at, step;
};

static float sum(enum fake_order order, struct terms a, struct terms b, int64_t from, int64_t to)
{
    float s = 0.0f;
    for (int64_t i = from; i < to; i++) {
        float x = element(a.type, a.x, a.at + i * a.step), y = element(b.type, b.x, b.at + i * b.step);
        s += order == FAKE_IN_TF32 ? rounded(x) * rounded(y) : x * y;
    }
    return s;
}

static float add_up(enum fake_order order, int64_t column, int64_t columns, int64_t count, struct terms a, struct terms b)
{
    int64_t half = count / 4 * 3;
    bool halves =
        order == FAKE_HALVES || (order == FAKE_BY_COUNT && columns % 3 == 1) || (order == FAKE_BY_PLACE && column % 8 == 7);
    if (halves)
        return sum(order, a, b, 0, half) + sum(order, a, b, half, count);
    return sum(order, a, b, 0, count - (order == FAKE_WRONG ? 9 : 0));
}

struct multiplication {
    enum fake_order order;
    struct operation operation;
    struct layout a_layout, b_layout, y_layout;
    const void *a, *b;
    float factor, kept; /* of the product, and of what y held */
    void *y;
};

static void store(const struct layout *l, void *y, int64_t at, float value)
{
    if (l->type == CUDA_R_32F)
        ((float *)y)[at] = value;
    else
        ((bf16 *)y)[at] = bf16_from_f32(value);
}

/* One of several products. */
static void multiply_one(const struct multiplication *m, int64_t index)
{
    const struct layout *al = &m->a_layout, *bl = &m->b_layout, *yl = &m->y_layout;
    bool turns_a = m->operation.turns_a == CUBLAS_OP_T, turns_b = m->operation.turns_b == CUBLAS_OP_T;
    int64_t terms = turns_a ? al->rows : al->columns;
    for (int64_t c = 0; c < yl->columns; c++)
        for (int64_t r = 0; r < yl->rows; r++) {
            struct terms a = {al->type, m->a, index * al->step + r * (turns_a ? al->stride : 1), turns_a ? 1 : al->stride};
            struct terms b = {bl->type, m->b, index * bl->step + c * (turns_b ? 1 : bl->stride), turns_b ? bl->stride : 1};
            int64_t at = index * yl->step + c * yl->stride + r;
            float value = m->factor * add_up(m->order, c, yl->columns, terms, a, b);
            value += m->kept != 0.0f ? m->kept * element(yl->type, m->y, at) : 0.0f;
            value += m->operation.epilogue == CUBLASLT_EPILOGUE_BIAS ? element(yl->type, m->operation.bias, r) : 0.0f;
            store(yl, m->y, at, value);
        }
}

static void multiply(const void *multiplication)
{
    const struct multiplication *m = multiplication;
    for (int64_t i = 0; i < m->y_layout.count; i++)
        multiply_one(m, i);
}

/* Whether each of the matrices is aligned as it was said to be. */
static bool is_aligned(const void *x, struct layout l, uint64_t alignment)
{
    size_t size = l.type == CUDA_R_32F ? sizeof(float) : sizeof(bf16);
    return (uintptr_t)x % alignment == 0 && (l.count == 1 || (size_t)l.step * size % alignment == 0);
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, const void *alpha, const void *a,
                              cublasLtMatrixLayout_t a_layout, const void *b, cublasLtMatrixLayout_t b_layout, const void *beta,
                              const void *before, cublasLtMatrixLayout_t before_layout, void *y,
                              cublasLtMatrixLayout_t y_layout, const cublasLtMatmulAlgo_t *algorithm, void *workspace,
                              size_t workspace_size, cudaStream_t stream)
{
    (void)handle, (void)before_layout, (void)stream;
    const struct operation *o = (const void *)operation;
    struct layout al = layout_of(a_layout), bl = layout_of(b_layout), yl = layout_of(y_layout);
    const struct fake_algorithm *how = algorithm_of(algorithm);
    if (fake.broken != cudaSuccess)
        return CUBLAS_STATUS_EXECUTION_FAILED;
    if (!fits(o, al, bl, yl) || how->order == FAKE_UNTAKEN || before != y || !workspace ||
        workspace_size < ((size_t)32 << 20) || (uintptr_t)o->bias % 16 || !is_aligned(a, al, algorithm->data[1]) ||
        !is_aligned(b, bl, algorithm->data[2]) || !is_aligned(y, yl, algorithm->data[3]) ||
        algorithm->data[4] != purpose(o, al, bl, yl))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    const struct multiplication m = {how->order, *o, al, bl, yl, a, b, *(const float *)alpha, *(const float *)beta, y};
    if (emulate_captures())
        emulate_keep(multiply, &m, sizeof m);
    else
        multiply(&m);
    fake.used = (int)algorithm->data[0];
    fake.products++;
    fake_pass(how->time);
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
