#include "lab/eval/report_head.h"

#include "lab/eval/score.h"
#include "lab/eval/tables.h"

#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

static void add_model(struct report *report, const char *role, const char *name, const lmvr_model *model)
{
    lmvr_model_info info;
    lmvr_model_get_info(model, &info);
    report_add_fact(
        report, role, "%s (%s, %.1f million parameters, computed in %s), fingerprint %016" PRIx64,
        name ? name : "the one that ships with lmvr", info.architecture,
        (double)(info.vision.parameters + info.language.parameters + info.text.parameters + info.connector_parameters) * 1e-6,
        lmvr_dtype_name(info.dtype), info.fingerprint);
}

static void add_data(struct report *report, const struct eval_options *o)
{
    int64_t first, train, test;
    dataset_part_range(o->set, DATASET_TRAIN, &first, &train);
    dataset_part_range(o->set, DATASET_TEST, &first, &test);
    report_add_fact(report, "Data", "%s in %s: %lld training and %lld test images, fingerprint %016" PRIx64, o->set->name,
                    o->data_name, (long long)train, (long long)test, o->set->fingerprint);
}

static void add_pass(struct report *report, const char *name, const struct feature_set *set)
{
    if (set->before > 0)
        report_add_fact(report, name, "%lld images, %lld of them computed by an earlier run, the others in %.1f s",
                        (long long)(set->count - set->skipped), (long long)set->before, set->seconds);
    else
        report_add_fact(report, name, "%lld images in %.1f s", (long long)(set->count - set->skipped), set->seconds);
}

static void add_corruption(struct report *report, const struct eval_options *o)
{
    if (o->corrupted)
        report_add_fact(report, "Corruptions", "ImageNet-C in %s", o->corrupted);
    else if (o->corrupt_size > 0)
        report_add_fact(report, "Corruptions", "generated, after cropping to %d x %d as ImageNet-C does, in JPEG of quality %d",
                        o->corrupt_size, o->corrupt_size, CORRUPTION_QUALITY);
    else
        report_add_fact(report, "Corruptions", "generated, without cropping, in JPEG of quality %d", CORRUPTION_QUALITY);
}

static void add_time_and_place(struct report *report)
{
    struct utsname machine;
    char date[64];
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) && strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &utc) > 0)
        report_add_fact(report, "Date", "%s", date);
    if (uname(&machine) == 0)
        report_add_fact(report, "Machine", "%s, %d processor threads", machine.machine, omp_get_num_procs());
    report_add_fact(report, "Program", "lmvr %s", lmvr_version());
}

/* The models and their passes, a line each. */
static void add_models(struct report *report, const struct eval_options *o, const struct feature_set *const *clean)
{
    for (int i = 0; i < o->model_count; i++)
        add_model(report, "Model", o->models[i].folder, o->models[i].model);
    if (o->finetuned)
        add_model(report, "Fine-tuned model", "the one given with --finetuned", o->finetuned);
    add_data(report, o);
    for (int i = 0; i < o->model_count; i++)
        add_pass(report, "Features", clean[i]);
    if (o->finetuned)
        add_pass(report, "Features, fine-tuned", clean[o->model_count]);
}

static void add_prompt(struct report *report, const lmvr_session *session)
{
    lmvr_session_options used;
    lmvr_session_get_options(session, &used);
    if (used.prompt)
        report_add_fact(report, "Prompt", "%s (template %s); response of at most %d tokens, %s", used.prompt,
                        used.template_name, used.max_new_tokens, used.temperature > 0 ? "sampled" : "greedy");
}

static void add_templates(struct report *report, const struct templates *templates)
{
    report_add_fact(report, "Texts", "%d template%s%s: %s", templates->count, templates->count == 1 ? "" : "s",
                    templates->count == 1 ? "" : ", the first", templates->texts[0]);
    report_add_text(
        report, "Each row compares the images of the test split with texts in which the classes are named. A class's vector is "
                "the mean of its texts' unit vectors, and its score is the cosine of that and the image's. Nothing is "
                "trained.");
}

void head_add(struct report *report, const struct eval_options *o, const struct results *results,
              const lmvr_session *const *sessions, const struct feature_set *const *clean)
{
    add_models(report, o, clean);
    for (int i = 0; i < o->model_count; i++)
        add_prompt(report, sessions[i]);
    if (o->seeds > 1)
        report_add_fact(report, "Seeds", "%" PRIu64 " to %" PRIu64, o->seed, o->seed + (uint64_t)o->seeds - 1);
    else
        report_add_fact(report, "Seed", "%" PRIu64, o->seed);
    if (o->experiment->kind == EXPERIMENT_CORRUPTION)
        add_corruption(report, o);
    add_time_and_place(report);
    if (o->experiment->kind == EXPERIMENT_ZERO_SHOT) {
        add_templates(report, o->templates);
        return;
    }
    report_add_text(
        report,
        "Each row is a linear probe on frozen features: L2-regularized logistic regression on the standardized features "
        "of the training images, its regularization strength chosen on a held-out fifth of them, scored on the test images. %s",
        tables_have_paper(results) ? "Numbers under \"paper\" are the paper's, for its own models and data."
                                   : "The paper reports nothing comparable for this data set.");
}

static void add_warnings(struct report *report, const struct results *r)
{
    struct report_table *table = report_add_table(report, "warnings", "Warnings from the probes", "");
    report_table_add_column(table, &(struct report_column){.name = "warning"});
    report_table_add_column(table, &(struct report_column){.name = "representations"});
    for (int i = 0; i < r->warning_count; i++) {
        const struct warning *w = &r->warnings[i];
        char whose[256], label[TABLES_LABEL_SIZE];
        tables_label(r, w->representation, label);
        if (w->count == r->representation_count)
            snprintf(whose, sizeof whose, "all");
        else if (w->count == 1)
            snprintf(whose, sizeof whose, "%s", label);
        else
            snprintf(whose, sizeof whose, "%s and %d more", label, w->count - 1);
        report_table_add_row(table, REPORT_MEASURED, (struct report_cell[]){report_text(w->sentence), report_text(whose)}, 2);
    }
}

void head_add_left_out(struct report *report, const struct eval_options *o, const struct results *results,
                       const struct feature_set *const *clean, const struct eval_counts *counts)
{
    const char *why = NULL;
    for (int i = 0; i < o->model_count + (o->finetuned != NULL); i++)
        why = why ? why : clean[i]->why;
    report_add_section(report, "What was left out");
    if (o->set->left_out > 0)
        report_add_notice(report, "%lld entr%s of the data set could not be used. The first: %s.", (long long)o->set->left_out,
                          o->set->left_out == 1 ? "y" : "ies", o->set->left_out_why);
    if (o->set->passed_over)
        report_add_text(report, "Files that are no images were passed over in %s.", o->set->passed_over);
    if (counts->failed > 0)
        report_add_notice(report, "%lld of %lld images could not be read, over all passes. The first: %s.",
                          (long long)counts->failed, (long long)counts->images, why ? why : "under a corruption");
    if (results->warning_count > 0)
        add_warnings(report, results);
    if (o->set->left_out == 0 && !o->set->passed_over && counts->failed == 0 && results->warning_count == 0)
        report_add_text(report, "Nothing: every entry of the data set was used.");
}
