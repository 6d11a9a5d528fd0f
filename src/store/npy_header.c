/* The header of a .npy file: a magic number, a length, and a Python dictionary of three keys. */
#include "store/npy.h"

#include <stdio.h>
#include <string.h>

/* ---- types ---- */

static const struct {
    const char *code, *name;
    size_t size;
} types[] = {[NPY_F32] = {"<f4", "f32", 4}, [NPY_F16] = {"<f2", "f16", 2}, [NPY_INT8] = {"|i1", "int8", 1}};

size_t npy_type_size(enum npy_type type)
{
    return types[type].size;
}

const char *npy_type_name(enum npy_type type)
{
    return types[type].name;
}

const char *npy_type_code(enum npy_type type)
{
    return types[type].code;
}

static bool find_type(const char *code, enum npy_type *type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        *type = (enum npy_type)i;
        if (strcmp(code, types[i].code) == 0)
            return true;
    }
    return false;
}

/* ---- writing ---- */

void npy_header_write(unsigned char *header, const char *type, const char *shape)
{
    char text[NPY_HEADER_SIZE];
    int length = snprintf(text, sizeof text - 11, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    memset(header, ' ', NPY_HEADER_SIZE);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = NPY_HEADER_SIZE - 10;
    header[9] = 0;
    memcpy(header + 10, text, (size_t)length);
    header[NPY_HEADER_SIZE - 1] = '\n';
}

/* ---- reading ---- */

struct text {
    const char *at, *end;
};

static void skip_space(struct text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t'))
        t->at++;
}

static bool take(struct text *t, char wanted)
{
    skip_space(t);
    if (t->at == t->end || *t->at != wanted)
        return false;
    t->at++;
    return true;
}

/* A quoted string without escapes, as NumPy writes its keys and types. */
static bool take_string(struct text *t, char *out, size_t size)
{
    skip_space(t);
    if (t->at == t->end || (*t->at != '\'' && *t->at != '"'))
        return false;
    char quote = *t->at++;
    const char *close = memchr(t->at, quote, (size_t)(t->end - t->at));
    if (!close || (size_t)(close - t->at) >= size || memchr(t->at, '\\', (size_t)(close - t->at)))
        return false;
    memcpy(out, t->at, (size_t)(close - t->at));
    out[close - t->at] = '\0';
    t->at = close + 1;
    return true;
}

static bool take_word(struct text *t, const char *word)
{
    size_t length = strlen(word);
    skip_space(t);
    if ((size_t)(t->end - t->at) < length || memcmp(t->at, word, length) != 0)
        return false;
    t->at += length;
    return true;
}

static bool take_number(struct text *t, uint64_t *out)
{
    uint64_t value = 0;
    skip_space(t);
    const char *first = t->at;
    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
        if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, (uint64_t)(*t->at - '0'), &value))
            return false;
    *out = value;
    return t->at > first;
}

/* "(3, 4)" or "(3,)": *dims is the number of dimensions; beyond two, sizes are counted but not stored. */
static bool take_shape(struct text *t, uint64_t shape[2], int *dims)
{
    *dims = 0;
    if (!take(t, '('))
        return false;
    while (!take(t, ')')) {
        uint64_t size;
        if (!take_number(t, &size))
            return false;
        if (*dims < 2)
            shape[*dims] = size;
        ++*dims;
        if (!take(t, ',')) {
            if (!take(t, ')'))
                return false;
            break;
        }
    }
    return true;
}

struct fields {
    char type[64];
    bool fortran;
    uint64_t shape[2];
    int dims;
    bool has_type, has_order, has_shape;
};

static bool take_field(struct text *t, struct fields *f)
{
    char key[32];
    if (!take_string(t, key, sizeof key) || !take(t, ':'))
        return false;
    if (strcmp(key, "descr") == 0 && !f->has_type) {
        f->has_type = true;
        skip_space(t);
        if (t->at < t->end && *t->at == '[') { /* a record type, which is refused whatever its fields */
            strcpy(f->type, "[records]");
            t->at = t->end;
            return true;
        }
        return take_string(t, f->type, sizeof f->type);
    }
    if (strcmp(key, "fortran_order") == 0 && !f->has_order) {
        f->has_order = true;
        f->fortran = take_word(t, "True");
        return f->fortran || take_word(t, "False");
    }
    if (strcmp(key, "shape") == 0 && !f->has_shape) {
        f->has_shape = true;
        return take_shape(t, f->shape, &f->dims);
    }
    return false;
}

static bool take_dictionary(struct text *t, struct fields *f)
{
    if (!take(t, '{'))
        return false;
    while (!take(t, '}')) {
        if (!take_field(t, f))
            return false;
        if (f->has_type && strcmp(f->type, "[records]") == 0)
            return true;
        if (!take(t, ',')) {
            if (!take(t, '}'))
                return false;
            break;
        }
    }
    skip_space(t);
    return t->at == t->end && f->has_type && f->has_order && f->has_shape;
}

/* Finds the dictionary by the fixed part of the header: magic, version, length. */
static lmvr_status find_dictionary(const unsigned char *b, size_t size, const char *path, size_t *begin, size_t *length,
                                   lmvr_error *error)
{
    if (size < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: not a .npy file", path);
    if (b[6] < 1 || b[6] > 3 || b[7] != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: unsupported .npy version %d.%d", path, b[6], b[7]);
    *begin = b[6] == 1 ? 10 : 12;
    *length = b[8] | (size_t)b[9] << 8;
    if (b[6] > 1 && size >= 12)
        *length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (size < *begin || *length > NPY_MAX_HEADER - *begin || *length > size - *begin)
        return error_set(error, LMVR_ERROR_INVALID, "%s: the .npy header ends after the file, or is too long", path);
    return LMVR_OK;
}

static lmvr_status check_fields(const struct fields *f, const char *path, enum npy_type *type, lmvr_error *error)
{
    if (!find_type(f->type, type))
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: holds values of type '%s', expected float32 ('<f4'), float16 ('<f2') or int8 ('|i1')", path,
                         f->type);
    if (f->fortran)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is in Fortran order, expected C order", path);
    if (f->dims != 2)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %d dimensions, expected 2 (rows, values)", path, f->dims);
    if (f->shape[1] < 1 || f->shape[1] > NPY_MAX_DIM)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has rows of %llu values, expected 1 to %u", path,
                         (unsigned long long)f->shape[1], NPY_MAX_DIM);
    return LMVR_OK;
}

lmvr_status npy_header_parse(const void *bytes, size_t size, const char *path, struct npy_header *header, lmvr_error *error)
{
    size_t begin = 0, length = 0;
    lmvr_status status = find_dictionary(bytes, size, path, &begin, &length, error);
    if (status != LMVR_OK)
        return status;
    const char *dictionary = (const char *)bytes + begin;
    struct text text = {dictionary, dictionary + length};
    struct fields f = {.dims = 0};
    if (!take_dictionary(&text, &f))
        return error_set(error, LMVR_ERROR_INVALID, "%s: the .npy header is not one that NumPy writes", path);
    enum npy_type type;
    status = check_fields(&f, path, &type, error);
    if (status != LMVR_OK)
        return status;
    *header = (struct npy_header){.rows = f.shape[0], .dim = f.shape[1], .type = type, .data = begin + length};
    if (__builtin_mul_overflow(header->rows, header->dim * npy_type_size(type), &header->data_bytes) ||
        header->data_bytes > INT64_MAX - header->data)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %llu rows of %llu values are more than a file can hold", path,
                         (unsigned long long)header->rows, (unsigned long long)header->dim);
    return LMVR_OK;
}
