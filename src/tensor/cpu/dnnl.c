#include "tensor/cpu/dnnl.h"

#include "tensor/cpu/dnnl_api.h"
#include "tensor/cpu/kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The layout is picked for this many rows unless told otherwise, and serves every number of rows. */
#define LAYOUT_ROWS 32

/* oneDNN 3.7 sums a single row in another order than it sums several, where there are more than 1024 columns: one row is run as
 * two there, so that a row is the same in any company. 2.6 has one order for all. */
#define LEAST_ROWS (DNNL_VERSION_MAJOR >= 3 ? 2 : 1)

/* A compiled product for one number of rows. Kept for the product's life: the numbers that occur are few (a prompt's length,
 * an image's positions, the sizes of a batch), and the code behind them is shared through oneDNN's own cache. */
struct plan {
    struct plan *next;
    int64_t rows, y_stride;
    bool accumulate, bias;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t x, y, b, scratch;
    size_t scratch_size;
};

struct dnnl_product {
    int64_t out, in, layout_rows;
    dnnl_data_type_t type;
    dnnl_engine_t engine;
    dnnl_memory_desc_t layout;
    bool has_layout;
    void *plain;  /* (out, in), until sealed */
    void *packed; /* in `layout` */
    size_t packed_size;
    dnnl_memory_t weights;
    struct plan *plans;
    pthread_mutex_t lock; /* of plans */
};

/* ---- creation and packing --------------------------------------------------------------------------------------------- */

static lmvr_status failed(dnnl_status_t status, const char *step, lmvr_error *error)
{
    if (status == dnnl_out_of_memory)
        return error_no_memory(error, step);
    return error_set(error, LMVR_ERROR_RESOURCE, "oneDNN cannot %s (status %d)", step, (int)status);
}

lmvr_status dnnl_product_create(int64_t out, int64_t in, enum dtype dtype, struct dnnl_product **product, lmvr_error *error)
{
    struct dnnl_product *p = *product = calloc(1, sizeof *p);
    if (!p)
        return error_no_memory(error, "a weight matrix");
    p->out = out;
    p->in = in;
    p->layout_rows = LAYOUT_ROWS;
    p->type = dtype == F32 ? dnnl_f32 : dnnl_bf16;
    pthread_mutex_init(&p->lock, NULL);
    dnnl_status_t status = dnnl_engine_create(&p->engine, dnnl_cpu, 0);
    if (status == dnnl_success && (p->plain = aligned_zeroed(out * in, dtype_size(dtype))))
        return LMVR_OK;
    dnnl_product_free(p);
    *product = NULL;
    return status == dnnl_success ? error_no_memory(error, "a weight matrix") : failed(status, "start", error);
}

static void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    if (plan->primitive)
        dnnl_primitive_destroy(plan->primitive);
    forget(&plan->x);
    forget(&plan->y);
    forget(&plan->b);
    forget(&plan->scratch);
    free(plan);
}

void dnnl_product_free(struct dnnl_product *product)
{
    if (!product)
        return;
    for (struct plan *plan = product->plans, *next; plan; plan = next) {
        next = plan->next;
        plan_free(plan);
    }
    if (product->weights)
        dnnl_memory_destroy(product->weights);
    if (product->has_layout)
        forget(&product->layout);
    if (product->engine)
        dnnl_engine_destroy(product->engine);
    pthread_mutex_destroy(&product->lock);
    free(product->plain);
    free(product->packed);
    free(product);
}

void dnnl_product_set(struct dnnl_product *product, int64_t first, int64_t count, const float *rows)
{
    int64_t at = first * product->in, total = count * product->in;
    if (product->type == dnnl_f32)
        memcpy((float *)product->plain + at, rows, (size_t)total * sizeof *rows);
    else
        kernels_get()->to_bf16(total, rows, (bf16 *)product->plain + at);
}

/* The layout that the library picks when it may choose, for the weights as a (in, out) matrix. */
static dnnl_status_t pick_layout(struct dnnl_product *p)
{
    dnnl_memory_desc_t x = {0}, w = {0}, y = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = describe(&x, p->layout_rows, p->in, p->type, p->in, 1);
    if (status == dnnl_success)
        status = describe_any(&w, p->in, p->out, p->type);
    if (status == dnnl_success)
        status = describe(&y, p->layout_rows, p->out, dnnl_f32, p->out, 1);
    if (status == dnnl_success)
        status = make_matmul(&pd, p->engine, &x, &w, NULL, &y, NULL);
    if (status == dnnl_success)
        status = queried(&p->layout, pd, dnnl_query_weights_md);
    p->has_layout = status == dnnl_success;
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    forget(&x);
    forget(&w);
    forget(&y);
    return status;
}

static dnnl_status_t reorder(struct dnnl_product *p)
{
    dnnl_memory_desc_t plain = {0};
    dnnl_memory_t from = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_status_t status = describe(&plain, p->in, p->out, p->type, 1, p->in);
    if (status == dnnl_success)
        status = make_memory(&from, &plain, p->engine, p->plain);
    if (status == dnnl_success)
        status = make_memory(&p->weights, &p->layout, p->engine, p->packed);
    if (status == dnnl_success)
        status = make_reorder(&pd, &plain, &p->layout, p->engine);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&primitive, pd);
    if (status == dnnl_success)
        status = execute(p->engine, primitive, 2, (dnnl_exec_arg_t[]){{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, p->weights}});
    if (primitive)
        dnnl_primitive_destroy(primitive);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (from)
        dnnl_memory_destroy(from);
    forget(&plain);
    return status;
}

lmvr_status dnnl_product_seal(struct dnnl_product *product, lmvr_error *error)
{
    dnnl_status_t status = pick_layout(product);
    if (status != dnnl_success)
        return failed(status, "multiply in this type", error);
    product->packed_size = desc_size(&product->layout);
    product->packed = aligned_zeroed((int64_t)product->packed_size, 1);
    if (!product->packed)
        return error_no_memory(error, "a weight matrix");
    status = reorder(product);
    if (status != dnnl_success)
        return failed(status, "pack a weight matrix", error);
    free(product->plain);
    product->plain = NULL;
    return LMVR_OK;
}

int64_t dnnl_product_bytes(const struct dnnl_product *product)
{
    return (int64_t)product->packed_size;
}

/* ---- running ---------------------------------------------------------------------------------------------------------- */

static dnnl_status_t plan_primitive(const struct dnnl_product *p, struct plan *plan, dnnl_primitive_attr_t attributes)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && plan->accumulate) {
        status = dnnl_post_ops_create(&ops);
        if (status == dnnl_success)
            status = sum_post_op(ops);
        if (status == dnnl_success)
            status = dnnl_primitive_attr_set_post_ops(attributes, ops);
        if (ops)
            dnnl_post_ops_destroy(ops);
    }
    if (status == dnnl_success)
        status = make_matmul(&pd, p->engine, &plan->x, &p->layout, plan->bias ? &plan->b : NULL, &plan->y, attributes);
    if (status == dnnl_success)
        status = queried(&plan->scratch, pd, dnnl_query_scratchpad_md);
    if (status == dnnl_success) {
        plan->scratch_size = desc_size(&plan->scratch);
        status = dnnl_primitive_create(&plan->primitive, pd);
    }
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return status;
}

static dnnl_status_t plan_create(const struct dnnl_product *p, struct plan *plan)
{
    dnnl_primitive_attr_t attributes;
    dnnl_status_t status = describe(&plan->x, plan->rows, p->in, p->type, p->in, 1);
    if (status == dnnl_success)
        status = describe(&plan->y, plan->rows, p->out, dnnl_f32, plan->y_stride, 1);
    if (status == dnnl_success && plan->bias)
        status = describe(&plan->b, 1, p->out, dnnl_f32, p->out, 1);
    if (status != dnnl_success || (status = dnnl_primitive_attr_create(&attributes)) != dnnl_success)
        return status;
    status = plan_primitive(p, plan, attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

/* The plan for this call, made at its first use; NULL with *status set when it cannot be. */
static struct plan *plan_get(struct dnnl_product *p, int64_t rows, int64_t y_stride, bool accumulate, bool bias,
                             dnnl_status_t *status)
{
    pthread_mutex_lock(&p->lock);
    struct plan *plan = p->plans;
    while (plan && !(plan->rows == rows && plan->y_stride == y_stride && plan->accumulate == accumulate && plan->bias == bias))
        plan = plan->next;
    if (!plan) {
        plan = calloc(1, sizeof *plan);
        *status = dnnl_out_of_memory;
        if (plan) {
            *plan = (struct plan){.rows = rows, .y_stride = y_stride, .accumulate = accumulate, .bias = bias};
            *status = plan_create(p, plan);
        }
        if (*status == dnnl_success) {
            plan->next = p->plans;
            p->plans = plan;
        } else {
            plan_free(plan);
            plan = NULL;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return plan;
}

/* Rows as the product takes them: without gaps, in its type. The input itself where it is so already. */
static const void *gather(const struct dnnl_product *p, struct arena *arena, int64_t rows, const float *x, int64_t x_stride)
{
    if (p->type == dnnl_f32 && x_stride == p->in)
        return x;
    void *copy = arena_alloc(arena, rows * p->in, p->type == dnnl_f32 ? sizeof(float) : sizeof(bf16));
    if (!copy)
        return NULL;
    const struct kernels *kernels = kernels_get();
#pragma omp parallel for schedule(static) if (rows * p->in > 16384)
    for (int64_t r = 0; r < rows; r++) {
        if (p->type == dnnl_f32)
            memcpy((float *)copy + r * p->in, x + r * x_stride, (size_t)p->in * sizeof *x);
        else
            kernels->to_bf16(p->in, x + r * x_stride, (bf16 *)copy + r * p->in);
    }
    return copy;
}

static dnnl_status_t run(const struct dnnl_product *p, const struct plan *plan, const void *x, const float *bias, float *y,
                         void *scratch)
{
    dnnl_memory_t memories[4] = {0};
    dnnl_exec_arg_t arguments[5] = {{DNNL_ARG_WEIGHTS, p->weights}};
    int count = 1;
    const struct {
        int argument;
        const dnnl_memory_desc_t *md;
        void *data;
    } parts[4] = {{DNNL_ARG_SRC, &plan->x, (void *)x},
                  {DNNL_ARG_DST, &plan->y, y},
                  {DNNL_ARG_BIAS, plan->bias ? &plan->b : NULL, (void *)bias},
                  {DNNL_ARG_SCRATCHPAD, plan->scratch_size ? &plan->scratch : NULL, scratch}};
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < 4 && status == dnnl_success; i++) {
        if (!parts[i].md)
            continue;
        status = make_memory(&memories[i], parts[i].md, p->engine, parts[i].data);
        arguments[count++] = (dnnl_exec_arg_t){parts[i].argument, memories[i]};
    }
    if (status == dnnl_success)
        status = execute(p->engine, plan->primitive, count, arguments);
    for (int i = 0; i < 4; i++)
        if (memories[i])
            dnnl_memory_destroy(memories[i]);
    return status;
}

/* With a plan's scratch memory around it. */
static lmvr_status run_plan(const struct dnnl_product *p, struct arena *arena, const struct plan *plan, const void *x,
                            const float *bias, float *y, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    void *scratch = arena_alloc(arena, (int64_t)plan->scratch_size, 1);
    if (!scratch)
        return error_no_memory(error, "a matrix product");
    dnnl_status_t status = run(p, plan, x, bias, y, scratch);
    arena_release(arena, mark);
    return status == dnnl_success ? LMVR_OK : failed(status, "multiply", error);
}

static lmvr_status run_rows(struct dnnl_product *p, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                            const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error)
{
    dnnl_status_t status = dnnl_success;
    const struct plan *plan = plan_get(p, rows, y_stride, accumulate, bias != NULL, &status);
    if (!plan)
        return failed(status, "multiply this many rows", error);
    const void *input = gather(p, arena, rows, x, x_stride);
    if (!input)
        return error_no_memory(error, "a matrix product");
    return run_plan(p, arena, plan, input, bias, y, error);
}

/* Too few rows are filled up with copies of the first, in memory of their own. */
static lmvr_status run_padded(struct dnnl_product *p, struct arena *arena, const float *x, const float *bias, bool accumulate,
                              float *y, lmvr_error *error)
{
    float *more_x = arena_floats(arena, LEAST_ROWS * p->in), *more_y = arena_floats(arena, LEAST_ROWS * p->out);
    if (!more_x || !more_y)
        return error_no_memory(error, "a matrix product");
    for (int64_t r = 0; r < LEAST_ROWS; r++) {
        memcpy(more_x + r * p->in, x, (size_t)p->in * sizeof *x);
        memcpy(more_y + r * p->out, y, (size_t)p->out * sizeof *y);
    }
    TRY(run_rows(p, arena, LEAST_ROWS, more_x, p->in, bias, accumulate, more_y, p->out, error));
    memcpy(y, more_y, (size_t)p->out * sizeof *y);
    return LMVR_OK;
}

/* oneDNN 3.7 takes the elements of a column for neighbors, whatever stride it was told. */
static lmvr_status run_column(struct dnnl_product *p, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                              const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error)
{
    float *column = arena_floats(arena, rows);
    if (!column)
        return error_no_memory(error, "a matrix product");
    for (int64_t r = 0; r < rows; r++)
        column[r] = y[r * y_stride];
    TRY(dnnl_product_run(p, arena, rows, x, x_stride, bias, accumulate, column, 1, error));
    for (int64_t r = 0; r < rows; r++)
        y[r * y_stride] = column[r];
    return LMVR_OK;
}

lmvr_status dnnl_product_run(struct dnnl_product *product, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                             const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error)
{
    if (rows == 0)
        return LMVR_OK;
    struct arena_mark mark = arena_mark(arena);
    if (product->out == 1 && y_stride != 1)
        TRY(run_column(product, arena, rows, x, x_stride, bias, accumulate, y, y_stride, error));
    else if (rows < LEAST_ROWS)
        TRY(run_padded(product, arena, x, bias, accumulate, y, error));
    else
        TRY(run_rows(product, arena, rows, x, x_stride, bias, accumulate, y, y_stride, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

void dnnl_product_set_layout_rows(struct dnnl_product *product, int64_t rows)
{
    product->layout_rows = rows;
}

lmvr_status dnnl_product_run_bare(struct dnnl_product *product, struct arena *arena, int64_t rows, const void *x, float *y,
                                  lmvr_error *error)
{
    dnnl_status_t status = dnnl_success;
    const struct plan *plan = plan_get(product, rows, product->out, false, false, &status);
    return plan ? run_plan(product, arena, plan, x, NULL, y, error) : failed(status, "multiply this many rows", error);
}
