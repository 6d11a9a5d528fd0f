#include "train/run/run_checkpoint.h"

#include "format/file.h"
#include "format/safetensors.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the folder ---- */

char *run_checkpoint_path(const char *folder, int64_t step)
{
    char *path;
    return asprintf(&path, "%s/step-%08" PRId64 ".safetensors", folder, step) < 0 ? NULL : path;
}

/* The step in a file's name, with or without a final ".tmp"; -1: another file. */
static int64_t step_of(const char *name, bool *temporary)
{
    char full[64];
    long long step = strncmp(name, "step-", 5) == 0 ? strtoll(name + 5, NULL, 10) : -1;
    snprintf(full, sizeof full, "step-%08lld.safetensors", step);
    size_t length = strlen(full);
    *temporary = strcmp(name + (strlen(name) < length ? strlen(name) : length), ".tmp") == 0;
    return step >= 0 && strncmp(name, full, length) == 0 && (*temporary || !name[length]) ? step : -1;
}

static int newer_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* The checkpoints' steps, newest first, to be freed. `clean`: remove temporary files that a killed run left. */
static lmvr_status list(const char *folder, bool clean, int64_t **steps, size_t *count, lmvr_error *error)
{
    size_t space = 0;
    *steps = NULL;
    *count = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT ? LMVR_OK : file_error(error, folder, "read");
    for (struct dirent *entry; (entry = readdir(dir));) {
        bool temporary;
        int64_t step = step_of(entry->d_name, &temporary);
        if (clean && step >= 0 && temporary)
            unlinkat(dirfd(dir), entry->d_name, 0);
        if (step < 0 || temporary)
            continue;
        if (*count == space) {
            space = space ? 2 * space : 16;
            int64_t *larger = realloc(*steps, space * sizeof *larger);
            if (!larger) {
                free(*steps);
                closedir(dir);
                return error_no_memory(error, folder);
            }
            *steps = larger;
        }
        (*steps)[(*count)++] = step;
    }
    closedir(dir);
    if (*count > 0)
        qsort(*steps, *count, sizeof **steps, newer_first);
    return LMVR_OK;
}

size_t run_checkpoint_count(const char *folder)
{
    int64_t *steps;
    size_t count;
    if (list(folder, false, &steps, &count, NULL) == LMVR_OK)
        free(steps);
    return count;
}

static lmvr_status remove_steps(const char *folder, const int64_t *steps, size_t count, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        char *path = run_checkpoint_path(folder, steps[i]);
        if (!path)
            return error_no_memory(error, folder);
        if (unlink(path) != 0 && errno != ENOENT)
            status = file_error(error, path, "remove");
        free(path);
    }
    return status;
}

lmvr_status run_checkpoint_prune(const char *folder, size_t keep, lmvr_error *error)
{
    int64_t *steps;
    size_t count;
    TRY(list(folder, true, &steps, &count, error));
    lmvr_status status = count > keep ? remove_steps(folder, steps + keep, count - keep, error) : LMVR_OK;
    free(steps);
    return status;
}

/* ---- the tensors ---- */

/* The three kinds, and parameter i's array of each. */
static const char *const kinds[] = {"value", "first", "second"};
#define KINDS 3

static float *data_of(const struct optimizer *optimizer, size_t i, int kind)
{
    const struct parameter *parameter = optimizer->parameters->items[i];
    return kind == 0 ? parameter->value : kind == 1 ? optimizer->first[i] : optimizer->second[i];
}

/* Long enough for any; tensor names are far shorter. */
struct tensor_name {
    char text[512];
};

static void name_tensor(const struct parameter_part *part, int kind, struct tensor_name *name)
{
    snprintf(name->text, sizeof name->text, "%s/%s", kinds[kind], part->name);
}

static size_t count_tensors(const struct optimizer *optimizer)
{
    size_t count = 0;
    for (size_t i = 0; i < optimizer->parameters->count; i++)
        if (optimizer->parameters->items[i]->trained)
            count += KINDS * (size_t)optimizer->parameters->items[i]->part_count;
    return count;
}

static void describe(const struct optimizer *optimizer, struct safetensors_write *tensors, struct tensor_name *names)
{
    for (size_t i = 0; i < optimizer->parameters->count; i++) {
        const struct parameter *parameter = optimizer->parameters->items[i];
        for (int j = 0; parameter->trained && j < parameter->part_count * KINDS; j++, tensors++, names++) {
            const struct parameter_part *part = &parameter->parts[j / KINDS];
            name_tensor(part, j % KINDS, names);
            *tensors = (struct safetensors_write){.name = names->text, .dtype = ST_F32, .dims = part->dims};
            memcpy(tensors->shape, part->shape, (size_t)part->dims * sizeof *part->shape);
            parameter_describe(parameter, data_of(optimizer, i, j % KINDS) + part->first, tensors);
        }
    }
}

lmvr_status run_checkpoint_write(const char *folder, const struct optimizer *optimizer, const char *settings, lmvr_error *error)
{
    char step[24];
    snprintf(step, sizeof step, "%" PRId64, optimizer->steps);
    const char *const metadata[] = {"step", step, "settings", settings, NULL};
    size_t count = count_tensors(optimizer);
    struct safetensors_write *tensors = calloc(count + 1, sizeof *tensors);
    struct tensor_name *names = calloc(count + 1, sizeof *names);
    char *path = run_checkpoint_path(folder, optimizer->steps);
    lmvr_status status = tensors && names && path ? LMVR_OK : error_no_memory(error, "a checkpoint");
    if (status == LMVR_OK) {
        describe(optimizer, tensors, names);
        status = safetensors_write(path, tensors, count, metadata, error);
    }
    free(path);
    free(names);
    free(tensors);
    return status;
}

/* ---- reading ---- */

#define PIECE ((int64_t)1 << 20) /* elements that are read at a time */

/* Reads a part's elements to the parameter's device. */
static lmvr_status read_elements(const struct safetensors *file, const struct safetensors_entry *entry,
                                 const struct parameter *parameter, int64_t count, float *to, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    float *buffer = malloc((size_t)(count < PIECE ? count + 1 : PIECE) * sizeof *buffer);
    if (!buffer)
        return error_no_memory(error, "a checkpoint");
    for (int64_t at = 0, n; at < count && status == LMVR_OK; at += n) {
        n = count - at < PIECE ? count - at : PIECE;
        status = safetensors_read_f32(file, entry, (uint64_t)at, (uint64_t)n, buffer, error);
        if (status == LMVR_OK)
            parameter_write(parameter, n, buffer, to + at);
    }
    free(buffer);
    return status;
}

static lmvr_status read_part(const struct safetensors *file, const struct parameter *parameter,
                             const struct parameter_part *part, int kind, float *data, bool checking, lmvr_error *error)
{
    struct tensor_name name;
    name_tensor(part, kind, &name);
    const struct safetensors_entry *entry = safetensors_find(file, name.text);
    bool fits = entry && entry->dtype == ST_F32 && entry->dims == part->dims &&
                memcmp(entry->shape, part->shape, (size_t)part->dims * sizeof *part->shape) == 0;
    if (!fits)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s is missing or has another shape", safetensors_path(file),
                         name.text);
    return checking ? LMVR_OK : read_elements(file, entry, parameter, part->count, data + part->first, error);
}

/* Reads all tensors; `checking`: only checks that they are there. */
static lmvr_status read_tensors(const struct safetensors *file, const struct optimizer *optimizer, bool checking,
                                lmvr_error *error)
{
    for (size_t i = 0; i < optimizer->parameters->count; i++) {
        struct parameter *parameter = optimizer->parameters->items[i];
        for (int j = 0; parameter->trained && j < parameter->part_count * KINDS; j++)
            TRY(read_part(file, parameter, &parameter->parts[j / KINDS], j % KINDS, data_of(optimizer, i, j % KINDS), checking,
                          error));
        if (!checking)
            parameter_round(parameter);
    }
    return LMVR_OK;
}

static lmvr_status check_metadata(const struct safetensors *file, int64_t step, const char *settings, lmvr_error *error)
{
    const char *its_step = safetensors_metadata(file, "step"), *its_settings = safetensors_metadata(file, "settings");
    if (!its_step || strtoll(its_step, NULL, 10) != step || !its_settings || strcmp(its_settings, settings) != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: not a checkpoint of this run", safetensors_path(file));
    return LMVR_OK;
}

/* Reads a checkpoint. LMVR_ERROR_INVALID: it is damaged; nothing has changed. */
static lmvr_status read_step(const char *folder, int64_t step, struct optimizer *optimizer, const char *settings,
                             lmvr_error *error)
{
    struct safetensors *file;
    char *path = run_checkpoint_path(folder, step);
    if (!path)
        return error_no_memory(error, folder);
    lmvr_status status = safetensors_open(path, &file, error);
    free(path);
    if (status != LMVR_OK)
        return status;
    status = check_metadata(file, step, settings, error);
    if (status == LMVR_OK)
        status = read_tensors(file, optimizer, true, error);
    if (status == LMVR_OK && (status = read_tensors(file, optimizer, false, error)) != LMVR_OK)
        status = LMVR_ERROR_RESOURCE; /* it was intact a moment ago */
    if (status == LMVR_OK)
        optimizer->steps = step;
    safetensors_close(file);
    return status;
}

lmvr_status run_checkpoint_read(const char *folder, struct optimizer *optimizer, const char *settings, lmvr_error *damaged,
                                lmvr_error *error)
{
    int64_t *steps;
    size_t count, at = 0;
    lmvr_status status = LMVR_OK;
    damaged->message[0] = '\0';
    optimizer->steps = 0;
    TRY(list(folder, true, &steps, &count, error));
    for (; at < count; at++) {
        lmvr_error why = {{0}};
        status = read_step(folder, steps[at], optimizer, settings, &why);
        if (status == LMVR_OK)
            break;
        if (status != LMVR_ERROR_INVALID) {
            error_write(error, "%s", why.message);
            break;
        }
        if (at == 0)
            *damaged = why;
    }
    if (status == LMVR_OK && at > 0)
        status = remove_steps(folder, steps, at, error);
    else if (status == LMVR_ERROR_INVALID)
        error_write(error, "%s: no checkpoint can be read (%s); --force starts over", folder, damaged->message);
    free(steps);
    return status;
}
