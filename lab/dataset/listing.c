#include "lab/dataset/listing.h"

#include "format/file.h"
#include "format/input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* DT_REG, DT_DIR or another. Follows links; a dangling one is neither. */
static unsigned char kind_of(DIR *folder, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return entry->d_type;
    if (fstatat(dirfd(folder), entry->d_name, &st, 0) != 0)
        return DT_UNKNOWN;
    return S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_UNKNOWN;
}

static lmvr_status read_entries(DIR *folder, const char *path, struct listing *listing, lmvr_error *error)
{
    int64_t number;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry)
            return errno == 0 ? LMVR_OK : file_error(error, path, "read");
        if (entry->d_name[0] == '.')
            continue;
        unsigned char kind = kind_of(folder, entry);
        if (kind == DT_DIR)
            TRY(names_add(&listing->folders, entry->d_name, &number, error));
        else if (kind == DT_REG)
            TRY(names_add(&listing->files, entry->d_name, &number, error));
    }
}

lmvr_status listing_read(const char *folder, struct listing *listing, lmvr_error *error)
{
    *listing = (struct listing){0};
    DIR *opened = opendir(folder);
    if (!opened)
        return file_error(error, folder, "read");
    lmvr_status status = read_entries(opened, folder, listing, error);
    closedir(opened);
    if (status == LMVR_OK)
        status = names_sort(&listing->folders, error);
    if (status == LMVR_OK)
        status = names_sort(&listing->files, error);
    if (status != LMVR_OK)
        listing_finish(listing);
    return status;
}

void listing_finish(struct listing *listing)
{
    names_finish(&listing->folders);
    names_finish(&listing->files);
}

/* ---- files looked up by path ---- */

static lmvr_status add_files(struct present *present, const char *folder, const struct names *files, lmvr_error *error)
{
    int64_t number;
    lmvr_status status = LMVR_OK;
    for (int64_t i = 0; i < files->count && status == LMVR_OK; i++) {
        char *path = input_path(folder, names_get(files, i));
        status = path ? names_add(&present->files, path, &number, error) : error_no_memory(error, folder);
        free(path);
    }
    return status;
}

static lmvr_status list_folder(struct present *present, const char *folder, lmvr_error *error)
{
    struct listing listing;
    int64_t number;
    TRY(names_add(&present->folders, folder, &number, error));
    if (!input_exists(*folder ? folder : "."))
        return LMVR_OK;
    TRY(listing_read(*folder ? folder : ".", &listing, error));
    lmvr_status status = add_files(present, folder, &listing.files, error);
    listing_finish(&listing);
    return status;
}

/* The path up to its last component, with the slash; a copy, to be freed. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
}

lmvr_status present_ask(struct present *present, const char *path, bool *there, lmvr_error *error)
{
    char *folder = folder_of(path);
    if (!folder)
        return error_no_memory(error, path);
    lmvr_status status = LMVR_OK;
    if (names_find(&present->folders, folder) < 0)
        status = list_folder(present, folder, error);
    free(folder);
    *there = status == LMVR_OK && names_find(&present->files, path) >= 0;
    return status;
}

void present_finish(struct present *present)
{
    names_finish(&present->folders);
    names_finish(&present->files);
}
