#include "corrupt_plan.h"

#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- corruptions ---- */

static lmvr_status choose_variants(struct corrupt_plan *plan, const struct options *o, lmvr_error *error)
{
    unsigned types, severities;
    struct corruption_list list;
    if (!o->types)
        return error_set(error, LMVR_ERROR_INVALID, "no corruption: --type has to name one, a list of them or all");
    if (!o->severities)
        return error_set(error, LMVR_ERROR_INVALID, "no severity: --severity has to be 1 to 5, a list of them or all");
    TRY(corruption_parse_types(o->types, &types, error));
    TRY(corruption_parse_severities(o->severities, &severities, error));
    corruption_list_fill(types, severities, &list);
    for (int i = 0; i < list.count; i++) {
        struct variant *v = &plan->variants[plan->variant_count++];
        *v = (struct variant){.type = list.items[i].type, .severity = list.items[i].severity};
        if (list.count > 1)
            snprintf(v->folder, sizeof v->folder, "%s/%d/", corruption_names[v->type], v->severity);
    }
    return LMVR_OK;
}

/* ---- paths ---- */

/* The length of a relative path without the extension. */
static int stem_length(const char *below)
{
    const char *slash = strrchr(below, '/'), *name = slash ? slash + 1 : below, *ending = strrchr(name, '.');
    return (int)(ending && ending > name ? (size_t)(ending - below) : strlen(below));
}

char *corrupt_plan_path(const struct corrupt_plan *plan, size_t input, int variant)
{
    char *path = NULL;
    const char *below = plan->inputs.paths[input] + plan->inputs.below[input];
    while (*below == '/') /* as in "folder//a.jpg" in a list */
        below++;
    int length =
        asprintf(&path, "%s%s%.*s%s", plan->output, plan->variants[variant].folder, stem_length(below), below, plan->ending);
    return length < 0 ? NULL : path;
}

struct target {
    char *path;
    size_t input;
};

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct target *)a)->path, ((const struct target *)b)->path);
}

/* Variants have folders of their own, so it suffices to check the first one's paths. */
static lmvr_status refuse_same_output(const struct corrupt_plan *plan, lmvr_error *error)
{
    size_t count = plan->inputs.count;
    struct target *targets = calloc(count + 1, sizeof *targets);
    lmvr_status status = targets ? LMVR_OK : error_no_memory(error, "the list of outputs");
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        targets[i] = (struct target){corrupt_plan_path(plan, i, 0), i};
        if (!targets[i].path)
            status = error_no_memory(error, "the list of outputs");
    }
    if (status == LMVR_OK)
        qsort(targets, count, sizeof *targets, by_path);
    for (size_t i = 1; i < count && status == LMVR_OK; i++)
        if (strcmp(targets[i - 1].path, targets[i].path) == 0)
            status = error_set(error, LMVR_ERROR_INVALID, "%s: is the output of both %s and %s", targets[i].path,
                               plan->inputs.paths[targets[i - 1].input], plan->inputs.paths[targets[i].input]);
    for (size_t i = 0; targets && i < count; i++)
        free(targets[i].path);
    free(targets);
    return status;
}

struct identity {
    dev_t device;
    ino_t inode;
};

static int by_identity(const void *a, const void *b)
{
    const struct identity *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

/* Whether a result of this variant would overwrite one of the inputs or, unless allowed, another file. */
static lmvr_status check_variant(const struct corrupt_plan *plan, int variant, const struct identity *ids, size_t id_count,
                                 bool may_exist, lmvr_error *error)
{
    char folder[4200];
    struct stat st;
    snprintf(folder, sizeof folder, "%s%s", plan->output, plan->variants[variant].folder);
    if (stat(folder, &st) != 0)
        return LMVR_OK; /* nothing is there */
    for (size_t i = 0; i < plan->inputs.count; i++) {
        char *path = corrupt_plan_path(plan, i, variant);
        if (!path)
            return error_no_memory(error, "a file name");
        lmvr_status status = LMVR_OK;
        bool there = stat(path, &st) == 0;
        if (there && bsearch(&(struct identity){st.st_dev, st.st_ino}, ids, id_count, sizeof *ids, by_identity))
            status = error_set(error, LMVR_ERROR_INVALID, "%s: is an input, and would be overwritten", path);
        else if (there && !may_exist)
            status = error_set(error, LMVR_ERROR_INVALID,
                               "%s: already exists; --resume keeps existing results, --force replaces them", path);
        free(path);
        TRY(status);
    }
    return LMVR_OK;
}

static lmvr_status refuse_output_over_file(const struct corrupt_plan *plan, bool may_exist, lmvr_error *error)
{
    struct stat st;
    size_t count = 0;
    struct identity *ids = calloc(plan->inputs.count + 1, sizeof *ids);
    if (!ids)
        return error_no_memory(error, "the list of outputs");
    for (size_t i = 0; i < plan->inputs.count; i++)
        if (stat(plan->inputs.paths[i], &st) == 0)
            ids[count++] = (struct identity){st.st_dev, st.st_ino};
    qsort(ids, count, sizeof *ids, by_identity);
    lmvr_status status = LMVR_OK;
    for (int v = 0; v < plan->variant_count && status == LMVR_OK; v++)
        status = check_variant(plan, v, ids, count, may_exist, error);
    free(ids);
    return status;
}

/* ---- the plan ---- */

lmvr_status corrupt_plan_init(struct corrupt_plan *plan, const struct options *options, lmvr_error *error)
{
    *plan = (struct corrupt_plan){.ending = options->format == 2 ? ".jpg" : ".png"};
    if (!options->output || !*options->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: -o has to name a folder");
    if (options->resume && options->force)
        return error_set(error, LMVR_ERROR_INVALID, "--resume keeps what --force replaces: only one of them can be given");
    TRY(choose_variants(plan, options, error));
    size_t length = strlen(options->output);
    if (length > 3500)
        return error_set(error, LMVR_ERROR_INVALID, "the output's name is too long");
    if (asprintf(&plan->output, "%s%s", options->output, options->output[length - 1] == '/' ? "" : "/") < 0) {
        plan->output = NULL;
        return error_no_memory(error, "a file name");
    }
    TRY(inputs_collect(options->inputs, options->input_count, &plan->inputs, error));
    TRY(refuse_same_output(plan, error));
    return refuse_output_over_file(plan, options->resume || options->force, error);
}

void corrupt_plan_finish(struct corrupt_plan *plan)
{
    inputs_finish(&plan->inputs);
    free(plan->output);
    plan->output = NULL;
}

lmvr_status make_folders_of(const char *path, lmvr_error *error)
{
    char *copy = strdup(path);
    if (!copy)
        return error_no_memory(error, "a file name");
    lmvr_status status = LMVR_OK;
    struct stat st;
    char *last = strrchr(copy, '/');
    if (last && last > copy)
        *last = '\0';
    if (last && stat(copy, &st) != 0)
        for (char *c = copy + 1; status == LMVR_OK; c++) {
            char kept = *c;
            if (kept && kept != '/')
                continue;
            *c = '\0';
            if (mkdir(copy, 0777) != 0 && errno != EEXIST)
                status = file_error(error, copy, "make the folder");
            *c = kept;
            if (!kept)
                break;
        }
    free(copy);
    return status;
}
