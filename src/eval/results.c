#include "eval/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static lmvr_status create_representation(struct representation *r, int conditions, int tasks, lmvr_error *error)
{
    r->c = calloc((size_t)tasks + 1, sizeof *r->c);
    r->train_rows = calloc((size_t)tasks + 1, sizeof *r->train_rows);
    r->scores = calloc((size_t)conditions * (size_t)tasks + 1, sizeof *r->scores);
    return r->c && r->train_rows && r->scores ? LMVR_OK : error_no_memory(error, "the results");
}

lmvr_status results_create(const struct experiment *experiment, const struct dataset *set, int conditions, int representations,
                           struct results *results, lmvr_error *error)
{
    *results = (struct results){.experiment = experiment,
                                .set = set,
                                .condition_count = conditions,
                                .representation_count = representations,
                                .conditions = calloc((size_t)conditions + 1, sizeof *results->conditions),
                                .seconds = calloc((size_t)conditions + 1, sizeof *results->seconds),
                                .representations = calloc((size_t)representations + 1, sizeof *results->representations)};
    lmvr_status status =
        results->conditions && results->seconds && results->representations ? LMVR_OK : error_no_memory(error, "the results");
    for (int i = 0; i < representations && status == LMVR_OK; i++)
        status = create_representation(&results->representations[i], conditions, set->task_count, error);
    if (status != LMVR_OK)
        results_finish(results);
    return status;
}

static void finish_representation(struct representation *r, int score_count)
{
    for (int i = 0; r->scores && i < score_count; i++)
        free(r->scores[i].per_class);
    free(r->scores);
    free(r->c);
    free(r->train_rows);
}

void results_finish(struct results *results)
{
    for (int i = 0; results->representations && i < results->representation_count; i++)
        finish_representation(&results->representations[i], results->condition_count * results->set->task_count);
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
            results->warnings[i].count++;
            return LMVR_OK;
        }
    struct warning *longer = realloc(results->warnings, (count + 1) * sizeof *longer);
    if (!longer)
        return error_no_memory(error, "the results");
    results->warnings = longer;
    longer[count] = (struct warning){strdup(sentence), representation, 1};
    if (!longer[count].sentence)
        return error_no_memory(error, "the results");
    results->warning_count++;
    return LMVR_OK;
}

struct score *results_score(const struct results *results, int representation, int condition, int task)
{
    return &results->representations[representation].scores[condition * results->set->task_count + task];
}

bool results_count_11_points(const struct results *results)
{
    return strcmp(results->set->name, "voc2007") == 0;
}

double results_main(const struct results *results, const struct score *score, int task)
{
    if (results->set->tasks[task].labels.kind == LABELS_SINGLE)
        return 100 * score->accuracy;
    return 100 * (results_count_11_points(results) ? score->map_11point : score->map);
}

const char *results_main_name(const struct results *results)
{
    if (results->set->tasks[0].labels.kind == LABELS_SINGLE)
        return "accuracy";
    return results_count_11_points(results) ? "mAP, 11 points" : "mAP";
}

/* A running mean of what is a number. */
struct mean {
    double sum;
    int count;
};

static void mean_add(struct mean *mean, double value)
{
    if (isnan(value))
        return;
    mean->sum += value;
    mean->count++;
}

static double mean_of(const struct mean *mean)
{
    return mean->count ? mean->sum / mean->count : NAN;
}

double results_mean(const struct results *results, int representation, int condition, const char *group)
{
    struct mean mean = {0};
    for (int t = 0; t < results->set->task_count; t++)
        if (!group || strcmp(results->set->tasks[t].group, group) == 0)
            mean_add(&mean, results_main(results, results_score(results, representation, condition, t), t));
    return mean_of(&mean);
}

double results_corruption(const struct results *results, int representation, enum corruption_type type)
{
    struct mean mean = {0};
    for (int i = 0; i < results->condition_count; i++)
        if (results->conditions[i].corrupted && results->conditions[i].type == type)
            mean_add(&mean, results_mean(results, representation, i, NULL));
    return mean_of(&mean);
}

double results_corruption_group(const struct results *results, int representation, const char *group)
{
    struct mean mean = {0};
    for (int type = 0; type < CORRUPTION_TYPES; type++)
        if (group ? strcmp(corruption_group((enum corruption_type)type), group) == 0 : type < CORRUPTION_BENCHMARK_TYPES)
            mean_add(&mean, results_corruption(results, representation, (enum corruption_type)type));
    return mean_of(&mean);
}
