/* The report's folder. */
#include "lab/report/render.h"

#include "format/file.h"
#include "format/json.h"
#include "format/place.h"
#include "format/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file to be written. */
struct file {
    const char *name; /* relative to the folder */
    const char *path, *temporary;
    const struct block *block;     /* what it shows; NULL: the whole report */
    const struct picture *picture; /* the picture whose bytes it has; NULL: the file is rendered */
    bool begun;                    /* the temporary file exists */
};

struct folder {
    const struct report *report;
    struct region region;
    char *dir;          /* without trailing slashes */
    struct file *files; /* report.json is the first */
    size_t count;
    json_t *names;   /* of all files */
    json_t *earlier; /* names of an earlier report's; NULL: there is none */
};

/* ---- the list of files ---- */

static void folder_finish(struct folder *folder)
{
    json_decref(folder->names);
    json_decref(folder->earlier);
    region_free(&folder->region);
}

static void add_file(struct folder *folder, const char *name, const struct block *block, const struct picture *picture)
{
    struct region *region = &folder->region;
    struct file *files = region_grow(region, folder->files, folder->count, sizeof *files);
    if (!files)
        return;
    const char *slash = strchr(name, '/'), *base = slash ? slash + 1 : name;
    folder->files = files;
    files[folder->count++] =
        (struct file){.name = name,
                      .path = region_print(region, "%s/%s", folder->dir, name),
                      .temporary = region_print(region, "%s/%.*s.%s.part", folder->dir, (int)(base - name), name, base),
                      .block = block,
                      .picture = picture};
    if (json_array_append_new(folder->names, json_string(name)) != 0)
        region->failed = true;
}

static void add_block(struct folder *folder, const struct block *b)
{
    const struct report_gallery *gallery = b->kind == BLOCK_GALLERY ? (const struct report_gallery *)b : NULL;
    for (size_t i = 0; gallery && i < gallery->picture_count; i++)
        if (gallery->pictures[i].type != PICTURE_NONE)
            add_file(folder, report_picture_path(gallery, i, &folder->region), b, &gallery->pictures[i]);
    if (b->kind == BLOCK_TABLE)
        add_file(folder, region_print(&folder->region, "tables/%s.csv", b->name), b, NULL);
    if (b->kind == BLOCK_CHART)
        add_file(folder, region_print(&folder->region, "figures/%s.svg", b->name), b, NULL);
}

static char *strip_slashes(struct region *region, const char *dir)
{
    size_t length = strlen(dir);
    while (length > 1 && dir[length - 1] == '/')
        length--;
    return region_print(region, "%.*s", (int)length, dir);
}

/* Without a report, the files that every one has. */
static lmvr_status folder_init(struct folder *folder, const struct report *report, const char *dir, lmvr_error *error)
{
    *folder = (struct folder){.report = report, .names = json_array()};
    folder->dir = strip_slashes(&folder->region, dir);
    add_file(folder, "report.json", NULL, NULL);
    add_file(folder, "report.md", NULL, NULL);
    add_file(folder, "report.html", NULL, NULL);
    for (size_t i = 0; report && i < report->block_count; i++)
        add_block(folder, report->blocks[i]);
    return folder->region.failed ? error_no_memory(error, "the report") : LMVR_OK;
}

/* ---- an earlier report ---- */

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* Reads folder->earlier, if there is an earlier report. Refuses a report.json that lmvr did not write. */
static lmvr_status read_earlier(struct folder *folder, lmvr_error *error)
{
    json_t *root = NULL;
    const char *path = folder->files[0].path;
    lmvr_status status = is_there(path) ? json_read(path, NULL, &root, NULL) : LMVR_OK;
    json_t *files = json_object_get(root, "files");
    bool foreign = root && !(json_is_integer(json_object_get(root, "lmvr_report")) && json_is_array(files));
    if (status == LMVR_ERROR_RESOURCE)
        error_write(error, "%s: cannot be read", path);
    else if (status != LMVR_OK || foreign)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: is in the way: it is not a report by lmvr", path);
    else
        folder->earlier = json_incref(files);
    json_decref(root);
    return status;
}

static bool is_among(const char *name, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *own = json_string_value(json_array_get(names, i));
        if (own && strcmp(own, name) == 0)
            return true;
    }
    return false;
}

static lmvr_status check_files(struct folder *folder, lmvr_error *error)
{
    TRY(read_earlier(folder, error));
    for (const struct file *f = folder->files + 1; f < folder->files + folder->count; f++)
        if (!is_among(f->name, folder->earlier) && is_there(f->path))
            return error_set(error, LMVR_ERROR_INVALID, "%s: is in the way: it does not belong to an earlier report by lmvr",
                             f->path);
    return LMVR_OK;
}

lmvr_status report_check_place(const char *dir, lmvr_error *error)
{
    struct folder folder;
    lmvr_status status = folder_init(&folder, NULL, dir, error);
    struct place place = {.folder = folder.dir};
    if (status == LMVR_OK)
        status = place_check_writable(&place, error);
    if (status == LMVR_OK)
        status = check_files(&folder, error);
    folder_finish(&folder);
    return status;
}

/* ---- writing ---- */

static lmvr_status make_folders(struct folder *folder, lmvr_error *error)
{
    static const char *const parts[] = {"tables/", "figures/"};
    struct place place = {.folder = folder->dir};
    TRY(place_make_folder(&place, error));
    for (size_t part = 0; part < 2; part++)
        for (size_t i = 0; i < folder->count; i++)
            if (strncmp(folder->files[i].name, parts[part], strlen(parts[part])) == 0) {
                place.folder = region_print(&folder->region, "%s/%.*s", folder->dir, (int)strlen(parts[part]) - 1, parts[part]);
                TRY(folder->region.failed ? error_no_memory(error, "a file name") : place_make_folder(&place, error));
                break;
            }
    return LMVR_OK;
}

static bool render_whole_json(const struct folder *folder, FILE *out)
{
    json_t *json = render_json(folder->report, folder->names);
    bool good = json && json_dumpf(json, out, JSON_INDENT(2)) == 0;
    putc('\n', out);
    json_decref(json);
    return good;
}

/* False: out of memory. */
static bool render(const struct folder *folder, const struct file *file, FILE *out)
{
    if (file->block && file->block->kind == BLOCK_TABLE)
        render_csv((const struct report_table *)file->block, out);
    else if (file->block)
        render_svg((const struct report_chart *)file->block, false, out);
    else if (file == folder->files)
        return render_whole_json(folder, out);
    else
        return strcmp(file->name, "report.md") == 0 ? render_markdown(folder->report, out) : render_html(folder->report, out);
    return true;
}

static lmvr_status write_rendered(const struct folder *folder, const struct file *file, int fd, lmvr_error *error)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&bytes, &size);
    bool good = out && render(folder, file, out);
    good = out && fclose(out) == 0 && good;
    lmvr_status status = good ? file_write_at(fd, file->path, bytes, size, 0, error) : error_no_memory(error, "the report");
    free(bytes);
    return status;
}

static lmvr_status write_temporary(const struct folder *folder, struct file *file, lmvr_error *error)
{
    int fd = open(file->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return file_error(error, file->path, "write");
    file->begun = true;
    lmvr_status status = file->picture ? file_write_at(fd, file->path, file->picture->bytes, file->picture->size, 0, error)
                                       : write_rendered(folder, file, fd, error);
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

/* Removes the earlier report's tables and figures that this one lacks: only files named as a report names them, whatever its
 * list says. */
static void remove_left_over(struct folder *folder)
{
    size_t index;
    json_t *own;
    json_array_foreach(folder->earlier, index, own)
    {
        const char *name = json_is_string(own) ? json_string_value(own) : "";
        size_t part = strncmp(name, "tables/", 7) == 0 ? 7 : strncmp(name, "figures/", 8) == 0 ? 8 : 0;
        size_t stem = part ? strspn(name + part, "abcdefghijklmnopqrstuvwxyz0123456789_-") : 0;
        const char *suffix = name + part + stem;
        bool ours = strcmp(suffix, part == 7 ? ".csv" : ".svg") == 0 || (part == 8 && strcmp(suffix, ".png") == 0) ||
                    (part == 8 && strcmp(suffix, ".jpg") == 0);
        if (stem > 0 && ours && !is_among(name, folder->names))
            unlink(region_print(&folder->region, "%s/%s", folder->dir, name));
    }
}

/* report.json comes first, so that files left behind by an interruption are known to be the report's. */
static lmvr_status write_files(struct folder *folder, lmvr_error *error)
{
    lmvr_status status = make_folders(folder, error);
    for (size_t i = 0; i < folder->count && status == LMVR_OK; i++)
        status = write_temporary(folder, &folder->files[i], error);
    if (status == LMVR_OK)
        remove_left_over(folder);
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
    if (!report || report->region.failed)
        return error_no_memory(error, "the report");
    lmvr_status status = folder_init(&folder, report, dir, error);
    if (status == LMVR_OK)
        status = check_files(&folder, error);
    if (status == LMVR_OK)
        status = write_files(&folder, error);
    folder_finish(&folder);
    return status;
}

lmvr_status report_write_page(const struct report *report, const char *path, lmvr_error *error)
{
    char *bytes = NULL;
    size_t size = 0;
    if (!report || report->region.failed)
        return error_no_memory(error, "the report");
    FILE *out = open_memstream(&bytes, &size);
    bool good = out && render_html(report, out);
    good = out && fclose(out) == 0 && good;
    lmvr_status status = good ? file_replace(path, bytes, size, error) : error_no_memory(error, "the report");
    free(bytes);
    return status;
}
