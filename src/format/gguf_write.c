#include "format/gguf_write.h"

#include "format/file.h"
#include "format/replace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 32
#define PART      (1 << 16) /* elements made and written at a time, whole blocks of any type */

/* The types of values, by their numbers in a file. */
enum kind { U32 = 4, I32 = 5, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9 };

struct tensor {
    const struct gguf_type *type;
    uint64_t elements, size; /* size: bytes */
    gguf_source *read;
    const void *user;
};

/* Bytes that grow, in memory. */
struct growing {
    FILE *stream;
    char *bytes;
    size_t size;
};

struct gguf_writer {
    struct growing keys, names; /* of the header: its pairs, and its tensors */
    uint64_t key_count, end;    /* end: of the tensors so far, from where they begin */
    size_t count;
    struct tensor *tensors;
};

static bool growing_open(struct growing *g)
{
    g->stream = open_memstream(&g->bytes, &g->size);
    return g->stream;
}

static void growing_free(const struct growing *g)
{
    if (g->stream)
        fclose(g->stream);
    free(g->bytes);
}

lmvr_status gguf_writer_create(struct gguf_writer **writer, lmvr_error *error)
{
    struct gguf_writer *w = *writer = calloc(1, sizeof *w);
    if (w && growing_open(&w->keys) && growing_open(&w->names))
        return LMVR_OK;
    gguf_writer_free(w);
    *writer = NULL;
    return error_no_memory(error, "a GGUF file");
}

void gguf_writer_free(struct gguf_writer *writer)
{
    if (!writer)
        return;
    growing_free(&writer->keys);
    growing_free(&writer->names);
    free(writer->tensors);
    free(writer);
}

/* ---- keys ------------------------------------------------------------------------------------------------------------- */

static void put(const struct growing *to, const void *bytes, size_t size)
{
    fwrite(bytes, 1, size, to->stream); /* a failure stays with the stream */
}

static void put_u32(const struct growing *to, uint32_t value)
{
    put(to, &value, sizeof value);
}

static void put_u64(const struct growing *to, uint64_t value)
{
    put(to, &value, sizeof value);
}

static void put_text(const struct growing *to, const char *text, size_t length)
{
    put_u64(to, length);
    put(to, text, length);
}

static void put_key(struct gguf_writer *w, const char *key, enum kind kind)
{
    put_text(&w->keys, key, strlen(key));
    put_u32(&w->keys, kind);
    w->key_count++;
}

static void put_array(struct gguf_writer *w, const char *key, enum kind of, size_t count)
{
    put_key(w, key, ARRAY);
    put_u32(&w->keys, of);
    put_u64(&w->keys, count);
}

void gguf_write_u32(struct gguf_writer *writer, const char *key, uint32_t value)
{
    put_key(writer, key, U32);
    put_u32(&writer->keys, value);
}

void gguf_write_f32(struct gguf_writer *writer, const char *key, float value)
{
    put_key(writer, key, F32);
    put(&writer->keys, &value, sizeof value);
}

void gguf_write_bool(struct gguf_writer *writer, const char *key, bool value)
{
    unsigned char byte = value;
    put_key(writer, key, BOOL);
    put(&writer->keys, &byte, 1);
}

void gguf_write_string(struct gguf_writer *writer, const char *key, const char *value)
{
    put_key(writer, key, STRING);
    put_text(&writer->keys, value, strlen(value));
}

void gguf_write_i32s(struct gguf_writer *writer, const char *key, const int32_t *values, size_t count)
{
    put_array(writer, key, I32, count);
    put(&writer->keys, values, count * sizeof *values);
}

void gguf_write_f32s(struct gguf_writer *writer, const char *key, const float *values, size_t count)
{
    put_array(writer, key, F32, count);
    put(&writer->keys, values, count * sizeof *values);
}

void gguf_write_bools(struct gguf_writer *writer, const char *key, const bool *values, size_t count)
{
    put_array(writer, key, BOOL, count);
    put(&writer->keys, values, count);
}

void gguf_write_strings(struct gguf_writer *writer, const char *key, const struct gguf_text *values, size_t count)
{
    put_array(writer, key, STRING, count);
    for (size_t i = 0; i < count; i++)
        put_text(&writer->keys, values[i].bytes, values[i].length);
}

/* ---- tensors ---------------------------------------------------------------------------------------------------------- */

static uint64_t aligned(uint64_t at)
{
    return (at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

lmvr_status gguf_write_tensor(struct gguf_writer *writer, const char *name, const struct gguf_type *type, int dims,
                              const int64_t *shape, gguf_source *read, const void *user, lmvr_error *error)
{
    uint64_t elements = 1;
    bool good = dims >= 1 && dims <= GGUF_MAX_DIMS && type->narrow && shape[dims - 1] % type->elements == 0;
    for (int i = 0; i < dims && good; i++)
        good = shape[i] > 0 && !__builtin_mul_overflow(elements, (uint64_t)shape[i], &elements);
    if (!good || elements > INT64_MAX / 4)
        return error_set(error, LMVR_ERROR_INVALID, "tensor %.200s has a shape or a type that GGUF cannot have", name);
    struct tensor *tensors = reallocarray(writer->tensors, writer->count + 1, sizeof *tensors);
    if (!tensors)
        return error_no_memory(error, "a GGUF file");
    writer->tensors = tensors;
    put_text(&writer->names, name, strlen(name));
    put_u32(&writer->names, (uint32_t)dims);
    for (int i = dims - 1; i >= 0; i--) /* the contiguous one stands first in the file */
        put_u64(&writer->names, (uint64_t)shape[i]);
    put_u32(&writer->names, gguf_type_number(type));
    put_u64(&writer->names, writer->end);
    uint64_t size = elements / type->elements * type->size;
    tensors[writer->count++] = (struct tensor){type, elements, size, read, user};
    writer->end = aligned(writer->end + size);
    return LMVR_OK;
}

/* ---- the file --------------------------------------------------------------------------------------------------------- */

/* Where writing is. */
struct output {
    int fd;
    const char *path;
    uint64_t at;
};

static lmvr_status append(struct output *out, const void *bytes, size_t size, lmvr_error *error)
{
    TRY(file_write_at(out->fd, out->path, bytes, size, (off_t)out->at, error));
    out->at += size;
    return LMVR_OK;
}

static lmvr_status align(struct output *out, lmvr_error *error)
{
    static const char zeros[ALIGNMENT];
    return append(out, zeros, aligned(out->at) - out->at, error);
}

static lmvr_status append_header(const struct gguf_writer *w, struct output *out, lmvr_error *error)
{
    static const struct {
        char begin[4];
        uint32_t version;
    } first = {{'G', 'G', 'U', 'F'}, 3};
    const uint64_t counts[] = {w->count, w->key_count};
    TRY(append(out, &first, sizeof first, error));
    TRY(append(out, counts, sizeof counts, error));
    TRY(append(out, w->keys.bytes, w->keys.size, error));
    TRY(append(out, w->names.bytes, w->names.size, error));
    return align(out, error);
}

/* Room for a part of a tensor, as floats and as blocks. */
struct room {
    float *floats;
    unsigned char *blocks;
};

static lmvr_status append_tensor(const struct tensor *t, const struct room *room, struct output *out, lmvr_error *error)
{
    for (uint64_t first = 0; first < t->elements; first += PART) {
        uint64_t count = t->elements - first < PART ? t->elements - first : PART, blocks = count / t->type->elements;
        TRY(t->read(t->user, first, count, room->floats, error));
        t->type->narrow(room->floats, (size_t)blocks, room->blocks);
        TRY(append(out, room->blocks, (size_t)blocks * t->type->size, error));
    }
    return align(out, error);
}

static lmvr_status write_file(void *user, int fd, const char *path, lmvr_error *error)
{
    const struct gguf_writer *w = user;
    struct output out = {fd, path, 0};
    struct room room = {malloc(PART * sizeof(float)), malloc((size_t)PART * 4 /* of the widest type */)};
    lmvr_status status = room.floats && room.blocks ? append_header(w, &out, error) : error_no_memory(error, path);
    for (size_t i = 0; i < w->count && status == LMVR_OK; i++)
        status = append_tensor(&w->tensors[i], &room, &out, error);
    free(room.floats);
    free(room.blocks);
    return status;
}

lmvr_status gguf_writer_finish(struct gguf_writer *writer, const char *path, lmvr_error *error)
{
    if (fflush(writer->keys.stream) != 0 || fflush(writer->names.stream) != 0 || ferror(writer->keys.stream) ||
        ferror(writer->names.stream))
        return error_no_memory(error, path);
    return file_replace_by(path, write_file, writer, error);
}
