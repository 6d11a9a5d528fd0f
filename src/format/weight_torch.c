/*
 * PyTorch's files: a pickled state dict, and the bytes of its storages. torch.save() writes a zip archive, in which the pickle
 * is NAME/data.pkl and a storage NAME/data/KEY (torch/serialization.py); before 1.6 it wrote a row of pickles, and the storages
 * behind them.
 */
#include "format/file.h"
#include "format/half.h"
#include "format/hash.h"
#include "format/input.h"
#include "format/torch_state.h"
#include "format/weight_file.h"
#include "format/zip.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are read without swapping bytes");
_Static_assert(TORCH_MAX_DIMS <= WEIGHT_MAX_DIMS, "shapes fit");

#define MAX_PICKLE ((uint64_t)1 << 23) /* bytes, which bound the memory for parsing it; a tensor has about 250 */
#define MAX_KEY    64                  /* bytes of a storage's key, which is a number */
#define WIDEN_SIZE (1 << 18) /* bytes of 16-bit floats read at a time, so that they are widened while in the CPU cache */
#define LARGE_READ (1 << 20) /* bytes; reads of at least this size are dropped from the page cache */

struct place {
    uint64_t begin; /* of the first element, in the file */
    int64_t stride[TORCH_MAX_DIMS];
    bool contiguous;
};

struct content {
    int fd;
    uint64_t size;
    struct place *places; /* of the entries */
};

/* While a file is opened. */
struct opening {
    const char *path;
    struct content *content;
    unsigned char *bytes; /* of the pickle */
    struct pickle *pickle;
    struct torch_state state;
    struct zip zip;
    char *folder; /* in the archive */
    lmvr_error *error;
};

/* ---- entries ---------------------------------------------------------------------------------------------------------- */

static bool is_contiguous(const struct torch_tensor *tensor)
{
    int64_t step = 1;
    for (int i = tensor->dims - 1; i >= 0 && tensor->elements > 0; i--) {
        if (tensor->shape[i] > 1 && tensor->stride[i] != step)
            return false;
        step *= tensor->shape[i];
    }
    return true;
}

static void describe(struct torch_tensor *tensor, uint64_t storage, struct weight_entry *entry, struct place *place)
{
    const struct torch_type *type = tensor->type;
    *entry = (struct weight_entry){.name = tensor->name,
                                   .dtype = type->name,
                                   .is_float = type->is_float,
                                   .dims = tensor->dims,
                                   .size = tensor->elements * type->size,
                                   .unit = type->size};
    *place = (struct place){.begin = storage + tensor->offset * type->size, .contiguous = is_contiguous(tensor)};
    memcpy(entry->shape, tensor->shape, sizeof tensor->shape);
    for (int i = 0; i < tensor->dims; i++)
        place->stride[i] = tensor->shape[i] > 1 ? tensor->stride[i] : 0;
    tensor->name = NULL; /* the entry's now */
}

static lmvr_status refuse_storage(const struct opening *o, const char *tensor, const char *what)
{
    return error_set(o->error, LMVR_ERROR_INVALID, "%s: the storage of tensor %.200s %s", o->path, tensor, what);
}

/* Makes the tensors the file's entries. `find` says where in the file the bytes of a tensor's storage begin. */
static lmvr_status fill(struct opening *o, struct weight_file *file,
                        lmvr_status (*find)(const struct opening *o, const void *storages, const struct torch_tensor *tensor,
                                            uint64_t *begin),
                        const void *storages)
{
    const struct torch_state *state = &o->state;
    file->entries = calloc(state->count + 1, sizeof *file->entries);
    o->content->places = calloc(state->count + 1, sizeof *o->content->places);
    if (!file->entries || !o->content->places)
        return error_no_memory(o->error, o->path);
    for (size_t i = 0; i < state->count; i++) {
        uint64_t begin = 0;
        TRY(find(o, storages, &state->tensors[i], &begin));
        describe(&state->tensors[i], begin, &file->entries[file->count++], &o->content->places[i]);
    }
    return LMVR_OK;
}

/* ---- the archive ------------------------------------------------------------------------------------------------------ */

/* The folder in which data.pkl is, whatever its name. */
static lmvr_status find_folder(struct opening *o)
{
    const char *pickle = NULL;
    for (size_t i = 0; i < o->zip.count; i++) {
        const char *slash = strchr(o->zip.entries[i].name, '/');
        if (!slash || strcmp(slash, "/data.pkl") != 0)
            continue;
        if (pickle)
            return error_set(o->error, LMVR_ERROR_INVALID, "%s: has more than one data.pkl in it", o->path);
        pickle = o->zip.entries[i].name;
    }
    if (!pickle)
        return error_set(o->error, LMVR_ERROR_INVALID, "%s: is a zip archive but not PyTorch's: it has no data.pkl", o->path);
    o->folder = strndup(pickle, (size_t)(strchr(pickle, '/') - pickle));
    return o->folder ? LMVR_OK : error_no_memory(o->error, o->path);
}

static const struct zip_entry *find_in_folder(const struct opening *o, const char *name, size_t size)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%.*s", o->folder, (int)size, name) < 0)
        return NULL;
    const struct zip_entry *entry = zip_find(&o->zip, path);
    free(path);
    return entry;
}

static lmvr_status check_byte_order(const struct opening *o)
{
    const struct zip_entry *entry = find_in_folder(o, "byteorder", strlen("byteorder"));
    char order[6] = "little";
    if (!entry)
        return LMVR_OK;
    if (entry->size == sizeof order)
        TRY(file_read_at(o->content->fd, o->path, order, sizeof order, (off_t)entry->begin, o->error));
    return entry->size == sizeof order && memcmp(order, "little", sizeof order) == 0
               ? LMVR_OK
               : error_set(o->error, LMVR_ERROR_INVALID, "%s: was written on a machine whose bytes have another order",
                           o->path);
}

static lmvr_status find_stored(const struct opening *o, const void *storages, const struct torch_tensor *tensor,
                               uint64_t *begin)
{
    char name[sizeof "data/" + MAX_KEY];
    (void)storages;
    if (tensor->storage.key->text.size > MAX_KEY)
        return refuse_storage(o, tensor->name, "is missing");
    int size = snprintf(name, sizeof name, "data/%.*s", (int)tensor->storage.key->text.size, tensor->storage.key->text.bytes);
    const struct zip_entry *entry = find_in_folder(o, name, (size_t)size);
    if (!entry)
        return refuse_storage(o, tensor->name, "is missing");
    *begin = entry->begin;
    return entry->size >= tensor->storage.size ? LMVR_OK : refuse_storage(o, tensor->name, "is shorter than the pickle says");
}

static lmvr_status read_pickle(struct opening *o, uint64_t begin, uint64_t size)
{
    o->bytes = malloc(size + 1);
    if (!o->bytes)
        return error_no_memory(o->error, o->path);
    return file_read_at(o->content->fd, o->path, o->bytes, size, (off_t)begin, o->error);
}

static lmvr_status open_archive(struct opening *o, struct weight_file *file)
{
    size_t used;
    TRY(zip_read(o->content->fd, o->path, o->content->size, &o->zip, o->error));
    TRY(find_folder(o));
    TRY(check_byte_order(o));
    const struct zip_entry *entry = find_in_folder(o, "data.pkl", strlen("data.pkl"));
    if (!entry)
        return error_no_memory(o->error, o->path);
    if (entry->size > MAX_PICKLE)
        return error_set(o->error, LMVR_ERROR_INVALID, "%s: has a data.pkl of more than %llu bytes", o->path,
                         (unsigned long long)MAX_PICKLE);
    TRY(read_pickle(o, entry->begin, entry->size));
    file->hash = hash_bytes(HASH_START, o->bytes, entry->size);
    TRY(pickle_read(o->path, o->bytes, entry->size, torch_globals, torch_global_count, &o->pickle, &used, o->error));
    TRY(torch_state_read(o->path, o->pickle, &o->state, o->error));
    return fill(o, file, find_stored, NULL);
}

/* ---- the form before PyTorch 1.6 -------------------------------------------------------------------------------------- */

/* A pickle of the number that tells this form, and one of its version, 1001. */
static const unsigned char old_begin[] = {0x80, 2,    0x8a, 10,  0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a,
                                          0xa8, 0x50, 0x19, '.', 0x80, 2,    'M',  0xe9, 3,    '.'};

struct old_storage {
    struct torch_storage storage;
    uint64_t begin; /* of its bytes; 0: not in the file */
};

struct old_storages {
    size_t count;
    struct old_storage *items; /* sorted by key */
};

static int compare_keys(const void *a, const void *b)
{
    const struct pickle_value *x = ((const struct old_storage *)a)->storage.key,
                              *y = ((const struct old_storage *)b)->storage.key;
    size_t size = x->text.size < y->text.size ? x->text.size : y->text.size;
    int order = memcmp(x->text.bytes, y->text.bytes, size);
    return order != 0 ? order : (x->text.size > y->text.size) - (x->text.size < y->text.size);
}

static struct old_storage *find_key(const struct old_storages *storages, const struct pickle_value *key)
{
    struct old_storage wanted = {.storage.key = key};
    return storages->count == 0 ? NULL : bsearch(&wanted, storages->items, storages->count, sizeof wanted, compare_keys);
}

/* All storages that the pickle speaks of, once each. */
static lmvr_status list_storages(const struct opening *o, struct old_storages *storages)
{
    size_t count = 0, kept = 0;
    for (const struct pickle_item *item = pickle_persistents(o->pickle); item; item = item->next)
        count++;
    storages->items = calloc(count + 1, sizeof *storages->items);
    if (!storages->items)
        return error_no_memory(o->error, o->path);
    for (const struct pickle_item *item = pickle_persistents(o->pickle); item; item = item->next)
        TRY(torch_storage_read(o->path, item->value, &storages->items[storages->count++].storage, o->error));
    qsort(storages->items, count, sizeof *storages->items, compare_keys);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare_keys(&storages->items[kept - 1], &storages->items[i]) != 0)
            storages->items[kept++] = storages->items[i];
    storages->count = kept;
    return LMVR_OK;
}

/* The storages lie in the order of the list of keys, each after its number of elements. */
static lmvr_status place_storages(const struct opening *o, const struct pickle *keys, uint64_t at,
                                  struct old_storages *storages)
{
    const struct pickle_value *list = pickle_root(keys);
    if (list->kind != PICKLE_LIST)
        return error_set(o->error, LMVR_ERROR_INVALID, "%s: does not list its storages", o->path);
    for (const struct pickle_item *item = list->items; item; item = item->next) {
        struct old_storage *storage = item->value->kind == PICKLE_TEXT ? find_key(storages, item->value) : NULL;
        if (!storage || storage->begin != 0)
            return error_set(o->error, LMVR_ERROR_INVALID, "%s: lists a storage that it does not describe, or one twice",
                             o->path);
        if (o->content->size - at < sizeof(int64_t) || o->content->size - at - sizeof(int64_t) < storage->storage.size)
            return error_set(o->error, LMVR_ERROR_INVALID, "%s: is truncated: its storages end after the file", o->path);
        storage->begin = at + sizeof(int64_t);
        at = storage->begin + storage->storage.size;
    }
    return LMVR_OK;
}

static lmvr_status find_placed(const struct opening *o, const void *storages, const struct torch_tensor *tensor,
                               uint64_t *begin)
{
    const struct old_storage *storage = find_key(storages, tensor->storage.key);
    if (!storage || storage->begin == 0)
        return refuse_storage(o, tensor->name, "is missing");
    *begin = storage->begin;
    return storage->storage.size == tensor->storage.size ? LMVR_OK
                                                         : refuse_storage(o, tensor->name, "has two sizes in the pickle");
}

/* The dict of how the machine that wrote the file has numbers. */
static lmvr_status check_machine(const struct opening *o, const struct pickle *machine)
{
    for (const struct pickle_item *item = pickle_root(machine)->items; item; item = item->next)
        if (item->key && pickle_is_text(item->key, "little_endian") && item->value->kind == PICKLE_BOOL &&
            item->value->number == 1)
            return LMVR_OK;
    return error_set(o->error, LMVR_ERROR_INVALID, "%s: does not say that it was written on a little-endian machine", o->path);
}

/* One of the pickles that follow each other from *at on. */
static lmvr_status next_pickle(const struct opening *o, uint64_t size, size_t *at, struct pickle **pickle)
{
    size_t used;
    TRY(pickle_read(o->path, o->bytes + *at, size - *at, torch_globals, torch_global_count, pickle, &used, o->error));
    *at += used;
    return LMVR_OK;
}

static lmvr_status fill_old(struct opening *o, struct weight_file *file, const struct pickle *keys, uint64_t at,
                            struct old_storages *storages)
{
    TRY(torch_state_read(o->path, o->pickle, &o->state, o->error));
    TRY(list_storages(o, storages));
    TRY(place_storages(o, keys, at, storages));
    return fill(o, file, find_placed, storages);
}

static lmvr_status open_old(struct opening *o, struct weight_file *file)
{
    uint64_t size = o->content->size < MAX_PICKLE ? o->content->size : MAX_PICKLE;
    size_t at = sizeof old_begin;
    struct pickle *machine = NULL, *keys = NULL;
    struct old_storages storages = {0};
    TRY(read_pickle(o, 0, size));
    if (size < sizeof old_begin || memcmp(o->bytes, old_begin, sizeof old_begin) != 0)
        return error_set(o->error, LMVR_ERROR_INVALID, "%s: is a pickle but not a file of torch.save()", o->path);
    lmvr_status status = next_pickle(o, size, &at, &machine);
    if (status == LMVR_OK)
        status = check_machine(o, machine);
    if (status == LMVR_OK)
        status = next_pickle(o, size, &at, &o->pickle);
    if (status == LMVR_OK)
        status = next_pickle(o, size, &at, &keys);
    file->hash = hash_bytes(HASH_START, o->bytes, at);
    if (status == LMVR_OK)
        status = fill_old(o, file, keys, at, &storages);
    pickle_free(machine);
    pickle_free(keys);
    free(storages.items);
    return status;
}

/* ---- values ----------------------------------------------------------------------------------------------------------- */

/* Goes through an entry's elements row by row. */
struct cursor {
    int64_t index[TORCH_MAX_DIMS];
    int64_t offset; /* of the element, in elements from the first one */
};

static struct cursor cursor_at(const struct weight_entry *entry, const struct place *place, uint64_t element)
{
    struct cursor cursor = {0};
    for (int i = entry->dims - 1; i >= 0; i--) {
        cursor.index[i] = (int64_t)(element % (uint64_t)entry->shape[i]);
        element /= (uint64_t)entry->shape[i];
        cursor.offset += cursor.index[i] * place->stride[i];
    }
    return cursor;
}

static void cursor_next(const struct weight_entry *entry, const struct place *place, struct cursor *cursor)
{
    for (int i = entry->dims - 1; i >= 0; i--) {
        cursor->offset += place->stride[i];
        if (++cursor->index[i] < entry->shape[i])
            return;
        cursor->offset -= entry->shape[i] * place->stride[i];
        cursor->index[i] = 0;
    }
}

/* Reads all bytes from the first to the last of the elements, and picks those out. */
static lmvr_status gather(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t count,
                          void *out, lmvr_error *error)
{
    const struct content *content = file->content;
    const struct place *place = &content->places[entry - file->entries];
    struct cursor begin = cursor_at(entry, place, first), cursor = begin;
    int64_t low = begin.offset, high = begin.offset;
    for (uint64_t i = 0; i < count; i++, cursor_next(entry, place, &cursor)) {
        low = cursor.offset < low ? cursor.offset : low;
        high = cursor.offset > high ? cursor.offset : high;
    }
    size_t size = (size_t)(high - low + 1) * entry->unit;
    char *bytes = malloc(size);
    if (!bytes)
        return error_no_memory(error, file->path);
    lmvr_status status =
        file_read_at(content->fd, file->path, bytes, size, (off_t)(place->begin + (uint64_t)low * entry->unit), error);
    cursor = begin;
    for (uint64_t i = 0; i < count && status == LMVR_OK; i++, cursor_next(entry, place, &cursor))
        memcpy((char *)out + i * entry->unit, bytes + (size_t)(cursor.offset - low) * entry->unit, entry->unit);
    free(bytes);
    return status;
}

/* Elements as they are stored. */
static lmvr_status read_elements(const struct weight_file *file, const struct weight_entry *entry, uint64_t first,
                                 uint64_t count, void *out, lmvr_error *error)
{
    const struct content *content = file->content;
    const struct place *place = &content->places[entry - file->entries];
    uint64_t whole = entry->size / entry->unit, begin = place->begin + first * entry->unit, size = count * entry->unit;
    if (first > whole || count > whole - first)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s is read beyond its end", file->path, entry->name);
    if (count == 0)
        return LMVR_OK;
    if (!place->contiguous)
        return gather(file, entry, first, count, out, error);
    return file_read_at(content->fd, file->path, out, size, (off_t)begin, error);
}

/* Drops a large read from the page cache: weights are read once and packed, so the cached copy only costs memory. */
static void forget(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t count)
{
    const struct content *content = file->content;
    const struct place *place = &content->places[entry - file->entries];
    if (place->contiguous && count * entry->unit >= LARGE_READ)
        posix_fadvise(content->fd, (off_t)(place->begin + first * entry->unit), (off_t)(count * entry->unit),
                      POSIX_FADV_DONTNEED);
}

/* All at once where elements lie apart, since each part would read much of the same bytes. */
static lmvr_status read_halves(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t count,
                               float *out, lmvr_error *error)
{
    const struct place *place = &((const struct content *)file->content)->places[entry - file->entries];
    uint64_t step = place->contiguous ? WIDEN_SIZE / sizeof(uint16_t) : count;
    uint16_t *part = malloc((step < count ? step : count) * sizeof *part + 1);
    lmvr_status status = part ? LMVR_OK : error_no_memory(error, file->path);
    bool bf16 = entry->dtype[0] == 'B';
    for (uint64_t i = 0; i < count && status == LMVR_OK; i += step) {
        uint64_t n = count - i < step ? count - i : step;
        status = read_elements(file, entry, first + i, n, part, error);
        if (status == LMVR_OK)
            (bf16 ? half_widen_bf16 : half_widen_f16)(part, n, out + i);
    }
    free(part);
    return status;
}

static lmvr_status read_floats(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t count,
                               float *out, lmvr_error *error)
{
    uint64_t whole = entry->size / entry->unit;
    if (!entry->is_float)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s has a dtype other than F32, F16 and BF16", file->path,
                         entry->name);
    bool direct = entry->unit == sizeof(float) || first > whole || count > whole - first;
    TRY((direct ? read_elements(file, entry, first, count, out, error) : read_halves(file, entry, first, count, out, error)));
    forget(file, entry, first, count);
    return LMVR_OK;
}

static lmvr_status read_bytes(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t size,
                              void *out, lmvr_error *error)
{
    return read_elements(file, entry, first / entry->unit, size / entry->unit, out, error);
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static void close_file(struct weight_file *file)
{
    struct content *content = file->content;
    for (size_t i = 0; i < file->count; i++)
        free((char *)file->entries[i].name);
    free(file->entries);
    if (content->fd >= 0)
        close(content->fd);
    free(content->places);
    free(content);
}

static lmvr_status open_content(struct opening *o, struct weight_file *file)
{
    char begin[2] = {0};
    TRY(input_open(o->path, &o->content->fd, &o->content->size, o->error));
    posix_fadvise(o->content->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    TRY(file_read_at(o->content->fd, o->path, begin, o->content->size < 2 ? o->content->size : 2, 0, o->error));
    return memcmp(begin, "PK", 2) == 0 ? open_archive(o, file) : open_old(o, file);
}

lmvr_status weight_file_open_torch(struct weight_file *file, lmvr_error *error)
{
    static const struct weight_format format = {close_file, read_floats, read_bytes, NULL};
    struct content *content = calloc(1, sizeof *content);
    struct opening opening = {.path = file->path, .content = content, .error = error};
    if (!content)
        return error_no_memory(error, file->path);
    content->fd = -1;
    file->content = content;
    file->format = &format;
    lmvr_status status = open_content(&opening, file);
    torch_state_free(&opening.state);
    pickle_free(opening.pickle);
    zip_free(&opening.zip);
    free(opening.folder);
    free(opening.bytes);
    return status;
}
