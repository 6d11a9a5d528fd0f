#include "lab/dataset/conversations.h"

#include "format/file.h"
#include "format/hash.h"
#include "format/input.h"

#include <jansson.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

#define CHUNK       (1 << 18)
#define MOST_RECORD (1 << 24) /* bytes */
#define MOST_TURNS  4096

struct record {
    int64_t offset, size; /* of an object, braces included */
};

struct conversations {
    char *path, *images;
    int fd;
    uint64_t fingerprint;
    struct record *records;
    int64_t count, space;
};

/* ---- finding the records ------------------------------------------------------------------------------------------------ */

/* One scan of the file. Records are the objects at the top level, or in the array there. */
struct scan {
    struct conversations *to;
    yajl_handle parser;
    int64_t chunk; /* offset of the bytes that the parser is reading */
    int depth;     /* number of open maps and arrays */
    int base;      /* depth of records: 0, or 1 in an array; -1: not known yet */
    lmvr_status status;
    lmvr_error *error;
};

static int64_t position(const struct scan *s)
{
    return s->chunk + (int64_t)yajl_get_bytes_consumed(s->parser);
}

static int refuse(struct scan *s, const char *what)
{
    s->status = error_set(s->error, LMVR_ERROR_INVALID, "%s: record %lld %s", s->to->path, (long long)s->to->count + 1, what);
    return 0;
}

static int begin_record(struct scan *s)
{
    struct conversations *c = s->to;
    if (c->count == c->space) {
        int64_t space = c->space ? 2 * c->space : 1024;
        struct record *more = realloc(c->records, (size_t)space * sizeof *more);
        if (!more) {
            s->status = error_no_memory(s->error, c->path);
            return 0;
        }
        c->records = more;
        c->space = space;
    }
    c->records[c->count] = (struct record){.offset = position(s) - 1};
    return 1;
}

static int on_start_map(void *user)
{
    struct scan *s = user;
    if (s->base < 0)
        s->base = 0;
    if (s->depth == s->base && !begin_record(s))
        return 0;
    s->depth++;
    return 1;
}

static int on_end_map(void *user)
{
    struct scan *s = user;
    if (--s->depth != s->base)
        return 1;
    struct record *r = &s->to->records[s->to->count];
    r->size = position(s) - r->offset;
    if (r->size > MOST_RECORD)
        return refuse(s, "is longer than 16 MiB");
    s->to->count++;
    return 1;
}

static int on_start_array(void *user)
{
    struct scan *s = user;
    if (s->base < 0)
        s->base = 1;
    else if (s->depth <= s->base)
        return refuse(s, "is an array, expected an object");
    s->depth++;
    return 1;
}

static int on_end_array(void *user)
{
    struct scan *s = user;
    s->depth--;
    return 1;
}

/* Other values matter only where a record is expected. */
static int on_value(struct scan *s)
{
    return s->depth > (s->base < 0 ? 0 : s->base) ? 1 : refuse(s, "is not an object");
}

static int on_null(void *user)
{
    return on_value(user);
}

static int on_boolean(void *user, int value)
{
    (void)value;
    return on_value(user);
}

static int on_text(void *user, const unsigned char *text, size_t length)
{
    (void)text;
    (void)length;
    return on_value(user);
}

static int on_number(void *user, const char *text, size_t length)
{
    (void)text;
    (void)length;
    return on_value(user);
}

static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                         .yajl_boolean = on_boolean,
                                         .yajl_number = on_number,
                                         .yajl_string = on_text,
                                         .yajl_start_map = on_start_map,
                                         .yajl_end_map = on_end_map,
                                         .yajl_start_array = on_start_array,
                                         .yajl_end_array = on_end_array};

/* Replaces yajl's own message, which has several lines. */
static lmvr_status not_json(const struct scan *s)
{
    return s->status != LMVR_OK ? s->status
                                : error_set(s->error, LMVR_ERROR_INVALID, "%s: is not JSON, near byte %lld", s->to->path,
                                            (long long)position(s));
}

static lmvr_status scan_file(struct scan *s, unsigned char *bytes, uint64_t size)
{
    struct conversations *c = s->to;
    for (uint64_t at = 0; at < size;) {
        size_t part = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        TRY(file_read_at(c->fd, c->path, bytes, part, (off_t)at, s->error));
        c->fingerprint = hash_bytes(c->fingerprint, bytes, part);
        s->chunk = (int64_t)at;
        if (yajl_parse(s->parser, bytes, part) != yajl_status_ok)
            return not_json(s);
        at += part;
    }
    bool whole = yajl_complete_parse(s->parser) == yajl_status_ok && s->depth == 0;
    if (s->status != LMVR_OK)
        return s->status;
    if (c->count == 0 && s->depth == 0)
        return error_set(s->error, LMVR_ERROR_INVALID, "%s: has no records", c->path);
    if (!whole)
        return error_set(s->error, LMVR_ERROR_INVALID, "%s: ends in the middle of its JSON", c->path);
    return LMVR_OK;
}

static lmvr_status find_records(struct conversations *c, uint64_t size, lmvr_error *error)
{
    struct scan scan = {.to = c, .base = -1, .status = LMVR_OK, .error = error};
    unsigned char *bytes = malloc(CHUNK);
    scan.parser = yajl_alloc(&callbacks, NULL, &scan);
    lmvr_status status;
    if (bytes && scan.parser) {
        yajl_config(scan.parser, yajl_allow_multiple_values, 1);
        status = scan_file(&scan, bytes, size);
    } else {
        status = error_no_memory(error, c->path);
    }
    if (scan.parser)
        yajl_free(scan.parser);
    free(bytes);
    return status;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

static char *folder_of(const char *path)
{
    char *copy = strdup(path), *folder = copy ? strdup(dirname(copy)) : NULL;
    free(copy);
    return folder;
}

lmvr_status conversations_open(const char *path, const char *images, struct conversations **conversations, lmvr_error *error)
{
    struct conversations *c = *conversations = calloc(1, sizeof *c);
    uint64_t size;
    if (!c)
        return error_no_memory(error, path);
    *c = (struct conversations){.path = strdup(path), .images = images ? strdup(images) : folder_of(path), .fd = -1};
    c->fingerprint = HASH_START;
    lmvr_status status = c->path && c->images ? input_open(path, &c->fd, &size, error) : error_no_memory(error, path);
    if (status == LMVR_OK)
        status = find_records(c, size, error);
    if (status != LMVR_OK) {
        conversations_close(c);
        *conversations = NULL;
    }
    return status;
}

void conversations_close(struct conversations *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    free(c->records);
    free(c->path);
    free(c->images);
    free(c);
}

int64_t conversations_count(const struct conversations *conversations)
{
    return conversations->count;
}

uint64_t conversations_fingerprint(const struct conversations *conversations)
{
    return conversations->fingerprint;
}

/* ---- one record --------------------------------------------------------------------------------------------------------- */

/* The record being read, for error messages. */
struct reading {
    const struct conversations *from;
    int64_t index;
    lmvr_error *error;
};

static lmvr_status bad(const struct reading *r, const char *what)
{
    return error_set(r->error, LMVR_ERROR_INPUT, "%s: record %lld %s", r->from->path, (long long)r->index + 1, what);
}

static lmvr_status copy_text(const struct reading *r, const char *text, char **copy)
{
    *copy = strdup(text);
    return *copy ? LMVR_OK : error_no_memory(r->error, "a record");
}

/* Image names are relative to the image folder, and must stay inside it. */
static lmvr_status take_image(const struct reading *r, const json_t *object, struct conversation *c)
{
    const json_t *value = json_object_get(object, "image");
    const char *name = json_string_value(value);
    if (!value || json_is_null(value))
        return LMVR_OK;
    if (!name || !*name || *name == '/' || strcmp(name, "..") == 0 || strncmp(name, "../", 3) == 0 || strstr(name, "/../"))
        return bad(r, "has an image path outside the image folder");
    c->image = input_path(r->from->images, name);
    return c->image ? LMVR_OK : error_no_memory(r->error, "a record");
}

static int role_of(const char *from)
{
    if (from && (strcmp(from, "human") == 0 || strcmp(from, "user") == 0))
        return 0;
    return from && (strcmp(from, "gpt") == 0 || strcmp(from, "assistant") == 0) ? 1 : -1;
}

static lmvr_status take_turns(const struct reading *r, const json_t *list, struct conversation *c)
{
    size_t count = json_array_size(list), index;
    const json_t *object;
    if (count < 2 || count > MOST_TURNS || count % 2 != 0)
        return bad(r, "has conversations that are not pairs of question and answer");
    c->turns = calloc(count, sizeof *c->turns);
    if (!c->turns)
        return error_no_memory(r->error, "a record");
    json_array_foreach((json_t *)list, index, object)
    {
        const char *text = json_string_value(json_object_get(object, "value"));
        int role = role_of(json_string_value(json_object_get(object, "from")));
        if (!text || role != (int)(index % 2))
            return bad(r, "has a turn that is not {\"from\": \"human\" and \"gpt\" in turn, \"value\": text}");
        c->turn_count = (int)index + 1;
        c->turns[index].answer = role == 1;
        TRY(copy_text(r, text, &c->turns[index].text));
    }
    return LMVR_OK;
}

static lmvr_status take_caption(const struct reading *r, const char *caption, struct conversation *c)
{
    c->turns = calloc(2, sizeof *c->turns);
    if (!c->turns)
        return error_no_memory(r->error, "a record");
    c->turn_count = 2;
    c->turns[1].answer = true;
    TRY(copy_text(r, c->image ? "<image>" : "", &c->turns[0].text));
    return copy_text(r, caption, &c->turns[1].text);
}

static lmvr_status take_record(const struct reading *r, const json_t *object, struct conversation *c)
{
    const json_t *list = json_object_get(object, "conversations");
    const char *caption = json_string_value(json_object_get(object, "caption"));
    TRY(take_image(r, object, c));
    if (json_is_array(list))
        return take_turns(r, list, c);
    return caption ? take_caption(r, caption, c) : bad(r, "has neither \"conversations\" nor \"caption\"");
}

lmvr_status conversations_read(const struct conversations *conversations, int64_t index, struct conversation *conversation,
                               lmvr_error *error)
{
    const struct record *record = &conversations->records[index];
    struct reading r = {conversations, index, error};
    *conversation = (struct conversation){.image = NULL};
    char *bytes = malloc((size_t)record->size + 1);
    if (!bytes)
        return error_no_memory(error, "a record");
    lmvr_status status =
        file_read_at(conversations->fd, conversations->path, bytes, (size_t)record->size, (off_t)record->offset, error);
    json_t *object = status == LMVR_OK ? json_loadb(bytes, (size_t)record->size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(bytes);
    if (status == LMVR_OK)
        status = object ? take_record(&r, object, conversation) : bad(&r, "cannot be parsed");
    json_decref(object);
    if (status != LMVR_OK)
        conversation_finish(conversation);
    return status;
}

void conversation_finish(struct conversation *conversation)
{
    for (int i = 0; conversation->turns && i < conversation->turn_count; i++)
        free(conversation->turns[i].text);
    free(conversation->turns);
    free(conversation->image);
    *conversation = (struct conversation){.image = NULL};
}
