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

static const struct layout *const layouts[] = {&layout_voc2007,  &layout_coco,        &layout_visda,
                                               &layout_imagenet, &layout_deepfashion, &layout_llava};

static bool belongs_to_a_set(const char *entry)
{
    if (strcmp(entry, FOLDER_RECORD) == 0 || strcmp(entry, FOLDER_SYNONYMS) == 0 || strcmp(entry, TRUTH_FILE) == 0)
        return true;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        for (const char *const *e = layouts[i]->entries; *e; e++)
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

static lmvr_status make_folder(const char *folder, lmvr_error *error)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path)
        return error_set(error, LMVR_ERROR_INVALID, "%s: the path is too long", folder);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return file_error(error, path, "make the folder");
        *slash = '/';
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return file_error(error, path, "make the folder");
    return LMVR_OK;
}

lmvr_status folder_prepare(const struct scenes_options *options, lmvr_error *error)
{
    struct contents c;
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
    return make_folder(folder, error);
}

lmvr_status folder_write_record(const struct scenes_options *o, const char *layout, bool complete, lmvr_error *error)
{
    struct listing record;
    TRY(listing_open(&record, o->output, FOLDER_RECORD, error));
    json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:s, s:b}", "made_by", "lmvr scenes", "lmvr", lmvr_version(),
                             "layout", layout, "count", (json_int_t)o->count, "test_count", (json_int_t)o->test_count, "seed",
                             (json_int_t)o->seed, "size", o->size, "font", GLYPHS_FONT, "complete", complete);
    json_t *manners = o->manners ? json_array() : NULL;
    for (int m = 0; m < MANNERS_PAINTED; m++)
        if (o->manners >> m & 1)
            json_array_append_new(manners, json_string(manner_names[m]));
    if (manners)
        json_object_set_new(json, "manners", manners);
    lmvr_status status = listing_add_json(&record, json, error);
    if (status == LMVR_OK)
        return listing_close(&record, error);
    listing_drop(&record);
    return status;
}

static void add_form(const char *form, void *user)
{
    json_array_append_new(user, json_string(form));
}

lmvr_status folder_write_synonyms(const struct scenes_options *options, lmvr_error *error)
{
    struct listing list;
    json_t *all = json_object();
    for (int i = 0; all && i < kind_count; i++) {
        json_t *forms = json_array();
        kind_forms(&kinds[i], add_form, forms);
        json_object_set_new(all, kinds[i].name, forms);
    }
    char *text = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
    json_decref(all);
    if (!text)
        return error_no_memory(error, FOLDER_SYNONYMS);
    lmvr_status status = listing_open(&list, options->output, FOLDER_SYNONYMS, error);
    if (status == LMVR_OK) {
        status = listing_add(&list, text, error);
        status = status == LMVR_OK ? listing_close(&list, error) : status;
        listing_drop(&list);
    }
    free(text);
    return status;
}
