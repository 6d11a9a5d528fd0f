#include "model/checkpoint.h"

#include "format/half.h"
#include "format/hash.h"
#include "format/input.h"
#include "format/json.h"
#include "model/folder.h"
#include "model/gguf_weights.h"
#include "model/weight_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SHARDS 4096

/* The files' names, in the order in which transformers looks for them. */
static const struct layout {
    const char *single, *index;
} layouts[] = {
    {"model.safetensors", "model.safetensors.index.json"},
    {"pytorch_model.bin", "pytorch_model.bin.index.json"},
};

struct weight {
    char *canonical;
    struct checkpoint_tensor tensor;
    bool used;
};

struct checkpoint {
    char *folder; /* or a file of GGUF's */
    bool gguf;
    size_t file_count, count;
    struct weight_file **files;
    struct weight *weights; /* sorted by canonical name */
};

static int compare_weights(const void *a, const void *b)
{
    const struct weight *x = a, *y = b;
    return strcmp(x->canonical, y->canonical);
}

static struct weight *find(const struct checkpoint *c, const char *canonical)
{
    struct weight key = {.canonical = (char *)canonical};
    return c->count == 0 ? NULL : bsearch(&key, c->weights, c->count, sizeof key, compare_weights);
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static lmvr_status open_file(struct checkpoint *c, const char *name, lmvr_error *error)
{
    char *path = input_path(c->folder, name);
    if (!path)
        return error_no_memory(error, name);
    lmvr_status status = weight_file_open(path, &c->files[c->file_count], error);
    c->file_count += status == LMVR_OK;
    free(path);
    return status;
}

static int compare_strings(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* The index may only name files in its own folder; a path could lead anywhere. */
static bool is_plain_name(const char *name)
{
    return name && name[0] != '\0' && name[0] != '.' && !strchr(name, '/');
}

/* Lists each shard once, sorted by name. The strings belong to the index. */
static lmvr_status list_shards(const char *path, const json_t *map, const char **shards, size_t *count, lmvr_error *error)
{
    const char *tensor;
    json_t *shard;
    size_t n = 0;
    json_object_foreach((json_t *)map, tensor, shard)
    {
        shards[n] = json_string_value(shard);
        if (!is_plain_name(shards[n++]))
            return error_set(error, LMVR_ERROR_INVALID, "%s: the file of tensor %s is not a file name in the same folder", path,
                             tensor);
    }
    qsort(shards, n, sizeof *shards, compare_strings);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(shards[i], shards[i - 1]) != 0)
            shards[(*count)++] = shards[i];
    if (*count > MAX_SHARDS)
        return error_set(error, LMVR_ERROR_INVALID, "%s: names %zu files, more than the limit of %d", path, *count, MAX_SHARDS);
    return LMVR_OK;
}

/* A file's name without its folder, as in the index. */
static const char *shard_name(const struct weight_file *file)
{
    const char *path = file->path, *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const struct weight_file *find_shard(const struct checkpoint *c, const char *name)
{
    size_t from = 0, to = c->file_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(name, shard_name(c->files[middle]));
        if (order == 0)
            return c->files[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

static lmvr_status open_shards(struct checkpoint *c, const char *path, const json_t *map, const char **shards,
                               lmvr_error *error)
{
    size_t count = 0;
    const char *tensor;
    json_t *shard;
    TRY(list_shards(path, map, shards, &count, error));
    c->file_count = 0;
    c->files = calloc(count + 1, sizeof(struct weight_file *));
    if (!c->files)
        return error_no_memory(error, path);
    for (size_t i = 0; i < count; i++)
        TRY(open_file(c, shards[i], error));
    json_object_foreach((json_t *)map, tensor, shard)
    {
        const struct weight_file *file = find_shard(c, json_string_value(shard));
        if (!file || !weight_file_find(file, tensor))
            return error_set(error, LMVR_ERROR_INVALID, "%s: has no tensor %s, although %s lists it there",
                             file ? file->path : path, tensor, strrchr(path, '/') + 1);
    }
    return LMVR_OK;
}

static lmvr_status add_weight(struct checkpoint *c, const struct weight_file *file, const struct weight_entry *entry,
                              lmvr_error *error)
{
    struct weight *weight = &c->weights[c->count];
    weight->tensor = (struct checkpoint_tensor){.file = file, .entry = entry};
    weight->canonical = weight_name_canonical(entry->name);
    if (!weight->canonical)
        return error_no_memory(error, c->folder);
    c->count++;
    return LMVR_OK;
}

/* Refuses two tensors for one weight: there is no telling which of them is meant. */
static lmvr_status check_doubles(const struct checkpoint *c, lmvr_error *error)
{
    for (size_t i = 1; i < c->count; i++) {
        const struct checkpoint_tensor *a = &c->weights[i - 1].tensor, *b = &c->weights[i].tensor;
        if (strcmp(c->weights[i - 1].canonical, c->weights[i].canonical) == 0)
            return error_set(error, LMVR_ERROR_INVALID, "%s: tensors %s (%s) and %s (%s) are the same weight", c->folder,
                             a->entry->name, shard_name(a->file), b->entry->name, shard_name(b->file));
    }
    return LMVR_OK;
}

/* Lists the tensors of all files by canonical name. A tensor in another file than the index says is ignored. */
static lmvr_status collect(struct checkpoint *c, const json_t *map, lmvr_error *error)
{
    size_t total = 0;
    for (size_t f = 0; f < c->file_count; f++)
        total += c->files[f]->count;
    c->weights = calloc(total + 1, sizeof *c->weights);
    if (!c->weights)
        return error_no_memory(error, c->folder);
    for (size_t f = 0; f < c->file_count; f++) {
        for (size_t i = 0; i < c->files[f]->count; i++) {
            const struct weight_entry *entry = &c->files[f]->entries[i];
            const char *where = json_string_value(json_object_get(map, entry->name));
            if (!entry->inner && (!where || strcmp(where, shard_name(c->files[f])) == 0))
                TRY(add_weight(c, c->files[f], entry, error));
        }
    }
    if (c->count > 0)
        qsort(c->weights, c->count, sizeof *c->weights, compare_weights);
    return check_doubles(c, error);
}

static lmvr_status open_index(struct checkpoint *c, const char *path, const json_t *root, lmvr_error *error)
{
    struct json_node node = json_node_root(path, root), map;
    TRY(json_node_object(&node, "weight_map", &map, error));
    if (json_object_size(map.object) == 0)
        return json_refuse(&node, "weight_map", "an object that names a file for each tensor", error);
    const char **shards = calloc(json_object_size(map.object), sizeof *shards);
    if (!shards)
        return error_no_memory(error, path);
    lmvr_status status = open_shards(c, path, map.object, shards, error);
    free(shards);
    return status == LMVR_OK ? collect(c, map.object, error) : status;
}

static lmvr_status open_many(struct checkpoint *c, const char *path, lmvr_error *error)
{
    json_t *root;
    TRY(json_read(path, NULL, &root, error));
    lmvr_status status = open_index(c, path, root, error);
    json_decref(root);
    return status;
}

static lmvr_status open_one(struct checkpoint *c, const char *name, lmvr_error *error)
{
    c->files = calloc(1, sizeof(struct weight_file *));
    if (!c->files)
        return error_no_memory(error, c->folder);
    TRY(open_file(c, name, error));
    return collect(c, NULL, error);
}

/* Opens the folder's weights if they are in this layout. */
static lmvr_status open_layout(struct checkpoint *c, const struct layout *layout, bool *found, lmvr_error *error)
{
    char *single = input_path(c->folder, layout->single), *index = input_path(c->folder, layout->index);
    lmvr_status status = LMVR_OK;
    *found = true;
    if (!single || !index)
        status = error_no_memory(error, c->folder);
    else if (input_exists(single))
        status = open_one(c, layout->single, error);
    else if (input_exists(index))
        status = open_many(c, index, error);
    else
        *found = false;
    free(single);
    free(index);
    return status;
}

static lmvr_status open_folder(struct checkpoint *c, lmvr_error *error)
{
    bool found = false;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts && !found; i++)
        TRY(open_layout(c, &layouts[i], &found, error));
    return found ? LMVR_OK : model_folder_refuse_weights(c->folder, error);
}

static lmvr_status create(const char *name, struct checkpoint **checkpoint, lmvr_error *error)
{
    struct checkpoint *c = *checkpoint = calloc(1, sizeof *c);
    if (c && (c->folder = strdup(name)))
        return LMVR_OK;
    free(c);
    *checkpoint = NULL;
    return error_no_memory(error, name);
}

static lmvr_status finish_open(lmvr_status status, struct checkpoint **checkpoint)
{
    if (status != LMVR_OK) {
        checkpoint_close(*checkpoint);
        *checkpoint = NULL;
    }
    return status;
}

lmvr_status checkpoint_open(const char *folder, struct checkpoint **checkpoint, lmvr_error *error)
{
    TRY(create(folder, checkpoint, error));
    return finish_open(open_folder(*checkpoint, error), checkpoint);
}

/* Takes a file's weights over with their names. */
static lmvr_status take_gguf(struct checkpoint *c, const char *path, lmvr_error *error)
{
    char **names = NULL;
    struct weight_file **file = &c->files[c->file_count];
    TRY(gguf_weights_open(path, file, &names, error));
    c->file_count++;
    struct weight *weights = reallocarray(c->weights, c->count + (*file)->count + 1, sizeof *weights);
    if (!weights) {
        gguf_weights_free_names(names, (*file)->count);
        return error_no_memory(error, path);
    }
    c->weights = weights;
    for (size_t i = 0; i < (*file)->count; i++)
        weights[c->count++] = (struct weight){.canonical = names[i], .tensor = {*file, &(*file)->entries[i]}};
    free(names);
    return LMVR_OK;
}

static lmvr_status take_pair(struct checkpoint *c, const struct gguf_pair *pair, lmvr_error *error)
{
    c->gguf = true;
    c->files = calloc(2, sizeof(struct weight_file *));
    if (!c->files)
        return error_no_memory(error, c->folder);
    TRY(take_gguf(c, pair->language, error));
    TRY(take_gguf(c, pair->vision, error));
    qsort(c->weights, c->count, sizeof *c->weights, compare_weights);
    return check_doubles(c, error);
}

lmvr_status checkpoint_open_gguf(const struct gguf_pair *pair, struct checkpoint **checkpoint, lmvr_error *error)
{
    TRY(create(pair->language, checkpoint, error));
    return finish_open(take_pair(*checkpoint, pair, error), checkpoint);
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    for (size_t i = 0; i < checkpoint->count; i++)
        free(checkpoint->weights[i].canonical);
    for (size_t i = 0; i < checkpoint->file_count; i++)
        weight_file_close(checkpoint->files[i]);
    free(checkpoint->weights);
    free(checkpoint->files);
    free(checkpoint->folder);
    free(checkpoint);
}

/* Moves the weights under `prefix` from one checkpoint to another, and all files with them. */
static lmvr_status move_weights(struct checkpoint *to, struct checkpoint *from, const char *prefix, lmvr_error *error)
{
    struct weight_file **files = reallocarray(to->files, to->file_count + from->file_count + 1, sizeof(struct weight_file *));
    to->files = files ? files : to->files;
    struct weight *weights = reallocarray(to->weights, to->count + from->count + 1, sizeof *weights);
    to->weights = weights ? weights : to->weights;
    if (!files || !weights)
        return error_no_memory(error, to->folder);
    for (size_t i = 0; i < from->count; i++) {
        if (!weight_name_is_under(from->weights[i].canonical, prefix))
            continue;
        to->weights[to->count++] = from->weights[i];
        from->weights[i].canonical = NULL;
    }
    for (size_t i = 0; i < from->file_count; i++)
        to->files[to->file_count++] = from->files[i];
    from->file_count = 0;
    qsort(to->weights, to->count, sizeof *to->weights, compare_weights);
    return LMVR_OK;
}

lmvr_status checkpoint_add(struct checkpoint *checkpoint, const char *folder, const char *prefix, lmvr_error *error)
{
    struct checkpoint *other;
    for (size_t i = 0; i < checkpoint->count; i++)
        if (weight_name_is_under(checkpoint->weights[i].canonical, prefix))
            return LMVR_OK;
    TRY(checkpoint_open(folder, &other, error));
    lmvr_status status = move_weights(checkpoint, other, prefix, error);
    checkpoint_close(other);
    return status;
}

/* ---- finding and reading ---------------------------------------------------------------------------------------------- */

bool checkpoint_has(const struct checkpoint *checkpoint, const char *canonical)
{
    return find(checkpoint, canonical) != NULL;
}

bool checkpoint_holds_rows(const struct checkpoint *checkpoint, int bits)
{
    for (size_t i = 0; i < checkpoint->count; i++)
        if (checkpoint->weights[i].tensor.entry->row_bits == bits)
            return true;
    return false;
}

const char *checkpoint_file_name(const struct checkpoint *checkpoint, const char *canonical)
{
    const struct weight *weight = find(checkpoint, canonical);
    return weight ? weight->tensor.entry->name : NULL;
}

/* "(32000, 4096)" */
static void show_shape(int dims, const int64_t *shape, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "(");
    for (int i = 0; i < dims && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%lld", i > 0 ? ", " : "", (long long)shape[i]);
    if (length < size)
        snprintf(text + length, size - length, ")");
}

static bool check_tensor(const struct checkpoint_tensor *tensor, int dims, const int64_t *shape, lmvr_error *error)
{
    const struct weight_entry *entry = tensor->entry;
    const char *path = tensor->file->path;
    bool same = entry->dims == dims;
    for (int i = 0; i < dims && same; i++)
        same = entry->shape[i] == shape[i];
    if (!same) {
        char found[192], expected[192];
        show_shape(entry->dims, entry->shape, found, sizeof found);
        show_shape(dims, shape, expected, sizeof expected);
        error_write(error, "%s: tensor %s has shape %s, expected %s", path, entry->name, found, expected);
        return false;
    }
    if (!entry->is_float) {
        error_write(error, "%s: tensor %s has dtype %s, expected F32, F16 or BF16", path, entry->name, entry->dtype);
        return false;
    }
    return true;
}

static void tell_missing(const struct checkpoint *c, const char *canonical, lmvr_error *error)
{
    const char *path = c->folder;
    char *name = NULL;
    for (size_t i = 0; c->gguf && !name && i < c->file_count; i++) {
        name = gguf_weights_name(c->files[i], canonical);
        path = name ? c->files[i]->path : path;
    }
    error_write(error, "%s: tensor %s is missing", path, name ? name : canonical);
    free(name);
}

/* The tensor, marked as used; NULL where it is missing or not as expected. */
static const struct checkpoint_tensor *take(struct checkpoint *c, const char *canonical, int dims, const int64_t *shape,
                                            lmvr_error *error)
{
    struct weight *weight = find(c, canonical);
    if (!weight) {
        tell_missing(c, canonical, error);
        return NULL;
    }
    if (!check_tensor(&weight->tensor, dims, shape, error))
        return NULL;
    weight->used = true;
    return &weight->tensor;
}

lmvr_status checkpoint_find(struct checkpoint *checkpoint, const char *canonical, int dims, const int64_t *shape,
                            struct checkpoint_tensor *tensor, lmvr_error *error)
{
    const struct checkpoint_tensor *found = take(checkpoint, canonical, dims, shape, error);
    if (!found)
        return LMVR_ERROR_INVALID;
    *tensor = *found;
    return LMVR_OK;
}

lmvr_status checkpoint_read_part(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, float *out,
                                 lmvr_error *error)
{
    TRY(tensor->file->format->read(tensor->file, tensor->entry, first, count, out, error));
    if (!half_all_finite(out, count))
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s holds a value that is not finite", tensor->file->path,
                         tensor->entry->name);
    return LMVR_OK;
}

lmvr_status checkpoint_read(struct checkpoint *checkpoint, const char *canonical, int dims, const int64_t *shape, float *out,
                            lmvr_error *error)
{
    const struct checkpoint_tensor *tensor = take(checkpoint, canonical, dims, shape, error);
    if (!tensor)
        return LMVR_ERROR_INVALID;
    return checkpoint_read_part(tensor, 0, weight_entry_elements(tensor->entry), out, error);
}

/* ---- all tensors ------------------------------------------------------------------------------------------------------ */

size_t checkpoint_count(const struct checkpoint *checkpoint)
{
    return checkpoint->count;
}

const char *checkpoint_at(const struct checkpoint *checkpoint, size_t index, struct checkpoint_tensor *tensor)
{
    *tensor = checkpoint->weights[index].tensor;
    return checkpoint->weights[index].canonical;
}

void checkpoint_mark_used(struct checkpoint *checkpoint, const char *canonical_prefix)
{
    for (size_t i = 0; i < checkpoint->count; i++)
        if (weight_name_is_under(checkpoint->weights[i].canonical, canonical_prefix))
            checkpoint->weights[i].used = true;
}

static bool is_part_used(const struct checkpoint *checkpoint, const char *part)
{
    for (size_t i = 0; i < checkpoint->count; i++)
        if (checkpoint->weights[i].used && weight_name_is_under(checkpoint->weights[i].canonical, part))
            return true;
    return false;
}

static bool is_missed(const struct checkpoint *checkpoint, const struct weight *weight)
{
    const char *part = weight_name_optional_part(weight->canonical);
    if (weight->used || weight_name_is_harmless(weight->canonical))
        return false;
    return !part || is_part_used(checkpoint, part);
}

lmvr_status checkpoint_check_unused(const struct checkpoint *checkpoint, lmvr_error *error)
{
    const struct weight *first = NULL;
    size_t others = 0;
    for (size_t i = 0; i < checkpoint->count; i++) {
        const struct weight *weight = &checkpoint->weights[i];
        if (!is_missed(checkpoint, weight))
            continue;
        others += first != NULL;
        first = first ? first : weight;
    }
    if (!first)
        return LMVR_OK;
    if (others == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s is not part of the model that its configuration describes",
                         first->tensor.file->path, first->tensor.entry->name);
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: tensor %s, and %zu more, are not part of the model that its configuration describes",
                     first->tensor.file->path, first->tensor.entry->name, others);
}

#define SAMPLES     8  /* places hashed per tensor */
#define SAMPLE_SIZE 64 /* bytes per place */

static lmvr_status hash_samples(const struct checkpoint_tensor *tensor, uint64_t *hash, lmvr_error *error)
{
    unsigned char bytes[SAMPLE_SIZE];
    size_t size = tensor->entry->unit;
    if (size == 0)
        return LMVR_OK;
    uint64_t count = tensor->entry->size / size, each = SAMPLE_SIZE / size;
    each = each < count ? each : count;
    for (uint64_t i = 0; i < SAMPLES && each > 0; i++) {
        uint64_t first = (count - each) / (SAMPLES - 1) * i;
        TRY(tensor->file->format->read_bytes(tensor->file, tensor->entry, first * size, each * size, bytes, error));
        *hash = hash_bytes(*hash, bytes, each * size);
    }
    return LMVR_OK;
}

lmvr_status checkpoint_hash(const struct checkpoint *checkpoint, uint64_t *hash, lmvr_error *error)
{
    *hash = HASH_START;
    for (size_t i = 0; i < checkpoint->file_count; i++) {
        *hash = hash_bytes(*hash, &checkpoint->files[i]->hash, sizeof checkpoint->files[i]->hash);
    }
    for (size_t i = 0; i < checkpoint->count; i++)
        TRY(hash_samples(&checkpoint->weights[i].tensor, hash, error));
    return LMVR_OK;
}

#define MAX_DTYPES 48 /* more than any format has */

/* The bytes of one dtype. */
struct dtype_bytes {
    const char *name;
    uint64_t bytes;
};

static int compare_bytes(const void *a, const void *b)
{
    const struct dtype_bytes *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1) : strcmp(x->name, y->name);
}

/* The dtypes of all tensors, the one with the most bytes first; returns how many. */
static size_t count_dtypes(const struct checkpoint *checkpoint, struct dtype_bytes *dtypes)
{
    size_t count = 0;
    for (size_t i = 0; i < checkpoint->count; i++) {
        const struct weight_entry *entry = checkpoint->weights[i].tensor.entry;
        size_t at = 0;
        while (at < count && strcmp(dtypes[at].name, entry->dtype) != 0)
            at++;
        if (at == MAX_DTYPES)
            continue;
        if (at == count)
            dtypes[count++] = (struct dtype_bytes){.name = entry->dtype};
        dtypes[at].bytes += entry->size;
    }
    qsort(dtypes, count, sizeof *dtypes, compare_bytes);
    return count;
}

void checkpoint_list_dtypes(const struct checkpoint *checkpoint, char *text, size_t size)
{
    struct dtype_bytes dtypes[MAX_DTYPES];
    size_t count = count_dtypes(checkpoint, dtypes), used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < size && dtypes[i].bytes > 0; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", dtypes[i].name);
}
