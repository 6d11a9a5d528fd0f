#include "eval/tables.h"

#include "eval/row.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- columns ------------------------------------------------------------------------------------------------------------ */

static void add_score_column(struct report_table *table, const char *over, const char *name)
{
    report_table_add_column(
        table, &(struct report_column){.over = over, .name = name, .unit = "%", .decimals = 1, .better = REPORT_HIGHER});
}

static void add_paper_columns(struct report_table *table, const struct experiment *e)
{
    for (int i = 0; i < e->paper_count; i++) {
        char over[64], key[64];
        snprintf(over, sizeof over, "paper: %s", e->paper[i].over);
        snprintf(key, sizeof key, "paper_%s_%s", e->paper[i].over, e->paper[i].name);
        report_table_add_column(table, &(struct report_column){.key = key,
                                                               .over = over,
                                                               .name = e->paper[i].name,
                                                               .unit = "%",
                                                               .decimals = 1,
                                                               .better = REPORT_HIGHER,
                                                               .kind = REPORT_COLUMN_PAPER});
    }
}

static void add_note_columns(struct report_table *table)
{
    static const char *const names[] = {"training images", "test images", "C", "seed", "model", "data", "seconds"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        report_table_add_column(table,
                                &(struct report_column){.name = names[i], .decimals = i == 6, .kind = REPORT_COLUMN_NOTE});
}

/* The most of any task: tasks leave out the rows that do not apply to them. */
static int64_t most_rows(const struct results *r, int representation, bool training)
{
    int64_t most = 0;
    for (int t = 0; t < r->set->task_count; t++) {
        int64_t rows =
            training ? r->representations[representation].train_rows[t] : results_score(r, representation, 0, t)->rows;
        most = rows > most ? rows : most;
    }
    return most;
}

static void put_notes(struct row *row, const struct results *r, int representation, uint64_t seed)
{
    const struct representation *p = &r->representations[representation];
    row_number(row, (double)most_rows(r, representation, true));
    row_number(row, (double)most_rows(r, representation, false));
    if (r->set->task_count == 1)
        row_text(row, "%.3g", p->c[0]);
    else
        row_text(row, "one a task");
    row_text(row, "%" PRIu64, seed);
    row_text(row, "%s", p->model);
    row_text(row, "%016" PRIx64, r->set->fingerprint);
    row_number(row, p->seconds);
}

/* ---- one score a representation ----------------------------------------------------------------------------------------- */

/* Per class, the share of its rows that are right, averaged over the classes that have rows: VisDA's own measure. */
static double class_accuracy(const struct results *r, const struct score *score)
{
    double sum = 0;
    int count = 0, classes = r->set->tasks[0].labels.class_count;
    for (int i = 0; score->per_class && i < classes; i++)
        if (!isnan(score->per_class[i])) {
            sum += score->per_class[i];
            count++;
        }
    return count ? 100 * sum / count : NAN;
}

static void add_measure_columns(struct report_table *table, const struct results *r)
{
    if (r->set->task_count > 1) {
        add_score_column(table, NULL, "mean over tasks");
    } else if (r->set->tasks[0].labels.kind == LABELS_MULTI) {
        add_score_column(table, "mAP", "11 points");
        add_score_column(table, "mAP", "all points");
    } else {
        add_score_column(table, "accuracy", "of images");
        add_score_column(table, "accuracy", "mean of classes");
    }
}

static void put_measures(struct row *row, const struct results *r, int representation)
{
    const struct score *score = results_score(r, representation, 0, 0);
    if (r->set->task_count > 1) {
        row_number(row, results_mean(r, representation, 0, NULL));
    } else if (r->set->tasks[0].labels.kind == LABELS_MULTI) {
        row_number(row, 100 * score->map_11point);
        row_number(row, 100 * score->map);
    } else {
        row_number(row, 100 * score->accuracy);
        row_number(row, class_accuracy(r, score));
    }
}

static struct report_table *add_compare(struct report *report, const struct results *r, uint64_t seed)
{
    const struct experiment *e = r->experiment;
    struct report_table *table = report_add_table(report, e->name, e->title, e->question);
    report_table_add_column(table, &(struct report_column){.name = "representation"});
    add_measure_columns(table, r);
    add_paper_columns(table, e);
    add_note_columns(table);
    for (int i = 0; i < r->representation_count; i++) {
        struct row row = {.count = 0};
        row_text(&row, "%s", r->representations[i].label);
        put_measures(&row, r, i);
        for (int p = 0; p < e->paper_count; p++)
            row_number(&row, r->representations[i].paper[p]);
        put_notes(&row, r, i, seed);
        report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
    }
    return table;
}

/* ---- a score a class ---------------------------------------------------------------------------------------------------- */

static void add_class_table(struct report *report, const struct results *r, int task)
{
    const struct labels *labels = &r->set->tasks[task].labels;
    struct report_table *table = report_add_table(
        report, "classes", labels->kind == LABELS_MULTI ? "Average precision of each class" : "Accuracy of each class",
        "On the test images as they are.");
    report_table_compare(table, REPORT_COMPARE_COLUMNS);
    report_table_add_column(table, &(struct report_column){.name = "class"});
    for (int i = 0; i < r->representation_count; i++)
        add_score_column(table, NULL, r->representations[i].label);
    for (int c = 0; c < labels->class_count; c++) {
        struct row row = {.count = 0};
        row_text(&row, "%s", labels->classes[c]);
        for (int i = 0; i < r->representation_count; i++) {
            const double *per_class = results_score(r, i, 0, task)->per_class;
            row_number(&row, per_class ? 100 * per_class[c] : NAN);
        }
        report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
    }
}

/* Baseline and proposed representation, or a missing one's neighbor, as the two series of a chart. */
static void add_series(struct report_chart *chart, const struct results *r, int representation, const double *values, int count)
{
    const struct experiment *e = r->experiment;
    const struct representation *p = &r->representations[representation];
    int color = p->variant == &e->variants[e->baseline] ? 0 : 1 + representation % 5;
    report_chart_add_series(chart, &(struct report_series){.name = p->label, .color = color}, values, (size_t)count);
}

/* A class without a test image has no score; the chart leaves it out, the table does not. */
static bool has_score(const struct results *r, int task, int class)
{
    for (int i = 0; i < r->representation_count; i++) {
        const double *per_class = results_score(r, i, 0, task)->per_class;
        if (per_class && !isnan(per_class[class]))
            return true;
    }
    return false;
}

static void add_class_chart(struct report *report, const struct results *r, int task)
{
    const struct labels *labels = &r->set->tasks[task].labels;
    double *values = calloc((size_t)labels->class_count + 1, sizeof *values);
    struct report_chart *chart = report_add_chart(
        report, "classes", labels->kind == LABELS_MULTI ? "Average precision by class" : "Accuracy by class", "",
        &(struct report_chart_options){.kind = REPORT_BARS, .value_title = results_main_name(r), .unit = "%", .decimals = 0});
    for (int c = 0; c < labels->class_count; c++)
        if (has_score(r, task, c))
            report_chart_add_category(chart, labels->classes[c], NULL);
    for (int i = 0; i < r->representation_count && values; i++) {
        const double *per_class = results_score(r, i, 0, task)->per_class;
        int count = 0;
        for (int c = 0; c < labels->class_count; c++)
            if (has_score(r, task, c))
                values[count++] = per_class ? 100 * per_class[c] : NAN;
        add_series(chart, r, i, values, count);
    }
    free(values);
}

/* The representations as categories, and beside ours what the paper reports in its first column. */
static void add_compare_chart(struct report *report, const struct results *r)
{
    const struct experiment *e = r->experiment;
    double *ours = calloc(2 * (size_t)r->representation_count + 2, sizeof *ours), *theirs = ours + r->representation_count + 1;
    char name[128];
    if (!ours)
        return;
    struct report_chart *chart = report_add_chart(
        report, e->name, e->title, "",
        &(struct report_chart_options){.kind = REPORT_BARS, .value_title = results_main_name(r), .unit = "%", .decimals = 1});
    for (int i = 0; i < r->representation_count; i++) {
        report_chart_add_category(chart, r->representations[i].label, NULL);
        ours[i] = results_mean(r, i, 0, NULL);
        theirs[i] = e->kind == EXPERIMENT_ATTRIBUTES ? NAN : r->representations[i].paper[0];
    }
    report_chart_add_series(chart, &(struct report_series){.name = "measured", .color = 1}, ours,
                            (size_t)r->representation_count);
    snprintf(name, sizeof name, "the paper's, %s, %s", e->paper[0].over, e->paper[0].name);
    if (e->kind != EXPERIMENT_ATTRIBUTES)
        report_chart_add_series(chart, &(struct report_series){.name = name, .paper = true}, theirs,
                                (size_t)r->representation_count);
    free(ours);
}

/* ---- a score a task ----------------------------------------------------------------------------------------------------- */

/* The groups of tasks, each once, in the tasks' order; `groups` has room for all tasks. */
static int list_groups(const struct dataset *set, const char **groups)
{
    int count = 0;
    for (int t = 0; t < set->task_count; t++) {
        bool known = false;
        for (int i = 0; i < count; i++)
            known |= strcmp(groups[i], set->tasks[t].group) == 0;
        if (!known)
            groups[count++] = set->tasks[t].group;
    }
    return count;
}

static void add_task_table(struct report *report, const struct results *r, const char *const *groups, int group_count)
{
    struct report_table *table =
        report_add_table(report, "tasks", "Each attribute", "Rows that an attribute does not apply to are left out.");
    report_table_compare(table, REPORT_COMPARE_COLUMNS);
    report_table_add_column(table, &(struct report_column){.name = "attribute"});
    for (int i = 0; i < r->representation_count; i++)
        add_score_column(table, NULL, r->representations[i].label);
    report_table_add_column(table, &(struct report_column){.name = "test images"});
    for (int g = 0; g < group_count; g++) {
        report_table_add_group(table, groups[g]);
        for (int t = 0; t < r->set->task_count; t++) {
            struct row row = {.count = 0};
            if (strcmp(r->set->tasks[t].group, groups[g]) != 0)
                continue;
            row_text(&row, "%s", r->set->tasks[t].name);
            for (int i = 0; i < r->representation_count; i++)
                row_number(&row, results_main(r, results_score(r, i, 0, t), t));
            row_number(&row, (double)results_score(r, 0, 0, t)->rows);
            report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
        }
    }
}

/* Table 6: a column a group of tasks. */
static struct report_table *add_attributes(struct report *report, const struct results *r, const char *const *groups,
                                           int group_count, uint64_t seed)
{
    const struct experiment *e = r->experiment;
    struct report_table *table = report_add_table(report, e->name, e->title, e->question);
    report_table_add_column(table, &(struct report_column){.name = "representation"});
    for (int g = 0; g < group_count; g++)
        add_score_column(table, "mean accuracy over attributes", groups[g]);
    add_paper_columns(table, e);
    add_note_columns(table);
    for (int i = 0; i < r->representation_count; i++) {
        struct row row = {.count = 0};
        row_text(&row, "%s", r->representations[i].label);
        for (int g = 0; g < group_count; g++)
            row_number(&row, results_mean(r, i, 0, groups[g]));
        for (int p = 0; p < e->paper_count; p++)
            row_number(&row, r->representations[i].paper[p]);
        put_notes(&row, r, i, seed);
        report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
    }
    return table;
}

static struct report_table *add_tasks(struct report *report, const struct results *r, uint64_t seed)
{
    const char **groups = calloc((size_t)r->set->task_count + 1, sizeof *groups);
    if (!groups)
        return NULL;
    int count = list_groups(r->set, groups);
    bool by_group = r->experiment->kind == EXPERIMENT_ATTRIBUTES;
    struct report_table *main = by_group ? add_attributes(report, r, groups, count, seed) : add_compare(report, r, seed);
    add_compare_chart(report, r);
    add_task_table(report, r, groups, count);
    free(groups);
    return main;
}

struct report_table *tables_add(struct report *report, const struct results *results, uint64_t seed)
{
    report_add_section(report, "Results");
    if (results->experiment->kind == EXPERIMENT_CORRUPTION)
        return tables_add_corruptions(report, results, seed);
    if (results->set->task_count > 1 || results->experiment->kind == EXPERIMENT_ATTRIBUTES)
        return add_tasks(report, results, seed);
    struct report_table *main = add_compare(report, results, seed);
    add_compare_chart(report, results);
    add_class_table(report, results, 0);
    if (results->set->tasks[0].labels.class_count <= 100)
        add_class_chart(report, results, 0);
    return main;
}
