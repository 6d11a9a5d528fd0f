#include "lab/eval/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static lmvr_status create_representation(struct representation *r, int seeds, int conditions, int tasks, lmvr_error *error)
{
    r->c = calloc((size_t)seeds * (size_t)tasks + 1, sizeof *r->c);
    r->train_rows = calloc((size_t)tasks + 1, sizeof *r->train_rows);
    r->scores = calloc((size_t)seeds * (size_t)conditions * (size_t)tasks + 1, sizeof *r->scores);
    return r->c && r->train_rows && r->scores ? LMVR_OK : error_no_memory(error, "the results");
}

lmvr_status results_create(const struct experiment *experiment, const struct dataset *set, int seeds, int conditions,
                           int representations, struct results *results, lmvr_error *error)
{
    *results = (struct results){.experiment = experiment,
                                .set = set,
                                .seed_count = seeds,
                                .condition_count = conditions,
                                .representation_count = representations,
                                .conditions = calloc((size_t)conditions + 1, sizeof *results->conditions),
                                .seconds = calloc((size_t)conditions + 1, sizeof *results->seconds),
                                .representations = calloc((size_t)representations + 1, sizeof *results->representations)};
    lmvr_status status =
        results->conditions && results->seconds && results->representations ? LMVR_OK : error_no_memory(error, "the results");
    for (int i = 0; i < representations && status == LMVR_OK; i++)
        status = create_representation(&results->representations[i], seeds, conditions, set->task_count, error);
    if (status != LMVR_OK)
        results_finish(results);
    return status;
}

static void finish_representation(struct representation *r, int score_count)
{
    for (int i = 0; r->scores && i < score_count; i++) {
        for (int m = 0; m < MEASURES; m++)
            free(r->scores[i].draws[m]);
        free(r->scores[i].per_class);
    }
    free(r->scores);
    free(r->c);
    free(r->train_rows);
}

void results_finish(struct results *results)
{
    int scores = results->set ? results->seed_count * results->condition_count * results->set->task_count : 0;
    for (int i = 0; results->representations && i < results->representation_count; i++)
        finish_representation(&results->representations[i], scores);
    for (int i = 0; i < results->warning_count; i++)
        free(results->warnings[i].sentence);
    free(results->warnings);
    free(results->representations);
    free(results->conditions);
    free(results->seconds);
    *results = (struct results){0};
}

lmvr_status results_warn(struct results *results, int representation, const char *sentence, lmvr_error *error)
{
    size_t count = (size_t)results->warning_count;
    for (size_t i = 0; i < count; i++)
        if (strcmp(results->warnings[i].sentence, sentence) == 0) {
            results->warnings[i].count += results->warnings[i].last != representation; /* not again for another seed */
            results->warnings[i].last = representation;
            return LMVR_OK;
        }
    struct warning *longer = realloc(results->warnings, (count + 1) * sizeof *longer);
    if (!longer)
        return error_no_memory(error, "the results");
    results->warnings = longer;
    longer[count] = (struct warning){strdup(sentence), representation, representation, 1};
    if (!longer[count].sentence)
        return error_no_memory(error, "the results");
    results->warning_count++;
    return LMVR_OK;
}

struct score *results_score(const struct results *results, int representation, int seed, int condition, int task)
{
    int place = (seed * results->condition_count + condition) * results->set->task_count + task;
    return &results->representations[representation].scores[place];
}

bool results_count_11_points(const struct results *results)
{
    return strcmp(results->set->name, "voc2007") == 0;
}

enum measure results_main(const struct results *results, int task)
{
    if (results->set->tasks[task].labels.kind == LABELS_SINGLE)
        return MEASURE_ACCURACY;
    return results_count_11_points(results) ? MEASURE_MAP_11POINT : MEASURE_MAP;
}

const char *results_main_name(const struct results *results)
{
    static const char *const names[] = {
        [MEASURE_ACCURACY] = "accuracy", [MEASURE_MAP_11POINT] = "mAP, 11 points", [MEASURE_MAP] = "mAP"};
    return names[results_main(results, 0)];
}

/* ---- means --------------------------------------------------------------------------------------------------------------- */

/* A running mean of values, ignoring NaN, and of their draws one by one. */
struct mean {
    double sum, draws[BOOTSTRAP_DRAWS];
    int64_t rows; /* the largest number of rows of a score */
    int count;
};

static void add_score(struct mean *mean, const struct score *score, enum measure measure)
{
    if (isnan(score->measures[measure]) || !score->draws[measure])
        return;
    mean->sum += score->measures[measure];
    for (int i = 0; i < BOOTSTRAP_DRAWS; i++)
        mean->draws[i] += score->draws[measure][i];
    mean->rows = score->rows > mean->rows ? score->rows : mean->rows;
    mean->count++;
}

static void add_mean(struct mean *mean, const struct mean *part)
{
    if (part->count == 0)
        return;
    mean->sum += part->sum / part->count;
    for (int i = 0; i < BOOTSTRAP_DRAWS; i++)
        mean->draws[i] += part->draws[i] / part->count;
    mean->rows = part->rows > mean->rows ? part->rows : mean->rows;
    mean->count++;
}

static struct estimate estimate_of(const struct mean *mean)
{
    float draws[BOOTSTRAP_DRAWS];
    for (int i = 0; i < BOOTSTRAP_DRAWS; i++)
        draws[i] = (float)(mean->draws[i] / mean->count);
    double value = mean->count > 0 ? mean->sum / mean->count : (double)NAN;
    struct interval interval = bootstrap_interval(draws, BOOTSTRAP_DRAWS, value, mean->rows);
    return (struct estimate){100 * value, 100 * interval.low, 100 * interval.high};
}

/* What an estimate is averaged over. */
struct figure {
    const struct results *results;
    int representation, seed;
    int condition, task;  /* -1: all, as restricted by the other fields */
    const char *group;    /* of tasks; NULL: all */
    int severity, type;   /* -1: all; for types, the benchmark's */
    enum measure measure; /* MEASURES: the main one */
};

static bool is_of_figure(const struct figure *f, int condition)
{
    const struct condition *c = &f->results->conditions[condition];
    if (f->condition >= 0)
        return condition == f->condition;
    bool type = f->type < 0 ? !c->corrupted || c->type < CORRUPTION_BENCHMARK_TYPES : c->corrupted && (int)c->type == f->type;
    return type && (f->severity < 0 || c->severity == f->severity);
}

static void add_figure(const struct figure *f, struct mean *mean)
{
    const struct results *r = f->results;
    for (int c = 0; c < r->condition_count; c++) {
        struct mean tasks = {0};
        if (!is_of_figure(f, c))
            continue;
        for (int t = 0; t < r->set->task_count; t++) {
            bool wanted = f->task < 0 ? !f->group || strcmp(r->set->tasks[t].group, f->group) == 0 : t == f->task;
            if (wanted)
                add_score(&tasks, results_score(r, f->representation, f->seed, c, t),
                          f->measure == MEASURES ? results_main(r, t) : f->measure);
        }
        add_mean(mean, &tasks);
    }
}

/* With `by_type` a mean of means: over the conditions of each corruption type, then over the types of the group `types` (NULL:
 * the benchmark's). */
static struct estimate over_seeds(struct figure f, const char *types, bool by_type)
{
    struct estimate sum = {0, 0, 0};
    for (f.seed = 0; f.seed < f.results->seed_count; f.seed++) {
        struct mean mean = {0};
        if (!by_type)
            add_figure(&f, &mean);
        for (int type = 0; by_type && type < CORRUPTION_TYPES; type++) {
            struct mean part = {0};
            f.type = type;
            if (types ? strcmp(corruption_group((enum corruption_type)type), types) == 0 : type < CORRUPTION_BENCHMARK_TYPES)
                add_figure(&f, &part);
            add_mean(&mean, &part);
        }
        struct estimate e = estimate_of(&mean);
        sum = (struct estimate){sum.value + e.value, sum.low + e.low, sum.high + e.high};
    }
    double n = f.results->seed_count;
    return (struct estimate){sum.value / n, sum.low / n, sum.high / n};
}

static struct figure figure_of(const struct results *results, int representation)
{
    return (struct figure){.results = results,
                           .representation = representation,
                           .condition = -1,
                           .task = -1,
                           .severity = -1,
                           .type = -1,
                           .measure = MEASURES};
}

struct estimate results_measure(const struct results *results, int representation, enum measure measure)
{
    struct figure f = figure_of(results, representation);
    f.condition = f.task = 0;
    f.measure = measure;
    return over_seeds(f, NULL, false);
}

struct estimate results_task(const struct results *results, int representation, int task)
{
    struct figure f = figure_of(results, representation);
    f.condition = 0;
    f.task = task;
    return over_seeds(f, NULL, false);
}

struct estimate results_mean(const struct results *results, int representation, int condition, const char *group)
{
    struct figure f = figure_of(results, representation);
    f.condition = condition;
    f.group = group;
    return over_seeds(f, NULL, false);
}

double results_with_seed(const struct results *results, int representation, int seed)
{
    struct figure f = figure_of(results, representation);
    struct mean mean = {0};
    f.condition = 0;
    f.seed = seed;
    add_figure(&f, &mean);
    return mean.count > 0 ? 100 * mean.sum / mean.count : (double)NAN;
}

struct estimate results_corruption(const struct results *results, int representation, enum corruption_type type)
{
    struct figure f = figure_of(results, representation);
    f.type = (int)type;
    return over_seeds(f, NULL, false);
}

struct estimate results_corruption_group(const struct results *results, int representation, const char *group)
{
    return over_seeds(figure_of(results, representation), group, true);
}

struct estimate results_severity(const struct results *results, int representation, int severity)
{
    struct figure f = figure_of(results, representation);
    f.severity = severity;
    return over_seeds(f, NULL, false);
}

struct estimate results_class(const struct results *results, int representation, int task, int class)
{
    struct estimate sum = {0, 0, 0};
    double n = results->seed_count;
    for (int s = 0; s < results->seed_count; s++) {
        const struct estimate *all = results_score(results, representation, s, 0, task)->per_class;
        struct estimate e = all ? all[class] : (struct estimate){NAN, NAN, NAN};
        sum = (struct estimate){sum.value + e.value, sum.low + e.low, sum.high + e.high};
    }
    return (struct estimate){sum.value / n, sum.low / n, sum.high / n};
}
