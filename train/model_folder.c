#include "train/model_folder.h"

#include "format/file.h"
#include "format/input.h"
#include "format/json.h"
#include "format/replace.h"
#include "format/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- tensors ---------------------------------------------------------------------------------------------------------- */

/* A file's tensors and their memory. */
struct tensors {
    struct safetensors_write *items;
    char **names;
    void **data;
    size_t count, space;
};

static void tensors_finish(struct tensors *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->names[i]);
        free(t->data[i]);
    }
    free(t->items);
    free(t->names);
    free(t->data);
}

static char *file_name(const struct folder_write *write, const char *canonical)
{
    const struct folder_naming *naming = write->naming;
    const char *same = write->like ? checkpoint_file_name(write->like, canonical) : NULL;
    char *name = NULL;
    if (same)
        return strdup(same);
    for (; naming && naming->from; naming++) {
        size_t length = strlen(naming->from);
        if (strncmp(canonical, naming->from, length) == 0)
            return asprintf(&name, "%s%s", naming->to, canonical + length) < 0 ? NULL : name;
    }
    return strdup(canonical);
}

/* Adds an item with room for `count` elements to the table; NULL: out of memory. */
static struct safetensors_write *add(struct tensors *t, const struct folder_write *write, const char *canonical, int dims,
                                     const int64_t *shape, int64_t count)
{
    struct safetensors_write *item = &t->items[t->count];
    char *name = t->names[t->count] = file_name(write, canonical);
    void *data = t->data[t->count] = malloc((size_t)(count ? count : 1) * dtype_size(write->dtype));
    t->count++;
    if (!name || !data)
        return NULL;
    *item =
        (struct safetensors_write){.name = name, .dtype = write->dtype == F32 ? ST_F32 : ST_BF16, .dims = dims, .data = data};
    memcpy(item->shape, shape, (size_t)dims * sizeof *shape);
    return item;
}

/* Writes f32 values to an item, from element `first` on. */
static void put(const struct folder_write *write, const struct safetensors_write *item, int64_t first, int64_t count,
                const float *values)
{
    if (write->dtype == F32)
        memcpy((float *)item->data + first, values, (size_t)count * sizeof *values);
    else
        for (int64_t i = 0; i < count; i++)
            ((bf16 *)item->data)[first + i] = bf16_from_f32(values[i]);
}

#define PIECE ((int64_t)1 << 20)

static bool is_left_out(const struct folder_write *write, const char *name)
{
    for (const char *const *word = write->left_out; word && *word; word++)
        if (strstr(name, *word))
            return true;
    return false;
}

/* Adds the parameter's parts that are `left_out`, or those that are not. */
static lmvr_status add_parameter(struct tensors *t, const struct folder_write *write, const struct parameter *parameter,
                                 bool left_out, float *buffer, lmvr_error *error)
{
    for (int i = 0; i < parameter->part_count; i++) {
        const struct parameter_part *part = &parameter->parts[i];
        if (is_left_out(write, part->name) != left_out)
            continue;
        struct safetensors_write *item = add(t, write, part->name, part->dims, part->shape, part->count);
        if (!item)
            return error_no_memory(error, part->name);
        for (int64_t at = 0; at < part->count; at += PIECE) {
            int64_t count = part->count - at < PIECE ? part->count - at : PIECE;
            parameter_get(parameter, part->first + at, count, buffer);
            put(write, item, at, count, buffer);
        }
    }
    return LMVR_OK;
}

static bool is_parameter(const struct folder_write *write, const char *canonical)
{
    for (size_t i = 0; i < write->parameters->count; i++)
        for (int j = 0; j < write->parameters->items[i]->part_count; j++)
            if (strcmp(write->parameters->items[i]->parts[j].name, canonical) == 0)
                return true;
    return false;
}

static lmvr_status add_rest(struct tensors *t, const struct folder_write *write, float *buffer, lmvr_error *error)
{
    for (size_t i = 0; write->rest && i < checkpoint_count(write->rest); i++) {
        struct checkpoint_tensor tensor;
        const char *name = checkpoint_at(write->rest, i, &tensor);
        if (strncmp(name, write->rest_prefix, strlen(write->rest_prefix)) != 0 || strstr(name, ".position_ids") ||
            is_parameter(write, name))
            continue;
        int64_t size = (int64_t)weight_entry_elements(tensor.entry);
        struct safetensors_write *item = add(t, write, name, tensor.entry->dims, tensor.entry->shape, size);
        if (!item)
            return error_no_memory(error, name);
        for (int64_t at = 0; at < size; at += PIECE) {
            int64_t count = size - at < PIECE ? size - at : PIECE;
            TRY(checkpoint_read_part(&tensor, (uint64_t)at, (uint64_t)count, buffer, error));
            put(write, item, at, count, buffer);
        }
    }
    return LMVR_OK;
}

static lmvr_status collect(struct tensors *t, const struct folder_write *write, bool left_out, float *buffer, lmvr_error *error)
{
    t->space = write->rest ? checkpoint_count(write->rest) : 0;
    for (size_t i = 0; i < write->parameters->count; i++)
        t->space += (size_t)write->parameters->items[i]->part_count;
    t->items = calloc(t->space + 1, sizeof *t->items);
    t->names = calloc(t->space + 1, sizeof *t->names);
    t->data = calloc(t->space + 1, sizeof *t->data);
    if (!t->items || !t->names || !t->data)
        return error_no_memory(error, "the model's file");
    for (size_t i = 0; i < write->parameters->count; i++)
        TRY(add_parameter(t, write, write->parameters->items[i], left_out, buffer, error));
    return left_out ? LMVR_OK : add_rest(t, write, buffer, error);
}

static lmvr_status write_tensors(const struct folder_write *write, const char *name, bool left_out, lmvr_error *error)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    struct tensors tensors = {0};
    char *path = input_path(write->folder, name);
    float *buffer = malloc((size_t)PIECE * sizeof *buffer);
    lmvr_status status =
        path && buffer ? collect(&tensors, write, left_out, buffer, error) : error_no_memory(error, "the model's file");
    if (status == LMVR_OK)
        status = safetensors_write(path, tensors.items, tensors.count, metadata, error);
    tensors_finish(&tensors);
    free(buffer);
    free(path);
    return status;
}

/* ---- the other files -------------------------------------------------------------------------------------------------- */

const char *const folder_processors[] = {"preprocessor_config.json", "processor_config.json", NULL};
const char *const folder_generation[] = {"generation_config.json", NULL};

json_t *folder_config_part(json_t *config, const char *key)
{
    json_t *part = json_object_get(config, key);
    return json_is_object(part) ? json_deep_copy(part) : json_object();
}

lmvr_status folder_write_json(const char *folder, const char *name, json_t *json, lmvr_error *error)
{
    char *path = input_path(folder, name), *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER), *line = NULL;
    lmvr_status status;
    if (!path || !text || asprintf(&line, "%s\n", text) < 0)
        status = error_no_memory(error, name);
    else
        status = file_replace(path, line, strlen(line), error);
    free(line);
    free(text);
    free(path);
    return status;
}

lmvr_status folder_copy_file(const char *from, const char *to, lmvr_error *error)
{
    struct stat a, b;
    uint64_t size;
    int fd;
    if (stat(from, &a) == 0 && stat(to, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return LMVR_OK;
    TRY(input_open(from, &fd, &size, error));
    char *bytes = malloc(size + 1);
    lmvr_status status = bytes ? file_read_at(fd, from, bytes, size, 0, error) : error_no_memory(error, from);
    if (status == LMVR_OK)
        status = file_replace(to, bytes, size, error);
    free(bytes);
    file_close(fd, from, NULL);
    return status;
}

static lmvr_status write_config(const struct folder_write *write, lmvr_error *error)
{
    json_object_del(write->config, "dtype"); /* transformers' newer name for it */
    json_object_del(write->config, CONFIG_QUANTIZATION);
    json_object_set_new(write->config, "torch_dtype", json_string(write->dtype == F32 ? "float32" : "bfloat16"));
    return folder_write_json(write->folder, "config.json", write->config, error);
}

lmvr_status folder_write_preprocess(const char *folder, const struct preprocess *p, lmvr_error *error)
{
    json_t *size = p->shortest_edge ? json_pack("{s:i}", "shortest_edge", p->shortest_edge)
                                    : json_pack("{s:i, s:i}", "height", p->height, "width", p->width);
    json_t *json = json_pack(
        "{s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:i, s:f, s:o, s:{s:i, s:i}, s:[f, f, f], s:[f, f, f]}", "image_processor_type",
        p->pad_to_square ? "LlavaImageProcessor" : "CLIPImageProcessor", "do_pad", p->pad_to_square, "do_resize", p->do_resize,
        "do_center_crop", p->do_center_crop, "do_rescale", p->do_rescale, "do_normalize", p->do_normalize, "do_convert_rgb", 1,
        "resample", (int)p->filter, "rescale_factor", p->rescale_factor, "size", size, "crop_size", "height", p->crop_height,
        "width", p->crop_width, "image_mean", p->mean[0], p->mean[1], p->mean[2], "image_std", p->std[0], p->std[1], p->std[2]);
    lmvr_status status = json ? folder_write_json(folder, "preprocessor_config.json", json, error)
                              : error_no_memory(error, "preprocessor_config.json");
    json_decref(json);
    return status;
}

static lmvr_status copy_into(const struct folder_write *write, const char *from, const char *name, lmvr_error *error)
{
    char *to = input_path(write->folder, name);
    lmvr_status status = to ? folder_copy_file(from, to, error) : error_no_memory(error, name);
    free(to);
    return status;
}

static lmvr_status write_beside(const struct folder_write *write, lmvr_error *error)
{
    const struct folder_copy *copy = &write->beside;
    for (const char *const *name = copy->names; copy->folder && *name; name++) {
        const char *const one[] = {*name, NULL};
        char *from = folder_find(copy->folder, one);
        lmvr_status status = from ? copy_into(write, from, *name, error) : LMVR_OK;
        free(from);
        TRY(status);
    }
    return LMVR_OK;
}

static lmvr_status write_copies(const struct folder_write *write, lmvr_error *error)
{
    const struct preprocess *preprocess = write->preprocess;
    for (int i = 0; i < FOLDER_MOST_COPIES; i++) {
        const struct folder_copy *copy = &write->copies[i];
        char *from = copy->folder ? folder_find(copy->folder, copy->names) : NULL;
        if (!from)
            continue;
        lmvr_status status = copy_into(write, from, strrchr(from, '/') + 1, error);
        free(from);
        TRY(status);
        if (copy->names == folder_processors)
            preprocess = NULL;
    }
    if (write->tokenizer)
        TRY(copy_into(write, write->tokenizer, write->tokenizer_name, error));
    return preprocess ? folder_write_preprocess(write->folder, preprocess, error) : LMVR_OK;
}

lmvr_status folder_write(const struct folder_write *write, lmvr_error *error)
{
    if (mkdir(write->folder, 0777) != 0 && errno != EEXIST)
        return file_error(error, write->folder, "be made");
    TRY(write_copies(write, error));
    TRY(write_beside(write, error));
    TRY(write_config(write, error));
    if (write->left_out_file)
        TRY(write_tensors(write, write->left_out_file, true, error));
    return write_tensors(write, "model.safetensors", false, error);
}

lmvr_status folder_read_config(const char *path, json_t **config, lmvr_error *error)
{
    char *file = input_is_folder(path) ? input_path(path, "config.json") : strdup(path);
    *config = NULL;
    lmvr_status result = file ? json_read(file, NULL, config, error) : error_no_memory(error, path);
    free(file);
    return result;
}

char *folder_find(const char *folder, const char *const *names)
{
    for (; *names; names++) {
        char *path = input_path(folder, *names);
        if (path && input_exists(path))
            return path;
        free(path);
    }
    return NULL;
}
