#include "lab/probe/objective.h"

#include "tensor/arena.h"
#include "tensor/gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLAB_ROWS    64         /* rows per task when computing scores */
#define STRIP        256        /* gradient values per task */
#define SUM_ROWS     1024       /* rows summed in f32 */
#define SCORES_BYTES (64 << 20) /* for the scores between the two products */
#define FEW          (1 << 20)  /* multiplications too few for a second thread, which would mostly be waited for */

/* ---- sizes and memory ---- */

/* Rows between two products: all, or as many SUM_ROWS as their scores' memory allows. Each product ends with a wait for the
 * slowest thread, so more and smaller blocks, though they would fit the cache, are slower. */
static int64_t block_rows(const struct objective *o, int columns)
{
    int64_t most = SCORES_BYTES / (columns * (int64_t)sizeof(float)) / SUM_ROWS * SUM_ROWS;
    if (most < SUM_ROWS)
        most = SUM_ROWS;
    return o->rows < most ? o->rows : most;
}

lmvr_status objective_init(struct objective *objective, int batch, lmvr_error *error)
{
    struct objective *o = objective;
    int64_t block = block_rows(o, batch), slabs = (o->rows + SLAB_ROWS - 1) / SLAB_ROWS;
    o->weights = aligned_zeroed(batch * o->dim, sizeof *o->weights);
    o->partial = aligned_zeroed(batch * o->dim, sizeof *o->partial);
    o->scores = aligned_zeroed(block * batch, sizeof *o->scores);
    o->slab_losses = calloc((size_t)(slabs * (batch / o->width) + 1), sizeof *o->slab_losses);
    o->slab_sums = calloc((size_t)(slabs * batch + 1), sizeof *o->slab_sums);
    o->intercept_scale = calloc((size_t)o->columns + 1, sizeof *o->intercept_scale);
    if (o->weights && o->partial && o->scores && o->slab_losses && o->slab_sums && o->intercept_scale)
        return LMVR_OK;
    objective_finish(o);
    return error_no_memory(error, "the fit's working memory");
}

void objective_finish(struct objective *objective)
{
    free(objective->weights);
    free(objective->partial);
    free(objective->scores);
    free(objective->slab_losses);
    free(objective->slab_sums);
    free(objective->intercept_scale);
    objective->weights = objective->partial = objective->scores = NULL;
    objective->slab_losses = objective->slab_sums = objective->intercept_scale = NULL;
}

int64_t objective_variables(const struct objective *objective)
{
    return objective->width * (objective->dim + 1);
}

/* ---- intercepts ---- */

void objective_set_c(struct objective *objective, double c)
{
    objective->c = c;
    for (int k = 0; k < objective->columns; k++) {
        double in = 0, counted = 0;
        for (int64_t i = 0; i < objective->rows; i++) {
            int64_t row = objective->order[i];
            int label = objective->width == 1 ? objective->binary[row * objective->columns + k] : objective->classes[row] >= 0;
            counted += label != 0;
            in += objective->width == 1 ? label > 0 : objective->classes[row] == k;
        }
        double curvature = counted > 0 ? c * in * (counted - in) / counted : 0; /* C n p (1 - p) */
        objective->intercept_scale[k] = curvature > 0 && curvature < 1 ? sqrt(curvature) : 1;
    }
}

double objective_intercept_scale(const struct objective *objective, int column)
{
    return objective->intercept_scale[column];
}

/* ---- log-losses ---- */

double objective_logistic(double z, double *derivative)
{
    double e = exp(-fabs(z));
    *derivative = -(z < 0 ? 1 : e) / (1 + e);
    return log1p(e) + (z < 0 ? -z : 0);
}

/* State of an evaluation of the whole batch, column by column. */
struct batch {
    struct objective *o;
    struct evaluation *evaluations;
    int count, columns;
};

static double intercept(const struct batch *b, int column)
{
    const struct objective *o = b->o;
    const struct evaluation *e = &b->evaluations[column / o->width];
    int k = column % o->width;
    return e->point[o->width * o->dim + k] / o->intercept_scale[e->column + k];
}

/* Replaces one row's scores (columns) by derivatives; adds to losses (count) and sums of derivatives (columns). */
static void binary_row(const struct batch *b, int64_t row, float *scores, double *losses, double *sums)
{
    const int8_t *labels = b->o->binary + row * b->o->columns;
    for (int j = 0; j < b->columns; j++) {
        double y = labels[b->evaluations[j].column], derivative;
        if (y == 0) {
            scores[j] = 0;
            continue;
        }
        losses[j] += objective_logistic(y * ((double)scores[j] + intercept(b, j)), &derivative);
        scores[j] = (float)(y * derivative);
        sums[j] += y * derivative;
    }
}

static void softmax_row(const struct batch *b, int64_t row, float *scores, double *losses, double *sums)
{
    int right = b->o->classes[row];
    double sum = 0, most = -INFINITY, score_of_right = 0;
    if (right < 0) {
        memset(scores, 0, (size_t)b->columns * sizeof *scores);
        return;
    }
    for (int j = 0; j < b->columns; j++) {
        double score = (double)scores[j] + intercept(b, j);
        most = fmax(most, score);
        score_of_right = j == right ? score : score_of_right;
    }
    for (int j = 0; j < b->columns; j++) {
        double e = exp((double)scores[j] + intercept(b, j) - most);
        scores[j] = (float)e;
        sum += e;
    }
    losses[0] += log(sum) + most - score_of_right;
    for (int j = 0; j < b->columns; j++) {
        double derivative = (double)scores[j] / sum - (j == right);
        scores[j] = (float)derivative;
        sums[j] += derivative;
    }
}

/* ---- the two products of a block ---- */

/* Writes the derivatives of rows first .. first + count - 1 to `scores` (count, columns). */
static lmvr_status forward_slab(const struct batch *b, int64_t first, int64_t count, float *scores)
{
    const struct objective *o = b->o;
    struct gemm_call product = {.transpose_b = true,
                                .m = count,
                                .n = b->columns,
                                .k = o->dim,
                                .alpha = 1,
                                .a = o->features + first * o->dim,
                                .lda = o->dim,
                                .b = o->weights,
                                .ldb = o->dim,
                                .c = scores,
                                .ldc = b->columns};
    TRY(gemm_run(&product, NULL));
    double *losses = o->slab_losses + first / SLAB_ROWS * b->count, *sums = o->slab_sums + first / SLAB_ROWS * b->columns;
    memset(losses, 0, (size_t)b->count * sizeof *losses);
    memset(sums, 0, (size_t)b->columns * sizeof *sums);
    for (int64_t i = 0; i < count; i++)
        (o->width == 1 ? binary_row : softmax_row)(b, o->order[first + i], scores + i * b->columns, losses, sums);
    return LMVR_OK;
}

/* Adds the rows' contributions to values first .. first + width - 1 of the gradients. `scores` are those of the rows. */
static lmvr_status add_rows(const struct batch *b, const float *scores, int64_t row, int64_t rows, int64_t first, int64_t width)
{
    const struct objective *o = b->o;
    struct gemm_call product = {.transpose_a = true,
                                .m = b->columns,
                                .n = width,
                                .k = rows,
                                .alpha = 1,
                                .a = scores,
                                .lda = b->columns,
                                .b = o->features + row * o->dim + first,
                                .ldb = o->dim,
                                .c = o->partial + first,
                                .ldc = o->dim};
    TRY(gemm_run(&product, NULL));
    for (int j = 0; j < b->columns; j++) {
        double *gradient = b->evaluations[j / o->width].gradient + j % o->width * o->dim;
        for (int64_t d = first; d < first + width; d++)
            gradient[d] += o->c * (double)o->partial[j * o->dim + d];
    }
    return LMVR_OK;
}

static lmvr_status backward_strip(const struct batch *b, int64_t row, int64_t rows, int64_t first, int64_t width)
{
    for (int64_t i = 0; i < rows; i += SUM_ROWS) {
        int64_t count = rows - i < SUM_ROWS ? rows - i : SUM_ROWS;
        TRY(add_rows(b, b->o->scores + i * b->columns, row + i, count, first, width));
    }
    return LMVR_OK;
}

static lmvr_status run_block(const struct batch *b, int64_t first, int64_t rows, lmvr_error *error)
{
    const struct objective *o = b->o;
    int failed = 0;
#pragma omp parallel reduction(+ : failed) if (rows * o->dim * b->columns > FEW)
    {
#pragma omp for schedule(dynamic, 1)
        for (int64_t i = 0; i < rows; i += SLAB_ROWS) {
            int64_t count = rows - i < SLAB_ROWS ? rows - i : SLAB_ROWS;
            failed += forward_slab(b, first + i, count, o->scores + i * b->columns) != LMVR_OK;
        }
#pragma omp for schedule(dynamic, 1)
        for (int64_t d = 0; d < o->dim; d += STRIP) {
            int64_t width = o->dim - d < STRIP ? o->dim - d : STRIP;
            failed += backward_strip(b, first, rows, d, width) != LMVR_OK;
        }
    }
    return failed ? error_no_memory(error, "the fit's matrix products") : LMVR_OK;
}

/* ---- an evaluation ---- */

/* Packs the weights as f32; starts values and gradients with the penalty's. */
static void begin(const struct batch *b)
{
    const struct objective *o = b->o;
#pragma omp parallel for schedule(static) if (o->dim * b->columns > FEW / 8)
    for (int p = 0; p < b->count; p++) {
        struct evaluation *e = &b->evaluations[p];
        int64_t count = o->width * o->dim;
        double squares = 0;
        for (int64_t i = 0; i < count; i++) {
            squares += e->point[i] * e->point[i];
            e->gradient[i] = e->point[i];
            o->weights[p * count + i] = (float)e->point[i];
        }
        e->value = squares / 2;
    }
}

static void end(const struct batch *b)
{
    const struct objective *o = b->o;
    int64_t slabs = (o->rows + SLAB_ROWS - 1) / SLAB_ROWS;
    for (int p = 0; p < b->count; p++) {
        double loss = 0;
        for (int64_t s = 0; s < slabs; s++)
            loss += o->slab_losses[s * b->count + p];
        b->evaluations[p].value += o->c * loss;
    }
    for (int j = 0; j < b->columns; j++) {
        struct evaluation *e = &b->evaluations[j / o->width];
        int k = j % o->width;
        double sum = 0;
        for (int64_t s = 0; s < slabs; s++)
            sum += o->slab_sums[s * b->columns + j];
        e->gradient[o->width * o->dim + k] = o->c * sum / o->intercept_scale[e->column + k];
    }
}

lmvr_status objective_evaluate(struct objective *objective, struct evaluation *evaluations, int count, lmvr_error *error)
{
    struct batch b = {objective, evaluations, count, count * objective->width};
    int64_t block = block_rows(objective, b.columns);
    begin(&b);
    for (int64_t i = 0; i < objective->rows; i += block) {
        int64_t rows = objective->rows - i < block ? objective->rows - i : block;
        TRY(run_block(&b, i, rows, error));
    }
    end(&b);
    return LMVR_OK;
}

/* ---- scores alone ---- */

lmvr_status objective_scores(const float *features, int64_t rows, int64_t dim, int columns, const float *weights,
                             const float *intercepts, float *scores, lmvr_error *error)
{
    int failed = 0;
#pragma omp parallel for schedule(dynamic, 1) reduction(+ : failed) if (rows * dim * columns > FEW)
    for (int64_t i = 0; i < rows; i += SLAB_ROWS) {
        struct gemm_call product = {.transpose_b = true,
                                    .m = rows - i < SLAB_ROWS ? rows - i : SLAB_ROWS,
                                    .n = columns,
                                    .k = dim,
                                    .alpha = 1,
                                    .a = features + i * dim,
                                    .lda = dim,
                                    .b = weights,
                                    .ldb = dim,
                                    .c = scores + i * columns,
                                    .ldc = columns};
        failed += gemm_run(&product, NULL) != LMVR_OK;
        for (int64_t s = 0; s < product.m * columns; s++)
            product.c[s] += intercepts[s % columns];
    }
    return failed ? error_no_memory(error, "scores") : LMVR_OK;
}

void objective_spread(float *scores, int64_t rows)
{
    for (int64_t i = rows - 1; i >= 0; i--) {
        float score = scores[i];
        scores[2 * i] = -score / 2;
        scores[2 * i + 1] = score / 2;
    }
}
