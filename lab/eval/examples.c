#include "lab/eval/examples.h"

#include "lab/eval/score.h"
#include "lab/figure/picture.h"
#include "lab/words/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_EXAMPLES   9
#define PAIRS           6
#define THUMBNAIL_SIDE  360
#define MOST_WORDS      8
#define WORDNET_ID_SIZE 9 /* n01440764 */

/* ---- choosing ---------------------------------------------------------------------------------------------------------- */

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

/* Splits a name like "n01440764 tench, Tinca tinca" into "tench" and "Tinca tinca". */
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

/* A "no" in a response does not answer an attribute's question, so attribute classes such as "no" are not searched for. */
static bool speaks_for_itself(const char *class)
{
    return strcmp(class, "yes") != 0 && strcmp(class, "no") != 0 && strcmp(class, "other") != 0;
}

/* "hat: no; socks: leggings" for sets with several tasks; else the class names. */
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

static const struct condition clean_condition = {.corrupted = false};

/* Whether the image's features were computed. */
static bool is_good(const struct examples_pass *pass, int64_t image)
{
    return image >= pass->first && pass->features->rows[image - pass->first] >= 0;
}

static lmvr_status take(struct examples *examples, const struct examples_pass *pass, int64_t image, const char *role,
                        const struct condition *condition, lmvr_error *error)
{
    struct example *longer = realloc(examples->items, ((size_t)examples->count + 1) * sizeof *longer);
    if (!longer)
        return error_no_memory(error, "an example");
    examples->items = longer;
    struct example *e = &longer[examples->count++];
    const char *response = pass->features->responses[image - pass->first];
    *e = (struct example){.path = strdup(pass->set->paths[image]),
                          .response = strdup(response ? response : ""),
                          .condition = *condition,
                          .role = role};
    if (!e->path || !e->response)
        return error_no_memory(error, "an example");
    TRY(add_true_classes(e, pass->set, image, error));
    return add_label(e, pass->set, image, error);
}

/* The i-th of `some` test images spread evenly over the set; -1: there is none, or it is the same as the one before. */
static int64_t test_image(const struct examples_pass *pass, int i, int some)
{
    int64_t first, count;
    dataset_part_range(pass->set, DATASET_TEST, &first, &count);
    int64_t image = first + (2 * i + 1) * count / (2 * some), before = first + (2 * i - 1) * count / (2 * some);
    return count > 0 && is_good(pass, image) && (i == 0 || image != before) ? image : -1;
}

lmvr_status examples_take_test(struct examples *examples, const struct dataset *set, const struct feature_set *features,
                               lmvr_error *error)
{
    struct examples_pass pass = {set, 0, features};
    examples->title = "Test images with their responses";
    for (int i = 0; i < TEST_EXAMPLES; i++) {
        int64_t image = test_image(&pass, i, TEST_EXAMPLES);
        if (image >= 0)
            TRY(take(examples, &pass, image, NULL, &clean_condition, error));
    }
    return LMVR_OK;
}

/* A training image of the class, a different one for each `start`; -1: there is none. */
static int64_t training_image(const struct examples_pass *pass, int class, int64_t start)
{
    int64_t first, count;
    dataset_part_range(pass->set, DATASET_TRAIN, &first, &count);
    for (int64_t i = 0; i < count; i++) {
        int64_t image = first + (start + i) % count;
        if (pass->set->tasks[0].labels.single[image] == class && is_good(pass, image))
            return image;
    }
    return -1;
}

lmvr_status examples_take_domains(struct examples *examples, const struct dataset *set, const struct feature_set *features,
                                  lmvr_error *error)
{
    struct examples_pass pass = {set, 0, features};
    const struct labels *labels = &set->tasks[0].labels;
    if (labels->kind != LABELS_SINGLE)
        return examples_take_test(examples, set, features, error);
    examples->title = "The same class in both domains, with responses";
    for (int i = 0; i < PAIRS; i++) {
        int64_t target = test_image(&pass, i, PAIRS);
        int64_t source = target < 0 ? -1 : training_image(&pass, labels->single[target], 7919 * i);
        if (source < 0)
            continue;
        TRY(take(examples, &pass, source, "source domain", &clean_condition, error));
        TRY(take(examples, &pass, target, "target domain", &clean_condition, error));
    }
    return LMVR_OK;
}

/* The last folder and the name without extension, and their length: "n01440764/a" in ".../n01440764/a.png". */
static const char *tail_of(const char *path, size_t *length)
{
    const char *end = strrchr(path, '/'), *begin = end ? end : path, *ending = strrchr(end ? end : path, '.');
    while (begin > path && begin[-1] != '/')
        begin--;
    *length = ending ? (size_t)(ending - begin) : strlen(begin);
    return begin;
}

/* The clean counterpart of a corrupted image; -1: there is none. */
static int64_t find_clean(const struct examples_pass *clean, const struct examples_pass *corrupted, int64_t image)
{
    size_t length, other;
    const char *tail = tail_of(corrupted->set->paths[image], &length);
    for (int64_t i = 0; i < clean->features->count; i++) {
        const char *candidate = tail_of(clean->set->paths[clean->first + i], &other);
        if (length == other && memcmp(tail, candidate, length) == 0 && is_good(clean, clean->first + i))
            return clean->first + i;
    }
    return -1;
}

lmvr_status examples_take_corrupted(struct examples *examples, const struct examples_pass *corrupted,
                                    const struct condition *condition, const struct examples_pass *clean, lmvr_error *error)
{
    if (corrupted->features->count == 0)
        return LMVR_OK;
    int64_t image = corrupted->first + examples->count * 7919 % corrupted->features->count; /* a different one each time */
    if (!is_good(corrupted, image))
        return LMVR_OK;
    int64_t before = find_clean(clean, corrupted, image);
    examples->title = "Clean and corrupted images with their responses";
    if (before >= 0)
        TRY(take(examples, clean, before, "clean", &clean_condition, error));
    return take(examples, corrupted, image, NULL, condition, error);
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

/* ---- rendering --------------------------------------------------------------------------------------------------------- */

lmvr_status example_read(const struct example *example, struct corrupting *corrupting, struct image *image, lmvr_error *error)
{
    uint64_t hash;
    TRY(image_read(example->path, image, &hash, error));
    if (!example->condition.corrupted || !corrupting->frost) /* ImageNet-C's images are already corrupted */
        return LMVR_OK;
    json_decref(corrupting_begin(corrupting, &example->condition, true));
    lmvr_status status = corrupting_apply(corrupting, hash, image, error);
    corrupting_end(corrupting);
    if (status != LMVR_OK)
        image_finish(image);
    return status;
}

/* Finds the true classes' names in the response. */
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
        snprintf(title, sizeof title, "%s%s%s", e->role ? e->role : "", e->role ? ": " : "", slash ? slash + 1 : e->path);
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
    snprintf(title, sizeof title, "%s%s%s", examples->title, *model ? " of " : "", model);
    struct report_gallery *gallery =
        report_add_gallery(report, "examples", title,
                           "The true classes are below each image; they are marked where the response names them.", 280);
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
