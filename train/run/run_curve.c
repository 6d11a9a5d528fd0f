#include "train/run/run_curve.h"

#include "format/csv.h"
#include "format/replace.h"
#include "lab/report/render.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define POINTS 200 /* as many as can be told apart */
#define NAMES  8   /* most labelled steps */

struct curve {
    int64_t steps, points;
    double sums[POINTS];
    int64_t counts[POINTS];
    double losses[POINTS], validations[POINTS]; /* NAN: none */
    bool validated;
};

static int64_t first_step(const struct curve *curve, int64_t point)
{
    return point * curve->steps / curve->points + 1;
}

static int64_t point_of(const struct curve *curve, int64_t step)
{
    int64_t point = (step - 1) * curve->points / curve->steps;
    while (point + 1 < curve->points && first_step(curve, point + 1) <= step)
        point++;
    return point;
}

/* Locale-independent, by jansson; NAN: none. */
static double number_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    double number = json_is_number(value) ? json_number_value(value) : NAN;
    json_decref(value);
    return number;
}

static void add_row(struct curve *curve, char *const *fields, const long columns[3])
{
    int64_t step = strtoll(fields[columns[0]], NULL, 10);
    if (step < 1 || step > curve->steps)
        return;
    int64_t point = point_of(curve, step);
    curve->sums[point] += number_of(fields[columns[1]]);
    curve->counts[point]++;
    if (*fields[columns[2]]) {
        curve->validations[point] = number_of(fields[columns[2]]);
        curve->validated = true;
    }
}

static lmvr_status read_log(const char *log_path, struct curve *curve, lmvr_error *error)
{
    struct csv csv;
    bool more = true;
    TRY(csv_open(log_path, &csv, error));
    const long columns[3] = {csv_column(&csv, "step"), csv_column(&csv, "loss"), csv_column(&csv, "validation_loss")};
    lmvr_status status = LMVR_OK;
    if (columns[0] < 0 || columns[1] < 0 || columns[2] < 0)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: not the losses of a run", log_path);
    while (status == LMVR_OK && (status = csv_next(&csv, &more, error)) == LMVR_OK && more)
        add_row(curve, csv.fields, columns);
    csv_close(&csv);
    for (int64_t i = 0; i < curve->points; i++)
        curve->losses[i] = curve->counts[i] > 0 ? curve->sums[i] / (double)curve->counts[i] : NAN;
    return status;
}

/* The interval of labelled steps: 1, 2 or 5 times a power of ten. */
static int64_t name_every(const struct curve *curve)
{
    static const int64_t factors[] = {1, 2, 5};
    int64_t power = 1;
    for (int i = 0;; i = (i + 1) % 3, power *= i == 0 ? 10 : 1)
        if (power * factors[i] * NAMES >= curve->steps)
            return power * factors[i];
}

/* The labelled step within a point's range; "" if there is none. */
static void name_point(const struct curve *curve, int64_t point, char name[24])
{
    int64_t every = name_every(curve), first = first_step(curve, point), last = first_step(curve, point + 1) - 1;
    int64_t step = last / every * every;
    *name = '\0';
    if (step >= first)
        snprintf(name, 24, "%" PRId64, step);
}

static struct report_chart *make_chart(struct report *report, const char *title, const struct curve *curve)
{
    const struct report_chart_options options = {
        .kind = REPORT_LINES, .category_title = "Step", .value_title = "Loss", .decimals = 3};
    struct report_chart *chart = report_add_chart(report, "loss", title, NULL, &options);
    for (int64_t i = 0; i < curve->points; i++) {
        char name[24];
        name_point(curve, i, name);
        report_chart_add_category(chart, name, NULL);
    }
    report_chart_add_series(chart, &(struct report_series){.name = "training", .color = 1}, curve->losses,
                            (size_t)curve->points);
    if (curve->validated)
        report_chart_add_series(chart, &(struct report_series){.name = "validation", .color = 2}, curve->validations,
                                (size_t)curve->points);
    return chart;
}

static lmvr_status draw(const char *path, const char *title, const struct curve *curve, lmvr_error *error)
{
    char *svg = NULL;
    size_t size = 0;
    struct report *report = report_create(title);
    struct report_chart *chart = make_chart(report, title, curve);
    FILE *out = report && !report->region.failed ? open_memstream(&svg, &size) : NULL;
    bool good = out != NULL;
    if (out) {
        render_svg(chart, false, out);
        good = fclose(out) == 0;
    }
    report_free(report);
    lmvr_status status = good ? file_replace(path, svg, size, error) : error_no_memory(error, path);
    free(svg);
    return status;
}

lmvr_status run_curve_write(const char *path, const char *log_path, const char *title, int64_t steps, lmvr_error *error)
{
    struct curve curve = {.steps = steps, .points = steps < POINTS ? steps : POINTS};
    for (int i = 0; i < POINTS; i++)
        curve.validations[i] = NAN;
    TRY(read_log(log_path, &curve, error));
    return draw(path, title, &curve, error);
}
