/* Tables 4 and 5: accuracy per corruption, and per group. */
#include "lab/eval/row.h"
#include "lab/eval/tables.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const groups[] = {"noise", "blur", "weather", "digital", "extra"};
#define GROUPS (int)(sizeof groups / sizeof *groups)

static void add_columns(struct report_table *table, const struct results *r, const char *first)
{
    report_table_compare(table, REPORT_COMPARE_COLUMNS);
    report_table_add_column(table, &(struct report_column){.name = first});
    for (int i = 0; i < r->representation_count; i++)
        tables_add_representation_column(table, r, i, results_main_name(r));
}

/* ---- by group ----------------------------------------------------------------------------------------------------------- */

static void add_paper_columns(struct report_table *table)
{
    static const char *const names[] = {"CLIP", "LMVR"}, *const keys[] = {"paper_clip", "paper_lmvr"};
    for (int i = 0; i < 2; i++)
        report_table_add_column(table, &(struct report_column){.key = keys[i],
                                                               .over = "paper: ImageNet-C",
                                                               .name = names[i],
                                                               .unit = "%",
                                                               .decimals = 1,
                                                               .better = REPORT_HIGHER,
                                                               .kind = REPORT_COLUMN_PAPER});
}

static void put_paper(struct row *row, const char *group)
{
    double encoder = NAN, proposed = NAN;
    for (int i = 0; i < 5; i++)
        if (strcmp(experiment_paper_groups[i].group, group) == 0) {
            encoder = experiment_paper_groups[i].encoder;
            proposed = experiment_paper_groups[i].proposed;
        }
    row_number(row, encoder);
    row_number(row, proposed);
}

static void add_note_columns(struct report_table *table)
{
    static const char *const names[] = {"training images", "test images", "seed", "model", "data", "time"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        report_table_add_column(
            table, &(struct report_column){
                       .name = names[i], .unit = i == 5 ? "s" : NULL, .decimals = i == 5, .kind = REPORT_COLUMN_NOTE});
    report_table_add_note(table, "Test images: over all conditions of the row. Time: seconds that this run spent on "
                                 "features, probes and scores.");
}

/* Whether a condition belongs to a row: "" is clean images, NULL the benchmark, else a group of corruptions. */
static bool belongs(const struct condition *c, const char *group)
{
    if (group && !*group)
        return !c->corrupted;
    return c->corrupted && (group ? strcmp(corruption_group(c->type), group) == 0 : c->type < CORRUPTION_BENCHMARK_TYPES);
}

static void put_notes(struct row *row, const struct results *r, const char *group, uint64_t seed)
{
    double seconds = 0;
    int64_t images = 0;
    for (int c = 0; c < r->condition_count; c++)
        if (belongs(&r->conditions[c], group)) {
            seconds += r->seconds[c];
            images += results_score(r, 0, 0, c, 0)->rows;
        }
    row_number(row, (double)r->representations[0].train_rows[0]);
    row_number(row, (double)images);
    row_text(row, "%" PRIu64, seed);
    row_text(row, "%s", r->representations[0].fingerprint);
    row_text(row, "%016" PRIx64, r->set->fingerprint);
    row_number(row, seconds);
}

static void add_group_row(struct report_table *table, const struct results *r, const char *group, uint64_t seed)
{
    struct row row = {.count = 0};
    bool any = false;
    for (int c = 0; c < r->condition_count; c++)
        any |= belongs(&r->conditions[c], group);
    if (!any)
        return;
    row_text(&row, "%s", group ? group : "all corruptions");
    for (int i = 0; i < r->representation_count; i++)
        row_estimate(&row, results_corruption_group(r, i, group));
    if (tables_have_paper(r))
        put_paper(&row, group ? group : "all");
    put_notes(&row, r, group, seed);
    report_table_add_row(table, group ? REPORT_MEASURED : REPORT_SUMMARY, row.cells, row.count);
}

static struct report_table *add_groups(struct report *report, const struct results *r, uint64_t seed)
{
    const struct experiment *e = r->experiment;
    struct report_table *table = report_add_table(report, e->name, "Scores by group of corruptions", e->question);
    struct row clean = {.count = 0};
    add_columns(table, r, "pictures");
    if (tables_have_paper(r))
        add_paper_columns(table);
    add_note_columns(table);
    row_text(&clean, "clean");
    for (int i = 0; i < r->representation_count; i++)
        row_estimate(&clean, results_mean(r, i, 0, NULL));
    for (int i = 0; i < 2 && tables_have_paper(r); i++)
        row_number(&clean, NAN);
    put_notes(&clean, r, "", seed);
    report_table_add_row(table, REPORT_MEASURED, clean.cells, clean.count);
    report_table_add_group(table, NULL);
    for (int g = 0; g < GROUPS; g++) {
        if (strcmp(groups[g], "extra") == 0) /* it comes after the mean, which leaves it out */
            add_group_row(table, r, NULL, seed);
        add_group_row(table, r, groups[g], seed);
    }
    tables_add_interval_note(table, r);
    return table;
}

/* ---- by corruption ------------------------------------------------------------------------------------------------------ */

static void add_types(struct report *report, const struct results *r)
{
    struct report_table *table = report_add_table(report, "corruptions", "Each corruption", "The mean over its severities.");
    add_columns(table, r, "corruption");
    for (int g = 0; g < GROUPS; g++) {
        report_table_add_group(table, groups[g]);
        for (int type = 0; type < CORRUPTION_TYPES; type++) {
            struct row row = {.count = 0};
            bool measured = false;
            row_text(&row, "%s", corruption_names[type]);
            for (int i = 0; i < r->representation_count; i++) {
                struct estimate mean = results_corruption(r, i, (enum corruption_type)type);
                measured |= !isnan(mean.value);
                row_estimate(&row, mean);
            }
            if (measured && strcmp(corruption_group((enum corruption_type)type), groups[g]) == 0)
                report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
        }
    }
    tables_add_interval_note(table, r);
}

static void add_severities(struct report *report, const struct results *r)
{
    struct report_table *table =
        report_add_table(report, "severities", "Each corruption at each severity", "Severity 1 is the mildest.");
    report_table_compare(table, REPORT_COMPARE_COLUMNS);
    report_table_add_column(table, &(struct report_column){.name = "corruption"});
    report_table_add_column(table, &(struct report_column){.name = "severity"});
    for (int i = 0; i < r->representation_count; i++)
        tables_add_representation_column(table, r, i, results_main_name(r));
    for (int c = 0; c < r->condition_count; c++) {
        struct row row = {.count = 0};
        if (!r->conditions[c].corrupted)
            continue;
        row_text(&row, "%s", corruption_names[r->conditions[c].type]);
        row_number(&row, r->conditions[c].severity);
        for (int i = 0; i < r->representation_count; i++)
            row_estimate(&row, results_mean(r, i, c, NULL));
        report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
    }
    tables_add_interval_note(table, r);
}

/* ---- charts ------------------------------------------------------------------------------------------------------------- */

static bool is_measured(const struct results *r, int type)
{
    for (int c = 0; c < r->condition_count; c++)
        if (r->conditions[c].corrupted && (int)r->conditions[c].type == type)
            return true;
    return false;
}

static void add_type_chart(struct report *report, const struct results *r)
{
    struct estimate estimates[CORRUPTION_TYPES];
    struct report_chart *chart = report_add_chart(
        report, "corruptions", "By corruption", "The mean over severities.",
        &(struct report_chart_options){.kind = REPORT_BARS, .value_title = results_main_name(r), .unit = "%", .decimals = 0});
    for (int type = 0; type < CORRUPTION_TYPES; type++)
        if (is_measured(r, type))
            report_chart_add_category(chart, corruption_names[type], corruption_group((enum corruption_type)type));
    for (int i = 0; i < r->representation_count; i++) {
        int count = 0;
        for (int type = 0; type < CORRUPTION_TYPES; type++)
            if (is_measured(r, type))
                estimates[count++] = results_corruption(r, i, (enum corruption_type)type);
        tables_add_series(chart, r, i, estimates, count);
    }
}

static void add_severity_chart(struct report *report, const struct results *r)
{
    static const char *const names[] = {"none", "1", "2", "3", "4", "5"};
    struct estimate estimates[1 + CORRUPTION_SEVERITIES];
    struct report_chart *chart = report_add_chart(report, "severities", "By severity", "The mean over corruptions.",
                                                  &(struct report_chart_options){.kind = REPORT_LINES,
                                                                                 .category_title = "severity",
                                                                                 .value_title = results_main_name(r),
                                                                                 .unit = "%",
                                                                                 .decimals = 1});
    for (int s = 0; s <= CORRUPTION_SEVERITIES; s++)
        report_chart_add_category(chart, names[s], NULL);
    for (int i = 0; i < r->representation_count; i++) {
        for (int s = 0; s <= CORRUPTION_SEVERITIES; s++)
            estimates[s] = results_severity(r, i, s);
        tables_add_series(chart, r, i, estimates, 1 + CORRUPTION_SEVERITIES);
    }
}

struct report_table *tables_add_corruptions(struct report *report, const struct results *results, uint64_t seed)
{
    struct report_table *main = add_groups(report, results, seed);
    add_types(report, results);
    add_type_chart(report, results);
    add_severity_chart(report, results);
    add_severities(report, results);
    return main;
}
