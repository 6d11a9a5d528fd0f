#include "lab/probe/training.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_ITERATIONS 3000

void training_warn(const struct probe_options *options, const char *format, ...)
{
    char sentence[1024];
    va_list args;
    if (!options || !options->on_warning)
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    options->on_warning(options->user, sentence);
}

/* ---- which classes ---- */

/* Counts rows in a class, and rows not in it. */
static void count_class(const struct labels *labels, int k, int64_t *in, int64_t *out)
{
    *in = *out = 0;
    for (int64_t i = 0; i < labels->rows; i++)
        if (labels->kind == LABELS_MULTI) {
            int8_t label = labels->multi[i * labels->class_count + k];
            *in += label > 0;
            *out += label < 0;
        } else {
            *in += labels->single[i] == k;
            *out += labels->single[i] >= 0 && labels->single[i] != k;
        }
}

/* places[k] is the index of class k among the fitted ones, -1 if it is not. */
static void choose_classes(struct training *t, const struct labels *labels, int32_t *places)
{
    for (int k = 0; k < labels->class_count; k++) {
        int64_t in, out;
        count_class(labels, k, &in, &out);
        places[k] = -1;
        if (in == 0)
            training_warn(t->options, "class %s has no positives and is skipped", labels->classes[k]);
        else if (labels->kind == LABELS_MULTI && out == 0)
            training_warn(t->options, "class %s has no negatives and is skipped", labels->classes[k]);
        else {
            places[k] = t->class_count;
            t->classes[t->class_count++] = labels->classes[k];
        }
    }
}

/* ---- the labels in those classes ---- */

static void copy_multi(struct training *t, const struct labels *labels, const int32_t *places)
{
    for (int64_t i = 0; i < t->rows; i++)
        for (int k = 0; k < labels->class_count; k++)
            if (places[k] >= 0)
                t->binary[i * t->columns + places[k]] = labels->multi[i * labels->class_count + k];
}

static void copy_single(struct training *t, const struct labels *labels, const int32_t *places)
{
    for (int64_t i = 0; i < t->rows; i++) {
        int32_t label = labels->single[i];
        t->single[i] = label < 0 ? -1 : places[label];
        if (t->binary)
            t->binary[i] = (int8_t)(t->single[i] < 0 ? 0 : t->single[i] == 0 ? -1 : 1);
    }
}

static lmvr_status take_labels(struct training *t, const struct labels *labels, int32_t *places, lmvr_error *error)
{
    bool multi = labels->kind == LABELS_MULTI;
    choose_classes(t, labels, places);
    if (multi && t->class_count < 1)
        return error_set(error, LMVR_ERROR_INVALID, "the labels have no class with positives and negatives");
    if (!multi && t->class_count < 2)
        return error_set(error, LMVR_ERROR_INVALID, "the labels have %d class%s, expected at least 2", t->class_count,
                         t->class_count == 1 ? "" : "es");
    t->columns = !multi && t->class_count == 2 ? 1 : t->class_count;
    t->binary = multi || t->columns == 1 ? calloc((size_t)(t->rows * t->columns), sizeof *t->binary) : NULL;
    t->single = multi ? NULL : calloc((size_t)t->rows, sizeof *t->single);
    t->weights = calloc((size_t)(t->columns * t->dim), sizeof *t->weights);
    t->intercepts = calloc((size_t)t->columns, sizeof *t->intercepts);
    if (!(t->binary || !(multi || t->columns == 1)) || !(t->single || multi) || !t->weights || !t->intercepts)
        return error_no_memory(error, "the labels and weights");
    if (multi)
        copy_multi(t, labels, places);
    else
        copy_single(t, labels, places);
    return LMVR_OK;
}

lmvr_status training_init(struct training *training, const struct labels *labels, lmvr_error *error)
{
    struct training *t = training;
    int32_t *places = calloc((size_t)labels->class_count + 1, sizeof *places);
    t->kind = labels->kind;
    t->classes = calloc((size_t)labels->class_count + 1, sizeof *t->classes);
    t->order = malloc((size_t)t->rows * sizeof *t->order);
    lmvr_status status =
        places && t->classes && t->order ? take_labels(t, labels, places, error) : error_no_memory(error, "the labels");
    for (int64_t i = 0; t->order && i < t->rows; i++)
        t->order[i] = i;
    free(places);
    if (status != LMVR_OK)
        training_finish(t);
    return status;
}

void training_finish(struct training *training)
{
    free(training->classes);
    free(training->binary);
    free(training->single);
    free(training->order);
    free(training->weights);
    free(training->intercepts);
    *training = (struct training){0};
}

/* ---- the order of rows ---- */

static void swap_rows(struct training *t, int64_t a, int64_t b)
{
    for (int64_t d = 0; d < t->dim; d++) {
        float value = t->features[a * t->dim + d];
        t->features[a * t->dim + d] = t->features[b * t->dim + d];
        t->features[b * t->dim + d] = value;
    }
    int64_t row = t->order[a];
    t->order[a] = t->order[b];
    t->order[b] = row;
}

void training_swap(struct training *training, const bool *moved, int64_t kept)
{
    int64_t place = kept;
    for (int64_t i = 0; i < kept; i++) {
        if (!moved[i])
            continue;
        while (moved[place])
            place++;
        swap_rows(training, i, place++);
    }
}

/* ---- solving ---- */

static void reset_column(struct training *t, int k)
{
    double in = 0, out = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        int64_t row = t->order[i];
        in += t->binary ? t->binary[row * t->columns + k] > 0 : t->single[row] == k;
        out += t->binary ? t->binary[row * t->columns + k] < 0 : t->single[row] >= 0 && t->single[row] != k;
    }
    /* binary: the log-odds; multinomial: the log of the class's share */
    t->intercepts[k] = t->binary ? log(in / out) : log(in / (in + out));
    for (int64_t d = 0; d < t->dim; d++)
        t->weights[k * t->dim + d] = 0;
}

void training_reset(struct training *training)
{
    for (int k = 0; k < training->columns; k++)
        reset_column(training, k);
}

struct step {
    const struct training *training;
    double c;
    int trial;
};

static bool on_evaluation(void *user, int evaluations, int running, int problems)
{
    const struct step *step = user;
    const struct probe_options *o = step->training->options;
    struct probe_progress progress = {step->c, step->trial, evaluations, running, problems};
    return o->on_progress && o->on_progress(o->user, &progress);
}

lmvr_status training_solve(struct training *training, int64_t rows, double c, struct precision precision, int trial,
                           struct solve_result *result, lmvr_error *error)
{
    struct training *t = training;
    struct objective objective = {.features = t->features,
                                  .rows = rows,
                                  .dim = t->dim,
                                  .columns = t->columns,
                                  .width = t->binary ? 1 : t->columns,
                                  .binary = t->binary,
                                  .classes = t->single,
                                  .order = t->order};
    struct step step = {t, c, trial};
    struct solve_options options = {precision.gap, precision.flat, MAX_ITERATIONS, on_evaluation, &step};
    TRY(objective_init(&objective, t->columns, error));
    objective_set_c(&objective, c);
    lmvr_status status = solve(&objective, &options, t->weights, t->intercepts, result, error);
    objective_finish(&objective);
    return status;
}
