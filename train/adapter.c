#include "train/adapter.h"

#include "format/file.h"
#include "format/input.h"
#include "format/safetensors.h"
#include "train/model_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER  "adapter"
#define CONFIG  "adapter_config.json"
#define WEIGHTS "adapter_model.safetensors"

#define DECODER   "language_model.model." /* beginnings of canonical names */
#define PROJECTOR "multi_modal_projector."

/* A tensor's name in the file, malloc'ed; NULL: it is not written, or out of memory, which *status tells. */
static char *file_name(const struct adapter *adapter, const char *canonical, lmvr_status *status, lmvr_error *error)
{
    char *name = NULL;
    int length = 0;
    if (strncmp(canonical, PROJECTOR, strlen(PROJECTOR)) == 0)
        length = asprintf(&name, "base_model.model.model.%s", canonical);
    else if (strncmp(canonical, DECODER, strlen(DECODER)) == 0 && strstr(canonical, ".lora_"))
        length = asprintf(&name, "base_model.model.model.%s.%s", adapter->decoder, canonical + strlen(DECODER));
    if (length >= 0)
        return name;
    *status = error_no_memory(error, canonical);
    return NULL;
}

static lmvr_status collect(const struct adapter *adapter, struct safetensors_write *items, size_t *count, lmvr_error *error)
{
    const struct parameters *parameters = adapter->parameters;
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < parameters->count; i++) {
        const struct parameter *parameter = parameters->items[i];
        for (int j = 0; parameter->trained && j < parameter->part_count && status == LMVR_OK; j++) {
            const struct parameter_part *part = &parameter->parts[j];
            struct safetensors_write item = {.dtype = ST_F32, .dims = part->dims};
            item.name = file_name(adapter, part->name, &status, error);
            parameter_describe(parameter, parameter->value + part->first, &item);
            memcpy(item.shape, part->shape, (size_t)part->dims * sizeof *part->shape);
            if (item.name)
                items[(*count)++] = item;
        }
    }
    return status;
}

static lmvr_status write_weights(const struct adapter *adapter, const char *folder, lmvr_error *error)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    size_t space = 0, count = 0;
    for (size_t i = 0; i < adapter->parameters->count; i++)
        space += (size_t)adapter->parameters->items[i]->part_count;
    struct safetensors_write *items = calloc(space + 1, sizeof *items);
    char *path = input_path(folder, WEIGHTS);
    lmvr_status status = items && path ? LMVR_OK : error_no_memory(error, WEIGHTS);
    if (status == LMVR_OK)
        status = collect(adapter, items, &count, error);
    if (status == LMVR_OK)
        status = safetensors_write(path, items, count, metadata, error);
    for (size_t i = 0; i < count; i++)
        free((char *)items[i].name);
    free(items);
    free(path);
    return status;
}

/* peft.LoraConfig's fields. The pattern is matched against whole module names: the encoder has a q_proj too. */
static lmvr_status write_config(const struct adapter *adapter, const char *folder, lmvr_error *error)
{
    char modules[128];
    snprintf(modules, sizeof modules, "model\\.%s\\.layers\\.\\d+\\.(self_attn|mlp)\\.(q|k|v|o|gate|up|down)_proj",
             adapter->decoder);
    json_t *json = json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:s, s:s, s:o, s:b, s:b, s:b}", "peft_type", "LORA", "task_type",
                             "CAUSAL_LM", "base_model_name_or_path", adapter->base, "r", adapter->rank, "lora_alpha",
                             adapter->alpha, "lora_dropout", 0.0, "bias", "none", "target_modules", modules, "modules_to_save",
                             adapter->projector ? json_pack("[s]", "multi_modal_projector") : json_null(), "fan_in_fan_out", 0,
                             "use_rslora", 0, "inference_mode", 1);
    lmvr_status status = json ? folder_write_json(folder, CONFIG, json, error) : error_no_memory(error, CONFIG);
    json_decref(json);
    return status;
}

lmvr_status adapter_write(const struct adapter *adapter, const char *folder, lmvr_error *error)
{
    char *below = input_path(folder, FOLDER);
    lmvr_status status = below ? LMVR_OK : error_no_memory(error, FOLDER);
    if (status == LMVR_OK && mkdir(below, 0777) != 0 && errno != EEXIST)
        status = file_error(error, below, "make the folder");
    if (status == LMVR_OK)
        status = write_weights(adapter, below, error);
    if (status == LMVR_OK)
        status = write_config(adapter, below, error);
    free(below);
    return status;
}

lmvr_status adapter_remove(const char *folder, lmvr_error *error)
{
    static const char *const names[] = {FOLDER "/" CONFIG, FOLDER "/" WEIGHTS};
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == LMVR_OK; i++) {
        char *path = input_path(folder, names[i]);
        if (!path)
            return error_no_memory(error, names[i]);
        if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
            status = file_error(error, path, "remove");
        free(path);
    }
    char *below = status == LMVR_OK ? input_path(folder, FOLDER) : NULL;
    if (below)
        rmdir(below); /* stays if it has other files in it */
    free(below);
    return status;
}
