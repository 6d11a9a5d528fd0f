#include "probe_report.h"

#include "cli.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

/* Prints and releases the object. */
static bool print_json(json_t *object)
{
    bool printed = object && json_dumpf(object, stdout, JSON_REAL_PRECISION(12)) == 0;
    json_decref(object);
    if (!object)
        complain("out of memory for the report");
    else
        putchar('\n');
    return flush_stdout() && printed;
}

/* Omits values that do not apply. */
static void set_number(json_t *object, const char *key, double value)
{
    if (!isnan(value))
        json_object_set_new(object, key, json_real(value));
}

/* ---- fit ---- */

static json_t *describe_fit(const struct probe *probe, const struct probe_report *report)
{
    json_t *trials = json_array(),
           *object = json_pack("{s:s, s:I, s:I, s:i, s:f, s:s, s:f, s:i, s:I, s:i}", "kind",
                               probe->kind == LABELS_MULTI ? "multi" : "single", "rows", (json_int_t)report->rows, "dim",
                               (json_int_t)probe->dim, "classes", probe->class_count, "c", probe->c, "feature", probe->feature,
                               "loss", report->loss, "iterations", report->iterations, "evaluations",
                               (json_int_t)report->evaluations, "unsolved", report->unsolved);
    for (int i = 0; i < report->trial_count; i++)
        json_array_append_new(trials, json_pack("{s:f, s:f}", "c", report->trials[i].c, "score", report->trials[i].score));
    json_object_set_new(object, "held_out_rows", json_integer(report->held_out_rows));
    json_object_set_new(object, "trials", trials);
    return object;
}

bool probe_report_fit(const struct probe *probe, const struct probe_report *report, bool json)
{
    if (json)
        return print_json(describe_fit(probe, report));
    for (int i = 0; i < report->trial_count; i++)
        printf("C %-10.4g held-out %s %6.2f\n", report->trials[i].c, probe->kind == LABELS_MULTI ? "mAP" : "accuracy",
               100 * report->trials[i].score);
    printf("%d classes, %" PRId64 " rows of %" PRId64 " values, C %.4g: loss %.6g after %d iterations\n", probe->class_count,
           report->rows, probe->dim, probe->c, report->loss, report->iterations);
    return flush_stdout();
}

/* ---- score ---- */

static json_t *describe_class(const struct class_metrics *m)
{
    json_t *object = json_object();
    set_number(object, "ap_11point", m->ap_11point);
    set_number(object, "ap", m->ap);
    set_number(object, "accuracy", m->accuracy);
    json_object_set_new(object, "positives", json_integer(m->positives));
    json_object_set_new(object, "negatives", json_integer(m->negatives));
    json_object_set_new(object, "left_out", json_integer(m->difficult));
    return object;
}

static json_t *describe_score(const struct probe *probe, const struct labels *labels, const struct metrics *m, double loss)
{
    json_t *object = json_object(), *per_class = json_object();
    set_number(object, "loss", loss);
    set_number(object, "map_11point", m->map_11point);
    set_number(object, "map", m->map);
    set_number(object, "accuracy", m->accuracy);
    for (int k = 0; k < m->class_count; k++)
        json_object_set_new(per_class, labels->classes[k], describe_class(&m->per_class[k]));
    json_object_set_new(object, "per_class", per_class);
    json_object_set_new(object, "rows", json_integer(m->rows));
    json_object_set_new(object, "c", json_real(probe->c));
    json_object_set_new(object, "feature", json_string(probe->feature));
    return object;
}

static void print_percent(double value)
{
    if (isnan(value))
        printf("%9s", "-");
    else
        printf("%9.2f", 100 * value);
}

static void print_table(const struct labels *labels, const struct metrics *m)
{
    bool multi = m->kind == LABELS_MULTI;
    printf(multi ? "%9s%9s%11s  class\n" : "%9s%11s  class\n", multi ? "11-point" : "accuracy", multi ? "AP" : "rows",
           "positives");
    for (int k = 0; k < m->class_count; k++) {
        print_percent(multi ? m->per_class[k].ap_11point : m->per_class[k].accuracy);
        if (multi)
            print_percent(m->per_class[k].ap);
        printf("%11" PRId64 "  %s\n", m->per_class[k].positives, labels->classes[k]);
    }
    print_percent(multi ? m->map_11point : m->accuracy);
    if (multi)
        print_percent(m->map);
    printf("%11s  %s of %d classes\n", "", multi ? "mean" : "all rows", m->scored_classes);
}

bool probe_report_score(const struct probe *probe, const struct labels *labels, const struct metrics *metrics, double loss,
                        bool json)
{
    if (json)
        return print_json(describe_score(probe, labels, metrics, loss));
    print_table(labels, metrics);
    printf("loss %.6g with C %.4g on %" PRId64 " rows\n", loss, probe->c, metrics->rows);
    return flush_stdout();
}
