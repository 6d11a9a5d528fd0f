/* Small data sets made in the scratch folder, and expectations about the opened ones. */
#ifndef LMVR_TESTS_LAB_DATASET_LAYOUT_H
#define LMVR_TESTS_LAB_DATASET_LAYOUT_H

#include "lab/dataset/dataset.h"
#include "scratch.h"

#include <errno.h>

/* Creates the folders of `path`. */
UNUSED static void make_folders(const char *path)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(copy, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

UNUSED static void put_text(const char *path, const char *text)
{
    make_folders(path);
    write_text(path, text);
}

/* Image files, separated by spaces; only their names matter here. */
UNUSED static void put_images(const char *paths)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", paths);
    for (char *rest, *path = strtok_r(copy, " ", &rest); path; path = strtok_r(NULL, " ", &rest))
        put_text(path, "x");
}

UNUSED static struct dataset open_with(const char *name, const char *path, const struct dataset_options *options)
{
    struct dataset set;
    lmvr_error error = {{0}};
    lmvr_status status = dataset_open(name, path, options, &set, &error);
    if (status != LMVR_OK)
        fail_msg("%s in %s: %s", name, path, error.message);
    assert_string_equal(set.name, name);
    assert_true(set.count == 0 || set.paths[set.count - 1]);
    for (int64_t i = 0; i < set.count; i++)
        assert_int_equal(set.parts[i], i < set.train_count ? DATASET_TRAIN : DATASET_TEST);
    for (int t = 0; t < set.task_count; t++)
        assert_int_equal(set.tasks[t].labels.rows, set.count);
    return set;
}

UNUSED static struct dataset open_set(const char *name, const char *path)
{
    return open_with(name, path, NULL);
}

/* Each of the words, separated by '|', must be in the message. */
UNUSED static void assert_words(const char *sentence, const char *words)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", words);
    for (char *rest, *word = strtok_r(copy, "|", &rest); word; word = strtok_r(NULL, "|", &rest))
        if (!strstr(sentence, word))
            fail_msg("expected '%s' in: %s", word, sentence);
}

UNUSED static void assert_refused_with(const char *name, const char *path, const struct dataset_options *options,
                                       const char *words)
{
    struct dataset set;
    lmvr_error error = {{0}};
    assert_int_equal(dataset_open(name, path, options, &set, &error), LMVR_ERROR_INVALID);
    assert_words(error.message, words);
    assert_null(set.paths);
    assert_null(set.tasks);
    assert_null(set.name);
}

UNUSED static void assert_refused(const char *name, const char *path, const char *words)
{
    assert_refused_with(name, path, NULL, words);
}

/* "PATH PATH ...", training images first, with a '|' before the test images. */
UNUSED static void assert_paths(const struct dataset *set, const char *expected)
{
    char found[8192] = "";
    size_t used = 0;
    for (int64_t i = 0; i <= set->count; i++) {
        if (i == set->train_count)
            used += (size_t)snprintf(found + used, sizeof found - used, "%s|", i > 0 ? " " : "");
        if (i < set->count)
            used += (size_t)snprintf(found + used, sizeof found - used, "%s%s", used > 0 ? " " : "", set->paths[i]);
    }
    assert_string_equal(found, expected);
}

/* A task's classes, separated by commas. */
UNUSED static void assert_classes(const struct dataset *set, int task, const char *expected)
{
    char found[4096] = "";
    size_t used = 0;
    const struct labels *labels = &set->tasks[task].labels;
    for (int i = 0; i < labels->class_count; i++)
        used += (size_t)snprintf(found + used, sizeof found - used, "%s%s", i > 0 ? "," : "", labels->classes[i]);
    assert_string_equal(found, expected);
}

/* A single-label task's labels, as "0 1 -1". */
UNUSED static void assert_single(const struct dataset *set, int task, const char *expected)
{
    char found[4096] = "";
    size_t used = 0;
    assert_int_equal(set->tasks[task].labels.kind, LABELS_SINGLE);
    for (int64_t i = 0; i < set->count; i++)
        used +=
            (size_t)snprintf(found + used, sizeof found - used, "%s%d", i > 0 ? " " : "", set->tasks[task].labels.single[i]);
    assert_string_equal(found, expected);
}

/* The labels for one class of the first task, which is multi-label. */
UNUSED static void assert_multi(const struct dataset *set, int class, const char *expected)
{
    char found[4096] = "";
    size_t used = 0;
    const struct labels *labels = &set->tasks[0].labels;
    assert_int_equal(labels->kind, LABELS_MULTI);
    for (int64_t i = 0; i < set->count; i++)
        used += (size_t)snprintf(found + used, sizeof found - used, "%s%d", i > 0 ? " " : "",
                                 labels->multi[i * labels->class_count + class]);
    assert_string_equal(found, expected);
}

UNUSED static struct dataset_options with_test(const char *part)
{
    return (struct dataset_options){.test_part = part};
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

#endif
