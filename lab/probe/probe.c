#include "lab/probe/probe.h"

#include "lab/probe/standardize.h"
#include "lab/probe/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIT_GAP      3e-5      /* relative, of the loss */
#define FIT_FLAT     5e-6      /* relative, of C times the rows: a twentieth of scikit-learn's default */
#define BLOCK_FLOATS (1 << 18) /* features standardized at a time */

void probe_finish(struct probe *probe)
{
    for (int k = 0; probe->classes && k < probe->class_count; k++)
        free(probe->classes[k]);
    free(probe->classes);
    free(probe->weights);
    free(probe->intercepts);
    free(probe->mean);
    free(probe->deviation);
    free(probe->feature);
    *probe = (struct probe){0};
}

/* ---- fitting ---- */

static lmvr_status check_features(const float *features, int64_t rows, int64_t dim, lmvr_error *error)
{
    int64_t bad = standardize_find_bad_row(features, rows, dim);
    return bad < 0
               ? LMVR_OK
               : error_set(error, LMVR_ERROR_INVALID,
                           "row %lld of the features has a value that is not finite (rows are counted from 0)", (long long)bad);
}

static lmvr_status check_sizes(int64_t rows, int64_t dim, const struct labels *labels, lmvr_error *error)
{
    int64_t variables;
    if (rows != labels->rows)
        return error_set(error, LMVR_ERROR_INVALID, "the features have %lld rows, but there are labels for %lld",
                         (long long)rows, (long long)labels->rows);
    if (rows < 1)
        return error_set(error, LMVR_ERROR_INVALID, "the features have no rows to fit to");
    /* the multinomial problem is a single vector, of which the solver keeps many */
    if (__builtin_mul_overflow(dim + 1, (int64_t)labels->class_count, &variables) || variables > INT32_MAX / 2)
        return error_set(error, LMVR_ERROR_INVALID, "%d classes of %lld values each are more than a probe can have",
                         labels->class_count, (long long)dim);
    return LMVR_OK;
}

static lmvr_status take_classes(struct probe *probe, const struct training *t, lmvr_error *error)
{
    probe->classes = calloc((size_t)t->class_count, sizeof *probe->classes);
    for (int k = 0; probe->classes && k < t->class_count; k++) {
        probe->classes[k] = strdup(t->classes[k]);
        probe->class_count = k + 1;
        if (!probe->classes[k])
            return error_no_memory(error, "the class names");
    }
    return probe->classes ? LMVR_OK : error_no_memory(error, "the class names");
}

static lmvr_status make_probe(struct probe *probe, const struct training *t, lmvr_error *error)
{
    size_t columns = (size_t)t->columns, dim = (size_t)t->dim;
    *probe = (struct probe){.kind = t->kind, .columns = t->columns, .dim = t->dim, .seed = t->options->seed};
    probe->feature = strdup(t->options->feature ? t->options->feature : "");
    probe->weights = malloc(columns * dim * sizeof *probe->weights);
    probe->intercepts = malloc(columns * sizeof *probe->intercepts);
    probe->mean = malloc(dim * sizeof *probe->mean);
    probe->deviation = malloc(dim * sizeof *probe->deviation);
    if (!probe->feature || !probe->weights || !probe->intercepts || !probe->mean || !probe->deviation)
        return error_no_memory(error, "the probe");
    return take_classes(probe, t, error);
}

static void take_weights(struct probe *probe, const struct training *t)
{
    for (int64_t i = 0; i < t->columns * t->dim; i++)
        probe->weights[i] = (float)t->weights[i];
    for (int k = 0; k < t->columns; k++)
        probe->intercepts[k] = (float)t->intercepts[k];
}

static lmvr_status minimize(struct training *t, struct probe *probe, lmvr_error *error)
{
    struct solve_result result;
    probe->c = t->options->c;
    if (probe->c > 0)
        training_reset(t);
    else
        TRY(training_choose_c(t, &probe->c, error));
    TRY(training_solve(t, t->rows, probe->c, (struct precision){FIT_GAP, FIT_FLAT}, -1, &result, error));
    t->report->rows = t->rows;
    t->report->loss = result.loss;
    t->report->iterations = result.iterations;
    t->report->evaluations = result.evaluations;
    t->report->unsolved = result.unsolved;
    if (result.unsolved)
        training_warn(
            t->options,
            "the solver stopped early in %d of %d problems: the largest gradient is %.1g of C times the rows, expected at "
            "most %g",
            result.unsolved, result.problems, result.steepest, FLAT);
    return LMVR_OK;
}

/* Rows without a class are dropped. Rows that are difficult in every class still belong to the training set. */
static int64_t mark_left_out(const struct training *t, bool *left_out)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        left_out[i] = t->single && t->single[i] < 0;
        kept += !left_out[i];
    }
    return kept;
}

static lmvr_status fit(struct training *t, struct probe *probe, lmvr_error *error)
{
    int64_t rows = t->rows;
    bool *left_out = malloc((size_t)rows);
    lmvr_status status = left_out ? make_probe(probe, t, error) : error_no_memory(error, "the labels");
    if (status == LMVR_OK) {
        t->rows = mark_left_out(t, left_out);
        training_swap(t, left_out, t->rows);
        standardize_measure(t->features, t->rows, t->dim, probe->mean, probe->deviation);
        standardize_apply(t->features, rows, t->dim, probe->mean, probe->deviation, t->features);
        status = minimize(t, probe, error);
        training_swap(t, left_out, t->rows);
    }
    if (status == LMVR_OK)
        take_weights(probe, t);
    free(left_out);
    return status;
}

lmvr_status probe_fit(const struct probe_options *options, float *features, int64_t rows, int64_t dim,
                      const struct labels *labels, struct probe *probe, struct probe_report *report, lmvr_error *error)
{
    struct probe_report unread, *r = report ? report : &unread;
    struct training t = {.options = options, .report = r, .features = features, .rows = rows, .dim = dim};
    *probe = (struct probe){0};
    *r = (struct probe_report){0};
    TRY(check_sizes(rows, dim, labels, error));
    TRY(check_features(features, rows, dim, error));
    TRY(training_init(&t, labels, error));
    lmvr_status status = fit(&t, probe, error);
    training_finish(&t);
    if (status != LMVR_OK)
        probe_finish(probe);
    return status;
}

/* ---- scoring ---- */

static lmvr_status score_blocks(const struct probe *p, const float *features, int64_t rows, int64_t block, float *memory,
                                float *scores, lmvr_error *error)
{
    for (int64_t i = 0; i < rows; i += block) {
        int64_t count = rows - i < block ? rows - i : block;
        standardize_apply(features + i * p->dim, count, p->dim, p->mean, p->deviation, memory);
        TRY(objective_scores(memory, count, p->dim, p->columns, p->weights, p->intercepts, scores + i * p->columns, error));
    }
    return LMVR_OK;
}

lmvr_status probe_scores(const struct probe *probe, const float *features, int64_t rows, float *scores, lmvr_error *error)
{
    TRY(check_features(features, rows, probe->dim, error));
    int64_t block = (BLOCK_FLOATS / probe->dim + 63) / 64 * 64 + 64;
    float *memory = malloc((size_t)(block * probe->dim) * sizeof *memory);
    if (!memory)
        return error_no_memory(error, "scores");
    lmvr_status status = score_blocks(probe, features, rows, block, memory, scores, error);
    free(memory);
    if (status == LMVR_OK && probe->columns < probe->class_count)
        objective_spread(scores, rows);
    return status;
}

static void softmax(int count, float *scores)
{
    double most = -INFINITY, sum = 0;
    for (int k = 0; k < count; k++)
        most = fmax(most, scores[k]);
    for (int k = 0; k < count; k++)
        sum += exp(scores[k] - most);
    for (int k = 0; k < count; k++)
        scores[k] = (float)(exp(scores[k] - most) / sum);
}

void probe_probabilities(const struct probe *probe, int64_t rows, float *scores)
{
    int count = probe->class_count;
#pragma omp parallel for schedule(static) if (rows > 64)
    for (int64_t i = 0; i < rows; i++) {
        if (probe->kind == LABELS_SINGLE)
            softmax(count, scores + i * count);
        for (int k = 0; k < count && probe->kind == LABELS_MULTI; k++)
            scores[i * count + k] = (float)(1 / (1 + exp(-(double)scores[i * count + k])));
    }
}

static double row_loss(const struct probe *probe, const struct labels *labels, int64_t row, const float *scores)
{
    int count = probe->class_count;
    double loss = 0, unused;
    if (probe->kind == LABELS_MULTI) {
        for (int k = 0; k < count; k++) {
            double y = labels->multi[row * count + k];
            loss += y != 0 ? objective_logistic(y * (double)scores[k], &unused) : 0;
        }
        return loss;
    }
    int32_t right = labels->single[row];
    double most = -INFINITY;
    for (int k = 0; k < count; k++)
        most = fmax(most, scores[k]);
    for (int k = 0; k < count; k++)
        loss += exp(scores[k] - most);
    return right < 0 ? 0 : log(loss) + most - (double)scores[right];
}

double probe_loss(const struct probe *probe, const struct labels *labels, const float *scores)
{
    double squares = 0, loss = 0;
    for (int64_t i = 0; i < probe->columns * probe->dim; i++)
        squares += (double)probe->weights[i] * (double)probe->weights[i];
    for (int64_t i = 0; i < labels->rows; i++)
        loss += row_loss(probe, labels, i, scores + i * probe->class_count);
    return squares / 2 + probe->c * loss;
}
