#include "model/convert_weights.h"

#include "format/half.h"
#include "format/input.h"
#include "format/json.h"
#include "format/quantized_rows.h"
#include "format/replace.h"
#include "format/safetensors.h"
#include "model/load_tensor.h"
#include "model/weight_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDEX "model.safetensors.index.json"

/* A tensor that is written: floats of one type, or a quantized matrix's rows, or the factors of its columns. */
struct output {
    char *name;
    enum { FLOATS, ROWS, FACTORS } kind;
    const struct planned *item; /* of a quantized matrix */
    int part;                   /* which of the item's tensors */
    struct checkpoint_tensor tensor;
};

struct writing {
    const struct convert *convert;
    size_t count, space;
    struct output *outputs;
    struct safetensors_write *tensors; /* their descriptions */
    uint64_t done, total;

    float *floats; /* of a part of a tensor, before they are narrowed */
    /* The matrix whose rows are written now, and those rows of one of its tensors. */
    struct linear matrix;
    const struct planned *item;
    const struct output *output;
    unsigned char *rows;
};

/* ---- what is written -------------------------------------------------------------------------------------------------- */

/* Room for one more; false: out of memory. */
static bool make_room(struct writing *w)
{
    if (w->count < w->space)
        return true;
    size_t space = w->space ? 2 * w->space : 256;
    struct output *outputs = reallocarray(w->outputs, space, sizeof *outputs);
    w->outputs = outputs ? outputs : w->outputs;
    struct safetensors_write *tensors = reallocarray(w->tensors, space, sizeof *tensors);
    w->tensors = tensors ? tensors : w->tensors;
    w->space = outputs && tensors ? space : w->space;
    return outputs && tensors;
}

/* The name in the file where it means this weight, so that other programs find it; else the canonical one. */
static char *name_of(const char *canonical, const struct checkpoint_tensor *tensor)
{
    char *own = weight_name_canonical(tensor->entry->name);
    bool same = own && strcmp(own, canonical) == 0;
    free(own);
    return strdup(same ? tensor->entry->name : canonical);
}

static lmvr_status add(struct writing *w, struct output output, enum safetensors_dtype dtype, int dims, const int64_t *shape,
                       lmvr_error *error)
{
    if (!output.name || !make_room(w)) {
        free(output.name);
        return error_no_memory(error, "the names of tensors");
    }
    struct safetensors_write *tensor = &w->tensors[w->count];
    *tensor = (struct safetensors_write){.dtype = dtype, .dims = dims};
    memcpy(tensor->shape, shape, (size_t)dims * sizeof *shape);
    uint64_t bytes = safetensors_dtype_size(dtype);
    for (int i = 0; i < dims; i++)
        bytes *= (uint64_t)shape[i];
    w->total += bytes;
    w->outputs[w->count++] = output;
    return LMVR_OK;
}

static lmvr_status add_floats(struct writing *w, const char *canonical, const struct checkpoint_tensor *tensor,
                              enum safetensors_dtype dtype, lmvr_error *error)
{
    struct output output = {.name = name_of(canonical, tensor), .kind = FLOATS, .tensor = *tensor};
    return add(w, output, dtype, tensor->entry->dims, tensor->entry->shape, error);
}

/* What keeps the values of a tensor. */
static enum safetensors_dtype kept_dtype(const struct writing *w, const struct checkpoint_tensor *tensor)
{
    const char *dtype = tensor->entry->dtype;
    if (w->convert->dtypes.weights == F32)
        return ST_F32;
    return strcmp(dtype, "F16") == 0 ? ST_F16 : strcmp(dtype, "BF16") == 0 ? ST_BF16 : ST_F32;
}

static lmvr_status add_quantized(struct writing *w, const struct planned *item, lmvr_error *error)
{
    int bits = item->dtype == INT8 ? 8 : 4;
    for (int i = 0; i < item->count; i++) {
        const struct planned_tensor *part = &item->tensors[i];
        int64_t rows[] = {part->tensor.entry->shape[0], (int64_t)quantized_row_bytes(bits, item->in)};
        struct output output = {.name = name_of(part->name, &part->tensor), .kind = ROWS, .item = item, .part = i};
        struct output factors = {.kind = FACTORS, .item = item, .part = i};
        if (!output.name || asprintf(&factors.name, "%s" WEIGHT_FACTORS, output.name) < 0)
            factors.name = NULL;
        lmvr_status status = add(w, output, bits == 8 ? ST_I8 : ST_U8, 2, rows, error);
        if (status != LMVR_OK) {
            free(factors.name);
            return status;
        }
        TRY(add(w, factors, ST_F32, 1, &item->in, error));
    }
    return LMVR_OK;
}

static bool is_planned(const struct plan *plan, const struct weight_entry *entry)
{
    for (size_t i = 0; i < plan->count; i++)
        for (int j = 0; j < plan->items[i].count; j++)
            if (plan->items[i].tensors[j].tensor.entry == entry)
                return true;
    return false;
}

/* What no part of the model reads may be of use to other programs. */
static lmvr_status add_rest(struct writing *w, lmvr_error *error)
{
    const struct checkpoint *checkpoint = w->convert->checkpoint;
    for (size_t i = 0; i < checkpoint_count(checkpoint); i++) {
        struct checkpoint_tensor tensor;
        const char *canonical = checkpoint_at(checkpoint, i, &tensor);
        if (tensor.entry->is_float && !weight_name_is_harmless(canonical) && !is_planned(w->convert->plan, tensor.entry))
            TRY(add_floats(w, canonical, &tensor, kept_dtype(w, &tensor), error));
    }
    return LMVR_OK;
}

static lmvr_status list(struct writing *w, lmvr_error *error)
{
    const struct plan *plan = w->convert->plan;
    for (size_t i = 0; i < plan->count; i++) {
        const struct planned *item = &plan->items[i];
        const struct planned_tensor *first = &item->tensors[0];
        if (item->is_kept)
            TRY(add_floats(w, first->name, &first->tensor, kept_dtype(w, &first->tensor), error));
        else if (item->dtype == F32 || item->dtype == BF16)
            TRY(add_floats(w, first->name, &first->tensor, item->dtype == F32 ? ST_F32 : ST_BF16, error));
        else
            TRY(add_quantized(w, item, error));
    }
    return add_rest(w, error);
}

/* ---- their bytes ------------------------------------------------------------------------------------------------------ */

#define SOME ((uint64_t)1 << 18) /* floats that are narrowed at a time */

static lmvr_status read_halves(struct writing *w, const struct output *output, bool bf16s, uint64_t first, uint64_t count,
                               uint16_t *to, lmvr_error *error)
{
    for (uint64_t at = 0, n; at < count; at += n) {
        n = count - at < SOME ? count - at : SOME;
        TRY(checkpoint_read_part(&output->tensor, first + at, n, w->floats, error));
        if (!bf16s)
            half_narrow_f16(w->floats, n, to + at);
        for (uint64_t i = 0; bf16s && i < n; i++)
            to[at + i] = bf16_from_f32(w->floats[i]);
    }
    return LMVR_OK;
}

static lmvr_status open_matrix(struct writing *w, const struct planned *item, lmvr_error *error)
{
    int64_t outs[PLAN_MOST];
    struct checkpoint_tensor tensors[PLAN_MOST];
    struct loader loader = {.device = device_cpu(), .checkpoint = w->convert->checkpoint, .error = error};
    if (w->item == item)
        return LMVR_OK;
    w->item = item;
    w->output = NULL;
    linear_finish(&w->matrix);
    for (int i = 0; i < item->count; i++) {
        tensors[i] = item->tensors[i].tensor;
        outs[i] = tensors[i].entry->shape[0];
    }
    return load_matrix(&loader, tensors, outs, item->count, item->in, item->dtype, &w->matrix);
}

static lmvr_status open_rows(struct writing *w, const struct output *output, lmvr_error *error)
{
    TRY(open_matrix(w, output->item, error));
    if (w->output == output)
        return LMVR_OK;
    const struct planned_tensor *parts = output->item->tensors;
    int64_t first = 0, count = parts[output->part].tensor.entry->shape[0];
    for (int i = 0; i < output->part; i++)
        first += parts[i].tensor.entry->shape[0];
    free(w->rows);
    w->rows = malloc((size_t)count * quantized_row_bytes(output->item->dtype == INT8 ? 8 : 4, output->item->in));
    if (!w->rows)
        return error_no_memory(error, "a weight matrix");
    device_cpu()->operations->matrix_export(w->matrix.weight, first, count, w->rows);
    w->output = output;
    return LMVR_OK;
}

static lmvr_status read_part(const struct safetensors_write *tensor, uint64_t at, size_t bytes, void *to, lmvr_error *error)
{
    struct writing *w = tensor->reader;
    const struct output *output = tensor->data;
    uint64_t size = safetensors_dtype_size(tensor->dtype);
    if (output->kind == ROWS) {
        TRY(open_rows(w, output, error));
        memcpy(to, w->rows + at, bytes);
    } else if (output->kind == FACTORS) {
        TRY(open_matrix(w, output->item, error));
        memcpy(to, (const char *)device_cpu()->operations->matrix_factors(w->matrix.weight) + at, bytes);
    } else if (tensor->dtype == ST_F32) {
        TRY(checkpoint_read_part(&output->tensor, at / size, bytes / size, to, error));
    } else {
        TRY(read_halves(w, output, tensor->dtype == ST_BF16, at / size, bytes / size, to, error));
    }
    w->done += bytes;
    if (w->convert->progress && w->convert->progress(w->done, w->total, w->convert->user) != 0)
        return error_set(error, LMVR_STOPPED, "the conversion was stopped");
    return LMVR_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------------------ */

static uint64_t bytes_of(const struct safetensors_write *tensor)
{
    uint64_t bytes = safetensors_dtype_size(tensor->dtype);
    for (int i = 0; i < tensor->dims; i++)
        bytes *= (uint64_t)tensor->shape[i];
    return bytes;
}

/* The end of the file that begins with tensor `first`. */
static size_t end_of_shard(const struct writing *w, size_t first)
{
    uint64_t bytes = 0;
    size_t end = first;
    while (end < w->count && (end == first || bytes + bytes_of(&w->tensors[end]) <= w->convert->shard))
        bytes += bytes_of(&w->tensors[end++]);
    return end;
}

static lmvr_status write_file(const struct writing *w, const char *folder, const char *name, size_t first, size_t end,
                              lmvr_error *error)
{
    static const char *const plain[] = {"format", "pt", NULL};
    static const char *const quantized[] = {"format", "pt", WEIGHT_QUANTIZED, WEIGHT_QUANTIZED_LAYOUT, NULL};
    enum dtype weights = w->convert->dtypes.weights;
    char *path = input_path(folder, name);
    lmvr_status status = path ? safetensors_write(path, w->tensors + first, end - first,
                                                  weights == INT8 || weights == INT4 ? quantized : plain, error)
                              : error_no_memory(error, name);
    free(path);
    return status;
}

static lmvr_status write_index(const struct writing *w, const char *folder, json_t *map, lmvr_error *error)
{
    json_t *index = json_pack("{s:{s:I}, s:O}", "metadata", "total_size", (json_int_t)w->total, "weight_map", map);
    char *path = input_path(folder, INDEX), *text = index ? json_dumps(index, JSON_INDENT(2)) : NULL;
    lmvr_status status = path && text ? file_replace(path, text, strlen(text), error) : error_no_memory(error, INDEX);
    json_decref(index);
    free(text);
    free(path);
    return status;
}

static lmvr_status write_shards(const struct writing *w, const char *folder, lmvr_error *error)
{
    json_t *map = json_object();
    lmvr_status status = map ? LMVR_OK : error_no_memory(error, INDEX);
    int shards = 0, shard = 0;
    for (size_t first = 0; first < w->count; first = end_of_shard(w, first))
        shards++;
    for (size_t first = 0, end; first < w->count && status == LMVR_OK; first = end) {
        char name[64];
        end = end_of_shard(w, first);
        snprintf(name, sizeof name, "model-%05d-of-%05d.safetensors", ++shard, shards);
        for (size_t i = first; i < end; i++)
            json_object_set_new(map, w->tensors[i].name, json_string(name));
        status = write_file(w, folder, name, first, end, error);
    }
    if (status == LMVR_OK)
        status = write_index(w, folder, map, error);
    json_decref(map);
    return status;
}

static lmvr_status write(struct writing *w, const char *folder, lmvr_error *error)
{
    TRY(list(w, error));
    for (size_t i = 0; i < w->count; i++) { /* the arrays have grown to their ends */
        w->tensors[i].name = w->outputs[i].name;
        w->tensors[i].data = &w->outputs[i];
        w->tensors[i].read = read_part;
        w->tensors[i].reader = w;
    }
    w->floats = malloc(SOME * sizeof *w->floats);
    if (!w->floats)
        return error_no_memory(error, "the model's weights");
    if (end_of_shard(w, 0) == w->count)
        return write_file(w, folder, "model.safetensors", 0, w->count, error);
    return write_shards(w, folder, error);
}

lmvr_status convert_weights(const struct convert *convert, const char *folder, lmvr_error *error)
{
    struct writing w = {.convert = convert};
    lmvr_status status = write(&w, folder, error);
    for (size_t i = 0; i < w.count; i++)
        free(w.outputs[i].name);
    linear_finish(&w.matrix);
    free(w.outputs);
    free(w.tensors);
    free(w.floats);
    free(w.rows);
    return status;
}
