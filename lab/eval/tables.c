#include "lab/eval/tables.h"

#include "lab/eval/row.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- columns ------------------------------------------------------------------------------------------------------------ */

void tables_add_score_column(struct report_table *table, const char *over, const char *name)
{
    report_table_add_column(
        table, &(struct report_column){.over = over, .name = name, .unit = "%", .decimals = 1, .better = REPORT_HIGHER});
}

void tables_add_representation_column(struct report_table *table, const struct results *r, int representation, const char *over)
{
    const struct representation *p = &r->representations[representation];
    tables_add_score_column(table, *p->model ? p->model : over, p->variant->label);
}

void tables_label(const struct results *r, int representation, char label[TABLES_LABEL_SIZE])
{
    const struct representation *p = &r->representations[representation];
    snprintf(label, TABLES_LABEL_SIZE, "%s%s%s", p->model, *p->model ? ": " : "", p->variant->label);
}

void tables_add_interval_note(struct report_table *table, const struct results *r)
{
    report_table_add_note(table,
                          "[In brackets]: 95 %% bootstrap intervals over the test images, from %d resamples. Bold: the best, "
                          "if it lies outside its competitors' intervals.",
                          BOOTSTRAP_DRAWS);
    if (r->seed_count > 1)
        report_table_add_note(table, "Values and interval ends are means over %d seeds.", r->seed_count);
}

/* ---- the paper's results ----------------------------------------------------------------------------------------------- */

/* Only a result on the same data by the same measure, and of the same model family, is comparable with the paper's. */
static bool is_beside(const struct results *r, int column, int representation)
{
    const struct paper_column *c = &r->experiment->paper[column];
    return strcmp(c->dataset, r->set->name) == 0 && strcmp(c->family, r->representations[representation].family) == 0;
}

static bool is_comparable(const struct results *r, int column)
{
    for (int i = 0; i < r->representation_count; i++)
        if (is_beside(r, column, i))
            return true;
    return false;
}

bool tables_have_paper(const struct results *r)
{
    for (int i = 0; i < r->experiment->paper_count; i++)
        if (is_comparable(r, i))
            return true;
    return false;
}

static void add_paper_columns(struct report_table *table, const struct results *r)
{
    const struct experiment *e = r->experiment;
    for (int i = 0; i < e->paper_count; i++) {
        char over[64], key[64];
        if (!is_comparable(r, i))
            continue;
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

static void put_paper(struct row *row, const struct results *r, int representation)
{
    for (int i = 0; i < r->experiment->paper_count; i++)
        if (is_comparable(r, i))
            row_number(row,
                       is_beside(r, i, representation) ? r->representations[representation].variant->paper[i] : (double)NAN);
}

/* The paper's column comparable with the representation; -1: none. */
static int paper_column(const struct results *r, int representation)
{
    for (int i = 0; i < r->experiment->paper_count; i++)
        if (is_beside(r, i, representation))
            return i;
    return -1;
}

/* ---- notes -------------------------------------------------------------------------------------------------------------- */

/* A row's notes; where nothing was trained, those of probes are left out. */
static void add_note_columns(struct report_table *table, const struct results *r)
{
    bool trains = r->experiment->kind != EXPERIMENT_ZERO_SHOT;
    static const char *const names[] = {"training images", "test images", "C", "seed", "model", "data", "probe time"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (trains || (i != 0 && i != 2 && i != 6))
            report_table_add_column(
                table, &(struct report_column){
                           .name = names[i], .unit = i == 6 ? "s" : NULL, .decimals = i == 6, .kind = REPORT_COLUMN_NOTE});
    if (!trains)
        return;
    report_table_add_note(
        table, "C: the probe's inverse regularization strength. Probe time: fitting, testing and bootstrap, without the "
               "features.");
}

/* The largest number over all tasks: tasks leave out rows that do not apply to them. */
static int64_t most_rows(const struct results *r, int representation, bool training)
{
    int64_t most = 0;
    for (int t = 0; t < r->set->task_count; t++) {
        int64_t rows =
            training ? r->representations[representation].train_rows[t] : results_score(r, representation, 0, 0, t)->rows;
        most = rows > most ? rows : most;
    }
    return most;
}

/* For one task; with several seeds, the range. */
static void put_c(struct row *row, const struct results *r, const struct representation *p)
{
    double least = p->c[0], most = p->c[0];
    for (int s = 1; s < r->seed_count; s++) {
        least = fmin(least, p->c[s]);
        most = fmax(most, p->c[s]);
    }
    const char *end = p->c_is_at_an_end ? ", at the edge of the grid" : "";
    if (r->set->task_count > 1)
        row_text(row, "one per task%s", end);
    else if (least < most)
        row_text(row, "%.3g to %.3g%s", least, most, end);
    else
        row_text(row, "%.3g%s", least, end);
}

static void put_seed(struct row *row, const struct results *r, uint64_t seed)
{
    if (r->seed_count > 1)
        row_text(row, "%" PRIu64 " to %" PRIu64, seed, seed + (uint64_t)r->seed_count - 1);
    else
        row_text(row, "%" PRIu64, seed);
}

static void put_notes(struct row *row, const struct results *r, int representation, uint64_t seed)
{
    const struct representation *p = &r->representations[representation];
    bool trains = r->experiment->kind != EXPERIMENT_ZERO_SHOT;
    if (trains)
        row_number(row, (double)most_rows(r, representation, true));
    row_number(row, (double)most_rows(r, representation, false));
    if (trains)
        put_c(row, r, p);
    put_seed(row, r, seed);
    row_text(row, "%s", p->fingerprint);
    row_text(row, "%016" PRIx64, r->set->fingerprint);
    if (trains)
        row_number(row, p->seconds);
}

/* Begins a row with the representation's label, under a new heading if its model differs from the row before. */
static void begin_row(struct report_table *table, const struct results *r, int representation, struct row *row)
{
    const struct representation *p = &r->representations[representation];
    if (*p->model && (representation == 0 || strcmp(p[-1].model, p->model) != 0))
        report_table_add_group(table, p->model);
    row_text(row, "%s", p->variant->label);
}

/* ---- one score per representation -------------------------------------------------------------------------------------- */

/* The measures of one task's labels, as columns. */
struct measure_column {
    enum measure measure;
    const char *over, *name;
};

static const struct measure_column multi_columns[] = {{MEASURE_MAP_11POINT, "mAP", "11 points"},
                                                      {MEASURE_MAP, "mAP", "all points"},
                                                      {0}},
                                   single_columns[] = {{MEASURE_ACCURACY, "accuracy", "of images"},
                                                       {MEASURE_CLASS_ACCURACY, "accuracy", "mean over classes"},
                                                       {0}},
                                   zero_shot_columns[] = {{MEASURE_ACCURACY, "accuracy", "top 1"},
                                                          {MEASURE_TOP5, "accuracy", "top 5"},
                                                          {MEASURE_CLASS_ACCURACY, "accuracy", "mean over classes"},
                                                          {0}};

/* Ends with a name that is NULL. */
static const struct measure_column *measure_columns(const struct results *r)
{
    if (r->set->tasks[0].labels.kind == LABELS_MULTI)
        return multi_columns;
    return r->experiment->kind == EXPERIMENT_ZERO_SHOT ? zero_shot_columns : single_columns;
}

static struct report_table *add_compare(struct report *report, const struct results *r, uint64_t seed)
{
    const struct experiment *e = r->experiment;
    const struct measure_column *columns = measure_columns(r);
    bool one = r->set->task_count == 1;
    struct report_table *table = report_add_table(report, e->name, "Scores of the representations", e->question);
    report_table_add_column(table, &(struct report_column){.name = "representation"});
    for (int i = 0; one && columns[i].name; i++)
        tables_add_score_column(table, columns[i].over, columns[i].name);
    if (!one)
        tables_add_score_column(table, NULL, "mean over tasks");
    add_paper_columns(table, r);
    add_note_columns(table, r);
    for (int i = 0; i < r->representation_count; i++) {
        struct row row = {.count = 0};
        begin_row(table, r, i, &row);
        for (int m = 0; one && columns[m].name; m++)
            row_estimate(&row, results_measure(r, i, columns[m].measure));
        if (!one)
            row_estimate(&row, results_mean(r, i, 0, NULL));
        put_paper(&row, r, i);
        put_notes(&row, r, i, seed);
        report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
    }
    tables_add_interval_note(table, r);
    return table;
}

/* ---- one score per seed ------------------------------------------------------------------------------------------------ */

static void add_seed_table(struct report *report, const struct results *r, uint64_t seed)
{
    char name[32];
    if (r->seed_count == 1)
        return;
    bool split = r->set->split_by_seed && r->experiment->kind != EXPERIMENT_CORRUPTION;
    struct report_table *table = report_add_table(
        report, "seeds", "Each seed",
        split ? "Each seed has its own training and test split, and its own held-out split to choose C on."
              : "The set has fixed training and test splits; each seed has its own held-out split to choose C on.");
    report_table_add_column(table, &(struct report_column){.name = "representation"});
    static const char *const columns[] = {"mean", "standard deviation", "lowest", "highest"};
    for (int i = 0; i < 4; i++)
        report_table_add_column(
            table, &(struct report_column){.over = results_main_name(r), .name = columns[i], .unit = "%", .decimals = 1});
    for (int s = 0; s < r->seed_count; s++) {
        snprintf(name, sizeof name, "seed %" PRIu64, seed + (uint64_t)s);
        report_table_add_column(table, &(struct report_column){.name = name, .decimals = 1});
    }
    for (int i = 0; i < r->representation_count; i++) {
        struct row row = {.count = 0};
        double sum = 0, squares = 0, least = INFINITY, most = -INFINITY, n = r->seed_count;
        begin_row(table, r, i, &row);
        for (int s = 0; s < r->seed_count; s++) {
            double value = results_with_seed(r, i, s);
            sum += value;
            least = fmin(least, value);
            most = fmax(most, value);
        }
        for (int s = 0; s < r->seed_count; s++)
            squares += pow(results_with_seed(r, i, s) - sum / n, 2);
        row_number(&row, sum / n);
        row_number(&row, sqrt(squares / (n - 1)));
        row_number(&row, least);
        row_number(&row, most);
        for (int s = 0; s < r->seed_count; s++)
            row_number(&row, results_with_seed(r, i, s));
        report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
    }
}

/* ---- one score per class ----------------------------------------------------------------------------------------------- */

static void add_class_table(struct report *report, const struct results *r, int task)
{
    const struct labels *labels = &r->set->tasks[task].labels;
    struct report_table *table = report_add_table(
        report, "classes", labels->kind == LABELS_MULTI ? "Average precision of each class" : "Accuracy of each class",
        "On the clean test images.");
    report_table_compare(table, REPORT_COMPARE_COLUMNS);
    report_table_add_column(table, &(struct report_column){.name = "class"});
    for (int i = 0; i < r->representation_count; i++)
        tables_add_representation_column(table, r, i, NULL);
    for (int c = 0; c < labels->class_count; c++) {
        struct row row = {.count = 0};
        row_text(&row, "%s", labels->classes[c]);
        for (int i = 0; i < r->representation_count; i++)
            row_estimate(&row, results_class(r, i, task, c));
        report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
    }
    tables_add_interval_note(table, r);
}

void tables_add_series(struct report_chart *chart, const struct results *r, int representation,
                       const struct estimate *estimates, int count)
{
    char label[TABLES_LABEL_SIZE];
    size_t size = (size_t)count;
    double *values = calloc(3 * size + 1, sizeof *values), *low = values + size, *high = low + size;
    bool baseline = r->representations[representation].variant == &r->experiment->variants[r->experiment->baseline];
    if (!values)
        return;
    for (size_t i = 0; i < size; i++) {
        values[i] = estimates[i].value;
        low[i] = estimates[i].low;
        high[i] = estimates[i].high;
    }
    tables_label(r, representation, label);
    struct report_series series = {
        .name = label, .color = baseline && representation == 0 ? 0 : 1 + representation % 5, .low = low, .high = high};
    report_chart_add_series(chart, &series, values, size);
    free(values);
}

/* A class without test images has no score: the chart leaves it out, the table does not. */
static bool has_score(const struct results *r, int task, int class)
{
    for (int i = 0; i < r->representation_count; i++)
        if (!isnan(results_class(r, i, task, class).value))
            return true;
    return false;
}

static void add_class_chart(struct report *report, const struct results *r, int task)
{
    const struct labels *labels = &r->set->tasks[task].labels;
    struct estimate *estimates = calloc((size_t)labels->class_count + 1, sizeof *estimates);
    struct report_chart *chart = report_add_chart(
        report, "classes", labels->kind == LABELS_MULTI ? "Average precision by class" : "Accuracy by class", "",
        &(struct report_chart_options){.kind = REPORT_BARS, .value_title = results_main_name(r), .unit = "%", .decimals = 0});
    for (int c = 0; c < labels->class_count; c++)
        if (has_score(r, task, c))
            report_chart_add_category(chart, labels->classes[c], NULL);
    for (int i = 0; i < r->representation_count && estimates; i++) {
        int count = 0;
        for (int c = 0; c < labels->class_count; c++)
            if (has_score(r, task, c))
                estimates[count++] = results_class(r, i, task, c);
        tables_add_series(chart, r, i, estimates, count);
    }
    free(estimates);
}

/* The paper's results for the same representations on the same data; the name has the model family only if all agree. */
static void add_paper_series(struct report_chart *chart, const struct results *r)
{
    const struct experiment *e = r->experiment;
    size_t count = (size_t)r->representation_count;
    double *theirs = calloc(count + 1, sizeof *theirs);
    int column = -1;
    bool differ = false;
    for (int i = 0; theirs && i < r->representation_count; i++) {
        int own = paper_column(r, i);
        theirs[i] = own < 0 ? (double)NAN : r->representations[i].variant->paper[own];
        differ |= column >= 0 && own >= 0 && own != column;
        column = own >= 0 ? own : column;
    }
    if (theirs && column >= 0) {
        char name[128];
        const struct paper_column *c = &e->paper[column];
        snprintf(name, sizeof name, "the paper's%s%s, %s", differ ? "" : ", ", differ ? "" : c->over, c->name);
        report_chart_add_series(chart, &(struct report_series){.name = name, .paper = true}, theirs, count);
    }
    free(theirs);
}

/* A chart with the representations as categories, and the paper's results next to ours. */
static void add_compare_chart(struct report *report, const struct results *r)
{
    const struct experiment *e = r->experiment;
    size_t count = (size_t)r->representation_count;
    double *ours = calloc(3 * count + 1, sizeof *ours), *low = ours + count, *high = low + count;
    if (!ours)
        return;
    struct report_chart *chart = report_add_chart(
        report, e->name, "The same as a chart", "",
        &(struct report_chart_options){.kind = REPORT_BARS, .value_title = results_main_name(r), .unit = "%", .decimals = 1});
    for (int i = 0; i < r->representation_count; i++) {
        struct estimate mean = results_mean(r, i, 0, NULL);
        report_chart_add_category(chart, r->representations[i].variant->label, r->representations[i].model);
        ours[i] = mean.value;
        low[i] = mean.low;
        high[i] = mean.high;
    }
    report_chart_add_series(chart, &(struct report_series){.name = "measured", .color = 1, .low = low, .high = high}, ours,
                            count);
    if (e->kind != EXPERIMENT_ATTRIBUTES)
        add_paper_series(chart, r);
    free(ours);
}

/* ---- one score per task ------------------------------------------------------------------------------------------------ */

/* Lists the groups of tasks, each once, in the tasks' order; `groups` has room for all tasks. */
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
        report_add_table(report, "tasks", "Each attribute", "Images that an attribute does not apply to are left out.");
    report_table_compare(table, REPORT_COMPARE_COLUMNS);
    report_table_add_column(table, &(struct report_column){.name = "attribute"});
    for (int i = 0; i < r->representation_count; i++)
        tables_add_representation_column(table, r, i, NULL);
    report_table_add_column(table, &(struct report_column){.name = "test images"});
    for (int g = 0; g < group_count; g++) {
        report_table_add_group(table, groups[g]);
        for (int t = 0; t < r->set->task_count; t++) {
            struct row row = {.count = 0};
            if (strcmp(r->set->tasks[t].group, groups[g]) != 0)
                continue;
            row_text(&row, "%s", r->set->tasks[t].name);
            for (int i = 0; i < r->representation_count; i++)
                row_estimate(&row, results_task(r, i, t));
            row_number(&row, (double)results_score(r, 0, 0, 0, t)->rows);
            report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
        }
    }
    tables_add_interval_note(table, r);
}

/* Table 6: a column per group of tasks. */
static struct report_table *add_attributes(struct report *report, const struct results *r, const char *const *groups,
                                           int group_count, uint64_t seed)
{
    const struct experiment *e = r->experiment;
    struct report_table *table = report_add_table(report, e->name, "Scores of the representations", e->question);
    report_table_add_column(table, &(struct report_column){.name = "representation"});
    for (int g = 0; g < group_count; g++)
        tables_add_score_column(table, "mean accuracy over attributes", groups[g]);
    add_paper_columns(table, r);
    add_note_columns(table, r);
    for (int i = 0; i < r->representation_count; i++) {
        struct row row = {.count = 0};
        begin_row(table, r, i, &row);
        for (int g = 0; g < group_count; g++)
            row_estimate(&row, results_mean(r, i, 0, groups[g]));
        put_paper(&row, r, i);
        put_notes(&row, r, i, seed);
        report_table_add_row(table, REPORT_MEASURED, row.cells, row.count);
    }
    tables_add_interval_note(table, r);
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
    add_seed_table(report, r, seed);
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
    add_seed_table(report, results, seed);
    add_class_table(report, results, 0);
    if (results->set->tasks[0].labels.class_count <= 100)
        add_class_chart(report, results, 0);
    return main;
}
