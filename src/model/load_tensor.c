#include "model/load_tensor.h"

#include "format/quantized_rows.h"
#include "tensor/cpu/quantized.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#define READ_FLOATS ((int64_t)1 << 22) /* elements of a matrix read at a time */
#define READ_BYTES  ((int64_t)1 << 22) /* of rows that are taken as they are */
#define PART_BYTES  ((int64_t)1 << 20)
#define RANDOM_SIZE 0.02f /* scale of random weights, as LLaMA's initializer_range */

enum dtype model_outer_dtype(enum dtype weights)
{
    return weights == INT4 ? INT8 : weights;
}

enum dtype model_wide_dtype(const struct dtypes *dtypes)
{
    return dtypes->weights == INT8 ? dtypes->compute : model_outer_dtype(dtypes->weights);
}

enum dtype model_word_dtype(const struct dtypes *dtypes)
{
    return dtypes->weights == INT4 ? INT8 : dtypes->compute;
}

bool model_is_finer(const struct weight_entry *entry)
{
    return entry->row_bits == 8 || (entry->row_bits == 0 && entry->block_bits > 4);
}

/* The type of the matrix that these make up. */
static enum dtype matrix_dtype(const struct loader *l, const struct checkpoint_tensor *tensors, int count)
{
    bool finer = false;
    for (int i = 0; i < count; i++)
        finer |= tensors[i].entry && model_is_finer(tensors[i].entry);
    return l->dtypes.weights == INT4 && finer && checkpoint_holds_rows(l->checkpoint, 4) ? INT8 : l->dtypes.weights;
}

/* Part of a tensor as f32, or random values. */
static lmvr_status read_part(struct loader *l, const struct checkpoint_tensor *tensor, int64_t first, int64_t count, float *out)
{
    if (l->checkpoint)
        return checkpoint_read_part(tensor, (uint64_t)first, (uint64_t)count, out, l->error);
    for (int64_t i = 0; i < count; i++) {
        l->random = l->random * 6364136223846793005u + 1442695040888963407u;
        out[i] = (float)(int32_t)(l->random >> 32) * 0x1p-31f * RANDOM_SIZE;
    }
    return LMVR_OK;
}

static lmvr_status find(struct loader *l, const char *name, int dims, const int64_t *shape, struct checkpoint_tensor *tensor)
{
    *tensor = (struct checkpoint_tensor){0};
    return l->checkpoint ? checkpoint_find(l->checkpoint, name, dims, shape, tensor, l->error) : LMVR_OK;
}

lmvr_status load_floats(struct loader *l, const char *name, int dims, const int64_t *shape, float **out)
{
    int64_t count = 1;
    for (int i = 0; i < dims; i++)
        count *= shape[i];
    struct checkpoint_tensor tensor;
    TRY(find(l, name, dims, shape, &tensor));
    *out = aligned_zeroed(count, sizeof(float));
    if (!*out)
        return error_no_memory(l->error, name);
    if (l->plan)
        return plan_kept(l->plan, name, &tensor, l->error);
    return read_part(l, &tensor, 0, count, *out);
}

/* Moves `count` floats to the device. */
static lmvr_status take(const struct loader *l, float **floats, int64_t count)
{
    void *taken;
    TRY(device_take(l->device, *floats, (size_t)count * sizeof **floats, &taken, l->error));
    *floats = taken;
    return LMVR_OK;
}

lmvr_status load_table(struct loader *l, const char *name, int dims, const int64_t *shape, float **out)
{
    int64_t count = 1;
    for (int i = 0; i < dims; i++)
        count *= shape[i];
    TRY(load_floats(l, name, dims, shape, out));
    return take(l, out, count);
}

lmvr_status load_vector(struct loader *l, const char *name, int64_t size, float **out)
{
    return load_table(l, name, 1, &size, out);
}

lmvr_status load_norm(struct loader *l, const char *prefix, int64_t size, float eps, bool rms, struct norm *norm)
{
    char name[LOAD_NAME_SIZE];
    *norm = (struct norm){.device = l->device, .eps = eps, .rms = rms};
    snprintf(name, sizeof name, "%s.weight", prefix);
    TRY(load_floats(l, name, 1, &size, &norm->weight));
    for (int64_t i = 0; !l->checkpoint && i < size; i++)
        norm->weight[i] = 1.0f;
    TRY(take(l, &norm->weight, size));
    if (rms)
        return LMVR_OK;
    snprintf(name, sizeof name, "%s.bias", prefix);
    return load_vector(l, name, size, &norm->bias);
}

static lmvr_status set_rows(struct loader *l, const struct checkpoint_tensor *tensor, int64_t out, int64_t in,
                            int64_t first_row, const struct linear *linear)
{
    int64_t step = READ_FLOATS / in > 0 ? READ_FLOATS / in : 1;
    step = step < out ? step : out;
    float *rows = aligned_zeroed(step * in, sizeof *rows);
    if (!rows)
        return error_no_memory(l->error, "a weight matrix");
    lmvr_status status = LMVR_OK;
    for (int64_t row = 0; row < out && status == LMVR_OK; row += step) {
        int64_t count = row + step < out ? step : out - row;
        status = read_part(l, tensor, row * in, count * in, rows);
        if (status == LMVR_OK)
            status = l->device->operations->matrix_set(linear->weight, first_row + row, count, rows, l->error);
    }
    free(rows);
    return status;
}

static int bits_of(enum dtype dtype)
{
    return dtype == INT8 ? 8 : dtype == INT4 ? 4 : 0;
}

static bool hold_rows(const struct checkpoint_tensor *tensors, int count, enum dtype dtype)
{
    for (int i = 0; i < count; i++)
        if (!tensors[i].entry || tensors[i].entry->row_bits != bits_of(dtype))
            return false;
    return bits_of(dtype) != 0;
}

/* By all threads, as far as a part is large enough for its pages not to stay in the system's cache. */
static lmvr_status read_rows(const struct checkpoint_tensor *tensor, int64_t first, int64_t count, int64_t size, char *rows,
                             lmvr_error *error)
{
    const struct weight_file *file = tensor->file;
    int64_t threads = omp_get_max_threads(), most = count * size / PART_BYTES;
    int64_t parts = most < 1 ? 1 : most < threads ? most : threads;
    lmvr_status status = LMVR_OK;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < parts; i++) {
        lmvr_error why;
        int64_t begin = count * i / parts, end = count * (i + 1) / parts;
        lmvr_status own =
            begin == end ? LMVR_OK
                         : file->format->read_rows(file, tensor->entry, first + begin, end - begin, rows + begin * size, &why);
#pragma omp critical /* unnamed: a name would become a symbol exported by the library */
        if (own != LMVR_OK) {
            status = own;
            error_write(error, "%s", why.message);
        }
    }
    return status;
}

/* Rows as they are; `factors` (in) are ones, for a tensor without. */
static lmvr_status import_rows(struct loader *l, const struct checkpoint_tensor *tensor, int64_t out, int64_t in,
                               const float *factors, int64_t first_row, const struct linear *linear)
{
    const struct weight_file *file = tensor->file;
    int64_t size = (int64_t)quantized_row_bytes(tensor->entry->row_bits, in);
    int64_t step = READ_BYTES / size > 0 ? READ_BYTES / size : 1;
    step = step < out ? step : out;
    char *rows = aligned_zeroed(step * size, 1);
    if (!rows)
        return error_no_memory(l->error, "a weight matrix");
    lmvr_status status = LMVR_OK;
    for (int64_t row = 0; row < out && status == LMVR_OK; row += step) {
        lmvr_error why;
        int64_t count = row + step < out ? step : out - row;
        status = read_rows(tensor, row, count, size, rows, l->error);
        if (status != LMVR_OK)
            break;
        status = l->device->operations->matrix_import(linear->weight, first_row + row, count, rows,
                                                      tensor->entry->factors ? tensor->entry->factors : factors, &why);
        if (status != LMVR_OK)
            error_write(l->error, "%s: tensor %.200s: %s", file->path, tensor->entry->name, why.message);
    }
    free(rows);
    return status;
}

lmvr_status load_matrix(struct loader *l, const struct checkpoint_tensor *tensors, const int64_t *outs, int count, int64_t in,
                        enum dtype dtype, struct linear *linear)
{
    int64_t out = 0, row = 0;
    for (int i = 0; i < count; i++)
        out += outs[i];
    TRY(linear_create(linear, l->device, out, in, dtype, l->error));
    float *ones = aligned_zeroed(in, sizeof *ones);
    bool held = hold_rows(tensors, count, dtype);
    lmvr_status status = ones ? LMVR_OK : error_no_memory(l->error, "a weight matrix");
    for (int64_t i = 0; ones && i < in; i++)
        ones[i] = 1;
    for (int i = 0; i < count && status == LMVR_OK; row += outs[i++])
        status = held ? import_rows(l, &tensors[i], outs[i], in, ones, row, linear)
                      : set_rows(l, &tensors[i], outs[i], in, row, linear);
    free(ones);
    return status == LMVR_OK ? l->device->operations->matrix_seal(linear->weight, l->notice, l->error) : status;
}

/* `bias` is the host's; it is freed even after a failure. */
static lmvr_status read_bias(struct loader *l, const struct part *parts, int count, float *bias)
{
    int64_t at = 0;
    for (int i = 0; i < count; at += parts[i++].out) {
        char name[LOAD_NAME_SIZE + 16];
        struct checkpoint_tensor tensor;
        snprintf(name, sizeof name, "%s.bias", parts[i].prefix);
        TRY(find(l, name, 1, &parts[i].out, &tensor));
        if (l->plan)
            TRY(plan_kept(l->plan, name, &tensor, l->error));
        else
            TRY(read_part(l, &tensor, 0, parts[i].out, bias + at));
    }
    return LMVR_OK;
}

static lmvr_status load_bias(struct loader *l, const struct part *parts, int count, struct linear *linear)
{
    float *bias = aligned_zeroed(linear->out, sizeof(float));
    if (!bias)
        return error_no_memory(l->error, "a bias");
    lmvr_status status = read_bias(l, parts, count, bias);
    if (status != LMVR_OK) {
        free(bias);
        return status;
    }
    linear->bias = bias;
    return take(l, &linear->bias, linear->out);
}

/* The matrix that a layer would have. */
static lmvr_status plan_parts(struct loader *l, const struct part *parts, int count, const struct checkpoint_tensor *tensors,
                              int64_t in, enum dtype dtype)
{
    struct planned_tensor planned[PLAN_MOST];
    for (int i = 0; i < count; i++) {
        const char *prefix = parts[i].alias && bits_of(dtype) ? parts[i].alias : parts[i].prefix;
        planned[i].tensor = tensors[i];
        snprintf(planned[i].name, sizeof planned[i].name, "%s.weight", prefix);
        if (!bits_of(dtype))
            TRY(plan_tensor(l->plan, planned[i].name, &tensors[i], dtype, l->error));
    }
    return bits_of(dtype) ? plan_matrix(l->plan, planned, count, in, dtype, l->error) : LMVR_OK;
}

lmvr_status load_stacked(struct loader *l, const struct part *parts, int count, int64_t in, const int64_t *kernel, bool bias,
                         struct linear *linear)
{
    int64_t outs[PLAN_MOST];
    struct checkpoint_tensor tensors[PLAN_MOST];
    *linear = (struct linear){.device = l->device, .in = in};
    for (int i = 0; i < count; linear->out += outs[i++]) {
        char name[LOAD_NAME_SIZE + 16];
        int64_t deep[] = {parts[i].out, kernel ? kernel[0] : in, kernel ? kernel[1] : 0, kernel ? kernel[2] : 0};
        snprintf(name, sizeof name, "%s.weight", parts[i].prefix);
        TRY(find(l, name, kernel ? 4 : 2, deep, &tensors[i]));
        outs[i] = parts[i].out;
    }
    /* pixels are not quantized: there are few weights for them */
    enum dtype dtype = kernel ? l->dtypes.compute : matrix_dtype(l, tensors, count);
    if (l->plan)
        TRY(plan_parts(l, parts, count, tensors, in, dtype));
    else
        TRY(load_matrix(l, tensors, outs, count, in, dtype, linear));
    return bias ? load_bias(l, parts, count, linear) : LMVR_OK;
}

lmvr_status load_linear_from(struct loader *l, int64_t out, int64_t in, enum dtype dtype, const float *weight,
                             struct linear *linear)
{
    *linear = (struct linear){.device = l->device, .in = in, .out = out};
    if (l->plan) /* what it was made of is planned already */
        return LMVR_OK;
    TRY(linear_create(linear, l->device, out, in, dtype, l->error));
    TRY(l->device->operations->matrix_set(linear->weight, 0, out, weight, l->error));
    return l->device->operations->matrix_seal(linear->weight, l->notice, l->error);
}

lmvr_status load_linear(struct loader *l, const char *prefix, int64_t out, int64_t in, bool bias, struct linear *linear)
{
    struct part part = {.out = out};
    snprintf(part.prefix, sizeof part.prefix, "%s", prefix);
    return load_stacked(l, &part, 1, in, NULL, bias, linear);
}

lmvr_status load_head(struct loader *l, const char *prefix, const char *tied, int64_t out, int64_t in, struct linear *linear)
{
    enum dtype weights = l->dtypes.weights;
    struct part part = {.out = out, .alias = tied ? prefix : NULL};
    snprintf(part.prefix, sizeof part.prefix, "%s", tied ? tied : prefix);
    l->dtypes.weights = model_wide_dtype(&l->dtypes);
    lmvr_status status = load_stacked(l, &part, 1, in, NULL, false, linear);
    l->dtypes.weights = weights;
    return status;
}

void set_part(struct part *part, int64_t out, const char *format, int block)
{
    *part = (struct part){.out = out};
    snprintf(part->prefix, sizeof part->prefix, format, block);
}

static void convert(enum dtype dtype, const float *from, int64_t count, void *to)
{
    for (int64_t i = 0; i < count; i++) {
        if (dtype == F32)
            ((float *)to)[i] = from[i];
        else
            ((bf16 *)to)[i] = bf16_from_f32(from[i]);
    }
}

static size_t embedding_row_bytes(enum dtype dtype, int64_t width)
{
    return dtype == INT8 ? quantized_record_bytes(width, 8) : (size_t)width * dtype_size(dtype);
}

/* Files of our own have bf16, from which int8 is to be the same as from what was converted. */
static void set_embedding_rows(enum dtype dtype, float *from, int64_t rows, int64_t width, char *to)
{
    if (dtype != INT8) {
        convert(dtype, from, rows * width, to);
        return;
    }
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        float *row = from + r * width;
        for (int64_t i = 0; i < width; i++)
            row[i] = bf16_to_f32(bf16_from_f32(row[i]));
        quantized_write_record(width, 8, row, to + (size_t)r * quantized_record_bytes(width, 8));
    }
}

lmvr_status load_embedding(struct loader *l, const char *name, int64_t rows, int64_t width, enum dtype dtype, void **out)
{
    int64_t shape[] = {rows, width}, step = READ_FLOATS / width > 0 ? READ_FLOATS / width : 1;
    struct checkpoint_tensor tensor;
    TRY(find(l, name, 2, shape, &tensor));
    *out = NULL;
    if (l->plan)
        return plan_tensor(l->plan, name, &tensor, l->dtypes.compute, l->error);
    size_t row_bytes = embedding_row_bytes(dtype, width);
    char *table = aligned_zeroed(rows, row_bytes);
    float *part = aligned_zeroed(step * width, sizeof *part);
    if (!table || !part) {
        free(table);
        free(part);
        return error_no_memory(l->error, "the embedding");
    }
    lmvr_status status = LMVR_OK;
    for (int64_t row = 0; row < rows && status == LMVR_OK; row += step) {
        int64_t count = row + step < rows ? step : rows - row;
        status = read_part(l, &tensor, row * width, count * width, part);
        if (status == LMVR_OK)
            set_embedding_rows(dtype, part, count, width, table + (size_t)row * row_bytes);
    }
    free(part);
    if (status == LMVR_OK)
        return device_take(l->device, table, (size_t)rows * row_bytes, out, l->error);
    free(table);
    return status;
}
