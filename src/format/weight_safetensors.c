#include "format/quantized_rows.h"
#include "format/safetensors.h"
#include "format/weight_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(SAFETENSORS_MAX_DIMS <= WEIGHT_MAX_DIMS, "shapes fit");

#define PART ((int64_t)1 << 20) /* bytes of quantized rows read at a time */

struct content {
    struct safetensors *file;
    float *factors; /* of all quantized matrices, one after the other */
};

/* Entries are in the order of the file's own. */
static const struct safetensors_entry *own_entry(const struct weight_file *file, const struct weight_entry *entry)
{
    const struct content *content = file->content;
    return safetensors_entry_at(content->file, (size_t)(entry - file->entries));
}

static void close_file(struct weight_file *file)
{
    struct content *content = file->content;
    if (content) {
        safetensors_close(content->file);
        free(content->factors);
        free(content);
    }
    free(file->entries);
}

static lmvr_status read_bytes(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t size,
                              void *out, lmvr_error *error)
{
    const struct content *content = file->content;
    return safetensors_read_raw(content->file, own_entry(file, entry), first / entry->unit, size / entry->unit, out, error);
}

/* ---- quantized matrices ----------------------------------------------------------------------------------------------- */

static lmvr_status refuse(const struct weight_file *file, const struct weight_entry *entry, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s %s", file->path, entry->name, what);
}

static lmvr_status read_rows(const struct weight_file *file, const struct weight_entry *entry, int64_t first, int64_t count,
                             void *out, lmvr_error *error)
{
    int64_t in = entry->shape[1];
    uint64_t size = quantized_row_bytes(entry->row_bits, in);
    if (first < 0 || first > entry->shape[0] || count > entry->shape[0] - first)
        return refuse(file, entry, "is read beyond its end", error);
    TRY(read_bytes(file, entry, (uint64_t)first * size, (uint64_t)count * size, out, error));
    return quantized_rows_are_finite(entry->row_bits, in, count, out)
               ? LMVR_OK
               : refuse(file, entry, "holds a scale that is not finite", error);
}

/* `part` has room for `step` rows, `row` for one that is widened. */
static lmvr_status widen_rows(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t count,
                              float *out, unsigned char *part, int64_t step, float *row, lmvr_error *error)
{
    int64_t in = entry->shape[1], at = (int64_t)first / in, end = (int64_t)(first + count + (uint64_t)in - 1) / in;
    uint64_t skip = first % (uint64_t)in;
    for (int64_t n; at < end; at += n) {
        n = end - at < step ? end - at : step;
        TRY(read_rows(file, entry, at, n, part, error));
        for (int64_t r = 0; r < n; r++, skip = 0) {
            uint64_t some = (uint64_t)in - skip < count ? (uint64_t)in - skip : count;
            quantized_row_widen(entry->row_bits, in, part + (size_t)r * quantized_row_bytes(entry->row_bits, in),
                                entry->factors, row);
            memcpy(out, row + skip, some * sizeof *out);
            out += some;
            count -= some;
        }
    }
    return LMVR_OK;
}

static lmvr_status read_quantized(const struct weight_file *file, const struct weight_entry *entry, uint64_t first,
                                  uint64_t count, float *out, lmvr_error *error)
{
    int64_t in = entry->shape[1], size = (int64_t)quantized_row_bytes(entry->row_bits, in);
    uint64_t whole = weight_entry_elements(entry);
    if (first > whole || count > whole - first)
        return refuse(file, entry, "is read beyond its end", error);
    int64_t step = PART / size > 0 ? PART / size : 1;
    unsigned char *part = malloc((size_t)(step * size));
    float *row = malloc((size_t)in * sizeof *row);
    lmvr_status status =
        part && row ? widen_rows(file, entry, first, count, out, part, step, row, error) : error_no_memory(error, file->path);
    free(part);
    free(row);
    return status;
}

static lmvr_status read_floats(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t count,
                               float *out, lmvr_error *error)
{
    const struct content *content = file->content;
    if (entry->row_bits)
        return read_quantized(file, entry, first, count, out, error);
    return safetensors_read_f32(content->file, own_entry(file, entry), first, count, out, error);
}

/* The factors of a matrix's columns. */
static lmvr_status find_factors(const struct weight_file *file, const struct weight_entry *matrix,
                                struct weight_entry **factors, lmvr_error *error)
{
    char *name = NULL;
    if (asprintf(&name, "%s" WEIGHT_FACTORS, matrix->name) < 0)
        return error_no_memory(error, file->path);
    const struct weight_entry *found = weight_file_find(file, name);
    free(name);
    if (!found)
        return refuse(file, matrix, "is quantized, but the factors of its columns are missing", error);
    *factors = &file->entries[found - file->entries];
    return LMVR_OK;
}

static lmvr_status check_factors(const struct weight_file *file, const struct weight_entry *entry, const float *factors,
                                 lmvr_error *error)
{
    for (int64_t i = 0; i < entry->shape[0]; i++) {
        int exponent;
        if (!isfinite(factors[i]) || frexpf(factors[i], &exponent) != 0.5f)
            return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s holds %g at %lld, expected a power of two",
                             file->path, entry->name, (double)factors[i], (long long)i);
    }
    return LMVR_OK;
}

/* Makes a matrix of bytes one of numbers. *factors is where its columns' factors go, and then those of the next. */
static lmvr_status join(struct weight_file *file, struct weight_entry *matrix, float **factors, lmvr_error *error)
{
    int bits = strcmp(matrix->dtype, "I8") == 0 ? 8 : 4;
    struct weight_entry *columns;
    TRY(find_factors(file, matrix, &columns, error));
    int64_t in = columns->shape[0];
    if (strcmp(columns->dtype, "F32") != 0 || columns->dims != 1 || in < 1)
        return refuse(file, columns, "is not a list of factors in F32", error);
    if ((uint64_t)matrix->shape[1] != quantized_row_bytes(bits, in))
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s has rows of %lld bytes, expected %zu for %lld columns",
                         file->path, matrix->name, (long long)matrix->shape[1], quantized_row_bytes(bits, in), (long long)in);
    TRY(read_bytes(file, columns, 0, columns->size, *factors, error));
    TRY(check_factors(file, columns, *factors, error));
    columns->inner = true;
    matrix->dtype = bits == 8 ? "INT8" : "INT4";
    matrix->is_float = true;
    matrix->row_bits = bits;
    matrix->factors = *factors;
    matrix->shape[1] = in;
    *factors += in;
    return LMVR_OK;
}

static bool is_quantized(const struct weight_entry *entry)
{
    return entry->dims == 2 && (strcmp(entry->dtype, "I8") == 0 || strcmp(entry->dtype, "U8") == 0);
}

static bool is_factors(const char *name)
{
    size_t length = strlen(name), end = strlen(WEIGHT_FACTORS);
    return length > end && strcmp(name + length - end, WEIGHT_FACTORS) == 0;
}

static lmvr_status join_all(struct weight_file *file, lmvr_error *error)
{
    struct content *content = file->content;
    const char *layout = safetensors_metadata(content->file, WEIGHT_QUANTIZED);
    uint64_t bytes = 0;
    if (!layout)
        return LMVR_OK;
    if (strcmp(layout, WEIGHT_QUANTIZED_LAYOUT) != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: " WEIGHT_QUANTIZED " is %.40s, expected " WEIGHT_QUANTIZED_LAYOUT,
                         file->path, layout);
    for (size_t i = 0; i < file->count; i++)
        bytes += is_factors(file->entries[i].name) ? file->entries[i].size : 0;
    content->factors = malloc(bytes + 1);
    if (!content->factors)
        return error_no_memory(error, file->path);
    float *factors = content->factors;
    for (size_t i = 0; i < file->count; i++)
        if (is_quantized(&file->entries[i]))
            TRY(join(file, &file->entries[i], &factors, error));
    return LMVR_OK;
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static void describe(const struct safetensors_entry *from, struct weight_entry *entry)
{
    *entry = (struct weight_entry){.name = from->name,
                                   .dtype = safetensors_dtype_name(from->dtype),
                                   .is_float = from->dtype == ST_F32 || from->dtype == ST_F16 || from->dtype == ST_BF16,
                                   .dims = from->dims,
                                   .size = from->size,
                                   .unit = safetensors_dtype_size(from->dtype)};
    memcpy(entry->shape, from->shape, sizeof from->shape);
}

lmvr_status weight_file_open_safetensors(struct weight_file *file, lmvr_error *error)
{
    static const struct weight_format format = {close_file, read_floats, read_bytes, read_rows};
    struct content *content = calloc(1, sizeof *content);
    if (!content)
        return error_no_memory(error, file->path);
    file->format = &format;
    file->content = content;
    TRY(safetensors_open(file->path, &content->file, error));
    file->hash = safetensors_header_hash(content->file);
    file->entries = calloc(safetensors_count(content->file) + 1, sizeof *file->entries);
    if (!file->entries)
        return error_no_memory(error, file->path);
    file->count = safetensors_count(content->file);
    for (size_t i = 0; i < file->count; i++)
        describe(safetensors_entry_at(content->file, i), &file->entries[i]);
    return join_all(file, error);
}
