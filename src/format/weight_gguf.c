#include "format/gguf.h"
#include "format/quantized_rows.h"
#include "format/weight_file.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(GGUF_MAX_DIMS <= WEIGHT_MAX_DIMS, "shapes fit");

#define PART (1 << 18) /* bytes of blocks read at a time, so that they are widened while in the CPU cache */

/* Entries are in the order of the file's own. */
static const struct gguf_tensor *own_tensor(const struct weight_file *file, const struct weight_entry *entry)
{
    return gguf_at(file->content, (size_t)(entry - file->entries));
}

static void close_file(struct weight_file *file)
{
    gguf_close(file->content);
    free(file->entries);
}

/* `count` elements of the blocks from element `skip` of the first on. */
static void widen(const struct gguf_type *type, const unsigned char *blocks, size_t skip, size_t count, float *out)
{
    float block[GGUF_MAX_BLOCK];
    size_t begun = skip == 0 ? 0 : type->elements - skip;
    begun = begun < count ? begun : count;
    if (begun > 0) {
        type->widen(blocks, 1, block);
        memcpy(out, block + skip, begun * sizeof *out);
        blocks += type->size;
    }
    size_t whole = (count - begun) / type->elements, rest = (count - begun) % type->elements;
    type->widen(blocks, whole, out + begun);
    if (rest > 0) {
        type->widen(blocks + whole * type->size, 1, block);
        memcpy(out + begun + whole * type->elements, block, rest * sizeof *out);
    }
}

/* Reads and widens the elements part by part; a part ends where a block does. */
static lmvr_status read_blocks(const struct weight_file *file, const struct gguf_tensor *tensor, uint64_t first, uint64_t count,
                               float *out, unsigned char *part, lmvr_error *error)
{
    const struct gguf_type *type = tensor->type;
    uint64_t step = PART / type->size * type->elements;
    while (count > 0) {
        uint64_t skip = first % type->elements, n = count < step - skip ? count : step - skip;
        uint64_t blocks = (skip + n + type->elements - 1) / type->elements, block = first / type->elements;
        TRY(gguf_read(file->content, tensor, block * type->size, blocks * type->size, part, error));
        widen(type, part, (size_t)skip, (size_t)n, out);
        first += n;
        count -= n;
        out += n;
    }
    return LMVR_OK;
}

static lmvr_status read_floats(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t count,
                               float *out, lmvr_error *error)
{
    const struct gguf_tensor *tensor = own_tensor(file, entry);
    uint64_t whole = tensor->size / tensor->type->size * tensor->type->elements;
    if (!entry->is_float)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s has the type %s, which is not read", file->path,
                         entry->name, entry->dtype);
    if (first > whole || count > whole - first)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s is read beyond its end", file->path, entry->name);
    uint64_t bytes = (count / tensor->type->elements + 2) * tensor->type->size; /* a row may begin and end in a block */
    unsigned char *part = malloc(bytes < PART ? (size_t)bytes : PART);
    if (!part)
        return error_no_memory(error, file->path);
    lmvr_status status = read_blocks(file, tensor, first, count, out, part, error);
    free(part);
    return status;
}

static lmvr_status read_bytes(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t size,
                              void *out, lmvr_error *error)
{
    return gguf_read(file->content, own_tensor(file, entry), first, size, out, error);
}

/* ---- blocks that are rows of quantized_rows.h -------------------------------------------------------------------------- */

/* Of one of the file's, as rows have it. */
static uint64_t row_bytes(const struct gguf_type *type)
{
    return (uint64_t)type->elements / GGUF_Q4_1_ELEMENTS * GGUF_Q4_1_BYTES;
}

/* Makes blocks, which lie at the end of the rows, blocks of Q4_1 in place: those are as large or larger. */
static void make_rows(const struct gguf_type *type, uint64_t blocks, unsigned char *rows)
{
    const unsigned char *from = rows + blocks * (row_bytes(type) - type->size);
    unsigned char block[GGUF_MAX_BLOCK];
    for (uint64_t i = 0; i < blocks; i++) {
        memcpy(block, from + i * type->size, type->size);
        type->to_q4_1(block, rows + i * row_bytes(type));
    }
}

static lmvr_status read_rows(const struct weight_file *file, const struct weight_entry *entry, int64_t first, int64_t count,
                             void *out, lmvr_error *error)
{
    const struct gguf_tensor *tensor = own_tensor(file, entry);
    uint64_t blocks = (uint64_t)entry->shape[1] / tensor->type->elements, size = tensor->type->size;
    size_t shift = (size_t)((uint64_t)count * blocks * (row_bytes(tensor->type) - size));
    if (first < 0 || first > entry->shape[0] || count > entry->shape[0] - first)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s is read beyond its end", file->path, entry->name);
    TRY(gguf_read(file->content, tensor, (uint64_t)first * blocks * size, (uint64_t)count * blocks * size,
                  (unsigned char *)out + shift, error));
    make_rows(tensor->type, (uint64_t)count * blocks, out);
    return quantized_rows_are_finite(entry->row_bits, entry->shape[1], count, out)
               ? LMVR_OK
               : error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s holds a scale that is not finite in f16", file->path,
                           entry->name);
}

static bool holds_rows(const struct gguf_tensor *tensor)
{
    return tensor->dims == 2 && tensor->type->to_q4_1;
}

static void describe(const struct gguf_tensor *from, struct weight_entry *entry)
{
    *entry = (struct weight_entry){.name = from->name,
                                   .dtype = from->type->name,
                                   .is_float = from->type->widen != NULL,
                                   .dims = from->dims,
                                   .size = from->size,
                                   .unit = from->type->elements == 1 ? from->type->size : 1,
                                   .block_bits = from->type->elements == 1 ? 0 : from->type->size * 8 / from->type->elements,
                                   .row_bits = holds_rows(from) ? 4 : 0};
    memcpy(entry->shape, from->shape, sizeof from->shape);
}

lmvr_status weight_file_open_gguf(struct weight_file *file, lmvr_error *error)
{
    static const struct weight_format format = {close_file, read_floats, read_bytes, read_rows};
    struct gguf *content;
    TRY(gguf_open(file->path, &content, error));
    file->format = &format;
    file->content = content;
    file->hash = gguf_hash(content);
    file->entries = calloc(gguf_count(content) + 1, sizeof *file->entries);
    if (!file->entries)
        return error_no_memory(error, file->path);
    file->count = gguf_count(content);
    for (size_t i = 0; i < file->count; i++)
        describe(gguf_at(content, i), &file->entries[i]);
    return LMVR_OK;
}
