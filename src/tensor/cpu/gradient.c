#include "tensor/cpu/gradient.h"

#include "tensor/cpu/kernel_gradient.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/operations.h"
#include "tensor/cpu/product.h"
#include "tensor/matmul.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define FEW    16384 /* elements that one thread processes faster than two */
#define PIECE  4096  /* elements that one thread takes at a time */
#define CHUNKS 16    /* of rows, summed separately: more than common machines' threads, few enough to be cheap */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool rounds(enum dtype products)
{
    return products == BF16 && product_computes_bf16();
}

static lmvr_status multiply(struct arena *arena, struct matmul *compiled, const struct matmul_call *call, lmvr_error *error)
{
    return matmul_run(compiled, arena, call, error);
}

/* ---- elements ----------------------------------------------------------------------------------------------------------- */

/* Runs `statement` for pieces of `n` elements from `i` on, on all threads. */
#define EACH_PIECE(count, statement)                                                                                           \
    _Pragma("omp parallel for schedule(static) if ((count) > FEW)") for (int64_t i = 0; i < (count); i += PIECE)               \
    {                                                                                                                          \
        int64_t n = smaller((count)-i, PIECE);                                                                                 \
        statement;                                                                                                             \
    }

static void round_all(struct arena *arena, int64_t count, const float *x, bf16 *y)
{
    (void)arena;
    const struct kernels *kernels = kernels_get();
    EACH_PIECE(count, kernels->to_bf16(n, x + i, y + i))
}

static void sum(struct arena *arena, int64_t count, const float *a, const float *b, float *y)
{
    (void)arena;
    const struct gradient_kernels *kernels = gradient_kernels_get();
    EACH_PIECE(count, {
        memcpy(y + i, a + i, (size_t)n * sizeof *y);
        kernels->add(n, 1.0f, b + i, y + i);
    })
}

static void add(struct arena *arena, int64_t count, float factor, const float *x, float *y)
{
    (void)arena;
    const struct gradient_kernels *kernels = gradient_kernels_get();
    EACH_PIECE(count, kernels->add(n, factor, x + i, y + i))
}

static void add_by(struct arena *arena, int64_t count, const float *factor, const float *x, float *y)
{
    add(arena, count, *factor, x, y);
}

static void scale(struct arena *arena, int64_t count, float factor, const float *x, float *y)
{
    (void)arena;
    const struct gradient_kernels *kernels = gradient_kernels_get();
    EACH_PIECE(count, kernels->scale(n, factor, x + i, y + i))
}

static void activate(struct arena *arena, enum activation activation, int64_t count, const float *x, float *y)
{
    (void)arena;
    const struct gradient_kernels *kernels = gradient_kernels_get();
    EACH_PIECE(count, kernels->activate(activation, n, x + i, y + i))
}

static void activate_back(struct arena *arena, enum activation activation, int64_t count, const float *x, const float *dy,
                          float *dx)
{
    (void)arena;
    const struct gradient_kernels *kernels = gradient_kernels_get();
    EACH_PIECE(count, kernels->activate_back(activation, n, x + i, dy + i, dx + i))
}

static void gate(struct arena *arena, enum activation activation, int64_t rows, int64_t width, const float *both, float *y)
{
    (void)arena;
    const struct gradient_kernels *kernels = gradient_kernels_get();
#pragma omp parallel for schedule(static) if (rows * width > FEW)
    for (int64_t r = 0; r < rows; r++)
        kernels->gated(activation, width, both + r * 2 * width, both + (r * 2 + 1) * width, y + r * width);
}

static void gate_back(struct arena *arena, enum activation activation, int64_t rows, int64_t width, const float *both,
                      const float *dy, float *dboth)
{
    (void)arena;
    const struct gradient_kernels *kernels = gradient_kernels_get();
#pragma omp parallel for schedule(static) if (rows * width > FEW)
    for (int64_t r = 0; r < rows; r++) {
        const float *gate = both + r * 2 * width;
        float *dgate = dboth + r * 2 * width;
        kernels->gated_back(activation, width, gate, gate + width, dy + r * width, dgate, dgate + width);
    }
}

/* ---- rows --------------------------------------------------------------------------------------------------------------- */

static void copy_columns(struct arena *arena, int64_t rows, int64_t columns, const float *x, int64_t x_stride, bool adds,
                         float *y, int64_t y_stride)
{
    (void)arena;
    const struct gradient_kernels *kernels = gradient_kernels_get();
#pragma omp parallel for schedule(static) if (rows * columns > FEW)
    for (int64_t r = 0; r < rows; r++)
        if (adds)
            kernels->add(columns, 1.0f, x + r * x_stride, y + r * y_stride);
        else
            memcpy(y + r * y_stride, x + r * x_stride, (size_t)columns * sizeof *y);
}

static float *zeros(struct arena *arena, int64_t count)
{
    float *x = arena_floats(arena, count);
    if (x)
        memset(x, 0, (size_t)count * sizeof *x);
    return x;
}

static lmvr_status sum_rows(struct arena *arena, int64_t rows, int64_t columns, const float *x, float *sums, lmvr_error *error)
{
    const struct gradient_kernels *kernels = gradient_kernels_get();
    struct arena_mark mark = arena_mark(arena);
    float *partial = zeros(arena, CHUNKS * columns);
    if (!partial)
        return error_no_memory(error, "a training pass");
#pragma omp parallel for schedule(static) if (rows * columns > FEW)
    for (int64_t c = 0; c < CHUNKS; c++) {
        int64_t first = rows * c / CHUNKS, last = rows * (c + 1) / CHUNKS;
        kernels->sum_rows(last - first, columns, x + first * columns, partial + c * columns);
    }
    kernels->sum_rows(CHUNKS, columns, partial, sums);
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status norm_back(struct arena *arena, const struct norm *norm, int64_t rows, int64_t width, const float *x,
                             const float *dy, float *dx, float *dweight, float *dbias, lmvr_error *error)
{
    const struct gradient_kernels *kernels = gradient_kernels_get();
    struct arena_mark mark = arena_mark(arena);
    float *to = dx ? dx : zeros(arena, rows * width); /* not needed, but the kernels write it */
    float *partial = zeros(arena, 2 * CHUNKS * width);
    if (!to || !partial)
        return error_no_memory(error, "a training pass");
#pragma omp parallel for schedule(static) if (rows * width > FEW)
    for (int64_t c = 0; c < CHUNKS; c++) {
        int64_t first = rows * c / CHUNKS, count = rows * (c + 1) / CHUNKS - first, at = first * width;
        float *weights = dweight ? partial + c * width : NULL, *biases = dbias ? partial + (CHUNKS + c) * width : NULL;
        if (norm->rms)
            kernels->rms_norm(count, width, x + at, norm->weight, norm->eps, dy + at, to + at, weights);
        else
            kernels->layer_norm(count, width, x + at, norm->weight, norm->eps, dy + at, to + at, weights, biases);
    }
    if (dweight)
        kernels->sum_rows(CHUNKS, width, partial, dweight);
    if (dbias)
        kernels->sum_rows(CHUNKS, width, partial + CHUNKS * width, dbias);
    arena_release(arena, mark);
    return LMVR_OK;
}

static void turn(struct arena *arena, const struct gradient_turn *turn, bool back, float *x)
{
    (void)arena;
    const struct gradient_kernels *kernels = gradient_kernels_get();
    int half = turn->head_dim / 2;
#pragma omp parallel for schedule(static) if (turn->rows * turn->heads * turn->head_dim > FEW)
    for (int64_t r = 0; r < turn->rows; r++) {
        const float *cosines = turn->angles + r * turn->head_dim, *sines = cosines + half;
        for (int h = 0; h < turn->heads; h++) {
            float *head = x + r * turn->stride + turn->column + (int64_t)h * turn->head_dim;
            kernels->rotate(half, cosines, sines, back ? -1.0f : 1.0f, head, head + half);
        }
    }
}

static void take_row(const struct gradient_source *source, int64_t row, int64_t n, float *y)
{
    if (source->values)
        memcpy(y, source->values + row * n, (size_t)n * sizeof *y);
    else
        for (int64_t i = 0; i < n; i++)
            y[i] = bf16_to_f32(source->half[row * n + i]);
}

static lmvr_status assemble(struct arena *arena, int64_t count, int64_t width, const struct gradient_source *sources,
                            int source_count, const struct gradient_place *places, float *y, lmvr_error *error)
{
    (void)arena, (void)error;
#pragma omp parallel for schedule(static) if (count * width > FEW)
    for (int64_t r = 0; r < count; r++) {
        assert(places[r].source < source_count);
        if (places[r].source < 0)
            memset(y + r * width, 0, (size_t)width * sizeof *y);
        else
            take_row(&sources[places[r].source], places[r].row, width, y + r * width);
    }
    return LMVR_OK;
}

/* Several results may share a source row: gradients are added in the results' order, and threads divide the columns. */
static lmvr_status assemble_back(struct arena *arena, int64_t count, int64_t width, const struct gradient_source *sources,
                                 int source_count, const struct gradient_place *places, const float *dy, lmvr_error *error)
{
    (void)arena, (void)source_count, (void)error;
    const struct gradient_kernels *kernels = gradient_kernels_get();
    int64_t wide = smaller(width, 64);
#pragma omp parallel for schedule(static) if (count * width > FEW)
    for (int64_t first = 0; first < width; first += wide)
        for (int64_t r = 0; r < count; r++) {
            float *gradient = places[r].source >= 0 ? sources[places[r].source].gradient : NULL;
            if (gradient)
                kernels->add(smaller(width - first, wide), 1.0f, dy + r * width + first,
                             gradient + places[r].row * width + first);
        }
    return LMVR_OK;
}

/* ---- the optimizer ------------------------------------------------------------------------------------------------------ */

static double sum_of_squares(int64_t count, const float *x)
{
    double sums[8] = {0}; /* as many lanes as any vector has; fixed, so that every processor adds in the same order */
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; k++)
            sums[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < count; i++)
        sums[0] += (double)x[i] * (double)x[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static void squares(struct arena *arena, int64_t count, const float *x, double *sums)
{
    (void)arena;
#pragma omp parallel for schedule(static) if (count > FEW)
    for (int64_t i = 0; i < count; i += GRADIENT_CHUNK)
        sums[i / GRADIENT_CHUNK] = sum_of_squares(smaller(count - i, GRADIENT_CHUNK), x + i);
}

static void update(int64_t count, const struct gradient_adamw *f, float decay, const float *restrict gradient,
                   float *restrict value, float *restrict first, float *restrict second)
{
    for (int64_t i = 0; i < count; i++) {
        float g = gradient[i];
        float m = first[i] + f->first * (g - first[i]);
        float v = f->beta2 * second[i] + f->second * (g * g);
        first[i] = m;
        second[i] = v;
        value[i] = decay * value[i] - f->step * (m / (sqrtf(v) * f->root_factor + f->eps));
    }
}

static void adamw(struct arena *arena, const struct gradient_adamw *step, bool decays, int64_t count, const float *gradient,
                  float *value, float *first, float *second, bf16 *half)
{
    (void)arena;
    const struct kernels *kernels = kernels_get();
    EACH_PIECE(count, {
        update(n, step, decays ? step->decay : 1, gradient + i, value + i, first + i, second + i);
        if (half)
            kernels->to_bf16(n, value + i, half + i);
    })
}

const struct gradient_operations cpu_gradients = {.rounds = rounds,
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
                                                  .attend = cpu_gradient_attend,
                                                  .attend_back = cpu_gradient_attend_back,
                                                  .cross_entropy = cpu_gradient_cross_entropy,
                                                  .squares = squares,
                                                  .adamw = adamw};
