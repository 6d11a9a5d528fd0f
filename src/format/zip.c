#include "format/zip.h"

#include "format/file.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "zip is little-endian, and numbers are read without swapping bytes");

#define END_SIZE       22 /* of the record at the end, before its comment */
#define LOCATOR_SIZE   20 /* of what says where ZIP64's record is, before that */
#define END64_SIZE     56
#define ENTRY_SIZE     46 /* of a file's record in the directory, before its name */
#define LOCAL_SIZE     30 /* of the record before a file's bytes, before its name */
#define MAX_COMMENT    65535
#define MAX_DIRECTORY  ((uint64_t)1 << 26) /* bytes */
#define END_MARK       0x06054b50u
#define LOCATOR_MARK   0x07064b50u
#define END64_MARK     0x06064b50u
#define ENTRY_MARK     0x02014b50u
#define LOCAL_MARK     0x04034b50u
#define ENCRYPTED_FLAG 1
#define EXTRA_ZIP64    1

struct archive {
    int fd;
    const char *path;
    uint64_t size;
    uint64_t directory, directory_size; /* place and size of the directory */
    lmvr_error *error;
};

static uint16_t get16(const unsigned char *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint32_t get32(const unsigned char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t get64(const unsigned char *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static lmvr_status refuse(const struct archive *a, const char *what)
{
    return error_set(a->error, LMVR_ERROR_INVALID, "%s: is a broken zip archive: %s", a->path, what);
}

static lmvr_status refuse_file(const struct archive *a, const char *name, const char *what)
{
    return error_set(a->error, LMVR_ERROR_INVALID, "%s: file %.200s in it %s", a->path, name, what);
}

/* ---- where the directory is ------------------------------------------------------------------------------------------- */

/* The directory of an archive that needs more than 32 bits. `end` is the place of the other record at the end. */
static lmvr_status find_directory64(struct archive *a, uint64_t end)
{
    unsigned char locator[LOCATOR_SIZE], record[END64_SIZE];
    if (end < LOCATOR_SIZE)
        return refuse(a, "its end is missing");
    TRY(file_read_at(a->fd, a->path, locator, sizeof locator, (off_t)(end - LOCATOR_SIZE), a->error));
    uint64_t at = get64(locator + 8);
    if (get32(locator) != LOCATOR_MARK || end < LOCATOR_SIZE + END64_SIZE || at > end - LOCATOR_SIZE - END64_SIZE)
        return refuse(a, "its end does not say where the directory is");
    TRY(file_read_at(a->fd, a->path, record, sizeof record, (off_t)at, a->error));
    if (get32(record) != END64_MARK)
        return refuse(a, "its end does not say where the directory is");
    a->directory_size = get64(record + 40);
    a->directory = get64(record + 48);
    return LMVR_OK;
}

/* The record at the end, which only a comment follows, and with it the directory. */
static lmvr_status find_directory(struct archive *a, const unsigned char *tail, size_t tail_size)
{
    size_t at = tail_size - END_SIZE;
    while (get32(tail + at) != END_MARK || get16(tail + at + 20) > tail_size - END_SIZE - at)
        if (at-- == 0)
            return refuse(a, "its end is missing");
    const unsigned char *record = tail + at;
    uint64_t end = a->size - tail_size + at;
    a->directory_size = get32(record + 12);
    a->directory = get32(record + 16);
    if (a->directory == UINT32_MAX || a->directory_size == UINT32_MAX || get16(record + 10) == UINT16_MAX)
        TRY(find_directory64(a, end));
    if (a->directory > end || a->directory_size > end - a->directory)
        return refuse(a, "its directory lies outside it");
    return a->directory_size <= MAX_DIRECTORY ? LMVR_OK : refuse(a, "its directory is too large");
}

/* ---- the files -------------------------------------------------------------------------------------------------------- */

/* Sizes and place that need more than 32 bits stand among the extra fields, in this order. */
static lmvr_status read_extra64(const struct archive *a, const char *name, const unsigned char *extra, size_t size,
                                uint64_t *const *values)
{
    for (size_t at = 0; size - at >= 4;) {
        size_t id = get16(extra + at), length = get16(extra + at + 2), used = 0;
        at += 4;
        if (length > size - at)
            break;
        for (int i = 0; id == EXTRA_ZIP64 && i < 3; i++) {
            if (*values[i] != UINT32_MAX || length - used < 8)
                continue;
            *values[i] = get64(extra + at + used);
            used += 8;
        }
        if (id == EXTRA_ZIP64)
            return LMVR_OK;
        at += length;
    }
    return refuse_file(a, name, "has no size");
}

/* The bytes follow a second record, whose name and extra fields may be longer than the directory's. */
static lmvr_status find_bytes(const struct archive *a, uint64_t local, struct zip_entry *entry)
{
    unsigned char record[LOCAL_SIZE];
    if (local > a->directory || a->directory - local < LOCAL_SIZE)
        return refuse_file(a, entry->name, "lies outside it");
    TRY(file_read_at(a->fd, a->path, record, sizeof record, (off_t)local, a->error));
    if (get32(record) != LOCAL_MARK)
        return refuse_file(a, entry->name, "is not where the directory says");
    entry->begin = local + LOCAL_SIZE + get16(record + 26) + get16(record + 28);
    if (entry->begin > a->directory || entry->size > a->directory - entry->begin)
        return refuse_file(a, entry->name, "ends outside it");
    return LMVR_OK;
}

/* One record of the directory, of `left` bytes at most; *used is its length. */
static lmvr_status read_entry(const struct archive *a, const unsigned char *record, size_t left, struct zip_entry *entry,
                              size_t *used)
{
    if (left < ENTRY_SIZE || get32(record) != ENTRY_MARK)
        return refuse(a, "its directory is damaged");
    size_t name = get16(record + 28), extra = get16(record + 30), comment = get16(record + 32);
    *used = ENTRY_SIZE + name + extra + comment;
    if (*used > left || memchr(record + ENTRY_SIZE, '\0', name))
        return refuse(a, "its directory is damaged");
    entry->name = strndup((const char *)record + ENTRY_SIZE, name);
    if (!entry->name)
        return error_no_memory(a->error, a->path);
    uint64_t stored = get32(record + 20), local = get32(record + 42);
    entry->size = get32(record + 24);
    if (entry->size == UINT32_MAX || stored == UINT32_MAX || local == UINT32_MAX)
        TRY(read_extra64(a, entry->name, record + ENTRY_SIZE + name, extra, (uint64_t *[]){&entry->size, &stored, &local}));
    if (get16(record + 10) != 0 || stored != entry->size)
        return refuse_file(a, entry->name, "is compressed, expected stored");
    if (get16(record + 8) & ENCRYPTED_FLAG)
        return refuse_file(a, entry->name, "is encrypted");
    return find_bytes(a, local, entry);
}

static int compare_names(const void *a, const void *b)
{
    const struct zip_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static lmvr_status read_directory(const struct archive *a, const unsigned char *directory, struct zip *zip)
{
    size_t size = a->directory_size, most = size / ENTRY_SIZE, used = 0;
    zip->entries = calloc(most + 1, sizeof *zip->entries);
    if (!zip->entries)
        return error_no_memory(a->error, a->path);
    for (size_t at = 0; at < size; at += used)
        TRY(read_entry(a, directory + at, size - at, &zip->entries[zip->count++], &used));
    qsort(zip->entries, zip->count, sizeof *zip->entries, compare_names);
    for (size_t i = 1; i < zip->count; i++)
        if (strcmp(zip->entries[i - 1].name, zip->entries[i].name) == 0)
            return refuse_file(a, zip->entries[i].name, "is there twice");
    return LMVR_OK;
}

static lmvr_status read_all(struct archive *a, unsigned char **bytes, struct zip *zip)
{
    size_t tail = a->size < END_SIZE + MAX_COMMENT ? a->size : END_SIZE + MAX_COMMENT;
    if (tail < END_SIZE)
        return refuse(a, "its end is missing");
    *bytes = malloc(tail);
    if (!*bytes)
        return error_no_memory(a->error, a->path);
    TRY(file_read_at(a->fd, a->path, *bytes, tail, (off_t)(a->size - tail), a->error));
    TRY(find_directory(a, *bytes, tail));
    free(*bytes);
    *bytes = malloc(a->directory_size + 1);
    if (!*bytes)
        return error_no_memory(a->error, a->path);
    TRY(file_read_at(a->fd, a->path, *bytes, a->directory_size, (off_t)a->directory, a->error));
    return read_directory(a, *bytes, zip);
}

lmvr_status zip_read(int fd, const char *path, uint64_t size, struct zip *zip, lmvr_error *error)
{
    struct archive archive = {.fd = fd, .path = path, .size = size, .error = error};
    unsigned char *bytes = NULL;
    *zip = (struct zip){0};
    lmvr_status status = read_all(&archive, &bytes, zip);
    free(bytes);
    if (status != LMVR_OK)
        zip_free(zip);
    return status;
}

void zip_free(struct zip *zip)
{
    for (size_t i = 0; i < zip->count; i++)
        free(zip->entries[i].name);
    free(zip->entries);
    *zip = (struct zip){0};
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name)
{
    struct zip_entry key = {.name = (char *)name};
    return zip->count == 0 ? NULL : bsearch(&key, zip->entries, zip->count, sizeof key, compare_names);
}
