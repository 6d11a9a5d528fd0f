/* DeepFashion-MultiModal (Jiang et al., "Text2Human", 2022): every image with the values of 18 attributes, one task each, in
 * three files of lines "NAME VALUE ...". Names and values are from the set's page,
 * https://github.com/yumingj/DeepFashion-MultiModal#labels. */
#include "format/input.h"
#include "format/lines.h"
#include "lab/dataset/layouts.h"
#include "lab/dataset/roster.h"
#include "lab/dataset/split.h"

#include <stdlib.h>
#include <string.h>

#define MAX_VALUES 8
#define MAX_COUNT  12
#define FILES      3

/* The value after the last one means NA: that part of the outfit is not visible. */
struct attribute {
    const char *name;
    const char *values[MAX_VALUES];
};

#define FABRICS                                                                                                                \
    {                                                                                                                          \
        "denim", "cotton", "leather", "furry", "knitted", "chiffon", "other"                                                   \
    }
#define PATTERNS                                                                                                               \
    {                                                                                                                          \
        "floral", "graphic", "striped", "pure color", "lattice", "other", "color block"                                        \
    }

static const struct file {
    const char *path, *group; /* the group's name is from the paper's Table 6 */
    int count;
    struct attribute attributes[MAX_COUNT];
} files[FILES] = {
    {"shape/shape_anno_all.txt",
     "object",
     12,
     {{"sleeve length", {"sleeveless", "short-sleeve", "medium-sleeve", "long-sleeve", "not long-sleeve"}},
      {"lower clothing length", {"three-point", "medium short", "three-quarter", "long"}},
      {"socks", {"no", "socks", "leggings"}},
      {"hat", {"no", "yes"}},
      {"glasses", {"no", "eyeglasses", "sunglasses", "have a glasses in hand or clothes"}},
      {"neckwear", {"no", "yes"}},
      {"wrist wearing", {"no", "yes"}},
      {"ring", {"no", "yes"}},
      {"waist accessories", {"no", "belt", "have a clothing", "hidden"}},
      {"neckline", {"V-shape", "square", "round", "standing", "lapel", "suspenders"}},
      {"outer clothing a cardigan", {"yes", "no"}},
      {"upper clothing covering navel", {"no", "yes"}}}},
    {"texture/fabric_ann.txt", "fabric", 3, {{"upper fabric", FABRICS}, {"lower fabric", FABRICS}, {"outer fabric", FABRICS}}},
    {"texture/pattern_ann.txt",
     "texture",
     3,
     {{"upper pattern", PATTERNS}, {"lower pattern", PATTERNS}, {"outer pattern", PATTERNS}}},
};

static const char where[] = "the images and the labels come from https://github.com/yumingj/DeepFashion-MultiModal; "
                            "images/, labels/shape/ and labels/texture/ are expected";

static int count_values(const struct attribute *attribute)
{
    int count = 0;
    while (count < MAX_VALUES && attribute->values[count])
        count++;
    return count;
}

/* ---- lines ---- */

/* The index of the file's first attribute in the draft's tasks. */
static int first_task(const struct file *file)
{
    int task = 0;
    for (const struct file *f = files; f < file; f++)
        task += f->count;
    return task;
}

/* A value that the page does not define is ignored, for that attribute alone. */
static lmvr_status read_values(const struct file *file, char *rest, int64_t row, const struct lines *lines, struct draft *draft,
                               lmvr_error *error)
{
    for (int i = 0; i < file->count; i++) {
        const struct attribute *attribute = &file->attributes[i];
        int value, not_visible = count_values(attribute);
        const char *word = lines_word(&rest);
        if (!word || !lines_int(word, 0, 999, &value))
            return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: expected a file name and %d numbers", lines->path,
                             lines->number, file->count);
        if (value > not_visible)
            draft_leave_out(draft, "%s: line %zu: %s is %d, expected 0 to %d", lines->path, lines->number, attribute->name,
                            value, not_visible);
        else if (value < not_visible && row >= 0)
            draft->tasks[first_task(file) + i].labels.single[row] = value;
    }
    if (!lines_word(&rest))
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: has more than %d numbers", lines->path, lines->number,
                     file->count);
}

static lmvr_status add_image(const char *name, int64_t number, struct roster *images, const struct lines *lines,
                             struct draft *draft, lmvr_error *error)
{
    bool added;
    char *path = input_path("images", name);
    if (!path)
        return error_no_memory(error, name);
    lmvr_status status = draft_add_present(draft, path, DATASET_TRAIN, lines->path, &added, error);
    free(path);
    if (status == LMVR_OK && added)
        images->rows[number] = draft->count - 1;
    return status;
}

static lmvr_status read_line(const struct file *file, char *line, struct roster *images, const struct lines *lines,
                             struct draft *draft, lmvr_error *error)
{
    int64_t number;
    bool is_new;
    const char *name = lines_word(&line);
    if (!name)
        return LMVR_OK;
    TRY(roster_add(images, name, &number, &is_new, error));
    if (is_new)
        TRY(add_image(name, number, images, lines, draft, error));
    bool again = !roster_mark(images, number, (int)(file - files));
    if (again)
        draft_leave_out(draft, "%s: line %zu: %s is a duplicate", lines->path, lines->number, name);
    return read_values(file, line, again ? -1 : images->rows[number], lines, draft, error);
}

/* In labels/, or in labels/labels/ if the archive was unpacked in a folder named after it. */
static lmvr_status find_list(const struct draft *draft, const struct file *file, char **path, lmvr_error *error)
{
    static const char *const folders[] = {"labels/labels", "labels"};
    *path = NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *below = input_path(folders[i], file->path);
        free(*path);
        *path = below ? input_path(draft->folder, below) : NULL;
        free(below);
        if (!*path)
            return error_no_memory(error, file->path);
        if (input_exists(*path))
            return LMVR_OK;
    }
    lmvr_status status = draft_need(*path, where, error);
    if (status != LMVR_OK)
        free(*path);
    return status;
}

static lmvr_status read_file(const struct file *file, struct roster *images, struct draft *draft, lmvr_error *error)
{
    char *path;
    struct lines lines = {0};
    TRY(find_list(draft, file, &path, error));
    lmvr_status status = lines_open(path, &lines, error);
    for (char *line; status == LMVR_OK && (line = lines_next(&lines));)
        status = read_line(file, line, images, &lines, draft, error);
    lines_close(&lines);
    free(path);
    return status;
}

/* ---- splits ---- */

/* The item: "id_00000080" in "images/MEN-Denim-id_00000080-01_7_additional.jpg"; a copy, to be freed. A name without such a
 * number is its own item. */
static char *item_of(const char *path)
{
    const char *id = strstr(path, "id_");
    size_t digits = id ? strspn(id + 3, "0123456789") : 0;
    return digits > 0 ? strndup(id, digits + 3) : strdup(path);
}

/* Fills items (count) with each row's item, numbered in order of appearance. */
static lmvr_status number_items(const struct draft *draft, struct names *items, int64_t *item_of_row, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (int64_t i = 0; i < draft->count && status == LMVR_OK; i++) {
        char *item = item_of(draft->paths[i]);
        status = item ? names_add(items, item, &item_of_row[i], error) : error_no_memory(error, "the items");
        free(item);
    }
    return status;
}

static lmvr_status choose_items(const struct names *items, uint64_t seed, bool *chosen, lmvr_error *error)
{
    int32_t *strata = calloc((size_t)items->count + 1, sizeof *strata);
    uint64_t *keys = calloc((size_t)items->count + 1, sizeof *keys);
    lmvr_status status = strata && keys ? LMVR_OK : error_no_memory(error, "the items");
    for (int64_t i = 0; i < items->count && status == LMVR_OK; i++)
        keys[i] = split_key(seed, names_get(items, i));
    if (status == LMVR_OK)
        status = split_choose(items->count, strata, keys, 0, chosen, error);
    free(strata);
    free(keys);
    return status;
}

/* The test split gets a fifth of the items, with all their images. */
static lmvr_status split_by_item(struct draft *draft, uint64_t seed, lmvr_error *error)
{
    struct names items = {0};
    int64_t *item_of_row = malloc(((size_t)draft->count + 1) * sizeof *item_of_row);
    bool *chosen = malloc((size_t)draft->count + 1);
    lmvr_status status = item_of_row && chosen ? LMVR_OK : error_no_memory(error, "the items");
    if (status == LMVR_OK)
        status = number_items(draft, &items, item_of_row, error);
    if (status == LMVR_OK)
        status = choose_items(&items, seed, chosen, error);
    for (int64_t i = 0; i < draft->count && status == LMVR_OK; i++)
        draft->parts[i] = chosen[item_of_row[i]] ? DATASET_TEST : DATASET_TRAIN;
    names_finish(&items);
    free(item_of_row);
    free(chosen);
    return status;
}

lmvr_status deepfashion_read(const char *path, const struct dataset_options *options, struct draft *draft, lmvr_error *error)
{
    struct roster images = {0};
    lmvr_status status = draft_set_folder(draft, path, NULL, error);
    for (const struct file *file = files; file < files + FILES; file++)
        for (int i = 0; i < file->count && status == LMVR_OK; i++) {
            const struct attribute *a = &file->attributes[i];
            status = draft_add_task(draft, a->name, file->group, LABELS_SINGLE, a->values, count_values(a), error);
        }
    for (int i = 0; i < FILES && status == LMVR_OK; i++)
        status = read_file(&files[i], &images, draft, error);
    roster_finish(&images);
    return status == LMVR_OK ? split_by_item(draft, options->seed, error) : status;
}
