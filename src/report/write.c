/* The report's folder. */
#include "report/memory.h"
#include "report/render.h"

#include "format/file.h"
#include "format/json.h"
#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file to be. */
struct file {
    const char *name; /* below the folder */
    const char *path, *temporary;
    struct memory owned; /* what was rendered, else empty */
    const void *bytes;
    size_t size;
    bool begun; /* the temporary one is there */
};

struct folder {
    const struct report *report;
    struct region region;
    const char *dir;    /* without slashes at its end */
    struct file *files; /* report.json is the first */
    size_t count;
};

/* ---- the list of files ---- */

static void folder_finish(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++)
        free(folder->files[i].owned.bytes);
    region_free(&folder->region);
}

/* One more, "PART/STEM.SUFFIX"; NULL: out of memory. */
static struct file *add_file(struct folder *folder, const char *name)
{
    struct region *region = &folder->region;
    struct file *files = region_grow(region, folder->files, folder->count, sizeof *files);
    if (!files)
        return NULL;
    const char *slash = strchr(name, '/'), *base = slash ? slash + 1 : name;
    folder->files = files;
    struct file *file = &files[folder->count++];
    file->name = name;
    file->path = region_print(region, "%s/%s", folder->dir, name);
    file->temporary = region_print(region, "%s/%.*s.%s.part", folder->dir, (int)(base - name), name, base);
    return region->failed ? NULL : file;
}

/* What writes one file's bytes to memory: the report's forms, and those of a block. */
static bool render(const struct report *report, const struct block *block, const char *name, FILE *out)
{
    if (block && block->kind == BLOCK_TABLE)
        render_csv((const struct report_table *)block, out);
    else if (block)
        render_svg((const struct report_chart *)block, false, out);
    else
        return strcmp(name, "report.md") == 0 ? render_markdown(report, out) : render_html(report, out);
    return true;
}

static bool add_rendered(struct folder *folder, const char *name, const struct block *block)
{
    struct memory memory;
    struct file *file = add_file(folder, name);
    FILE *out = file ? memory_open(&memory) : NULL;
    if (!out)
        return false;
    bool good = render(folder->report, block, name, out);
    good = memory_close(&memory, out) && good;
    file->owned = memory;
    file->bytes = memory.bytes;
    file->size = memory.size;
    return good;
}

static bool add_pictures(struct folder *folder, const struct report_gallery *gallery)
{
    for (size_t i = 0; i < gallery->picture_count; i++) {
        const struct picture *p = &gallery->pictures[i];
        struct file *file = p->type == PICTURE_NONE ? NULL : add_file(folder, report_picture_path(gallery, i, &folder->region));
        if (file) {
            file->bytes = p->bytes;
            file->size = p->size;
        }
    }
    return !folder->region.failed;
}

static bool add_block(struct folder *folder, const struct block *b)
{
    if (b->kind == BLOCK_GALLERY)
        return add_pictures(folder, (const struct report_gallery *)b);
    if (b->kind < BLOCK_TABLE)
        return true;
    bool table = b->kind == BLOCK_TABLE;
    const char *name = region_print(&folder->region, "%s/%s.%s", table ? "tables" : "figures", b->name, table ? "csv" : "svg");
    return add_rendered(folder, name, b);
}

static bool fill_json(struct folder *folder)
{
    json_t *names = json_array();
    bool good = names;
    for (size_t i = 0; i < folder->count && good; i++)
        good = json_array_append_new(names, json_string(folder->files[i].name)) == 0;
    json_t *json = good ? render_json(folder->report, names) : NULL;
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(names);
    json_decref(json);
    if (!text)
        return false;
    size_t length = strlen(text);
    text[length] = '\n';
    folder->files[0].owned.bytes = text;
    folder->files[0].bytes = text;
    folder->files[0].size = length + 1;
    return true;
}

static char *strip_slashes(struct region *region, const char *dir)
{
    size_t length = strlen(dir);
    while (length > 1 && dir[length - 1] == '/')
        length--;
    return region_print(region, "%.*s", (int)length, dir);
}

static lmvr_status folder_init(struct folder *folder, const struct report *report, const char *dir, lmvr_error *error)
{
    *folder = (struct folder){.report = report};
    folder->dir = strip_slashes(&folder->region, dir);
    bool good = report && !report->region.failed && add_file(folder, "report.json");
    good = good && add_rendered(folder, "report.md", NULL) && add_rendered(folder, "report.html", NULL);
    for (size_t i = 0; good && i < report->block_count; i++)
        good = add_block(folder, report->blocks[i]);
    return good && fill_json(folder) ? LMVR_OK : error_no_memory(error, "the report");
}

/* ---- what lies there already ---- */

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* The names of an earlier report's files, a new reference; empty where there is no report. A report.json of somebody else's is
 * refused. */
static lmvr_status read_earlier(const char *dir, json_t **names, lmvr_error *error)
{
    char *path = NULL;
    json_t *root = NULL;
    *names = NULL;
    if (asprintf(&path, "%s/report.json", dir) < 0)
        return error_no_memory(error, "a file name");
    lmvr_status status = is_there(path) ? json_read(path, NULL, &root, NULL) : LMVR_OK;
    json_t *files = json_object_get(root, "files");
    bool foreign = root && !(json_is_integer(json_object_get(root, "lmvr_report")) && json_is_array(files));
    if (status == LMVR_ERROR_RESOURCE)
        error_write(error, "%s: cannot be read", path);
    else if (status != LMVR_OK || foreign)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: stands in the way: it is not an earlier report of lmvr", path);
    else
        *names = files ? json_incref(files) : json_array();
    json_decref(root);
    free(path);
    if (status == LMVR_OK && !*names)
        status = error_no_memory(error, "the report");
    return status;
}

static lmvr_status check_name(const char *dir, const char *name, const json_t *earlier, lmvr_error *error)
{
    size_t index;
    json_t *own;
    char *path = NULL;
    json_array_foreach((json_t *)earlier, index,
                       own) if (json_is_string(own) && strcmp(json_string_value(own), name) == 0) return LMVR_OK;
    if (asprintf(&path, "%s/%s", dir, name) < 0)
        return error_no_memory(error, "a file name");
    lmvr_status status = LMVR_OK;
    if (is_there(path) && strcmp(name, "report.json") != 0)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: stands in the way: it is not of an earlier report of lmvr", path);
    free(path);
    return status;
}

lmvr_status report_check_place(const char *dir, lmvr_error *error)
{
    static const char *const names[] = {"report.md", "report.html"};
    json_t *earlier = NULL;
    struct region region = {0};
    struct place place = {.folder = strip_slashes(&region, dir)};
    lmvr_status status = region.failed ? error_no_memory(error, "a file name") : place_check_writable(&place, error);
    if (status == LMVR_OK)
        status = read_earlier(place.folder, &earlier, error);
    for (size_t i = 0; i < 2 && status == LMVR_OK; i++)
        status = check_name(place.folder, names[i], earlier, error);
    json_decref(earlier);
    region_free(&region);
    return status;
}

static lmvr_status check_files(const struct folder *folder, const json_t *earlier, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < folder->count && status == LMVR_OK; i++)
        status = check_name(folder->dir, folder->files[i].name, earlier, error);
    return status;
}

/* ---- writing ---- */

static lmvr_status make_folder(const char *dir, const char *part, lmvr_error *error)
{
    struct place place = {.folder = NULL};
    if (asprintf(&place.folder, "%s%s", dir, part) < 0)
        return error_no_memory(error, "a file name");
    lmvr_status status = place_make_folder(&place, error);
    free(place.folder);
    return status;
}

static lmvr_status make_folders(const struct folder *folder, lmvr_error *error)
{
    bool tables = false, figures = false;
    for (size_t i = 0; i < folder->count; i++) {
        tables |= strncmp(folder->files[i].name, "tables/", 7) == 0;
        figures |= strncmp(folder->files[i].name, "figures/", 8) == 0;
    }
    TRY(make_folder(folder->dir, "", error));
    if (tables)
        TRY(make_folder(folder->dir, "/tables", error));
    if (figures)
        TRY(make_folder(folder->dir, "/figures", error));
    return LMVR_OK;
}

static lmvr_status write_temporary(struct file *file, lmvr_error *error)
{
    int fd = open(file->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return file_error(error, file->path, "write");
    file->begun = true;
    lmvr_status status = file_write_at(fd, file->path, file->bytes, file->size, 0, error);
    lmvr_status closed = file_close(fd, file->path, status == LMVR_OK ? error : NULL);
    return status == LMVR_OK ? closed : status;
}

static lmvr_status put_in_place(struct file *file, lmvr_error *error)
{
    if (rename(file->temporary, file->path) != 0)
        return file_error(error, file->path, "write");
    file->begun = false;
    return LMVR_OK;
}

static bool is_written(const struct folder *folder, const char *name)
{
    for (size_t i = 0; i < folder->count; i++)
        if (strcmp(folder->files[i].name, name) == 0)
            return true;
    return false;
}

/* Tables and figures of the earlier report that this one does not have: as one would name them, whatever its list says. */
static void remove_left_over(struct folder *folder, const json_t *earlier)
{
    size_t index;
    json_t *own;
    json_array_foreach((json_t *)earlier, index, own)
    {
        const char *name = json_is_string(own) ? json_string_value(own) : "";
        size_t part = strncmp(name, "tables/", 7) == 0 ? 7 : strncmp(name, "figures/", 8) == 0 ? 8 : 0;
        size_t stem = part ? strspn(name + part, "abcdefghijklmnopqrstuvwxyz0123456789_-") : 0;
        const char *suffix = name + part + stem;
        bool ours = strcmp(suffix, part == 7 ? ".csv" : ".svg") == 0 || (part == 8 && strcmp(suffix, ".png") == 0) ||
                    (part == 8 && strcmp(suffix, ".jpg") == 0);
        if (stem > 0 && ours && !is_written(folder, name))
            unlink(region_print(&folder->region, "%s/%s", folder->dir, name));
    }
}

/* report.json comes first: whatever a stop leaves behind is then known as the report's. */
static lmvr_status write_files(struct folder *folder, const json_t *earlier, lmvr_error *error)
{
    lmvr_status status = make_folders(folder, error);
    for (size_t i = 0; i < folder->count && status == LMVR_OK; i++)
        status = write_temporary(&folder->files[i], error);
    if (status == LMVR_OK)
        remove_left_over(folder, earlier);
    for (size_t i = 0; i < folder->count && status == LMVR_OK; i++)
        status = put_in_place(&folder->files[i], error);
    for (size_t i = 0; i < folder->count; i++)
        if (folder->files[i].begun)
            unlink(folder->files[i].temporary);
    return status;
}

lmvr_status report_write(const struct report *report, const char *dir, lmvr_error *error)
{
    struct folder folder;
    json_t *earlier = NULL;
    lmvr_status status = folder_init(&folder, report, dir, error);
    if (status == LMVR_OK)
        status = read_earlier(folder.dir, &earlier, error);
    if (status == LMVR_OK)
        status = check_files(&folder, earlier, error);
    if (status == LMVR_OK)
        status = write_files(&folder, earlier, error);
    json_decref(earlier);
    folder_finish(&folder);
    return status;
}
