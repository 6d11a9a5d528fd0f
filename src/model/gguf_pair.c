#include "model/gguf_pair.h"

#include "format/gguf.h"
#include "format/input.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool gguf_pair_is_file(const char *path)
{
    char begin[4] = {0};
    FILE *file = input_is_folder(path) ? NULL : fopen(path, "re");
    bool gguf = file && fread(begin, 1, sizeof begin, file) == sizeof begin && memcmp(begin, "GGUF", 4) == 0;
    if (file)
        fclose(file);
    return gguf;
}

/* Whether it is an image encoder; also refuses what is only a part of a file. */
static lmvr_status look_into(const char *path, bool *encoder, lmvr_error *error)
{
    struct gguf *file;
    struct gguf_text architecture = {NULL, 0};
    int64_t parts = 1;
    TRY(gguf_open(path, &file, error));
    lmvr_status status = gguf_string(file, "general.architecture", &architecture, error);
    *encoder = status == LMVR_OK && architecture.length == 4 && memcmp(architecture.bytes, "clip", 4) == 0;
    if (status == LMVR_OK && gguf_has(file, "split.count"))
        status = gguf_integer(file, "split.count", 0, INT64_MAX, &parts, error);
    gguf_close(file);
    if (status == LMVR_OK && parts > 1)
        return error_set(
            error, LMVR_ERROR_INVALID,
            "%s: is one of %lld parts, which are not read; expected the whole, as llama-gguf-split --merge makes it", path,
            (long long)parts);
    return status;
}

static lmvr_status keep(char name[CONFIG_MAX_PATH], const char *path, lmvr_error *error)
{
    if (snprintf(name, CONFIG_MAX_PATH, "%s", path) < CONFIG_MAX_PATH)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%.200s…: is a path of more than %d bytes", path, CONFIG_MAX_PATH - 1);
}

static lmvr_status take_files(const char *path, const char *mmproj, struct gguf_pair *pair, lmvr_error *error)
{
    bool encoder = false;
    TRY(look_into(path, &encoder, error));
    if (encoder)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: is an image encoder alone; expected the language model that it belongs to, and this beside it "
                         "(--mmproj)",
                         path);
    if (!mmproj)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: is a language model alone; its image encoder, a file called mmproj, is missing (--mmproj, or a "
                         "folder with the two)",
                         path);
    TRY(look_into(mmproj, &encoder, error));
    if (!encoder)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: is no image encoder; expected an mmproj file, whose "
                         "general.architecture is clip",
                         mmproj);
    TRY(keep(pair->language, path, error));
    return keep(pair->vision, mmproj, error);
}

/* A folder's files that are called .gguf. */
struct listing {
    char *first[2];
    int count;
};

static lmvr_status list(const char *folder, struct listing *listing, lmvr_error *error)
{
    const struct dirent *entry;
    DIR *opened = opendir(folder);
    lmvr_status status = LMVR_OK;
    while (opened && status == LMVR_OK && (entry = readdir(opened))) {
        const char *ending = strrchr(entry->d_name, '.');
        if (entry->d_name[0] == '.' || !ending || strcmp(ending, ".gguf") != 0)
            continue;
        if (listing->count < 2 && !(listing->first[listing->count] = input_path(folder, entry->d_name)))
            status = error_no_memory(error, folder);
        listing->count++;
    }
    if (opened)
        closedir(opened);
    return status;
}

static lmvr_status take_two(const char *folder, char *const files[2], struct gguf_pair *pair, lmvr_error *error)
{
    bool encoder[2] = {false, false};
    for (int i = 0; i < 2; i++)
        TRY(look_into(files[i], &encoder[i], error));
    if (encoder[0] == encoder[1])
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: holds two %s in GGUF; expected a language model and its mmproj file (general.architecture clip)",
                         folder, encoder[0] ? "image encoders" : "language models");
    return take_files(files[encoder[0]], files[!encoder[0]], pair, error);
}

static lmvr_status take_folder(const char *folder, struct gguf_pair *pair, lmvr_error *error)
{
    struct listing listing = {0};
    lmvr_status status = list(folder, &listing, error);
    if (status == LMVR_OK && listing.count == 2)
        status = take_two(folder, listing.first, pair, error);
    else if (status == LMVR_OK && listing.count == 1)
        status = take_files(listing.first[0], NULL, pair, error);
    else if (status == LMVR_OK && listing.count > 2)
        status = error_set(error, LMVR_ERROR_INVALID,
                           "%s: holds %d GGUF files; expected a language model and its mmproj file alone, or the two by name "
                           "(-m and --mmproj)",
                           folder, listing.count);
    free(listing.first[0]);
    free(listing.first[1]);
    return status;
}

static bool has_configuration(const char *folder)
{
    char *path = input_path(folder, "config.json");
    bool there = path && input_exists(path);
    free(path);
    return there;
}

lmvr_status gguf_pair_find(const char *path, const char *mmproj, struct gguf_pair *pair, lmvr_error *error)
{
    *pair = (struct gguf_pair){{0}, {0}};
    if (gguf_pair_is_file(path))
        return take_files(path, mmproj, pair, error);
    if (mmproj)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is no GGUF file, so %s does not belong to it (--mmproj)", path,
                         mmproj);
    return input_is_folder(path) && !has_configuration(path) ? take_folder(path, pair, error) : LMVR_OK;
}
