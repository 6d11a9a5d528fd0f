#include "tensor/matmul.h"

#include "tensor/cpu/dnnl.h"
#include "tensor/cpu/dnnl_api.h"
#include "tensor/cpu/spot.h"

#include <stdlib.h>
#include <string.h>

/* What a compiled product depends on. */
struct shape {
    int64_t m, n, k, a_stride, b_stride, c_stride;
    int32_t dtype, a_transposed, b_transposed, bias, accumulate, unused; /* no padding: compared as bytes */
};

struct plan {
    struct plan *next;
    struct shape shape;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t a, b, c, bias, scratch;
    dnnl_memory_t memory[5]; /* for a, b, c, bias and scratch, whose pointers are set at each run */
    size_t scratch_size;
    int64_t uses;
    bool checked; /* its first result was compared with plain sums */
};

#define BUCKETS    256
#define MOST_PLANS 2048 /* when exceeded, all are dropped, so that a run whose sizes keep changing does not grow */

struct matmul {
    dnnl_engine_t engine;
    struct plan *buckets[BUCKETS];
    int count;
};

static void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; i < 5; i++)
        if (plan->memory[i])
            dnnl_memory_destroy(plan->memory[i]);
    if (plan->primitive)
        dnnl_primitive_destroy(plan->primitive);
    forget(&plan->a);
    forget(&plan->b);
    forget(&plan->c);
    forget(&plan->bias);
    forget(&plan->scratch);
    free(plan);
}

lmvr_status matmul_create(struct matmul **matmul, lmvr_error *error)
{
    *matmul = calloc(1, sizeof **matmul);
    if (!*matmul)
        return error_no_memory(error, "matrix products");
    if (dnnl_engine_create(&(*matmul)->engine, dnnl_cpu, 0) == dnnl_success)
        return LMVR_OK;
    free(*matmul);
    *matmul = NULL;
    return error_set(error, LMVR_ERROR_RESOURCE, "oneDNN cannot start");
}

static void forget_plans(struct matmul *matmul)
{
    for (int i = 0; i < BUCKETS; i++) {
        for (struct plan *plan = matmul->buckets[i], *next; plan; plan = next) {
            next = plan->next;
            plan_free(plan);
        }
        matmul->buckets[i] = NULL;
    }
    matmul->count = 0;
}

void matmul_free(struct matmul *matmul)
{
    if (!matmul)
        return;
    forget_plans(matmul);
    dnnl_engine_destroy(matmul->engine);
    free(matmul);
}

/* A (rows, columns) operand, which may be stored transposed. */
static dnnl_status_t describe_operand(dnnl_memory_desc_t *md, int64_t rows, int64_t columns, dnnl_data_type_t type,
                                      int64_t stride, bool transposed)
{
    return describe(md, rows, columns, type, transposed ? 1 : stride, transposed ? stride : 1);
}

static dnnl_status_t describe_all(struct plan *plan)
{
    const struct shape *s = &plan->shape;
    dnnl_data_type_t type = s->dtype == F32 ? dnnl_f32 : dnnl_bf16;
    dnnl_status_t status = describe_operand(&plan->a, s->m, s->k, type, s->a_stride, s->a_transposed);
    if (status == dnnl_success)
        status = describe_operand(&plan->b, s->k, s->n, type, s->b_stride, s->b_transposed);
    if (status == dnnl_success)
        status = describe(&plan->c, s->m, s->n, dnnl_f32, s->c_stride, 1);
    if (status == dnnl_success && s->bias)
        status = describe(&plan->bias, 1, s->n, dnnl_f32, s->n, 1);
    return status;
}

static dnnl_status_t make_attributes(const struct plan *plan, dnnl_primitive_attr_t *attributes)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
    if (status != dnnl_success || !plan->shape.accumulate)
        return status;
    status = dnnl_post_ops_create(&ops);
    if (status == dnnl_success)
        status = sum_post_op(ops);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(*attributes, ops);
    if (ops)
        dnnl_post_ops_destroy(ops);
    return status;
}

static dnnl_status_t compile(struct matmul *matmul, struct plan *plan)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = make_attributes(plan, &attributes);
    if (status == dnnl_success)
        status =
            make_matmul(&pd, matmul->engine, &plan->a, &plan->b, plan->shape.bias ? &plan->bias : NULL, &plan->c, attributes);
    if (status == dnnl_success)
        status = queried(&plan->scratch, pd, dnnl_query_scratchpad_md);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&plan->primitive, pd);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (attributes)
        dnnl_primitive_attr_destroy(attributes);
    return status;
}

static dnnl_status_t make_memories(struct matmul *matmul, struct plan *plan)
{
    const dnnl_memory_desc_t *descriptions[5] = {&plan->a, &plan->b, &plan->c, &plan->bias, &plan->scratch};
    plan->scratch_size = desc_size(&plan->scratch);
    for (int i = 0; i < 5; i++) {
        if ((i == 3 && !plan->shape.bias) || (i == 4 && plan->scratch_size == 0))
            continue;
        dnnl_status_t status = make_memory(&plan->memory[i], descriptions[i], matmul->engine, DNNL_MEMORY_NONE);
        if (status != dnnl_success)
            return status;
    }
    return dnnl_success;
}

static size_t bucket_of(const struct shape *shape)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < sizeof *shape; i++)
        hash = (hash ^ ((const unsigned char *)shape)[i]) * 1099511628211u;
    return (hash ^ hash >> 32) % BUCKETS;
}

static struct plan *plan_get(struct matmul *matmul, const struct shape *shape, dnnl_status_t *status)
{
    struct plan **bucket = &matmul->buckets[bucket_of(shape)];
    for (struct plan *plan = *bucket; plan; plan = plan->next)
        if (memcmp(&plan->shape, shape, sizeof *shape) == 0)
            return plan;
    if (matmul->count >= MOST_PLANS)
        forget_plans(matmul);
    struct plan *plan = calloc(1, sizeof *plan);
    *status = plan ? dnnl_success : dnnl_out_of_memory;
    if (!plan)
        return NULL;
    plan->shape = *shape;
    *status = describe_all(plan);
    if (*status == dnnl_success)
        *status = compile(matmul, plan);
    if (*status == dnnl_success)
        *status = make_memories(matmul, plan);
    if (*status != dnnl_success) {
        plan_free(plan);
        return NULL;
    }
    matmul->count++;
    plan->next = *bucket;
    return *bucket = plan;
}

static dnnl_status_t run_plan(struct matmul *matmul, struct plan *plan, const struct matmul_call *call, void *scratch)
{
    /* oneDNN takes inputs as non-const pointers and does not write to them */
    void *data[5] = {(void *)call->a.data, (void *)call->b.data, call->c, (void *)call->bias, scratch};
    const int argument[5] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS, DNNL_ARG_SCRATCHPAD};
    dnnl_exec_arg_t arguments[5];
    int count = 0;
    for (int i = 0; i < 5; i++) {
        if (!plan->memory[i])
            continue;
        dnnl_status_t status = dnnl_memory_set_data_handle(plan->memory[i], data[i]);
        if (status != dnnl_success)
            return status;
        arguments[count++] = (dnnl_exec_arg_t){argument[i], plan->memory[i]};
    }
    return execute(matmul->engine, plan->primitive, count, arguments);
}

/* Some elements of a result, and their values before the product is added. */
struct spots {
    int64_t rows[SPOT_ROWS], columns[SPOT_COLUMNS];
    int row_count, column_count;
    float before[SPOT_ROWS][SPOT_COLUMNS];
};

static void note_spots(const struct matmul_call *call, struct spots *spots)
{
    spots->row_count = spot_choose(call->m, SPOT_ROWS, spots->rows);
    spots->column_count = spot_choose(call->n, SPOT_COLUMNS, spots->columns);
    for (int r = 0; r < spots->row_count; r++)
        for (int c = 0; c < spots->column_count; c++)
            spots->before[r][c] = (call->accumulate ? call->c[spots->rows[r] * call->c_stride + spots->columns[c]] : 0) +
                                  (call->bias ? call->bias[spots->columns[c]] : 0);
}

/* Line `index` of a factor, a row or column: its elements are `stride` apart if `across`, else contiguous. */
static struct spot_factor line(const struct matrix *matrix, enum dtype dtype, int64_t index, bool across)
{
    int64_t first = across ? index : index * matrix->stride;
    return (struct spot_factor){(const char *)matrix->data + (size_t)first * dtype_size(dtype), dtype,
                                across ? matrix->stride : 1};
}

static bool spots_agree(const struct matmul_call *call, const struct spots *spots)
{
    for (int r = 0; r < spots->row_count; r++)
        for (int c = 0; c < spots->column_count; c++)
            if (!spot_agrees(call->k, line(&call->a, call->dtype, spots->rows[r], call->a.transposed),
                             line(&call->b, call->dtype, spots->columns[c], !call->b.transposed), spots->before[r][c],
                             call->c[spots->rows[r] * call->c_stride + spots->columns[c]]))
                return false;
    return true;
}

static void clear(const struct matmul_call *call)
{
    for (int64_t i = 0; i < call->m; i++)
        for (int64_t j = 0; j < call->n; j++)
            call->c[i * call->c_stride + j] = call->bias ? call->bias[j] : 0;
}

static lmvr_status failed(const struct matmul_call *call, dnnl_status_t status, lmvr_error *error)
{
    if (status == dnnl_out_of_memory)
        return error_no_memory(error, "a matrix product");
    return error_set(error, LMVR_ERROR_INVALID, "oneDNN cannot multiply (%lld, %lld) by (%lld, %lld)", (long long)call->m,
                     (long long)call->k, (long long)call->k, (long long)call->n);
}

static lmvr_status run_compiled(struct matmul *matmul, struct arena *arena, const struct matmul_call *call, lmvr_error *error)
{
    struct shape shape;
    memset(&shape, 0, sizeof shape);
    shape = (struct shape){call->m,
                           call->n,
                           call->k,
                           call->a.stride,
                           call->b.stride,
                           call->c_stride,
                           (int32_t)call->dtype,
                           call->a.transposed,
                           call->b.transposed,
                           call->bias != NULL,
                           call->accumulate,
                           0};
    dnnl_status_t status = dnnl_success;
    struct plan *plan = plan_get(matmul, &shape, &status);
    if (!plan)
        return failed(call, status, error);
    bool check = !plan->checked;
    struct spots spots = {.row_count = 0};
    if (check)
        note_spots(call, &spots);
    struct arena_mark mark = arena_mark(arena);
    void *scratch = plan->scratch_size ? arena_alloc(arena, (int64_t)plan->scratch_size, 1) : NULL;
    status = plan->scratch_size && !scratch ? dnnl_out_of_memory : run_plan(matmul, plan, call, scratch);
    plan->uses++;
    arena_release(arena, mark);
    if (status != dnnl_success)
        return failed(call, status, error);
    if (check && !spots_agree(call, &spots))
        return dnnl_wrong(call->m, call->k, call->n, call->dtype, error);
    plan->checked = true;
    return LMVR_OK;
}

/* A contiguous copy of `count` elements that are `stride` apart; NULL: out of memory. */
static void *gather(struct arena *arena, enum dtype dtype, int64_t count, const void *elements, int64_t stride)
{
    size_t size = dtype_size(dtype);
    char *copy = arena_alloc(arena, count, size);
    for (int64_t i = 0; i < count && copy; i++)
        memcpy(copy + (size_t)i * size, (const char *)elements + (size_t)(i * stride) * size, size);
    return copy;
}

/* oneDNN 3.7 treats the elements of a vector as contiguous, whatever the stride, so vectors that are not are copied. */
static lmvr_status run_vectors(struct matmul *matmul, struct arena *arena, const struct matmul_call *call, lmvr_error *error)
{
    struct matmul_call dense = *call;
    if (call->m == 1 && call->a.transposed)
        dense.a = (struct matrix){gather(arena, call->dtype, call->k, call->a.data, call->a.stride), 1, true};
    if (call->n == 1 && !call->b.transposed)
        dense.b = (struct matrix){gather(arena, call->dtype, call->k, call->b.data, call->b.stride), 1, false};
    if (call->n == 1) {
        dense.c = gather(arena, F32, call->m, call->c, call->c_stride);
        dense.c_stride = 1;
    }
    if (!dense.a.data || !dense.b.data || !dense.c)
        return error_no_memory(error, "a matrix product");
    TRY(run_compiled(matmul, arena, &dense, error));
    for (int64_t i = 0; i < call->m && call->n == 1; i++)
        call->c[i * call->c_stride] = dense.c[i];
    return LMVR_OK;
}

lmvr_status matmul_run(struct matmul *matmul, struct arena *arena, const struct matmul_call *call, lmvr_error *error)
{
    if (call->m == 0 || call->n == 0)
        return LMVR_OK;
    if (call->k == 0) { /* an empty sum */
        if (!call->accumulate)
            clear(call);
        return LMVR_OK;
    }
    if (call->m > 1 && call->n > 1)
        return run_compiled(matmul, arena, call, error);
    struct arena_mark mark = arena_mark(arena);
    lmvr_status status = run_vectors(matmul, arena, call, error);
    arena_release(arena, mark);
    return status;
}

void matmul_count(const struct matmul *matmul, void (*visit)(void *user, int64_t m, int64_t n, int64_t k, int64_t uses),
                  void *user)
{
    for (int i = 0; i < BUCKETS; i++)
        for (const struct plan *plan = matmul->buckets[i]; plan; plan = plan->next)
            visit(user, plan->shape.m, plan->shape.n, plan->shape.k, plan->uses);
}
