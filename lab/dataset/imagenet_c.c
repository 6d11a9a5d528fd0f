/* ImageNet-C (Hendrycks and Dietterich, 2019): CORRUPTION/SEVERITY/CLASS/, inside the download's group folders (blur/, noise/,
 * ...) or without them, as lmvr corrupt writes it. It has no training images. */
#include "format/input.h"
#include "format/lines.h"
#include "lab/dataset/class_folders.h"
#include "lab/dataset/imagenet.h"
#include "lab/dataset/layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORRUPTIONS 19
#define SEVERITIES  5

_Static_assert(CORRUPTIONS *SEVERITIES == DATASET_MAX_CORRUPTIONS, "the list holds all of them");

/* In the paper's order, then the extra set; with the archive that each comes in. */
static const struct {
    const char *name, *archive;
} corruptions[CORRUPTIONS] = {
    {"gaussian_noise", "noise"},
    {"shot_noise", "noise"},
    {"impulse_noise", "noise"},
    {"defocus_blur", "blur"},
    {"glass_blur", "blur"},
    {"motion_blur", "blur"},
    {"zoom_blur", "blur"},
    {"snow", "weather"},
    {"frost", "weather"},
    {"fog", "weather"},
    {"brightness", "weather"},
    {"contrast", "digital"},
    {"elastic_transform", "digital"},
    {"pixelate", "digital"},
    {"jpeg_compression", "digital"},
    {"gaussian_blur", "extra"},
    {"speckle_noise", "extra"},
    {"spatter", "extra"},
    {"saturate", "extra"},
};

/* "CORRUPTION/SEVERITY", prefixed with the group's folder if it is in one, if that folder exists in `path`; to be freed. NULL:
 * it does not, or out of memory, which *status tells. */
static char *find_folder(const char *path, int corruption, int severity, lmvr_status *status, lmvr_error *error)
{
    for (int grouped = 0; grouped < 2; grouped++) {
        char *folder = NULL;
        int length = asprintf(&folder, "%s%s%s/%d", grouped ? corruptions[corruption].archive : "", grouped ? "/" : "",
                              corruptions[corruption].name, severity);
        char *whole = length >= 0 ? input_path(path, folder) : NULL;
        bool found = whole && input_exists(whole);
        if (!whole)
            *status = error_no_memory(error, path);
        free(whole);
        if (found)
            return folder;
        if (length >= 0)
            free(folder);
        if (!whole)
            return NULL;
    }
    return NULL;
}

lmvr_status dataset_list_corruptions(const char *path, struct dataset_corruption list[DATASET_MAX_CORRUPTIONS], int *count,
                                     lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    *count = 0;
    for (int i = 0; i < CORRUPTIONS * SEVERITIES && status == LMVR_OK; i++) {
        int corruption = i / SEVERITIES, severity = i % SEVERITIES + 1;
        char *folder = find_folder(path, corruption, severity, &status, error);
        if (folder)
            list[(*count)++] = (struct dataset_corruption){corruptions[corruption].name, severity};
        free(folder);
    }
    if (status != LMVR_OK || *count > 0)
        return status;
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: has none of ImageNet-C's folders, such as fog/3 or weather/fog/3; unpack the archives from "
                     "https://zenodo.org/record/2235448 there",
                     path);
}

/* The folders to read, relative to the draft's. */
struct folders {
    char *paths[CORRUPTIONS * SEVERITIES];
    int count;
};

/* Parses "fog/3" into *number; -1 without a choice. */
static lmvr_status parse_choice(const char *text, int *number, lmvr_error *error)
{
    int severity;
    const char *slash = text ? strrchr(text, '/') : NULL;
    *number = -1;
    if (!text)
        return LMVR_OK;
    for (int i = 0; slash && i < CORRUPTIONS; i++) {
        size_t length = strlen(corruptions[i].name);
        bool named = (size_t)(slash - text) == length && memcmp(corruptions[i].name, text, length) == 0;
        if (!named || !lines_int(slash + 1, 1, SEVERITIES, &severity))
            continue;
        *number = i * SEVERITIES + severity - 1;
        return LMVR_OK;
    }
    return error_set(error, LMVR_ERROR_INVALID,
                     "imagenet-c has no test split '%s': expected a corruption and a severity from 1 to %d, such as fog/3",
                     text, SEVERITIES);
}

static lmvr_status find_folders(const char *path, int choice, struct folders *folders, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (int i = 0; i < CORRUPTIONS * SEVERITIES && status == LMVR_OK; i++) {
        if (choice >= 0 && choice != i)
            continue;
        char *folder = find_folder(path, i / SEVERITIES, i % SEVERITIES + 1, &status, error);
        if (folder)
            folders->paths[folders->count++] = folder;
        else if (status == LMVR_OK && choice >= 0)
            status = error_set(error, LMVR_ERROR_INVALID,
                               "%s/%s/%d is missing; unpack %s.tar from https://zenodo.org/record/2235448 there", path,
                               corruptions[i / SEVERITIES].name, i % SEVERITIES + 1, corruptions[i / SEVERITIES].archive);
    }
    return status;
}

static lmvr_status read_folders(const char *path, const struct folders *folders, struct names *classes, struct draft *draft,
                                lmvr_error *error)
{
    int64_t images;
    TRY(draft_set_folder(draft, path, NULL, error));
    for (int i = 0; i < folders->count; i++)
        TRY(class_folders_find(path, folders->paths[i], classes, &images, error));
    TRY(names_sort(classes, error));
    TRY(imagenet_add_task(draft, "imagenet-c", classes, &path, 1, error));
    for (int i = 0; i < folders->count; i++)
        TRY(class_folders_add(draft, folders->paths[i], DATASET_TEST, classes, error));
    return LMVR_OK;
}

lmvr_status imagenet_c_read(const char *path, const struct dataset_options *options, struct draft *draft, lmvr_error *error)
{
    int choice, count;
    struct dataset_corruption list[DATASET_MAX_CORRUPTIONS];
    struct folders folders = {.count = 0};
    struct names classes = {0};
    TRY(parse_choice(options->test_part, &choice, error));
    TRY(dataset_list_corruptions(path, list, &count, error));
    lmvr_status status = find_folders(path, choice, &folders, error);
    if (status == LMVR_OK)
        status = read_folders(path, &folders, &classes, draft, error);
    for (int i = 0; i < folders.count; i++)
        free(folders.paths[i]);
    names_finish(&classes);
    return status;
}
