#include "eval/examples.h"

#include "eval/score.h"
#include "figure/picture.h"
#include "language/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_EXAMPLES   9
#define SHOWN_SEVERITY  3
#define THUMBNAIL_SIDE  360
#define MOST_WORDS      8
#define WORDNET_ID_SIZE 9 /* n01440764 */

/* ---- taking ------------------------------------------------------------------------------------------------------------- */

static lmvr_status add_word(struct example *example, const char *begin, size_t length, lmvr_error *error)
{
    while (length > 0 && *begin == ' ') {
        begin++;
        length--;
    }
    if (length == 0 || example->word_count == MOST_WORDS)
        return LMVR_OK;
    char **longer = realloc(example->words, ((size_t)example->word_count + 1) * sizeof *longer);
    char *word = strndup(begin, length);
    if (longer)
        example->words = longer;
    if (!longer || !word) {
        free(word);
        return error_no_memory(error, "an example");
    }
    for (char *c = word; *c; c++)
        if (*c == '_')
            *c = ' ';
    example->words[example->word_count++] = word;
    return LMVR_OK;
}

/* "n01440764 tench, Tinca tinca" is called a tench or a Tinca tinca. */
static lmvr_status add_class_words(struct example *example, const char *name, lmvr_error *error)
{
    if (*name == 'n' && strspn(name + 1, "0123456789") == WORDNET_ID_SIZE - 1 && name[WORDNET_ID_SIZE] == ' ')
        name += WORDNET_ID_SIZE + 1;
    for (;;) {
        size_t length = strcspn(name, ",");
        TRY(add_word(example, name, length, error));
        if (!name[length])
            return LMVR_OK;
        name += length + 1;
    }
}

/* An attribute's "no" says nothing without the attribute: a "no" in a response is no answer to it. */
static bool speaks_for_itself(const char *class)
{
    return strcmp(class, "yes") != 0 && strcmp(class, "no") != 0 && strcmp(class, "other") != 0;
}

/* "hat: no; socks: leggings", for sets that ask more than one question; else the words that were found. */
static lmvr_status add_label(struct example *example, const struct dataset *set, int64_t image, lmvr_error *error)
{
    size_t size;
    FILE *out = open_memstream(&example->label, &size);
    if (!out)
        return error_no_memory(error, "an example");
    const char *between = "";
    for (int t = 0; t < set->task_count && set->task_count > 1; t++) {
        const struct labels *l = &set->tasks[t].labels;
        if (l->kind != LABELS_SINGLE || l->single[image] < 0)
            continue;
        fprintf(out, "%s%s: %s", between, set->tasks[t].name, l->classes[l->single[image]]);
        between = "; ";
    }
    for (int w = 0; w < example->word_count && set->task_count == 1; w++)
        fprintf(out, "%s%s", w ? ", " : "", example->words[w]);
    return fclose(out) == 0 ? LMVR_OK : error_no_memory(error, "an example");
}

static lmvr_status add_true_classes(struct example *example, const struct dataset *set, int64_t image, lmvr_error *error)
{
    for (int t = 0; t < set->task_count; t++) {
        const struct labels *l = &set->tasks[t].labels;
        if (l->kind == LABELS_SINGLE) {
            if (l->single[image] >= 0 && (set->task_count == 1 || speaks_for_itself(l->classes[l->single[image]])))
                TRY(add_class_words(example, l->classes[l->single[image]], error));
            continue;
        }
        for (int c = 0; c < l->class_count; c++)
            if (l->multi[image * l->class_count + c] == 1)
                TRY(add_class_words(example, l->classes[c], error));
    }
    return LMVR_OK;
}

static lmvr_status take(struct examples *examples, const struct dataset *set, int64_t image, const char *response,
                        const struct condition *condition, lmvr_error *error)
{
    struct example *longer = realloc(examples->items, ((size_t)examples->count + 1) * sizeof *longer);
    if (!longer)
        return error_no_memory(error, "an example");
    examples->items = longer;
    struct example *e = &longer[examples->count++];
    *e = (struct example){.path = strdup(set->paths[image]), .response = strdup(response), .condition = *condition};
    if (!e->path || !e->response)
        return error_no_memory(error, "an example");
    TRY(add_true_classes(e, set, image, error));
    return add_label(e, set, image, error);
}

lmvr_status examples_take_test(struct examples *examples, const struct dataset *set, const struct feature_set *features,
                               lmvr_error *error)
{
    static const struct condition clean = {.corrupted = false};
    int64_t first, count, last = -1;
    dataset_part_range(set, DATASET_TEST, &first, &count);
    for (int i = 0; i < TEST_EXAMPLES; i++) {
        int64_t image = first + (2 * i + 1) * count / (2 * TEST_EXAMPLES);
        if (count == 0 || image == last || features->rows[image] < 0)
            continue;
        TRY(take(examples, set, image, features->responses[image] ? features->responses[image] : "", &clean, error));
        last = image;
    }
    return LMVR_OK;
}

lmvr_status examples_take_corrupted(struct examples *examples, const struct dataset *set, int64_t first,
                                    const struct feature_set *features, const struct condition *condition, lmvr_error *error)
{
    if (condition->severity != SHOWN_SEVERITY || features->count == 0)
        return LMVR_OK;
    int64_t image = examples->count * 7919 % features->count; /* another one for each corruption */
    if (features->rows[image] < 0)
        return LMVR_OK;
    return take(examples, set, first + image, features->responses[image] ? features->responses[image] : "", condition, error);
}

void examples_finish(struct examples *examples)
{
    for (int i = 0; i < examples->count; i++) {
        struct example *e = &examples->items[i];
        for (int w = 0; w < e->word_count; w++)
            free(e->words[w]);
        free(e->words);
        free(e->label);
        free(e->path);
        free(e->response);
    }
    free(examples->items);
    *examples = (struct examples){0};
}

/* ---- showing ------------------------------------------------------------------------------------------------------------ */

lmvr_status example_read(const struct example *example, struct corrupting *corrupting, struct image *image, lmvr_error *error)
{
    uint64_t hash;
    TRY(image_read(example->path, image, &hash, error));
    if (!example->condition.corrupted || !corrupting->frost) /* pictures of ImageNet-C are corrupted already */
        return LMVR_OK;
    json_decref(corrupting_begin(corrupting, &example->condition, true));
    lmvr_pixels pixels = {image->width, image->height, image->rgb};
    lmvr_status status = corrupting_filter(&pixels, 0, hash, corrupting, error);
    *image = (struct image){pixels.width, pixels.height, pixels.rgb};
    corrupting_end(corrupting);
    if (status != LMVR_OK)
        image_finish(image);
    return status;
}

/* Where the true classes' names stand in the response. */
static lmvr_status find_marks(const struct example *e, struct report_mark *marks, size_t *count, lmvr_error *error)
{
    *count = 0;
    for (int w = 0; w < e->word_count; w++) {
        struct word word;
        bool found;
        TRY(words_find_plural(e->response, e->words[w], &found, &word, error));
        if (found)
            marks[(*count)++] = (struct report_mark){word.begin, word.end};
    }
    return LMVR_OK;
}

static lmvr_status add_picture(struct report_gallery *gallery, const struct example *e, const struct image *image,
                               lmvr_error *error)
{
    struct report_mark marks[MOST_WORDS];
    char title[600];
    const char *slash = strrchr(e->path, '/');
    struct report_picture picture = {
        .title = title, .label = e->label, .text = e->response, .marks = marks, .width = image->width, .height = image->height};
    uint8_t *bytes;
    TRY(find_marks(e, marks, &picture.mark_count, error));
    TRY(thumbnail(image, THUMBNAIL_SIDE, THUMBNAIL_JPEG, &bytes, &picture.size, error));
    if (e->condition.corrupted)
        snprintf(title, sizeof title, "%s, severity %d", corruption_names[e->condition.type], e->condition.severity);
    else
        snprintf(title, sizeof title, "%s", slash ? slash + 1 : e->path);
    picture.bytes = bytes;
    report_gallery_add(gallery, &picture);
    free(bytes);
    return LMVR_OK;
}

lmvr_status examples_add(struct report *report, const struct examples *examples, const struct eval_options *options,
                         struct corrupting *corrupting, const char *model, lmvr_error *error)
{
    char title[160];
    if (examples->count == 0)
        return LMVR_OK;
    report_add_section(report, "Examples");
    snprintf(title, sizeof title, "Test images with the responses%s%s", *model ? " of " : "", model);
    struct report_gallery *gallery =
        report_add_gallery(report, "examples", title,
                           "Below each image stand its true classes; where the response names them, they are marked.", 280);
    for (int i = 0; i < examples->count; i++) {
        struct image image;
        lmvr_status status = example_read(&examples->items[i], corrupting, &image, error);
        if (status == LMVR_ERROR_INPUT)
            continue;
        if (status == LMVR_OK) {
            status = add_picture(gallery, &examples->items[i], &image, error);
            image_finish(&image);
        }
        TRY(status);
    }
    return examples_add_attention(report, examples, options, corrupting, error);
}
