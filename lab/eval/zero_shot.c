#include "lab/eval/zero_shot.h"

#include "format/lines.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts -------------------------------------------------------------------------------------------------------------- */

static lmvr_status add_template(struct templates *t, const char *text, lmvr_error *error)
{
    char **longer = realloc((void *)t->texts, ((size_t)t->count + 1) * sizeof *longer);
    if (!longer)
        return error_no_memory(error, "the templates");
    t->texts = longer;
    t->texts[t->count] = strdup(text);
    return t->texts[t->count] ? (t->count++, LMVR_OK) : error_no_memory(error, "the templates");
}

static lmvr_status read_templates(struct lines *lines, struct templates *t, lmvr_error *error)
{
    for (const char *line; (line = lines_next(lines));) {
        const char *place = strstr(line, "{}");
        if (!*line)
            continue;
        if (!place || strstr(place + 1, "{}"))
            return error_set(error, LMVR_ERROR_INVALID,
                             "%s: line %zu: expected a template with one {} for the class's name, such as \"%s\"", lines->path,
                             lines->number, ZERO_SHOT_TEMPLATE);
        TRY(add_template(t, line, error));
    }
    return t->count ? LMVR_OK : error_set(error, LMVR_ERROR_INVALID, "%s: has no template in it", lines->path);
}

lmvr_status templates_read(const char *file, struct templates *templates, lmvr_error *error)
{
    struct lines lines;
    *templates = (struct templates){0};
    if (!file)
        return add_template(templates, ZERO_SHOT_TEMPLATE, error);
    TRY(lines_open(file, &lines, error));
    lmvr_status status = read_templates(&lines, templates, error);
    lines_close(&lines);
    if (status != LMVR_OK)
        templates_finish(templates);
    return status;
}

void templates_finish(struct templates *templates)
{
    for (int i = 0; i < templates->count; i++)
        free(templates->texts[i]);
    free((void *)templates->texts);
    *templates = (struct templates){0};
}

#define WORDNET_DIGITS 8

static bool begins_with_wordnet_id(const char *class)
{
    return *class == 'n' && strspn(class + 1, "0123456789") == WORDNET_DIGITS;
}

/* Where the words begin in "n01440764 tench, Tinca tinca". */
static const char *skip_wordnet_id(const char *class)
{
    return begins_with_wordnet_id(class) && class[1 + WORDNET_DIGITS] == ' ' ? class + 2 + WORDNET_DIGITS : class;
}

static lmvr_status check_names(const struct labels *labels, lmvr_error *error)
{
    for (int i = 0; i < labels->class_count; i++)
        if (begins_with_wordnet_id(labels->classes[i]) && !labels->classes[i][1 + WORDNET_DIGITS])
            return error_set(error, LMVR_ERROR_INVALID,
                             "the class %s has no name in words; ImageNet's LOC_synset_mapping.txt in its folder gives it one",
                             labels->classes[i]);
    return LMVR_OK;
}

char *zero_shot_name(const char *class)
{
    const char *begin = skip_wordnet_id(class);
    char *name = strndup(begin, begin == class ? strlen(class) : strcspn(begin, ","));
    for (char *c = name; c && *c; c++)
        if (*c == '_')
            *c = ' ';
    return name;
}

/* The template with the class's name in it, malloc'ed. */
static char *fill(const char *template, const char *class)
{
    char *text = NULL, *name = zero_shot_name(class);
    const char *place = strstr(template, "{}");
    if (name && asprintf(&text, "%.*s%s%s", (int)(place - template), template, name, place + 2) < 0)
        text = NULL;
    free(name);
    return text;
}

/* ---- vectors ------------------------------------------------------------------------------------------------------------ */

void zero_shot_normalize(float *rows, int64_t count, int64_t dim)
{
    for (int64_t i = 0; i < count; i++) {
        double squares = 0;
        for (int64_t d = 0; d < dim; d++)
            squares += (double)rows[i * dim + d] * (double)rows[i * dim + d];
        float scale = squares > 0 ? (float)(1 / sqrt(squares)) : 0;
        for (int64_t d = 0; d < dim; d++)
            rows[i * dim + d] *= scale;
    }
}

/* An empty probe of a task's classes, whose scores are products with its weights. */
static lmvr_status begin_probe(const struct labels *labels, const lmvr_feature_info *feature, struct probe *probe,
                               lmvr_error *error)
{
    size_t classes = (size_t)labels->class_count, dim = feature->dim;
    *probe = (struct probe){.kind = labels->kind,
                            .class_count = labels->class_count,
                            .classes = calloc(classes + 1, sizeof *probe->classes),
                            .columns = labels->class_count,
                            .dim = (int64_t)dim,
                            .weights = calloc(classes * dim + 1, sizeof(float)),
                            .intercepts = calloc(classes + 1, sizeof(float)),
                            .mean = calloc(dim, sizeof(float)),
                            .deviation = calloc(dim, sizeof(float)),
                            .feature = strdup(feature->spec)};
    if (!probe->classes || !probe->weights || !probe->intercepts || !probe->mean || !probe->deviation || !probe->feature)
        return error_no_memory(error, "the classes' vectors");
    for (size_t i = 0; i < dim; i++)
        probe->deviation[i] = 1;
    for (size_t i = 0; i < classes; i++)
        if (!(probe->classes[i] = strdup(labels->classes[i])))
            return error_no_memory(error, "the classes' vectors");
    return LMVR_OK;
}

/* One task's texts on their way: text i is of class i / templates. */
struct reading {
    struct probes *const *probes;
    int task, feature_count, templates;
    lmvr_image *inputs;
    lmvr_status status;
    lmvr_error error;
};

static int add_vector(const lmvr_result *result, void *user)
{
    struct reading *r = user;
    size_t class = result->index / (size_t)r->templates;
    if (result->status != LMVR_OK) {
        r->status = error_set(&r->error, LMVR_ERROR_INVALID, "the text \"%.200s\" cannot be used: %.512s",
                              r->inputs[result->index].text, result->error);
        return 1;
    }
    for (int f = 0; f < r->feature_count; f++) {
        const struct probe *probe = &r->probes[f]->items[r->task];
        const float *vector = result->features[f];
        double squares = 0;
        for (int64_t d = 0; d < probe->dim; d++)
            squares += (double)vector[d] * (double)vector[d];
        for (int64_t d = 0; d < probe->dim && squares > 0; d++)
            probe->weights[class * (size_t)probe->dim + (size_t)d] += (float)(vector[d] / sqrt(squares));
    }
    return 0;
}

static lmvr_status read_texts(lmvr_session *session, const struct labels *labels, const struct templates *templates,
                              struct reading *r, lmvr_error *error)
{
    size_t count = (size_t)labels->class_count * (size_t)templates->count;
    r->inputs = calloc(count + 1, sizeof *r->inputs);
    if (!r->inputs)
        return error_no_memory(error, "the texts");
    for (size_t i = 0; i < count; i++)
        if (!(r->inputs[i].text =
                  fill(templates->texts[i % (size_t)templates->count], labels->classes[i / (size_t)templates->count])))
            return error_no_memory(error, "the texts");
    lmvr_status status = lmvr_embed(session, r->inputs, count, add_vector, r, error);
    return r->status != LMVR_OK ? r->status : status;
}

static lmvr_status make_task(lmvr_session *session, const struct labels *labels, const struct templates *templates,
                             struct reading *r, lmvr_error *error)
{
    TRY(check_names(labels, error));
    for (int f = 0; f < r->feature_count; f++) {
        lmvr_feature_info feature;
        lmvr_session_get_feature(session, (size_t)f, &feature);
        TRY(begin_probe(labels, &feature, &r->probes[f]->items[r->task], error));
    }
    lmvr_status status = read_texts(session, labels, templates, r, error);
    if (r->status != LMVR_OK)
        *error = r->error;
    for (size_t i = 0; r->inputs && r->inputs[i].text; i++)
        free((void *)r->inputs[i].text);
    free(r->inputs);
    TRY(status);
    for (int f = 0; f < r->feature_count; f++) {
        const struct probe *probe = &r->probes[f]->items[r->task];
        zero_shot_normalize(probe->weights, probe->class_count, probe->dim);
        r->probes[f]->fitted[r->task] = true;
    }
    return LMVR_OK;
}

lmvr_status zero_shot_probes(lmvr_session *session, const struct dataset *set, const struct templates *templates,
                             struct probes *const *probes, lmvr_error *error)
{
    int features = (int)lmvr_session_feature_count(session);
    for (int f = 0; f < features; f++) {
        *probes[f] = (struct probes){.items = calloc((size_t)set->task_count + 1, sizeof *probes[f]->items),
                                     .fitted = calloc((size_t)set->task_count + 1, sizeof *probes[f]->fitted),
                                     .count = set->task_count};
        if (!probes[f]->items || !probes[f]->fitted)
            return error_no_memory(error, "the classes' vectors");
    }
    for (int t = 0; t < set->task_count; t++) {
        struct reading r = {.probes = probes, .task = t, .feature_count = features, .templates = templates->count};
        TRY(make_task(session, &set->tasks[t].labels, templates, &r, error));
    }
    return LMVR_OK;
}
