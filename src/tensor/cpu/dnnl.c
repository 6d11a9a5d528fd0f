#include "tensor/cpu/dnnl.h"

#include "tensor/cpu/dnnl_api.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/spot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The weights' layout is chosen for this many rows, unless set otherwise, and then used for any number of rows. */
#define LAYOUT_ROWS 32

/* With more than 1024 columns, oneDNN 3.7 sums a single row in another order than several. So a single row is run as two, which
 * makes its result independent of the batch. 2.6 uses one order for all. */
#define LEAST_ROWS (DNNL_VERSION_MAJOR >= 3 ? 2 : 1)

/* A compiled product for one number of rows. Kept as long as the product: few numbers of rows occur (a prompt's length, an
 * image's positions, batch sizes), and oneDNN's own cache shares their code. */
struct plan {
    struct plan *next;
    int64_t rows, y_stride;
    bool accumulate, bias;
    atomic_bool checked; /* its first result was compared with plain sums */
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t x, y, b, scratch;
    size_t scratch_size;
};

struct dnnl_product {
    int64_t out, in, layout_rows;
    dnnl_data_type_t type, x_type, y_type; /* type: of the weights */
    dnnl_engine_t engine;
    dnnl_memory_desc_t layout;
    bool has_layout;
    void *plain;  /* (in, out), until sealed */
    void *packed; /* in `layout` */
    dnnl_memory_t weights;
    int64_t sampled[SPOT_COLUMNS]; /* columns of `plain` that are kept in `samples`, for checking results */
    int sampled_count;
    void *samples; /* (sampled_count, in) */
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

bool dnnl_packs(enum dtype dtype)
{
    const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa(),
                         least = dtype == F32 ? dnnl_cpu_isa_avx512_core : dnnl_cpu_isa_avx512_core_bf16;
    return (dtype == F32 ? cpu_has_avx512() : cpu_has_bf16()) && (isa & least) == least;
}

lmvr_status dnnl_wrong(int64_t m, int64_t k, int64_t n, enum dtype dtype, lmvr_error *error)
{
    const dnnl_version_t *version = dnnl_version();
    return error_set(error, LMVR_ERROR_RESOURCE,
                     "oneDNN %d.%d.%d multiplies (%lld, %lld) by (%lld, %lld) wrongly in %s on this processor", version->major,
                     version->minor, version->patch, (long long)m, (long long)k, (long long)k, (long long)n,
                     dtype == F32 ? "f32" : "bf16");
}

lmvr_status dnnl_product_create(int64_t out, int64_t in, enum dtype dtype, struct dnnl_product **product, lmvr_error *error)
{
    struct dnnl_product *p = *product = calloc(1, sizeof *p);
    if (!p)
        return error_no_memory(error, "a weight matrix");
    p->out = out;
    p->in = in;
    p->layout_rows = LAYOUT_ROWS;
    p->type = dtype == F32 ? dnnl_f32 : dtype == BF16 ? dnnl_bf16 : dnnl_s8;
    p->x_type = dtype == INT8 ? dnnl_u8 : p->type;
    p->y_type = dtype == INT8 ? dnnl_s32 : dnnl_f32;
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
    free(product->samples);
    free(product);
}

#define BAND 64 /* columns transposed at a time */

/*
 * The matrix is stored transposed, as oneDNN's products take it. 3.7 could transpose while packing, but does it wrong where
 * fewer than 64 columns are left and the processor reports a first-level cache shared by many, as virtual machines do.
 */
void dnnl_product_set(struct dnnl_product *product, int64_t first, int64_t count, const float *rows)
{
    int64_t in = product->in, out = product->out;
#pragma omp parallel for schedule(static) if (count * in > 16384)
    for (int64_t band = 0; band < in; band += BAND) {
        int64_t end = band + BAND < in ? band + BAND : in;
        for (int64_t r = 0; r < count; r++)
            for (int64_t i = band; i < end; i++) {
                if (product->type == dnnl_f32)
                    ((float *)product->plain)[i * out + first + r] = rows[r * in + i];
                else
                    ((bf16 *)product->plain)[i * out + first + r] = bf16_from_f32(rows[r * in + i]);
            }
    }
}

void dnnl_product_get(const struct dnnl_product *product, int64_t first, int64_t count, float *rows)
{
    int64_t in = product->in, out = product->out;
    for (int64_t i = 0; i < in; i++)
        for (int64_t r = 0; r < count; r++) {
            int64_t at = i * out + first + r;
            rows[r * in + i] = product->type == dnnl_f32 ? ((const float *)product->plain)[at]
                                                         : bf16_to_f32(((const bf16 *)product->plain)[at]);
        }
}

/* Lets the library choose the layout for the weights, an (in, out) matrix. */
static dnnl_status_t pick_layout(struct dnnl_product *p)
{
    dnnl_memory_desc_t x = {0}, w = {0}, y = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = describe(&x, p->layout_rows, p->in, p->x_type, p->in, 1);
    if (status == dnnl_success)
        status = describe_any(&w, p->in, p->out, p->type);
    if (status == dnnl_success)
        status = describe(&y, p->layout_rows, p->out, p->y_type, p->out, 1);
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
    dnnl_status_t status = describe(&plain, p->in, p->out, p->type, p->out, 1);
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

static lmvr_status keep_samples(struct dnnl_product *p, lmvr_error *error)
{
    size_t size = dnnl_data_type_size(p->type);
    p->sampled_count = spot_choose(p->out, SPOT_COLUMNS, p->sampled);
    p->samples = malloc((size_t)(p->sampled_count * p->in) * size);
    if (!p->samples)
        return error_no_memory(error, "a weight matrix");
    for (int c = 0; c < p->sampled_count; c++)
        for (int64_t i = 0; i < p->in; i++)
            memcpy((char *)p->samples + (size_t)(c * p->in + i) * size,
                   (const char *)p->plain + (size_t)(i * p->out + p->sampled[c]) * size, size);
    return LMVR_OK;
}

static lmvr_status pack(struct dnnl_product *product, lmvr_error *error)
{
    dnnl_status_t status = pick_layout(product);
    if (status != dnnl_success)
        return failed(status, "multiply in this type", error);
    product->packed = aligned_zeroed((int64_t)desc_size(&product->layout), 1);
    if (!product->packed)
        return error_no_memory(error, "a weight matrix");
    status = reorder(product);
    return status == dnnl_success ? keep_samples(product, error) : failed(status, "pack a weight matrix", error);
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
    dnnl_status_t status = describe(&plan->x, plan->rows, p->in, p->x_type, p->in, 1);
    if (status == dnnl_success)
        status = describe(&plan->y, plan->rows, p->out, p->y_type, plan->y_stride, 1);
    if (status == dnnl_success && plan->bias)
        status = describe(&plan->b, 1, p->out, dnnl_f32, p->out, 1);
    if (status != dnnl_success || (status = dnnl_primitive_attr_create(&attributes)) != dnnl_success)
        return status;
    status = plan_primitive(p, plan, attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

/* The plan for this call, compiled at its first use; NULL, with *status set, if that fails. */
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

/* The rows as the product takes them: contiguous, in its dtype. The input itself if it is so already. */
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

/* run(), with scratch memory for the plan. */
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

static enum dtype dtype_of(const struct dnnl_product *p)
{
    return p->type == dnnl_f32 ? F32 : BF16;
}

/* Some elements of a result, and their values before the product is added. */
struct spots {
    int64_t rows[SPOT_ROWS];
    int row_count;
    float before[SPOT_ROWS][SPOT_COLUMNS];
};

static void note_spots(const struct dnnl_product *p, const struct plan *plan, const float *bias, const float *y,
                       struct spots *spots)
{
    spots->row_count = spot_choose(plan->rows, SPOT_ROWS, spots->rows);
    for (int r = 0; r < spots->row_count; r++)
        for (int c = 0; c < p->sampled_count; c++)
            spots->before[r][c] =
                (plan->accumulate ? y[spots->rows[r] * plan->y_stride + p->sampled[c]] : 0) + (bias ? bias[p->sampled[c]] : 0);
}

static bool spots_agree(const struct dnnl_product *p, const struct plan *plan, const void *x, const float *y,
                        const struct spots *spots)
{
    enum dtype dtype = dtype_of(p);
    size_t size = (size_t)p->in * dtype_size(dtype);
    for (int r = 0; r < spots->row_count; r++)
        for (int c = 0; c < p->sampled_count; c++) {
            struct spot_factor a = {(const char *)x + (size_t)spots->rows[r] * size, dtype, 1},
                               b = {(const char *)p->samples + (size_t)c * size, dtype, 1};
            if (!spot_agrees(p->in, a, b, spots->before[r][c], y[spots->rows[r] * plan->y_stride + p->sampled[c]]))
                return false;
        }
    return true;
}

static lmvr_status run_rows(struct dnnl_product *p, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                            const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error)
{
    dnnl_status_t status = dnnl_success;
    struct plan *plan = plan_get(p, rows, y_stride, accumulate, bias != NULL, &status);
    if (!plan)
        return failed(status, "multiply this many rows", error);
    const void *input = gather(p, arena, rows, x, x_stride);
    if (!input)
        return error_no_memory(error, "a matrix product");
    if (plan->checked)
        return run_plan(p, arena, plan, input, bias, y, error);
    struct spots spots;
    note_spots(p, plan, bias, y, &spots);
    TRY(run_plan(p, arena, plan, input, bias, y, error));
    if (!spots_agree(p, plan, input, y, &spots))
        return dnnl_wrong(rows, p->in, p->out, dtype_of(p), error);
    plan->checked = true;
    return LMVR_OK;
}

/* Pads too few rows with copies of the first, in memory of their own. */
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

/* oneDNN 3.7 treats the elements of a single column as contiguous, whatever the stride. */
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

/* ---- sealing ---------------------------------------------------------------------------------------------------------- */

#define TRIAL_ROWS (LEAST_ROWS + 1)

/* A trial product of a few rows, with a bias and accumulating. Without gaps between the rows of the result: for those
 * oneDNN 2.6 has only its reference, which takes a second for a matrix of 4096 x 4096 and is not what runs later. */
static lmvr_status try_out(struct dnnl_product *p, struct arena *arena, lmvr_error *error)
{
    float *x = arena_floats(arena, TRIAL_ROWS * p->in), *y = arena_floats(arena, TRIAL_ROWS * p->out),
          *bias = arena_floats(arena, p->out);
    if (!x || !y || !bias)
        return error_no_memory(error, "a weight matrix");
    for (int64_t i = 0; i < TRIAL_ROWS * p->in; i++)
        x[i] = (float)((i * 37 + i / p->in * 11) % 61 - 30) / 16;
    for (int64_t i = 0; i < TRIAL_ROWS * p->out; i++)
        y[i] = (float)(i % 7) / 8;
    for (int64_t i = 0; i < p->out; i++)
        bias[i] = (float)(i % 5) / 4;
    return dnnl_product_run(p, arena, TRIAL_ROWS, x, p->in, bias, true, y, p->out, error);
}

lmvr_status dnnl_product_seal(struct dnnl_product *product, lmvr_error *error)
{
    struct arena arena;
    TRY(pack(product, error));
    arena_init(&arena);
    lmvr_status status = product->type == dnnl_s8 ? LMVR_OK : try_out(product, &arena, error);
    arena_finish(&arena);
    if (status != LMVR_OK)
        return status;
    free(product->plain);
    product->plain = NULL;
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
