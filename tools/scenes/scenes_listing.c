#include "tools/scenes/scenes_listing.h"

#include "format/file.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The paths that a file has: while it is written, and in the end. */
struct place {
    char temporary[PATH_MAX], final[PATH_MAX];
};

static lmvr_status find_place(const char *folder, const char *name, struct place *place, lmvr_error *error)
{
    if (snprintf(place->temporary, PATH_MAX, "%s/%s.part", folder, name) >= PATH_MAX)
        return error_set(error, LMVR_ERROR_INVALID, "%s: the path is too long", folder);
    snprintf(place->final, PATH_MAX, "%s/%s", folder, name);
    return LMVR_OK;
}

lmvr_status listing_make_folders(const char *path, lmvr_error *error)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return error_set(error, LMVR_ERROR_INVALID, "%s: the path is too long", path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            return file_error(error, copy, "make the folder");
        *slash = '/';
    }
    return LMVR_OK;
}

static lmvr_status create(const struct place *place, FILE **file, lmvr_error *error)
{
    *file = fopen(place->temporary, "we");
    if (!*file && errno == ENOENT) {
        TRY(listing_make_folders(place->temporary, error));
        *file = fopen(place->temporary, "we");
    }
    return *file ? LMVR_OK : file_error(error, place->temporary, "create");
}

lmvr_status listing_write_file(const char *folder, const char *name, const void *bytes, size_t size, lmvr_error *error)
{
    struct place place;
    FILE *file;
    TRY(find_place(folder, name, &place, error));
    TRY(create(&place, &file, error));
    bool failed = fwrite(bytes, 1, size, file) != size;
    failed = fclose(file) != 0 || failed || rename(place.temporary, place.final) != 0;
    lmvr_status status = failed ? file_error(error, place.final, "write") : LMVR_OK;
    if (failed)
        unlink(place.temporary);
    return status;
}

/* ---- lists ---- */

/* The list of that name; a new one has no file. */
static struct listing *find(struct listings *ls, const char *format, va_list args)
{
    char name[sizeof ls->all->name];
    vsnprintf(name, sizeof name, format, args);
    for (int i = 0; i < ls->count; i++)
        if (strcmp(ls->all[i].name, name) == 0)
            return &ls->all[i];
    struct listing *new = &ls->all[ls->count++];
    *new = (struct listing){0};
    memcpy(new->name, name, sizeof name);
    return new;
}

static void keep(struct listings *ls, lmvr_status status)
{
    ls->status = ls->status == LMVR_OK ? status : ls->status;
}

struct listing *listing_named(struct listings *listings, const char *format, ...)
{
    struct place place;
    va_list args;
    int before = listings->count;
    va_start(args, format);
    struct listing *list = find(listings, format, args);
    va_end(args);
    if (listings->count == before || listings->status != LMVR_OK)
        return list;
    keep(listings, find_place(listings->folder, list->name, &place, &listings->error));
    if (listings->status == LMVR_OK)
        keep(listings, create(&place, &list->file, &listings->error));
    return list;
}

struct listing *listing_in_memory(struct listings *listings, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct listing *list = find(listings, format, args);
    va_end(args);
    if (!list->file && !(list->file = open_memstream(&list->text, &list->size)))
        keep(listings, error_no_memory(&listings->error, list->name));
    return list;
}

void listing_add(struct listing *listing, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (listing->file)
        vfprintf(listing->file, format, args);
    va_end(args);
}

void listing_add_json(struct listing *listing, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (text)
        listing_add(listing, "%s\n", text);
    else
        listing->lost = true;
    free(text);
}

void listing_add_element(struct listing *listing, json_t *value)
{
    listing_add(listing, "%s", listing->elements++ > 0 ? "," : "");
    listing_add_json(listing, value);
}

void listing_append(struct listing *listing, struct listing *in_memory)
{
    if (in_memory->file && fflush(in_memory->file) == 0)
        listing_add(listing, "%s", in_memory->text);
}

/* ---- all of them ---- */

static lmvr_status check(struct listings *ls, struct listing *l, lmvr_error *error)
{
    struct place place;
    if (l->lost)
        return error_no_memory(error, l->name);
    if (!l->file || fflush(l->file) == 0)
        return LMVR_OK;
    TRY(find_place(ls->folder, l->name, &place, error));
    return file_error(error, place.temporary, "write");
}

lmvr_status listings_check(struct listings *listings, lmvr_error *error)
{
    for (int i = 0; i < listings->count && listings->status == LMVR_OK; i++)
        keep(listings, check(listings, &listings->all[i], &listings->error));
    if (listings->status != LMVR_OK && error)
        *error = listings->error;
    return listings->status;
}

lmvr_status listings_close(struct listings *listings, lmvr_error *error)
{
    TRY(listings_check(listings, error));
    for (int i = 0; i < listings->count; i++) {
        struct listing *l = &listings->all[i];
        struct place place;
        if (l->text)
            continue;
        TRY(find_place(listings->folder, l->name, &place, error));
        bool failed = fsync(fileno(l->file)) != 0;
        failed = fclose(l->file) != 0 || failed || rename(place.temporary, place.final) != 0;
        l->file = NULL;
        if (failed)
            return file_error(error, place.final, "write");
    }
    return LMVR_OK;
}

void listings_drop(struct listings *listings)
{
    struct place place;
    for (int i = 0; i < listings->count; i++) {
        struct listing *l = &listings->all[i];
        if (l->file)
            fclose(l->file);
        if (l->file && !l->text && find_place(listings->folder, l->name, &place, NULL) == LMVR_OK)
            unlink(place.temporary);
        free(l->text);
    }
    *listings = (struct listings){0};
}
