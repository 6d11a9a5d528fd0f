#include "model/folder.h"

#include "format/input.h"
#include "format/json.h"
#include "model/gguf_pair.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool holds(const char *folder, const char *name)
{
    char *path = input_path(folder, name);
    bool there = path && input_exists(path);
    free(path);
    return there;
}

static bool ends_in(const char *name, const char *ending)
{
    size_t length = strlen(name), end = strlen(ending);
    return length > end && strcmp(name + length - end, ending) == 0;
}

/* The folder's first file, in byte order of names, with this ending; false if there is none. */
static bool find_ending(const char *folder, const char *ending, char name[256])
{
    const struct dirent *entry;
    DIR *opened = opendir(folder);
    *name = '\0';
    while (opened && (entry = readdir(opened)))
        if (ends_in(entry->d_name, ending) && (!*name || strcmp(entry->d_name, name) < 0))
            snprintf(name, 256, "%s", entry->d_name);
    if (opened)
        closedir(opened);
    return *name;
}

/* ---- without config.json ---------------------------------------------------------------------------------------------- */

static lmvr_status refuse_file(const char *path, lmvr_error *error)
{
    if (gguf_pair_is_file(path))
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: is a GGUF file; expected here the Hugging Face folder that it was made from", path);
    return error_set(error, LMVR_ERROR_INVALID, "%s: is a file; expected a Hugging Face folder, with a config.json in it",
                     path);
}

/* A PEFT adapter holds only differences from another model's weights. */
static lmvr_status refuse_adapter(const char *folder, lmvr_error *error)
{
    json_t *root = NULL;
    const char *base = NULL, *type = NULL;
    char *path = input_path(folder, "adapter_config.json");
    if (!path)
        return error_no_memory(error, folder);
    lmvr_status status = json_read(path, NULL, &root, error);
    struct json_node node = json_node_root(path, root);
    if (status == LMVR_OK)
        status = json_node_string(&node, "base_model_name_or_path", &base, error);
    if (status == LMVR_OK)
        status = json_node_string(&node, "peft_type", &type, error);
    bool lora = !type || strcmp(type, "LORA") == 0;
    if (status == LMVR_OK)
        status =
            error_set(error, LMVR_ERROR_INVALID,
                      "%s: is %s adapter of %.200s and no model by itself; merge it into that one (PEFT: merge_and_unload(), "
                      "then save_pretrained()) and give the merged folder",
                      folder, lora ? "a LoRA" : "an", base ? base : "a model that adapter_config.json does not name");
    json_decref(root);
    free(path);
    return status;
}

lmvr_status model_folder_check(const char *path, lmvr_error *error)
{
    char name[256];
    if (!input_exists(path))
        return error_set(error, LMVR_ERROR_INVALID, "%s: cannot open: %s", path, strerror(errno));
    if (!input_is_folder(path))
        return refuse_file(path, error);
    if (holds(path, "config.json"))
        return LMVR_OK;
    if (holds(path, "adapter_config.json"))
        return refuse_adapter(path, error);
    if (find_ending(path, ".gguf", name))
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: holds GGUF files, such as %s; expected here the Hugging Face folder that they were made from",
                         path, name);
    if (holds(path, "snapshots"))
        return error_set(
            error, LMVR_ERROR_INVALID,
            "%s: is a folder of the Hugging Face cache; give the model's name, as org/name, or a folder in snapshots/", path);
    return error_set(error, LMVR_ERROR_INVALID, "%s: has no config.json; expected a Hugging Face folder", path);
}

/* ---- weights and tokenizers ------------------------------------------------------------------------------------------- */

lmvr_status model_folder_refuse_weights(const char *folder, lmvr_error *error)
{
    static const struct {
        const char *ending, *what, *expected;
    } kinds[] = {
        {".pth", "PyTorch's weights of another layout", "which the model's conversion for transformers has"},
        {".gguf", "GGUF weights", "which the model that they were made from has"},
        {".h5", "TensorFlow's weights", "which transformers' save_pretrained() writes"},
        {".msgpack", "Flax's weights", "which transformers' save_pretrained() writes"},
    };
    char name[256];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (find_ending(folder, kinds[i].ending, name))
            return error_set(error, LMVR_ERROR_INVALID,
                             "%s: has %s (%s), which are not read; expected model.safetensors or pytorch_model.bin, or "
                             "shards with their index, %s",
                             folder, kinds[i].what, name, kinds[i].expected);
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: has neither model.safetensors nor pytorch_model.bin, nor an index of their shards", folder);
}

lmvr_status model_folder_refuse_tokenizer(const char *folder, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: has neither tokenizer.model nor spiece.model nor tokenizer.json", folder);
}
