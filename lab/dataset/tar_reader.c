#include "lab/dataset/tar_reader.h"

#include "error.h"
#include "format/utf8.h"
#include "image/kinds.h"
#include "lab/dataset/input_list.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK          (256 << 10)         /* bytes read at a time */
#define FIRST_SPACE    (16 << 10)          /* bytes, for a member */
#define MOST_IMAGE     ((size_t)1 << 30)   /* bytes, as image_read() takes them */
#define MOST_OF_SAMPLE 8                   /* images; of more, the sample ends there */
#define MOST_BYTES     ((size_t)256 << 20) /* of a sample's images before the last; of more, it ends there, too */
#define END_OF_TAR     512                 /* bytes of zeros, at least */

struct tar_reader {
    char *path;
    int fd;
    struct archive *archive;
    char *name;      /* of the member at which the archive is, and which is still to be taken; NULL: none is */
    size_t hole_end; /* of a sparse member, its size: a hole at the end is not read; else 0 */
    bool begun, at_end;
    char *stem; /* of the sample that is being read, and its images */
    struct source_item items[MOST_OF_SAMPLE];
    int count, given;
    size_t bytes; /* in them */
    json_t *companions;
    lmvr_status status; /* what is wrong from here on */
    lmvr_error error;
};

/* ---- members --------------------------------------------------------------------------------------------------------- */

/* The bytes of the archive, unpacked, that have been used. */
static int64_t position(const struct tar_reader *r)
{
    return archive_filter_bytes(r->archive, 0);
}

static lmvr_status damaged(struct tar_reader *r, const char *member, lmvr_error *error)
{
    const char *why = archive_error_string(r->archive);
    return error_set(error, LMVR_ERROR_INPUT, "%s: is damaged or truncated%s%s: %s", r->path, member ? " in " : "",
                     member ? member : "", why ? why : "it cannot be read");
}

/* The member's name as it is in the archive, but for "./" and "/" before it. */
static const char *plain_name(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname_utf8(entry);
    if (!name)
        name = archive_entry_pathname(entry); /* not UTF-8 */
    while (name && (name[0] == '/' || (name[0] == '.' && name[1] == '/')))
        name++;
    return name ? name : "";
}

static bool is_hidden(const char *name)
{
    return name[0] == '.' || strstr(name, "/.");
}

/* Whether a member is a file to look at; what is left out is counted, but for folders. */
static lmvr_status judge(struct archive_entry *entry, struct passed_over *passed_over, bool *good, lmvr_error *error)
{
    bool link = archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry);
    bool hidden = is_hidden(plain_name(entry));
    *good = !link && !hidden;
    if (*good || archive_entry_filetype(entry) == AE_IFDIR)
        return LMVR_OK;
    return passed_over_add_kind(passed_over, hidden ? "hidden" : "as links", error);
}

/* Goes to the next member that is a file, whose name is then r->name; none at the end. */
static lmvr_status go_on(struct tar_reader *r, struct passed_over *passed_over, lmvr_error *error)
{
    struct archive_entry *entry;
    int64_t before;
    int code;
    bool good;
    do {
        if (r->begun && archive_read_data_skip(r->archive) < ARCHIVE_WARN)
            return damaged(r, NULL, error);
        r->begun = true;
        before = position(r);
        code = archive_read_next_header(r->archive, &entry);
        if (code == ARCHIVE_EOF) {
            r->at_end = true;
            return position(r) - before >= END_OF_TAR
                       ? LMVR_OK
                       : error_set(error, LMVR_ERROR_INPUT, "%s: is truncated: the zeros that end a tar are missing", r->path);
        }
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return damaged(r, NULL, error);
        TRY(judge(entry, passed_over, &good, error));
    } while (!good);
    bool sparse = archive_entry_sparse_count(entry) > 0 && archive_entry_size(entry) > 0;
    r->hole_end = sparse ? (size_t)archive_entry_size(entry) : 0;
    r->name = strdup(plain_name(entry));
    return r->name ? LMVR_OK : error_no_memory(error, r->path);
}

/* The next bytes of the member, and zeros for a hole at its end; *n is 0 behind it. `done` have been read. */
static lmvr_status read_some(struct tar_reader *r, size_t done, char *bytes, size_t size, size_t *n, lmvr_error *error)
{
    la_ssize_t read = archive_read_data(r->archive, bytes, size);
    if (read < 0)
        return damaged(r, r->name, error);
    *n = (size_t)read;
    if (read == 0 && done < r->hole_end) {
        *n = r->hole_end - done < size ? r->hole_end - done : size;
        memset(bytes, 0, *n);
    }
    return LMVR_OK;
}

/* Reads the rest of the member behind the first `done` bytes, which are given, up to `most` in all, with a zero behind them;
 * *bytes is NULL if it has more. What its header says of its size is not relied on. */
static lmvr_status read_member(struct tar_reader *r, const char *first, size_t done, size_t most, char **bytes, size_t *size,
                               lmvr_error *error)
{
    size_t space = FIRST_SPACE, n;
    *bytes = malloc(space);
    *size = done;
    if (*bytes && done > 0)
        memcpy(*bytes, first, done);
    while (*bytes) {
        lmvr_status status = read_some(r, *size, *bytes + *size, space - *size - 1, &n, error);
        if (status != LMVR_OK) {
            free(*bytes);
            *bytes = NULL;
            return status;
        }
        *size += n;
        if (n == 0 || *size > most)
            break;
        char *longer = *size + 1 < space ? *bytes : realloc(*bytes, space *= 2);
        if (!longer)
            free(*bytes);
        *bytes = longer;
    }
    if (!*bytes)
        return error_no_memory(error, r->path);
    (*bytes)[*size] = '\0';
    char *fitting = *size <= most ? realloc(*bytes, *size + 1) : NULL;
    if (*size > most)
        free(*bytes);
    *bytes = *size > most || fitting ? fitting : *bytes;
    return LMVR_OK;
}

/* ---- samples --------------------------------------------------------------------------------------------------------- */

static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* Where the name's ending begins, with its period; at its end, if it has none. */
static const char *ending(const char *name)
{
    const char *period = strrchr(last_part(name), '.');
    return period ? period : name + strlen(name);
}

/* A JSON value of a text, which is not nested so deeply that an index with it could not be read. NULL: it is none. */
static json_t *parse_json(const char *text)
{
    char *wrapped;
    json_t *value = NULL;
    if (asprintf(&wrapped, "[[[%s]]]", text) < 0)
        return NULL;
    json_t *outer = json_loads(wrapped, 0, NULL), *middle = json_array_get(outer, 0), *inner = json_array_get(middle, 0);
    if (json_array_size(outer) == 1 && json_array_size(middle) == 1 && json_array_size(inner) == 1)
        value = json_incref(json_array_get(inner, 0));
    json_decref(outer);
    free(wrapped);
    return value;
}

static json_t *parse_text(const char *text)
{
    char *clean = utf8_clean(text);
    json_t *value = clean ? json_string(clean) : NULL;
    free(clean);
    return value;
}

/* A whole number of at most 18 digits, with white space around it, else the text. */
static json_t *parse_class(const char *text)
{
    char *end;
    const char *begin = text + strspn(text, " \t\r\n");
    size_t digits = strspn(begin + (*begin == '-'), "0123456789");
    long long number = strtoll(begin, &end, 10);
    if (digits > 0 && digits <= 18 && end[strspn(end, " \t\r\n")] == '\0')
        return json_integer(number);
    return parse_text(text);
}

static const struct companion_kind {
    const char *ending;
    json_t *(*parse)(const char *text);
} companion_kinds[] = {{".json", parse_json}, {".txt", parse_text}, {".cls", parse_class}};

static const struct companion_kind *companion_kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof companion_kinds / sizeof *companion_kinds; i++)
        if (strcmp(ending(name), companion_kinds[i].ending) == 0)
            return &companion_kinds[i];
    return NULL;
}

/* A companion that is too long, or not what its name says, is passed over. */
static lmvr_status take_companion(struct tar_reader *r, const struct companion_kind *kind, struct passed_over *passed_over,
                                  lmvr_error *error)
{
    char *text;
    size_t size;
    TRY(read_member(r, NULL, 0, COMPANION_MOST, &text, &size, error));
    json_t *value = text && strlen(text) == size ? kind->parse(text) : NULL;
    free(text);
    if (!value)
        return passed_over_add(passed_over, last_part(r->name), error);
    if (!r->companions)
        r->companions = json_object();
    return json_object_set_new(r->companions, kind->ending + 1, value) == 0 ? LMVR_OK : error_no_memory(error, r->path);
}

/* Takes the member, if it is an image. */
static lmvr_status take_image(struct tar_reader *r, struct passed_over *passed_over, lmvr_error *error)
{
    struct source_item *item = &r->items[r->count];
    char *bytes, first[IMAGE_KIND_BYTES];
    size_t size;
    TRY(read_some(r, 0, first, sizeof first, &size, error));
    if (!image_is_named(r->name) && image_kind_of((const uint8_t *)first, size) == IMAGE_NONE)
        return passed_over_add(passed_over, last_part(r->name), error);
    TRY(read_member(r, first, size, MOST_IMAGE, &bytes, &size, error));
    r->bytes += bytes ? size : 0;
    *item = (struct source_item){.bytes = bytes, .byte_count = bytes ? size : 0};
    r->count++;
    if (asprintf(&item->path, "%s/%s", r->path, r->name) < 0) {
        item->path = NULL;
        return error_no_memory(error, r->path);
    }
    if (!bytes && asprintf(&item->wrong, "%s: has more than %zu bytes", item->path, MOST_IMAGE) < 0) {
        item->wrong = NULL;
        return error_no_memory(error, r->path);
    }
    return LMVR_OK;
}

static lmvr_status take_member(struct tar_reader *r, struct passed_over *passed_over, lmvr_error *error)
{
    const struct companion_kind *kind = companion_kind_of(r->name);
    lmvr_status status = kind ? take_companion(r, kind, passed_over, error) : take_image(r, passed_over, error);
    free(r->name);
    r->name = NULL;
    return status;
}

static bool is_of_sample(const struct tar_reader *r)
{
    size_t length = (size_t)(ending(r->name) - r->name);
    return r->count < MOST_OF_SAMPLE && r->bytes < MOST_BYTES && strlen(r->stem) == length &&
           memcmp(r->name, r->stem, length) == 0;
}

static void end_sample(struct tar_reader *r)
{
    for (int i = r->given; i < r->count; i++)
        source_item_finish(&r->items[i]);
    json_decref(r->companions);
    free(r->stem);
    r->companions = NULL;
    r->stem = NULL;
    r->count = r->given = 0;
    r->bytes = 0;
}

/* Reads the members that are named alike. None at the end of the archive. */
static lmvr_status read_sample(struct tar_reader *r, struct passed_over *passed_over, lmvr_error *error)
{
    end_sample(r);
    if (!r->name && !r->at_end)
        TRY(go_on(r, passed_over, error));
    if (r->at_end)
        return LMVR_OK;
    r->stem = strndup(r->name, (size_t)(ending(r->name) - r->name));
    if (!r->stem)
        return error_no_memory(error, r->path);
    while (r->name && is_of_sample(r)) {
        TRY(take_member(r, passed_over, error));
        TRY(go_on(r, passed_over, error));
    }
    return LMVR_OK;
}

/* ---- the archive ----------------------------------------------------------------------------------------------------- */

static lmvr_status open_archive(struct tar_reader *r, lmvr_error *error)
{
    bool standard = strcmp(r->path, "-") == 0;
    r->fd = standard ? STDIN_FILENO : open(r->path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0)
        return error_set(error, LMVR_ERROR_INPUT, "%s: cannot be opened: %s", r->path, strerror(errno));
    r->archive = archive_read_new();
    if (!r->archive)
        return error_no_memory(error, r->path);
    archive_read_support_format_tar(r->archive);
    archive_read_set_options(r->archive, "tar:read_concatenated_archives"); /* `cat *.tar |` */
    archive_read_support_filter_gzip(r->archive);
    if (archive_read_open_fd(r->archive, r->fd, BLOCK) == ARCHIVE_OK)
        return LMVR_OK;
    const char *why = archive_error_string(r->archive);
    if (archive_errno(r->archive) != EILSEQ) /* which says that the format is no tar's */
        return damaged(r, NULL, error);
    return error_set(error, LMVR_ERROR_INPUT, "%s: cannot be read as a tar: %s", r->path, why ? why : "it is none");
}

lmvr_status tar_reader_open(const char *path, struct tar_reader **reader, lmvr_error *error)
{
    *reader = NULL;
    struct tar_reader *r = calloc(1, sizeof *r);
    if (!r)
        return error_no_memory(error, path);
    r->fd = -1;
    r->path = strdup(path);
    lmvr_status status = r->path ? open_archive(r, error) : error_no_memory(error, path);
    if (status == LMVR_OK)
        *reader = r;
    else
        tar_reader_close(r);
    return status;
}

lmvr_status tar_reader_next(struct tar_reader *reader, struct passed_over *passed_over, struct source_item *item, bool *found,
                            lmvr_error *error)
{
    struct tar_reader *r = reader;
    *found = false;
    while (r->given == r->count && r->status == LMVR_OK && !(r->at_end && !r->name)) {
        r->status = read_sample(r, passed_over, &r->error);
        if (r->status != LMVR_OK)
            end_sample(r); /* nobody knows what else it has */
    }
    if (r->given == r->count)
        return r->status == LMVR_OK ? LMVR_OK : error_set(error, r->status, "%s", r->error.message);
    *item = r->items[r->given++];
    item->companions = json_incref(r->companions);
    *found = true;
    return LMVR_OK;
}

void tar_reader_close(struct tar_reader *reader)
{
    if (!reader)
        return;
    end_sample(reader);
    if (reader->archive)
        archive_read_free(reader->archive);
    if (reader->fd > STDIN_FILENO)
        close(reader->fd);
    free(reader->name);
    free(reader->path);
    free(reader);
}
