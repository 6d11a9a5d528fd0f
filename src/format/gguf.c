#include "format/gguf.h"

#include "format/file.h"
#include "format/hash.h"
#include "format/input.h"
#include "format/utf8.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_READ    (1 << 16) /* bytes of the header, which tells its length only at its end */
#define MAX_HEADER    (1 << 27) /* bytes */
#define MAX_NAME      1024      /* bytes of a key or a tensor's name */
#define MAX_KEYS      (1 << 16)
#define MAX_TENSORS   (1 << 18)
#define MAX_ALIGNMENT (1 << 20)
#define LARGE_READ    (1 << 20) /* bytes; reads of at least this size are dropped from the page cache */

/* The types of values, by their numbers in a file. */
enum kind { U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64, KINDS };

static const struct {
    const char *name;
    size_t size; /* 0: it varies */
} kinds[KINDS] = {
    [U8] = {"a u8", 1},    [I8] = {"an i8", 1},   [U16] = {"a u16", 2},   [I16] = {"an i16", 2},    [U32] = {"a u32", 4},
    [I32] = {"an i32", 4}, [F32] = {"an f32", 4}, [BOOL] = {"a bool", 1}, [STRING] = {"a text", 0}, [ARRAY] = {"an array", 0},
    [U64] = {"a u64", 8},  [I64] = {"an i64", 8}, [F64] = {"an f64", 8}};

struct pair {
    char *key;
    enum kind kind, of; /* `of`: what an array's values are */
    uint64_t count;     /* of an array's values */
    size_t at;          /* where the value lies in the header; an array's first */
};

struct gguf {
    int fd;
    char *path;
    uint64_t size; /* of the file */
    unsigned char *header;
    size_t held, at; /* how much of the header has been read, and where parsing is */
    size_t pair_count, count;
    struct pair *pairs; /* sorted by key */
    struct gguf_tensor *tensors;
    uint64_t hash;
};

/* ---- the header's bytes ----------------------------------------------------------------------------------------------- */

static lmvr_status grow(struct gguf *file, size_t end, lmvr_error *error)
{
    size_t size = file->held > FIRST_READ ? file->held : FIRST_READ;
    while (size < end)
        size *= 2;
    size = size < file->size ? size : (size_t)file->size;
    unsigned char *header = realloc(file->header, size + 1);
    if (!header)
        return error_no_memory(error, file->path);
    file->header = header;
    TRY(file_read_at(file->fd, file->path, header + file->held, size - file->held, (off_t)file->held, error));
    file->held = size;
    return LMVR_OK;
}

/* Makes sure that the next `count` values of at least `size` bytes can be there, and reads on as far as that. */
static lmvr_status need(struct gguf *file, uint64_t count, size_t size, const char *what, lmvr_error *error)
{
    if (count > (file->size - file->at) / size)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is truncated: it ends in %.300s", file->path, what);
    if (count > (MAX_HEADER - file->at) / size)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has a header of more than %d bytes", file->path, MAX_HEADER);
    size_t end = file->at + (size_t)count * size;
    return end <= file->held ? LMVR_OK : grow(file, end, error);
}

static lmvr_status take(struct gguf *file, void *value, size_t size, const char *what, lmvr_error *error)
{
    TRY(need(file, 1, size, what, error));
    memcpy(value, file->header + file->at, size);
    file->at += size;
    return LMVR_OK;
}

static lmvr_status skip_text(struct gguf *file, const char *what, lmvr_error *error)
{
    uint64_t length = 0;
    TRY(take(file, &length, sizeof length, what, error));
    TRY(need(file, length, 1, what, error));
    file->at += (size_t)length;
    return LMVR_OK;
}

static struct gguf_text text_at(const struct gguf *file, size_t at)
{
    uint64_t length;
    memcpy(&length, file->header + at, sizeof length);
    return (struct gguf_text){(const char *)file->header + at + sizeof length, (size_t)length};
}

static bool is_name(const char *text, size_t length)
{
    bool good = length > 0 && strlen(text) == length && utf8_is_valid(text);
    for (size_t i = 0; good && i < length; i++)
        good = (unsigned char)text[i] >= ' ';
    return good;
}

/* A key or a tensor's name, to be freed. */
static lmvr_status take_name(struct gguf *file, const char *what, char **name, lmvr_error *error)
{
    size_t at = file->at;
    TRY(skip_text(file, what, error));
    struct gguf_text text = text_at(file, at);
    *name = strndup(text.bytes, text.length < MAX_NAME ? text.length : MAX_NAME);
    if (!*name)
        return error_no_memory(error, file->path);
    return is_name(*name, text.length) ? LMVR_OK
                                       : error_set(error, LMVR_ERROR_INVALID, "%s: has %s that is not 1 to %d bytes of UTF-8",
                                                   file->path, what, MAX_NAME);
}

/* ---- metadata --------------------------------------------------------------------------------------------------------- */

static lmvr_status refuse_key(const struct gguf *file, const char *key, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: key %.200s %s", file->path, key, what);
}

static lmvr_status take_kind(struct gguf *file, const char *key, enum kind *kind, lmvr_error *error)
{
    uint32_t number = 0;
    TRY(take(file, &number, sizeof number, key, error));
    if (number >= KINDS)
        return error_set(error, LMVR_ERROR_INVALID, "%s: key %.200s has the unknown type %lu", file->path, key,
                         (unsigned long)number);
    *kind = (enum kind)number;
    return LMVR_OK;
}

static lmvr_status skip_array(struct gguf *file, struct pair *pair, lmvr_error *error)
{
    TRY(take_kind(file, pair->key, &pair->of, error));
    if (pair->of == ARRAY)
        return refuse_key(file, pair->key, "is an array of arrays, which is not read", error);
    TRY(take(file, &pair->count, sizeof pair->count, pair->key, error));
    size_t size = pair->of == STRING ? sizeof(uint64_t) : kinds[pair->of].size;
    TRY(need(file, pair->count, size, pair->key, error));
    pair->at = file->at;
    if (pair->of != STRING)
        file->at += (size_t)pair->count * size;
    for (uint64_t i = 0; i < pair->count && pair->of == STRING; i++)
        TRY(skip_text(file, pair->key, error));
    return LMVR_OK;
}

static lmvr_status take_pair(struct gguf *file, struct pair *pair, lmvr_error *error)
{
    TRY(take_name(file, "a key", &pair->key, error));
    TRY(take_kind(file, pair->key, &pair->kind, error));
    pair->at = file->at;
    if (pair->kind == ARRAY)
        return skip_array(file, pair, error);
    if (pair->kind == STRING)
        return skip_text(file, pair->key, error);
    TRY(need(file, 1, kinds[pair->kind].size, pair->key, error));
    file->at += kinds[pair->kind].size;
    return LMVR_OK;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static lmvr_status take_pairs(struct gguf *file, uint64_t count, lmvr_error *error)
{
    file->pairs = calloc((size_t)count + 1, sizeof *file->pairs);
    if (!file->pairs)
        return error_no_memory(error, file->path);
    while (file->pair_count < count)
        TRY(take_pair(file, &file->pairs[file->pair_count++], error));
    qsort(file->pairs, file->pair_count, sizeof *file->pairs, compare_pairs);
    for (size_t i = 1; i < file->pair_count; i++)
        if (strcmp(file->pairs[i - 1].key, file->pairs[i].key) == 0)
            return refuse_key(file, file->pairs[i].key, "stands there twice", error);
    return LMVR_OK;
}

static const struct pair *find(const struct gguf *file, const char *key)
{
    struct pair wanted = {.key = (char *)key};
    return file->pair_count == 0 ? NULL : bsearch(&wanted, file->pairs, file->pair_count, sizeof wanted, compare_pairs);
}

bool gguf_has(const struct gguf *file, const char *key)
{
    return find(file, key) != NULL;
}

static lmvr_status refuse_kind(const struct gguf *file, const char *key, const char *expected, lmvr_error *error)
{
    const struct pair *pair = find(file, key);
    if (!pair)
        return refuse_key(file, key, "is missing", error);
    bool array = pair->kind == ARRAY;
    return error_set(error, LMVR_ERROR_INVALID, "%s: key %.200s is %s%s, expected %s", file->path, key,
                     array ? "an array; each of its values is " : "", kinds[array ? pair->of : pair->kind].name, expected);
}

#define VALUE(type)                                                                                                            \
    type value;                                                                                                                \
    memcpy(&value, bytes, sizeof value)

/* A value of an integer type; false: it is of another, or above int64_t. */
static bool integer_at(const unsigned char *bytes, enum kind kind, int64_t *out)
{
    uint64_t raw = 0;
    if (kind == F32 || kind == F64 || kind == BOOL || kind == STRING || kind == ARRAY)
        return false;
    memcpy(&raw, bytes, kinds[kind].size);
    *out = kind == I8 ? (int8_t)raw : kind == I16 ? (int16_t)raw : kind == I32 ? (int32_t)raw : (int64_t)raw;
    return kind != U64 || raw <= INT64_MAX;
}

static bool number_at(const unsigned char *bytes, enum kind kind, double *out)
{
    int64_t integer = 0;
    if (kind == F32) {
        VALUE(float);
        *out = (double)value;
    } else if (kind == F64) {
        VALUE(double);
        *out = value;
    } else if (integer_at(bytes, kind, &integer)) {
        *out = (double)integer;
    } else {
        return false;
    }
    return true;
}

lmvr_status gguf_integer(const struct gguf *file, const char *key, int64_t least, int64_t most, int64_t *value,
                         lmvr_error *error)
{
    const struct pair *pair = find(file, key);
    int64_t found = 0;
    if (!pair || !integer_at(file->header + pair->at, pair->kind, &found))
        return refuse_kind(file, key, "a whole number", error);
    if (found < least || found > most)
        return error_set(error, LMVR_ERROR_INVALID, "%s: key %.200s is %lld, expected %lld to %lld", file->path, key,
                         (long long)found, (long long)least, (long long)most);
    *value = found;
    return LMVR_OK;
}

lmvr_status gguf_number(const struct gguf *file, const char *key, double *value, lmvr_error *error)
{
    const struct pair *pair = find(file, key);
    double found = 0;
    if (!pair || !number_at(file->header + pair->at, pair->kind, &found))
        return refuse_kind(file, key, "a number", error);
    if (!isfinite(found))
        return refuse_key(file, key, "is not finite", error);
    *value = found;
    return LMVR_OK;
}

lmvr_status gguf_bool(const struct gguf *file, const char *key, bool *value, lmvr_error *error)
{
    const struct pair *pair = find(file, key);
    if (!pair || pair->kind != BOOL)
        return refuse_kind(file, key, "a bool", error);
    if (file->header[pair->at] > 1)
        return refuse_key(file, key, "is a bool that is neither 0 nor 1", error);
    *value = file->header[pair->at] == 1;
    return LMVR_OK;
}

lmvr_status gguf_string(const struct gguf *file, const char *key, struct gguf_text *value, lmvr_error *error)
{
    const struct pair *pair = find(file, key);
    if (!pair || pair->kind != STRING)
        return refuse_kind(file, key, "a text", error);
    *value = text_at(file, pair->at);
    return LMVR_OK;
}

lmvr_status gguf_strings(const struct gguf *file, const char *key, struct gguf_text **values, size_t *count, lmvr_error *error)
{
    const struct pair *pair = find(file, key);
    if (!pair || pair->kind != ARRAY || pair->of != STRING)
        return refuse_kind(file, key, "an array of texts", error);
    struct gguf_text *texts = *values = malloc(((size_t)pair->count + 1) * sizeof *texts);
    if (!texts)
        return error_no_memory(error, file->path);
    size_t at = pair->at;
    for (uint64_t i = 0; i < pair->count; i++) {
        texts[i] = text_at(file, at);
        at += sizeof(uint64_t) + texts[i].length;
    }
    *count = (size_t)pair->count;
    return LMVR_OK;
}

lmvr_status gguf_numbers(const struct gguf *file, const char *key, double **values, size_t *count, lmvr_error *error)
{
    const struct pair *pair = find(file, key);
    bool good = pair && pair->kind == ARRAY && pair->of != STRING && pair->of != BOOL;
    if (!good)
        return refuse_kind(file, key, "an array of numbers", error);
    double *numbers = malloc(((size_t)pair->count + 1) * sizeof *numbers);
    if (!numbers)
        return error_no_memory(error, file->path);
    for (uint64_t i = 0; i < pair->count && good; i++)
        good = number_at(file->header + pair->at + i * kinds[pair->of].size, pair->of, &numbers[i]) && isfinite(numbers[i]);
    if (!good) {
        free(numbers);
        return refuse_key(file, key, "has a number that is not finite or too large", error);
    }
    *values = numbers;
    *count = (size_t)pair->count;
    return LMVR_OK;
}

/* ---- tensors ---------------------------------------------------------------------------------------------------------- */

static lmvr_status refuse(const struct gguf *file, const struct gguf_tensor *tensor, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s %s", file->path, tensor->name, what);
}

static lmvr_status take_shape(struct gguf *file, struct gguf_tensor *tensor, lmvr_error *error)
{
    uint32_t dims = 0;
    TRY(take(file, &dims, sizeof dims, tensor->name, error));
    if (dims > GGUF_MAX_DIMS)
        return refuse(file, tensor, "has more than 4 dimensions", error);
    tensor->dims = (int)dims;
    for (int i = tensor->dims - 1; i >= 0; i--) {
        uint64_t length = 0;
        TRY(take(file, &length, sizeof length, tensor->name, error));
        if (length > INT64_MAX)
            return refuse(file, tensor, "has a shape that is too large", error);
        tensor->shape[i] = (int64_t)length;
    }
    return LMVR_OK;
}

/* The size in bytes of a shape of whole blocks. */
static lmvr_status measure(const struct gguf *file, struct gguf_tensor *tensor, lmvr_error *error)
{
    uint64_t row = tensor->dims > 0 ? (uint64_t)tensor->shape[tensor->dims - 1] : 1;
    if (row % tensor->type->elements != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s has rows of %llu elements, which %s cannot have",
                         file->path, tensor->name, (unsigned long long)row, tensor->type->name);
    bool large = __builtin_mul_overflow(row / tensor->type->elements, tensor->type->size, &tensor->size);
    for (int i = 0; i < tensor->dims - 1; i++)
        large = __builtin_mul_overflow(tensor->size, (uint64_t)tensor->shape[i], &tensor->size) || large;
    uint64_t elements = row;
    for (int i = 0; i < tensor->dims - 1; i++)
        large = __builtin_mul_overflow(elements, (uint64_t)tensor->shape[i], &elements) || large;
    return large || elements > INT64_MAX ? refuse(file, tensor, "has a shape that is too large", error) : LMVR_OK;
}

static lmvr_status take_tensor(struct gguf *file, struct gguf_tensor *tensor, lmvr_error *error)
{
    uint32_t type = 0;
    TRY(take_name(file, "a tensor's name", &tensor->name, error));
    TRY(take_shape(file, tensor, error));
    TRY(take(file, &type, sizeof type, tensor->name, error));
    TRY(take(file, &tensor->begin, sizeof tensor->begin, tensor->name, error));
    tensor->type = gguf_type(type);
    if (!tensor->type)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s has the unknown type %lu", file->path, tensor->name,
                         (unsigned long)type);
    return measure(file, tensor, error);
}

static lmvr_status take_tensors(struct gguf *file, uint64_t count, lmvr_error *error)
{
    file->tensors = calloc((size_t)count + 1, sizeof *file->tensors);
    if (!file->tensors)
        return error_no_memory(error, file->path);
    while (file->count < count)
        TRY(take_tensor(file, &file->tensors[file->count++], error));
    return LMVR_OK;
}

static int compare_places(const void *a, const void *b)
{
    const struct gguf_tensor *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->size == y->size ? 0 : x->size < y->size ? -1 : 1;
}

static int compare_names(const void *a, const void *b)
{
    const struct gguf_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Offsets, which count from the data's beginning, become places in the file. */
static lmvr_status place_tensors(struct gguf *file, lmvr_error *error)
{
    int64_t alignment = 32;
    if (gguf_has(file, "general.alignment"))
        TRY(gguf_integer(file, "general.alignment", 1, MAX_ALIGNMENT, &alignment, error));
    if ((alignment & (alignment - 1)) != 0)
        return refuse_key(file, "general.alignment", "is not a power of two", error);
    uint64_t unit = (uint64_t)alignment, data = (file->at + unit - 1) / unit * unit;
    for (size_t i = 0; i < file->count; i++) {
        struct gguf_tensor *tensor = &file->tensors[i];
        if (tensor->begin % unit != 0)
            return refuse(file, tensor, "begins at an offset that is not a multiple of general.alignment", error);
        if (__builtin_add_overflow(tensor->begin, data, &tensor->begin) || tensor->begin > file->size ||
            tensor->size > file->size - tensor->begin)
            return refuse(file, tensor, "ends after the file", error);
    }
    return LMVR_OK;
}

static lmvr_status check_tensors(struct gguf *file, lmvr_error *error)
{
    TRY(place_tensors(file, error));
    qsort(file->tensors, file->count, sizeof *file->tensors, compare_places);
    for (size_t i = 1; i < file->count; i++)
        if (file->tensors[i].begin - file->tensors[i - 1].begin < file->tensors[i - 1].size)
            return refuse(file, &file->tensors[i], "overlaps another", error);
    qsort(file->tensors, file->count, sizeof *file->tensors, compare_names);
    for (size_t i = 1; i < file->count; i++)
        if (strcmp(file->tensors[i - 1].name, file->tensors[i].name) == 0)
            return refuse(file, &file->tensors[i], "stands there twice", error);
    return LMVR_OK;
}

/* ---- the file --------------------------------------------------------------------------------------------------------- */

static lmvr_status take_version(struct gguf *file, lmvr_error *error)
{
    char begin[4];
    uint32_t version = 0;
    TRY(take(file, begin, sizeof begin, "its first bytes", error));
    if (memcmp(begin, "GGUF", sizeof begin) != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is not a GGUF file", file->path);
    TRY(take(file, &version, sizeof version, "its version", error));
    if ((version & 0xffff) == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is a big-endian GGUF file, which is not read", file->path);
    if (version < 2 || version > 3)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is a GGUF file of version %lu, expected 2 or 3", file->path,
                         (unsigned long)version);
    return LMVR_OK;
}

static lmvr_status check_count(const struct gguf *file, uint64_t count, uint64_t most, const char *what, lmvr_error *error)
{
    if (count <= most)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: has %llu %s, more than the limit of %llu", file->path,
                     (unsigned long long)count, what, (unsigned long long)most);
}

static lmvr_status open_file(struct gguf *file, lmvr_error *error)
{
    uint64_t tensors = 0, pairs = 0;
    TRY(input_open(file->path, &file->fd, &file->size, error));
    posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    TRY(take_version(file, error));
    TRY(take(file, &tensors, sizeof tensors, "its counts", error));
    TRY(take(file, &pairs, sizeof pairs, "its counts", error));
    TRY(check_count(file, pairs, MAX_KEYS, "keys", error));
    TRY(check_count(file, tensors, MAX_TENSORS, "tensors", error));
    TRY(need(file, pairs, 13, "its keys", error)); /* a name's length, a byte, a type */
    TRY(take_pairs(file, pairs, error));
    TRY(need(file, tensors, 25, "its tensors' names", error)); /* and no dimensions, a type, an offset */
    TRY(take_tensors(file, tensors, error));
    file->hash = hash_bytes(HASH_START, file->header, file->at);
    return check_tensors(file, error);
}

lmvr_status gguf_open(const char *path, struct gguf **file, lmvr_error *error)
{
    struct gguf *f = *file = calloc(1, sizeof *f);
    if (!f)
        return error_no_memory(error, path);
    f->fd = -1;
    f->path = strdup(path);
    lmvr_status status = f->path ? open_file(f, error) : error_no_memory(error, path);
    if (status != LMVR_OK) {
        gguf_close(f);
        *file = NULL;
    }
    return status;
}

void gguf_close(struct gguf *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < file->pair_count; i++)
        free(file->pairs[i].key);
    for (size_t i = 0; i < file->count; i++)
        free(file->tensors[i].name);
    free(file->pairs);
    free(file->tensors);
    free(file->header);
    free(file->path);
    if (file->fd >= 0)
        close(file->fd);
    free(file);
}

size_t gguf_count(const struct gguf *file)
{
    return file->count;
}

const struct gguf_tensor *gguf_at(const struct gguf *file, size_t index)
{
    return &file->tensors[index];
}

const struct gguf_tensor *gguf_find(const struct gguf *file, const char *name)
{
    struct gguf_tensor wanted = {.name = (char *)name};
    return file->count == 0 ? NULL : bsearch(&wanted, file->tensors, file->count, sizeof wanted, compare_names);
}

uint64_t gguf_hash(const struct gguf *file)
{
    return file->hash;
}

lmvr_status gguf_read(const struct gguf *file, const struct gguf_tensor *tensor, uint64_t first, uint64_t size, void *out,
                      lmvr_error *error)
{
    if (first > tensor->size || size > tensor->size - first)
        return refuse(file, tensor, "is read beyond its end", error);
    TRY(file_read_at(file->fd, file->path, out, (size_t)size, (off_t)(tensor->begin + first), error));
    if (size >= LARGE_READ)
        posix_fadvise(file->fd, (off_t)(tensor->begin + first), (off_t)size, POSIX_FADV_DONTNEED);
    return LMVR_OK;
}
