#include "lab/eval/eval.h"

#include "lab/eval/clock.h"
#include "lab/eval/corrupting.h"
#include "lab/eval/examples.h"
#include "lab/eval/report_head.h"
#include "lab/eval/score.h"
#include "lab/eval/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_REPRESENTATIONS 8 /* per model */
#define MOST_CONDITIONS      (1 + CORRUPTION_TYPES * CORRUPTION_SEVERITIES)

/* A model, its representations, and its features. */
struct subject {
    const lmvr_model *model;
    char name[128];     /* in the report; "" if there is only one model */
    const char *folder; /* of its clean pass */
    int first, count;   /* its range of the results' representations */
    lmvr_session *session;
    struct feature_set clean;
};

struct evaluation {
    const struct eval_options *options;
    struct results results;
    struct subject subjects[EVAL_MOST_MODELS + 1]; /* the models, then the fine-tuned one */
    int subject_count;
    struct probes *probes; /* (seeds, representations) */
    struct corrupting corrupting;
    struct examples examples;
    struct eval_counts *counts;
    int pass; /* number of passes begun */
};

static const struct variant finetuned_variant = {
    "LMVR, fine-tuned", "lmvr-finetuned", "llm:all:mean:-1", true, {91.2, 73.9, 71.2}};

/* ---- planning ---------------------------------------------------------------------------------------------------------- */

static bool is_name(const struct evaluation *e, const char *name)
{
    for (int i = 0; i < e->subject_count; i++)
        if (strcmp(e->subjects[i].name, name) == 0)
            return true;
    return false;
}

/* The last component of the folder's path, with a number appended if another model has the same; "" stays "". */
static void name_subject(const struct evaluation *e, const char *folder, struct subject *s)
{
    int end = (int)strlen(folder);
    while (end > 1 && folder[end - 1] == '/')
        end--;
    int begin = end;
    while (begin > 0 && folder[begin - 1] != '/')
        begin--;
    int length = end - begin < 100 ? end - begin : 100;
    snprintf(s->name, sizeof s->name, "%.*s", length, folder + begin);
    for (int n = 2; *s->name && is_name(e, s->name); n++)
        snprintf(s->name, sizeof s->name, "%.*s-%d", length, folder + begin, n);
}

/* CLIP alone is comparable with the paper's LLaVA, whose encoder it is. */
static const char *family_of(const char *architecture)
{
    if (strstr(architecture, "Blip2"))
        return "BLIP-2";
    return strstr(architecture, "Llava") || strstr(architecture, "CLIP") ? "LLaVA" : "";
}

static bool can_compute(const lmvr_model_info *info, const struct variant *variant)
{
    if (strcmp(variant->spec, "joint") == 0)
        return info->joint_width > 0;
    return !variant->language || info->language.blocks > 0;
}

/* Adds a model with those variants that it can compute. */
static lmvr_status add_subject(struct evaluation *e, const lmvr_model *model, const char *folder, const char *name,
                               const struct variant **variants, int *count, const struct variant *from, int from_count,
                               lmvr_error *error)
{
    lmvr_model_info info;
    struct subject *s = &e->subjects[e->subject_count];
    lmvr_model_get_info(model, &info);
    *s = (struct subject){.model = model, .folder = folder, .first = *count};
    name_subject(e, name, s);
    e->subject_count++;
    for (int i = 0; i < from_count; i++)
        if (can_compute(&info, &from[i]))
            variants[(*count)++] = &from[i];
    s->count = *count - s->first;
    if (s->count > 0)
        return LMVR_OK;
    bool texts = e->options->experiment->kind == EXPERIMENT_ZERO_SHOT;
    return error_set(error, LMVR_ERROR_INVALID, "the experiment %s compares %s, but the model%s%s is only a vision encoder",
                     e->options->experiment->name, texts ? "images with texts" : "hidden states of a language model",
                     *name ? " " : "", name);
}

/* Lists the representations of the models, and the conditions to test them under. */
static lmvr_status plan(struct evaluation *e, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    const struct experiment *x = o->experiment;
    const struct variant *variants[(EVAL_MOST_MODELS + 1) * MOST_REPRESENTATIONS];
    struct condition conditions[MOST_CONDITIONS] = {{.corrupted = false}};
    int count = 0, condition_count = 1;
    for (int i = 0; i < o->model_count; i++)
        TRY(add_subject(e, o->models[i].model, "clean", o->model_count > 1 ? o->models[i].folder : "", variants, &count,
                        x->variants, x->variant_count, error));
    if (o->finetuned)
        TRY(add_subject(e, o->finetuned, "finetuned", o->model_count > 1 ? "fine-tuned" : "", variants, &count,
                        &finetuned_variant, 1, error));
    if (x->kind == EXPERIMENT_CORRUPTION)
        TRY(corrupting_list(&e->corrupting, o->corrupted, conditions, &condition_count, error));
    TRY(results_create(x, o->set, o->seeds, condition_count, count, &e->results, error));
    memcpy(e->results.conditions, conditions, (size_t)condition_count * sizeof *conditions);
    for (int i = 0; i < e->subject_count; i++)
        for (int k = 0; k < e->subjects[i].count; k++) {
            int place = e->subjects[i].first + k;
            struct representation *r = &e->results.representations[place];
            lmvr_model_info info;
            lmvr_model_get_info(e->subjects[i].model, &info);
            r->variant = variants[place];
            r->model = e->subjects[i].name;
            r->family = family_of(info.architecture);
            snprintf(r->fingerprint, sizeof r->fingerprint, "%016llx", (unsigned long long)info.fingerprint);
        }
    e->probes = calloc((size_t)o->seeds * (size_t)count + 1, sizeof *e->probes);
    return e->probes ? LMVR_OK : error_no_memory(error, "the probes");
}

static struct probes *probes_of(const struct evaluation *e, int seed, int representation)
{
    return &e->probes[seed * e->results.representation_count + representation];
}

/* ---- passes ------------------------------------------------------------------------------------------------------------- */

/* Opens a session that computes the subject's representations, each stored under its key. */
static lmvr_status open_session(struct evaluation *e, struct subject *s, lmvr_error *error)
{
    char specs[MOST_REPRESENTATIONS][128];
    const char *features[MOST_REPRESENTATIONS];
    lmvr_session_options options = e->options->session;
    for (int i = 0; i < s->count; i++) {
        const struct variant *v = e->results.representations[s->first + i].variant;
        snprintf(specs[i], sizeof specs[i], "%s=%s", v->key, v->spec);
        features[i] = specs[i];
    }
    options.features = features;
    options.feature_count = (size_t)s->count;
    options.before_generation |= e->options->experiment->kind == EXPERIMENT_ZERO_SHOT;
    options.filter = corrupting_filter;
    options.filter_user = &e->corrupting;
    return lmvr_session_create(s->model, &options, &s->session, error);
}

static int passes(const struct evaluation *e)
{
    return e->options->model_count * e->results.condition_count + (e->options->finetuned ? 1 : 0);
}

/* `what` names the pass and its folder inside the subject's. */
static lmvr_status run_pass(struct evaluation *e, const struct subject *s, const char *what, char *const *paths, int64_t count,
                            const json_t *more, struct feature_set *set, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    char *folder, *name = NULL;
    if (asprintf(&folder, "%s/features/%s%s%s", o->output, s->name, *s->name ? "/" : "", what) < 0)
        return error_no_memory(error, "a file name");
    if (asprintf(&name, "%s%s%s", s->name, *s->name ? ", " : "", what) < 0) {
        free(folder);
        return error_no_memory(error, "a pass");
    }
    struct feature_pass pass = {.model = s->model,
                                .session = s->session,
                                .folder = folder,
                                .mode = o->mode,
                                .any_device = o->any_device,
                                .paths = paths,
                                .count = count,
                                .more = more,
                                .on_image = o->watch.on_image,
                                .user = o->watch.user};
    if (o->watch.on_pass)
        o->watch.on_pass(o->watch.user, name, ++e->pass, passes(e), count);
    lmvr_status status = features_compute(&pass, set, error);
    free(folder);
    free(name);
    if (status == LMVR_OK) {
        e->counts->images += set->count;
        e->counts->failed += set->failed;
    }
    return status;
}

/* Every subject's pass over the clean images: all, or those of the test split if nothing is trained. */
static lmvr_status run_clean(struct evaluation *e, lmvr_error *error)
{
    const struct dataset *set = e->options->set;
    int64_t first = e->options->experiment->kind == EXPERIMENT_ZERO_SHOT ? set->train_count : 0;
    for (int i = 0; i < e->subject_count; i++) {
        struct subject *s = &e->subjects[i];
        TRY(open_session(e, s, error));
        TRY(run_pass(e, s, s->folder, set->paths + first, set->count - first, NULL, &s->clean, error));
        TRY(features_skip(&s->clean, first, error));
    }
    return LMVR_OK;
}

/* ---- probes ------------------------------------------------------------------------------------------------------------- */

/* The seed's split, or the set itself if it has fixed splits or its test images are corrupted. */
struct split {
    struct dataset own;
    const struct dataset *set;
    int64_t *order; /* NULL: the set's order */
};

static lmvr_status split_open(const struct eval_options *o, int seed, struct split *split, lmvr_error *error)
{
    *split = (struct split){.set = o->set};
    if (seed == 0 || !o->set->split_by_seed || o->experiment->kind == EXPERIMENT_CORRUPTION)
        return LMVR_OK;
    split->set = &split->own;
    return dataset_split_again(o->set, o->seed + (uint64_t)seed, &split->own, &split->order, error);
}

static void split_close(struct split *split)
{
    dataset_finish(&split->own);
    free(split->order);
}

/* Fits and scores one subject's probes with one seed; `rows` has room for all the set's images. */
static lmvr_status fit_subject(struct evaluation *e, const struct subject *s, const struct split *split, int seed,
                               int64_t *rows, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    uint64_t number = o->seed + (uint64_t)seed;
    struct score_options options = {.c = o->c, .seed = number, .on_fit = o->watch.on_fit, .user = o->watch.user};
    struct feature_set features = s->clean;
    int64_t first, count;
    for (int64_t i = 0; i < features.count; i++)
        rows[i] = s->clean.rows[split->order ? split->order[i] : i];
    features.rows = rows;
    dataset_part_range(split->set, DATASET_TEST, &first, &count);
    for (int i = s->first; i < s->first + s->count; i++) {
        struct score_place place = {&e->results, i, seed, split->set, &features};
        TRY(score_fit(&options, &place, probes_of(e, seed, i), error));
        TRY(score_test(&place, probes_of(e, seed, i), first, 0, number, error));
    }
    return LMVR_OK;
}

static lmvr_status fit_probes(struct evaluation *e, lmvr_error *error)
{
    int64_t *rows = calloc((size_t)e->options->set->count + 1, sizeof *rows);
    lmvr_status status = rows ? LMVR_OK : error_no_memory(error, "the list of images");
    for (int seed = 0; seed < e->options->seeds && status == LMVR_OK; seed++) {
        struct split split;
        status = split_open(e->options, seed, &split, error);
        for (int i = 0; i < e->subject_count && status == LMVR_OK; i++)
            status = fit_subject(e, &e->subjects[i], &split, seed, rows, error);
        split_close(&split);
    }
    free(rows);
    return status;
}

/* ---- texts -------------------------------------------------------------------------------------------------------------- */

/* Makes classifiers of a model's texts, and scores them. */
static lmvr_status classify_subject(struct evaluation *e, const struct subject *s, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    struct probes *probes[MOST_REPRESENTATIONS];
    for (int i = 0; i < s->count; i++)
        probes[i] = probes_of(e, 0, s->first + i);
    TRY(zero_shot_probes(s->session, o->set, o->templates, probes, error));
    for (int i = s->first; i < s->first + s->count; i++) {
        struct score_place place = {&e->results, i, 0, o->set, &s->clean};
        TRY(score_test(&place, probes_of(e, 0, i), o->set->train_count, 0, o->seed, error));
    }
    return LMVR_OK;
}

static lmvr_status classify(struct evaluation *e, lmvr_error *error)
{
    for (int i = 0; i < e->subject_count; i++)
        TRY(classify_subject(e, &e->subjects[i], error));
    return LMVR_OK;
}

/* ---- corruptions -------------------------------------------------------------------------------------------------------- */

/* The report shows the middle severity of each corruption. */
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

static lmvr_status take_example(struct evaluation *e, const struct subject *s, const struct examples_pass *pass, int condition,
                                lmvr_error *error)
{
    int64_t test_first, test_count;
    dataset_part_range(e->options->set, DATASET_TEST, &test_first, &test_count);
    struct feature_set tests = s->clean; /* the test images, which are contiguous */
    tests.rows += test_first;
    tests.responses += test_first;
    tests.count = test_count;
    return examples_take_corrupted(&e->examples, pass, &e->results.conditions[condition],
                                   &(struct examples_pass){e->options->set, test_first, &tests}, error);
}

/* Scores one model on the test images under one condition. */
static lmvr_status test_condition(struct evaluation *e, const struct subject *s, const struct dataset *set, int condition,
                                  lmvr_error *error)
{
    const struct eval_options *o = e->options;
    const struct condition *c = &e->results.conditions[condition];
    struct feature_set features;
    char what[64];
    int64_t first, count;
    dataset_part_range(set, DATASET_TEST, &first, &count);
    json_t *more = corrupting_begin(&e->corrupting, c, !o->corrupted);
    snprintf(what, sizeof what, "%s/%d", corruption_names[c->type], c->severity);
    lmvr_status status = more ? LMVR_OK : error_no_memory(error, "a corruption");
    if (status == LMVR_OK)
        status = run_pass(e, s, what, set->paths + first, count, more, &features, error);
    json_decref(more);
    corrupting_end(&e->corrupting);
    if (status != LMVR_OK)
        return status;
    for (int seed = 0; seed < o->seeds; seed++)
        for (int i = s->first; i < s->first + s->count && status == LMVR_OK; i++) {
            struct score_place place = {&e->results, i, seed, set, &features};
            status = score_test(&place, probes_of(e, seed, i), 0, condition, o->seed + (uint64_t)seed, error);
        }
    if (status == LMVR_OK && s == e->subjects && is_shown(e, condition))
        status = take_example(e, s, &(struct examples_pass){set, first, &features}, condition, error);
    features_finish(&features);
    return status;
}

/* The images are ImageNet-C's, or the set's own, corrupted as they are read. */
static lmvr_status run_condition(struct evaluation *e, int condition, lmvr_error *error)
{
    const struct eval_options *o = e->options;
    struct dataset other = {0};
    lmvr_status status = LMVR_OK;
    if (o->corrupted)
        TRY(corrupting_open(&e->corrupting, o->corrupted, &e->results.conditions[condition], o->set, &other, error));
    for (int i = 0; i < o->model_count && status == LMVR_OK; i++)
        status = test_condition(e, &e->subjects[i], o->corrupted ? &other : o->set, condition, error);
    dataset_finish(&other);
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------- */

static lmvr_status measure(struct evaluation *e, lmvr_error *error)
{
    TRY(plan(e, error));
    double begun = seconds_now();
    TRY(run_clean(e, error));
    TRY((e->options->experiment->kind == EXPERIMENT_ZERO_SHOT ? classify : fit_probes)(e, error));
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
    const struct subject *first = &e->subjects[0];
    const struct feature_set *clean[EVAL_MOST_MODELS + 1];
    const lmvr_session *sessions[EVAL_MOST_MODELS + 1];
    for (int i = 0; i < e->subject_count; i++) {
        clean[i] = &e->subjects[i].clean;
        sessions[i] = e->subjects[i].session;
    }
    head_add(report, o, &e->results, sessions, clean);
    *main = tables_add(report, &e->results, o->seed);
    if (e->results.condition_count == 1)
        TRY((o->experiment->two_domains ? examples_take_domains : examples_take_test)(&e->examples, o->set, &first->clean,
                                                                                      error));
    TRY(examples_add(report, &e->examples, o, &e->corrupting, first->name, error));
    head_add_left_out(report, o, &e->results, clean, e->counts);
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
    for (int i = 0; e.probes && i < e.results.seed_count * e.results.representation_count; i++)
        probes_finish(&e.probes[i]);
    free(e.probes);
    examples_finish(&e.examples);
    results_finish(&e.results);
    corrupting_finish(&e.corrupting);
    for (int i = 0; i < e.subject_count; i++) {
        features_finish(&e.subjects[i].clean);
        lmvr_session_free(e.subjects[i].session);
    }
    if (status != LMVR_OK) {
        report_free(*report);
        *report = NULL;
    }
    return status;
}
