/* Training's operations: arrays of the host are sent, and the module's products and kernels are queued. */
#include "tensor/cuda/device_gradient.h"

#include "tensor/cuda/device_queue.h"
#include "tensor/matmul.h"

#include <stdlib.h>
#include <string.h>

static const struct cuda_gradients *kernels_of(const struct arena *arena)
{
    return api_of(arena)->gradients;
}

static bool rounds(enum dtype products)
{
    return products == BF16;
}

/* ---- products ----------------------------------------------------------------------------------------------------------- */

static lmvr_status multiply(struct arena *arena, struct matmul *compiled, const struct matmul_call *call, lmvr_error *error)
{
    (void)compiled;
    struct cuda_product product = {.dtype = call->dtype,
                                   .count = 1,
                                   .m = call->m,
                                   .n = call->n,
                                   .k = call->k,
                                   .a = {call->a.data, call->a.stride, 0, call->a.transposed},
                                   .b = {call->b.data, call->b.stride, 0, call->b.transposed},
                                   .factor = 1,
                                   .add = call->accumulate || call->bias,
                                   .c = call->c,
                                   .c_stride = call->c_stride};
    if (call->bias)
        kernels_of(arena)->columns(stream_of(arena), call->m, call->n, call->bias, 0, false, call->c, call->c_stride);
    return api_of(arena)->product(arena->queue->queue, &product, error);
}

static void round_all(struct arena *arena, int64_t count, const float *x, bf16 *y)
{
    api_of(arena)->convert(stream_of(arena), count, 1.0f, x, BF16, y);
}

/* ---- elements ----------------------------------------------------------------------------------------------------------- */

static void sum(struct arena *arena, int64_t count, const float *a, const float *b, float *y)
{
    kernels_of(arena)->sum(stream_of(arena), count, a, 1.0f, NULL, b, y);
}

static void add(struct arena *arena, int64_t count, float factor, const float *x, float *y)
{
    kernels_of(arena)->sum(stream_of(arena), count, y, factor, NULL, x, y);
}

static void add_by(struct arena *arena, int64_t count, const float *factor, const float *x, float *y)
{
    kernels_of(arena)->sum(stream_of(arena), count, y, 1.0f, factor, x, y);
}

static void scale(struct arena *arena, int64_t count, float factor, const float *x, float *y)
{
    api_of(arena)->convert(stream_of(arena), count, factor, x, F32, y);
}

static void activate(struct arena *arena, enum activation activation, int64_t count, const float *x, float *y)
{
    scale(arena, count, 1.0f, x, y);
    api_of(arena)->activate(stream_of(arena), activation, count, F32, y);
}

static void activate_back(struct arena *arena, enum activation activation, int64_t count, const float *x, const float *dy,
                          float *dx)
{
    kernels_of(arena)->activate_back(stream_of(arena), activation, count, x, dy, dx);
}

static void gate(struct arena *arena, enum activation activation, int64_t rows, int64_t width, const float *both, float *y)
{
    api_of(arena)->gate(stream_of(arena), activation, rows, width, F32, both, y);
}

static void gate_back(struct arena *arena, enum activation activation, int64_t rows, int64_t width, const float *both,
                      const float *dy, float *dboth)
{
    kernels_of(arena)->gate_back(stream_of(arena), activation, rows, width, both, dy, dboth);
}

/* ---- rows --------------------------------------------------------------------------------------------------------------- */

static void copy_columns(struct arena *arena, int64_t rows, int64_t columns, const float *x, int64_t x_stride, bool adds,
                         float *y, int64_t y_stride)
{
    kernels_of(arena)->columns(stream_of(arena), rows, columns, x, x_stride, adds, y, y_stride);
}

static lmvr_status no_memory(const struct arena *arena, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_RESOURCE, "%s is out of memory for a training pass", arena->device->name);
}

static lmvr_status sum_rows(struct arena *arena, int64_t rows, int64_t columns, const float *x, float *sums, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct cuda_column_sums call = {
        .rows = rows, .columns = columns, .x = x, .partial = arena_floats(arena, CUDA_SLICES * columns), .sums = sums};
    if (!call.partial)
        return no_memory(arena, error);
    kernels_of(arena)->sum_rows(stream_of(arena), &call);
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status norm_back(struct arena *arena, const struct norm *norm, int64_t rows, int64_t width, const float *x,
                             const float *dy, float *dx, float *dweight, float *dbias, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct cuda_norm n = {norm->weight, norm->bias, norm->eps, norm->rms};
    float *moments = arena_floats(arena, 2 * rows);
    struct cuda_column_sums call = {.rows = rows,
                                    .columns = width,
                                    .x = dy,
                                    .y = x,
                                    .moments = moments,
                                    .partial = arena_floats(arena, CUDA_SLICES * width)};
    if (!moments || !call.partial)
        return no_memory(arena, error);
    kernels_of(arena)->norm_back(stream_of(arena), &n, rows, width, x, dy, dx, moments);
    call.sums = dweight;
    if (dweight)
        kernels_of(arena)->sum_rows(stream_of(arena), &call);
    call.y = NULL;
    call.sums = dbias;
    if (dbias)
        kernels_of(arena)->sum_rows(stream_of(arena), &call);
    arena_release(arena, mark);
    return LMVR_OK;
}

static void turn(struct arena *arena, const struct gradient_turn *turn, bool back, float *x)
{
    kernels_of(arena)->turn(stream_of(arena), turn, back, x);
}

static lmvr_status assemble(struct arena *arena, int64_t count, int64_t width, const struct gradient_source *sources,
                            int source_count, const struct gradient_place *places, float *y, lmvr_error *error)
{
    const struct gradient_place *sent = cuda_sent(arena, places, (size_t)count * sizeof *places);
    if (!sent)
        return no_memory(arena, error);
    arena->device->operations->zero(arena, y, (size_t)(count * width) * sizeof *y);
    for (int i = 0; i < source_count; i++) {
        const void *table = sources[i].values ? (const void *)sources[i].values : sources[i].half;
        kernels_of(arena)->take(stream_of(arena), count, width, sent, i, sources[i].values ? F32 : BF16, table, y);
    }
    return LMVR_OK;
}

/* A result's row and the source's row that it came from. */
struct taken {
    int32_t row, from;
};

static int by_row(const void *a, const void *b)
{
    const struct taken *x = a, *y = b;
    return x->row != y->row ? (x->row > y->row) - (x->row < y->row) : (x->from > y->from) - (x->from < y->from);
}

/* The results of one source, row by row of it, each row's in ascending order. Returns the number of rows. */
static int64_t list_taken(int64_t count, const struct gradient_place *places, int source, struct taken *taken,
                          struct cuda_row_list *lists, int32_t *order, int32_t *total)
{
    int32_t found = 0;
    int64_t lists_count = 0;
    for (int64_t r = 0; r < count; r++)
        if (places[r].source == source)
            taken[found++] = (struct taken){places[r].row, (int32_t)r};
    if (found)
        qsort(taken, (size_t)found, sizeof *taken, by_row);
    for (int32_t i = 0; i < found; i++) {
        if (i == 0 || taken[i].row != taken[i - 1].row)
            lists[lists_count++] = (struct cuda_row_list){taken[i].row, i, 0};
        lists[lists_count - 1].number++;
        order[i] = taken[i].from;
    }
    *total = found;
    return lists_count;
}

static lmvr_status assemble_back(struct arena *arena, int64_t count, int64_t width, const struct gradient_source *sources,
                                 int source_count, const struct gradient_place *places, const float *dy, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct taken *taken = arena_alloc(arena, count, sizeof *taken);
    struct cuda_row_list *lists = arena_alloc(arena, count, sizeof *lists);
    int32_t *order = arena_alloc(arena, count, sizeof *order), total;
    if (!taken || !lists || !order)
        return error_no_memory(error, "a training pass");
    for (int i = 0; i < source_count; i++) {
        int64_t targets = sources[i].gradient ? list_taken(count, places, i, taken, lists, order, &total) : 0;
        if (targets == 0)
            continue;
        const struct cuda_row_list *there = cuda_sent(arena, lists, (size_t)targets * sizeof *lists);
        const int32_t *in_order = there ? cuda_sent(arena, order, (size_t)total * sizeof *order) : NULL;
        if (!in_order)
            return no_memory(arena, error);
        kernels_of(arena)->give(stream_of(arena), targets, width, there, in_order, dy, sources[i].gradient);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status cross_entropy(struct arena *arena, int64_t rows, int64_t columns, const float *logits,
                                 const int32_t *targets, float smoothing, float *slope, float *loss, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    const int32_t *sent = cuda_sent(arena, targets, (size_t)rows * sizeof *targets);
    double *losses = (double *)(void *)arena_floats(arena, 2 * rows);
    if (!sent || !losses)
        return no_memory(arena, error);
    kernels_of(arena)->cross_entropy(stream_of(arena), rows, columns, logits, sent, smoothing, slope, losses, loss);
    arena_release(arena, mark);
    return LMVR_OK;
}

/* ---- the optimizer ------------------------------------------------------------------------------------------------------ */

static void squares(struct arena *arena, int64_t count, const float *x, double *sums)
{
    kernels_of(arena)->squares(stream_of(arena), count, x, sums);
}

static void adamw(struct arena *arena, const struct gradient_adamw *step, bool decays, int64_t count, const float *gradient,
                  float *value, float *first, float *second, bf16 *half)
{
    kernels_of(arena)->adamw(stream_of(arena), step, decays ? step->decay : 1, count, gradient, value, first, second, half);
}

const struct gradient_operations cuda_gradient_operations = {.rounds = rounds,
                                                             .multiply = multiply,
                                                             .round = round_all,
                                                             .sum = sum,
                                                             .add = add,
                                                             .add_by = add_by,
                                                             .scale = scale,
                                                             .activate = activate,
                                                             .activate_back = activate_back,
                                                             .gate = gate,
                                                             .gate_back = gate_back,
                                                             .copy_columns = copy_columns,
                                                             .sum_rows = sum_rows,
                                                             .norm_back = norm_back,
                                                             .turn = turn,
                                                             .assemble = assemble,
                                                             .assemble_back = assemble_back,
                                                             .attend = cuda_gradient_attend,
                                                             .attend_back = cuda_gradient_attend_back,
                                                             .cross_entropy = cross_entropy,
                                                             .squares = squares,
                                                             .adamw = adamw};
