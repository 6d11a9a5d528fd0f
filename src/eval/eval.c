#include "eval/eval.h"

#include "eval/clock.h"
#include "eval/corrupting.h"
#include "eval/examples.h"
#include "eval/head.h"
#include "eval/score.h"
#include "eval/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_REPRESENTATIONS 8
#define MOST_CONDITIONS      (1 + CORRUPTION_TYPES * CORRUPTION_SEVERITIES)

struct evaluation {
    const struct eval_options *options;
    struct results results;
    struct feature_set clean, finetuned;
    struct probes probes[MOST_REPRESENTATIONS];
    int probe_count;
    lmvr_session *session; /* of all passes but the fine-tuned model's */
    struct corrupting corrupting;
    struct examples examples;
    struct eval_counts *counts;
    int pass; /* that are begun */
};

static const struct variant finetuned_variant = {
    "LMVR, fine-tuned", "lmvr-finetuned", "llm:all:mean:-1", true, {91.2, 73.9, 71.2}};

/* ---- what is measured --------------------------------------------------------------------------------------------------- */

static void set_representation(struct representation *r, const struct variant *variant, const lmvr_model *model)
{
    lmvr_model_info info;
    lmvr_model_get_info(model, &info);
    r->variant = variant;
    r->label = variant->label;
    r->key = variant->key;
    r->paper = variant->paper;
    snprintf(r->model, sizeof r->model, "%016llx", (unsigned long long)info.fingerprint);
}

/* The representations that the model has, and the conditions to test them under. */
static lmvr_status plan(struct evaluation *e, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    const struct experiment *x = o->experiment;
    const struct variant *variants[MOST_REPRESENTATIONS];
    struct condition conditions[MOST_CONDITIONS] = {{.corrupted = false}};
    lmvr_model_info info;
    int count = 0, condition_count = 1;
    lmvr_model_get_info(o->model, &info);
    for (int i = 0; i < x->variant_count; i++)
        if (!x->variants[i].language || info.language.blocks > 0)
            variants[count++] = &x->variants[i];
    if (count == 0)
        return error_set(error, LMVR_ERROR_INVALID,
                         "the experiment %s compares states of a language model, and the model is a vision encoder alone",
                         x->name);
    if (x->kind == EXPERIMENT_CORRUPTION)
        TRY(corrupting_list(&e->corrupting, o->corrupted, conditions, &condition_count, error));
    TRY(results_create(x, o->set, condition_count, count + (o->finetuned ? 1 : 0), &e->results, error));
    memcpy(e->results.conditions, conditions, (size_t)condition_count * sizeof *conditions);
    for (int i = 0; i < count; i++)
        set_representation(&e->results.representations[i], variants[i], o->model);
    if (o->finetuned)
        set_representation(&e->results.representations[count], &finetuned_variant, o->finetuned);
    return LMVR_OK;
}

/* Representations of the model itself; the fine-tuned one's stands behind them. */
static int own_count(const struct evaluation *e)
{
    return e->results.representation_count - (e->options->finetuned ? 1 : 0);
}

/* ---- passes ------------------------------------------------------------------------------------------------------------- */

/* A session that computes representations first .. first + count - 1, each under its key. */
static lmvr_status open_session(struct evaluation *e, const lmvr_model *model, int first, int count, lmvr_session **session,
                                lmvr_error *error)
{
    char specs[MOST_REPRESENTATIONS][128];
    const char *features[MOST_REPRESENTATIONS];
    lmvr_session_options options = e->options->session;
    for (int i = 0; i < count; i++) {
        const struct representation *r = &e->results.representations[first + i];
        snprintf(specs[i], sizeof specs[i], "%s=%s", r->key, r->variant->spec);
        features[i] = specs[i];
    }
    options.features = features;
    options.feature_count = (size_t)count;
    options.filter = corrupting_filter;
    options.filter_user = &e->corrupting;
    return lmvr_session_create(model, &options, session, error);
}

static lmvr_status run_pass(struct evaluation *e, const lmvr_model *model, lmvr_session *session, const char *what,
                            char *const *paths, int64_t count, const json_t *more, struct feature_set *set, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    char *folder;
    if (asprintf(&folder, "%s/features/%s", o->output, what) < 0)
        return error_no_memory(error, "a file name");
    struct feature_pass pass = {.model = model,
                                .session = session,
                                .folder = folder,
                                .mode = o->mode,
                                .paths = paths,
                                .count = count,
                                .more = more,
                                .on_image = o->watch.on_image,
                                .user = o->watch.user};
    if (o->watch.on_pass)
        o->watch.on_pass(o->watch.user, what, ++e->pass, e->results.condition_count + (o->finetuned ? 1 : 0), count);
    lmvr_status status = features_compute(&pass, set, error);
    free(folder);
    if (status == LMVR_OK) {
        e->counts->images += set->count;
        e->counts->failed += set->failed;
    }
    return status;
}

/* All images as they are, for every representation. */
static lmvr_status run_clean(struct evaluation *e, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    TRY(open_session(e, o->model, 0, own_count(e), &e->session, error));
    TRY(run_pass(e, o->model, e->session, "clean", o->set->paths, o->set->count, NULL, &e->clean, error));
    if (!o->finetuned)
        return LMVR_OK;
    lmvr_session *session;
    TRY(open_session(e, o->finetuned, own_count(e), 1, &session, error));
    lmvr_status status =
        run_pass(e, o->finetuned, session, "finetuned", o->set->paths, o->set->count, NULL, &e->finetuned, error);
    lmvr_session_free(session);
    return status;
}

/* ---- probes ------------------------------------------------------------------------------------------------------------- */

static lmvr_status fit_probes(struct evaluation *e, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    struct score_options options = {.c = o->c, .seed = o->seed, .on_fit = o->watch.on_fit, .user = o->watch.user};
    int64_t first, count;
    dataset_part_range(o->set, DATASET_TEST, &first, &count);
    for (int i = 0; i < e->results.representation_count; i++) {
        const struct feature_set *features = i < own_count(e) ? &e->clean : &e->finetuned;
        e->probe_count = i + 1;
        TRY(score_fit(&options, features, &e->results, i, &e->probes[i], error));
        TRY(score_test(features, o->set, first, &e->probes[i], &e->results, i, 0, error));
    }
    return LMVR_OK;
}

/* ---- corruptions -------------------------------------------------------------------------------------------------------- */

/* Of each corruption the middle one of its severities is shown in the report. */
static bool is_shown(const struct evaluation *e, int condition)
{
    const struct condition *all = e->results.conditions;
    int severities = 0, before = 0;
    for (int i = 1; i < e->results.condition_count; i++) {
        severities += all[i].type == all[condition].type;
        before += i < condition && all[i].type == all[condition].type;
    }
    return before == severities / 2;
}

static lmvr_status take_example(struct evaluation *e, const struct dataset *set, int64_t first,
                                const struct feature_set *features, const struct condition *condition, lmvr_error *error)
{
    int64_t test_first, test_count;
    dataset_part_range(e->options->set, DATASET_TEST, &test_first, &test_count);
    struct feature_set tests = e->clean; /* those of the test images, which stand together */
    tests.rows += test_first;
    tests.responses += test_first;
    tests.count = test_count;
    return examples_take_corrupted(&e->examples, &(struct examples_pass){set, first, features}, condition,
                                   &(struct examples_pass){e->options->set, test_first, &tests}, error);
}

/* The test images under one condition: of ImageNet-C's folder, or the set's own, corrupted on the way. */
static lmvr_status run_condition(struct evaluation *e, int condition, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    const struct condition *c = &e->results.conditions[condition];
    struct dataset other = {0};
    struct feature_set features;
    char what[64];
    int64_t first, count;
    if (o->corrupted)
        TRY(corrupting_open(&e->corrupting, o->corrupted, c, o->set, &other, error));
    const struct dataset *set = o->corrupted ? &other : o->set;
    dataset_part_range(set, DATASET_TEST, &first, &count);
    json_t *more = corrupting_begin(&e->corrupting, c, !o->corrupted);
    snprintf(what, sizeof what, "%s/%d", corruption_names[c->type], c->severity);
    lmvr_status status = more ? LMVR_OK : error_no_memory(error, "a corruption");
    if (status == LMVR_OK)
        status = run_pass(e, o->model, e->session, what, set->paths + first, count, more, &features, error);
    json_decref(more);
    corrupting_end(&e->corrupting);
    if (status == LMVR_OK) {
        for (int i = 0; i < own_count(e) && status == LMVR_OK; i++)
            status = score_test(&features, set, 0, &e->probes[i], &e->results, i, condition, error);
        if (status == LMVR_OK && is_shown(e, condition))
            status = take_example(e, set, first, &features, c, error);
        features_finish(&features);
    }
    dataset_finish(&other);
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------- */

static lmvr_status measure(struct evaluation *e, lmvr_error *error)
{
    TRY(plan(e, error));
    double begun = seconds_now();
    TRY(run_clean(e, error));
    TRY(fit_probes(e, error));
    e->results.seconds[0] = seconds_now() - begun;
    for (int c = 1; c < e->results.condition_count; c++) {
        begun = seconds_now();
        TRY(run_condition(e, c, error));
        e->results.seconds[c] = seconds_now() - begun;
    }
    return LMVR_OK;
}

static lmvr_status lay_out(struct evaluation *e, struct report *report, struct report_table **main, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    head_add(report, o, e->session, &e->clean, &e->finetuned);
    *main = tables_add(report, &e->results, o->seed);
    if (e->results.condition_count == 1)
        TRY((o->experiment->two_domains ? examples_take_domains : examples_take_test)(&e->examples, o->set, &e->clean, error));
    TRY(examples_add(report, &e->examples, o, &e->corrupting, error));
    head_add_left_out(report, o, &e->results, &e->clean, e->counts);
    return LMVR_OK;
}

lmvr_status eval_run(const struct eval_options *options, struct report **report, struct report_table **main,
                     struct eval_counts *counts, lmvr_error *error)
{
    struct evaluation e = {.options = options, .counts = counts};
    *counts = (struct eval_counts){0};
    *main = NULL;
    *report = report_create(options->experiment->title);
    lmvr_status status = *report ? corrupting_init(&e.corrupting, options, error) : error_no_memory(error, "the report");
    if (status == LMVR_OK)
        status = measure(&e, error);
    counts->warnings = e.results.warning_count;
    if (status == LMVR_OK)
        status = lay_out(&e, *report, main, error);
    for (int i = 0; i < e.probe_count; i++)
        probes_finish(&e.probes[i]);
    examples_finish(&e.examples);
    features_finish(&e.clean);
    features_finish(&e.finetuned);
    results_finish(&e.results);
    corrupting_finish(&e.corrupting);
    lmvr_session_free(e.session);
    if (status != LMVR_OK) {
        report_free(*report);
        *report = NULL;
    }
    return status;
}
