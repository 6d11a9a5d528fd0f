/* Plain class folders: train/CLASS/ and test/CLASS/ (or val/, or validation/), or CLASS/ alone, of which a fifth becomes the
 * test split. */
#include "lab/dataset/class_folders.h"
#include "lab/dataset/layouts.h"

static const char *const test_names[] = {"test", "val", "validation"};
#define TEST_NAMES (sizeof test_names / sizeof *test_names)

static lmvr_status find_test(const struct names *folders, const char *wanted, const char **test, lmvr_error *error)
{
    *test = NULL;
    for (size_t i = 0; i < TEST_NAMES && !wanted && !*test; i++)
        if (names_find(folders, test_names[i]) >= 0)
            *test = test_names[i];
    if (wanted && names_find(folders, wanted) >= 0)
        *test = wanted;
    if (wanted && !*test)
        return error_set(error, LMVR_ERROR_INVALID, "the data set has no test folder '%s'", wanted);
    return LMVR_OK;
}

static lmvr_status read_two_parts(struct draft *draft, const char *test, struct names *classes, lmvr_error *error)
{
    int64_t images;
    TRY(class_folders_find(draft->folder, "train", classes, &images, error));
    TRY(class_folders_find(draft->folder, test, classes, &images, error));
    TRY(names_sort(classes, error));
    TRY(draft_add_named_task(draft, "classes", "folder", LABELS_SINGLE, classes, error));
    TRY(class_folders_add(draft, "train", DATASET_TRAIN, classes, error));
    return class_folders_add(draft, test, DATASET_TEST, classes, error);
}

static lmvr_status read_and_split(struct draft *draft, struct names *classes, uint64_t seed, lmvr_error *error)
{
    TRY(names_sort(classes, error));
    TRY(draft_add_named_task(draft, "classes", "folder", LABELS_SINGLE, classes, error));
    TRY(class_folders_add(draft, NULL, DATASET_TRAIN, classes, error));
    return draft_split(draft, seed, error);
}

static lmvr_status read_folders(struct draft *draft, const struct dataset_options *options, struct names *folders,
                                lmvr_error *error)
{
    const char *test;
    int64_t images;
    struct names classes = {0};
    TRY(class_folders_find(draft->folder, NULL, folders, &images, error));
    TRY(find_test(folders, options->test_part, &test, error));
    bool has_train = names_find(folders, "train") >= 0;
    if (options->test_part && !has_train)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has a folder %s but no folder train", draft->folder, test);
    if (!has_train || !test) /* a class may be called "train" */
        return read_and_split(draft, folders, options->seed, error);
    lmvr_status status = read_two_parts(draft, test, &classes, error);
    names_finish(&classes);
    return status;
}

lmvr_status folder_read(const char *path, const struct dataset_options *options, struct draft *draft, lmvr_error *error)
{
    struct names folders = {0};
    TRY(draft_set_folder(draft, path, NULL, error));
    lmvr_status status = read_folders(draft, options, &folders, error);
    names_finish(&folders);
    return status;
}
