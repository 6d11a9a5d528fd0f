#include "tools/scenes/scenes_folder.h"

#include "format/file.h"
#include "format/json.h"
#include "tools/scenes/kind.h"
#include "tools/scenes/truth.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FOLDERS 32 /* open at a time while a tree is removed */

/* ---- existing contents ---- */

static bool belongs_to_a_set(const char *entry)
{
    if (strcmp(entry, FOLDER_RECORD) == 0 || strcmp(entry, FOLDER_SYNONYMS) == 0 || strcmp(entry, TRUTH_FILE) == 0)
        return true;
    for (int layout = 1; layout < SCENES_LAYOUTS; layout++)
        for (const char *const *e = layouts[layout]->entries; *e; e++)
            if (strcmp(entry, *e) == 0)
                return true;
    size_t length = strlen(entry); /* left by a killed run */
    return length > 5 && strcmp(entry + length - 5, ".part") == 0;
}

struct contents {
    int entries;
    bool record;
    char foreign[256]; /* the name of an entry that no set has; "" */
};

static lmvr_status look(const char *folder, struct contents *c, lmvr_error *error)
{
    *c = (struct contents){0};
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT ? LMVR_OK : file_error(error, folder, "use the folder");
    for (struct dirent *e; (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        c->entries++;
        c->record |= strcmp(e->d_name, FOLDER_RECORD) == 0;
        if (!belongs_to_a_set(e->d_name))
            snprintf(c->foreign, sizeof c->foreign, "%s", e->d_name);
    }
    closedir(dir);
    return LMVR_OK;
}

/* ---- removing ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* Removes made.json last, so that the remains of an interrupted removal can be removed too. */
static lmvr_status remove_set(const char *folder, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    DIR *dir = opendir(folder);
    if (!dir)
        return file_error(error, folder, "read");
    for (struct dirent *e; status == LMVR_OK && (e = readdir(dir));) {
        char path[4096];
        bool kept = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || strcmp(e->d_name, FOLDER_RECORD) == 0;
        if (kept || snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= (int)sizeof path)
            continue;
        if (nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0)
            status = file_error(error, path, "remove");
    }
    closedir(dir);
    return status;
}

/* ---- creating ---- */

lmvr_status folder_prepare(const struct scenes_options *options, lmvr_error *error)
{
    struct contents c;
    char inside[PATH_MAX];
    const char *folder = options->output;
    TRY(look(folder, &c, error));
    if (*c.foreign && (options->force || !c.record))
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: contains %s, which is not part of a generated data set; expected an empty or new folder", folder,
                         c.foreign);
    if (c.entries > 0 && !c.record)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is not empty; expected an empty or new folder", folder);
    if (c.entries > 0 && !options->force)
        return error_set(error, LMVR_ERROR_INVALID, "%s: already has a generated data set; --force removes it", folder);
    if (c.entries > 0)
        TRY(remove_set(folder, error));
    snprintf(inside, sizeof inside, "%s/", folder);
    return listing_make_folders(inside, error);
}

/* Writes a file with one JSON value, and releases it. */
static lmvr_status write_json(const char *folder, const char *name, json_t *value, size_t flags, const char *end,
                              lmvr_error *error)
{
    struct listings file = {.folder = folder};
    struct listing *list = listing_named(&file, "%s", name);
    char *text = value ? json_dumps(value, flags) : NULL;
    json_decref(value);
    list->lost = !text;
    listing_add(list, "%s%s", text ? text : "", end);
    free(text);
    lmvr_status status = listings_close(&file, error);
    listings_drop(&file);
    return status;
}

lmvr_status folder_write_record(const struct scenes_options *o, bool complete, lmvr_error *error)
{
    json_t *manners = o->manners ? json_array() : NULL;
    for (int m = 0; m < MANNERS_PAINTED; m++)
        if (o->manners >> m & 1)
            json_array_append_new(manners, json_string(manner_names[m]));
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:s, s:b, s:o*}", "made_by", "lmvr scenes", "lmvr", lmvr_version(),
                  "layout", layouts[o->layout]->name, "count", (json_int_t)o->count, "test_count", (json_int_t)o->test_count,
                  "seed", (json_int_t)o->seed, "size", o->size, "font", GLYPHS_FONT, "complete", complete, "manners", manners);
    return write_json(o->output, FOLDER_RECORD, json, JSON_COMPACT, "\n", error);
}

static void add_form(const char *form, void *user)
{
    json_array_append_new(user, json_string(form));
}

lmvr_status folder_write_synonyms(const struct scenes_options *options, lmvr_error *error)
{
    json_t *all = json_object();
    for (int i = 0; i < kind_count; i++) {
        json_t *forms = json_array();
        kind_forms(&kinds[i], add_form, forms);
        json_object_set_new(all, kinds[i].name, forms);
    }
    return write_json(options->output, FOLDER_SYNONYMS, all, JSON_INDENT(1), "", error);
}
