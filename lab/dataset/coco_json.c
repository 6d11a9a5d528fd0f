#include "lab/dataset/coco_json.h"

#include "format/file.h"
#include "format/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

#define MAX_FILE_SIZE ((uint64_t)4 << 30) /* bytes; instances_train2017.json has 0.45 GB */
#define CHUNK         ((size_t)1 << 20)

/* The relevant objects are the elements of three arrays of the root, and so inside two other containers. */
#define ROOT_DEPTH    1
#define ARRAY_DEPTH   2
#define ELEMENT_DEPTH 3

enum section { IMAGES, ANNOTATIONS, CATEGORIES, SECTIONS, OTHER_SECTION = SECTIONS };
enum field { ID, FILE_NAME, IMAGE_ID, CATEGORY_ID, NAME, FIELDS, OTHER_FIELD = FIELDS };

static const char *const section_names[SECTIONS] = {"images", "annotations", "categories"};
static const char *const field_names[FIELDS] = {"id", "file_name", "image_id", "category_id", "name"};

/* The required fields of an element of each section: a number and a string, or two numbers. */
static const enum field needed[SECTIONS][2] = {{ID, FILE_NAME}, {IMAGE_ID, CATEGORY_ID}, {ID, NAME}};

struct parser {
    const char *path;
    struct coco_json *json;
    int depth; /* number of open maps and arrays */
    enum section section;
    enum field field;
    bool seen[SECTIONS];
    int64_t element; /* index in its section, from 0 */
    bool has[FIELDS];
    int64_t numbers[FIELDS];
    size_t strings[FIELDS]; /* offsets in json->names */
    lmvr_status status;
    lmvr_error *error;
};

/* ---- errors; each stops the parser ---- */

static int stop(struct parser *p, lmvr_status status)
{
    p->status = status;
    return 0;
}

static int refuse_section(struct parser *p, const char *what)
{
    return stop(p, error_set(p->error, LMVR_ERROR_INVALID, "%s: \"%s\" %s", p->path, section_names[p->section], what));
}

static int refuse_field(struct parser *p, enum field field, const char *what)
{
    return stop(p, error_set(p->error, LMVR_ERROR_INVALID, "%s: %s[%lld].%s %s", p->path, section_names[p->section],
                             (long long)p->element, field_names[field], what));
}

static int no_memory(struct parser *p)
{
    return stop(p, error_no_memory(p->error, p->path));
}

/* ---- storage ---- */

/* Makes room for one more item of `size` bytes. */
static bool make_room(void **items, int64_t count, int64_t *space, size_t size)
{
    if (count < *space)
        return true;
    int64_t wanted = *space ? *space * 2 : 1024;
    void *grown = realloc(*items, (size_t)wanted * size);
    if (!grown)
        return false;
    *items = grown;
    *space = wanted;
    return true;
}

static int keep_image(struct parser *p)
{
    struct coco_json *json = p->json;
    void *items = json->images;
    bool room = make_room(&items, json->image_count, &json->image_space, sizeof *json->images);
    json->images = items;
    if (!room)
        return no_memory(p);
    json->images[json->image_count++] = (struct coco_image){p->numbers[ID], p->strings[FILE_NAME]};
    return 1;
}

static int keep_annotation(struct parser *p)
{
    struct coco_json *json = p->json;
    void *items = json->annotations;
    bool room = make_room(&items, json->annotation_count, &json->annotation_space, sizeof *json->annotations);
    json->annotations = items;
    if (!room)
        return no_memory(p);
    json->annotations[json->annotation_count++] = (struct coco_annotation){p->numbers[IMAGE_ID], p->numbers[CATEGORY_ID]};
    return 1;
}

static int keep_category(struct parser *p)
{
    struct coco_json *json = p->json;
    void *items = json->categories;
    bool room = make_room(&items, json->category_count, &json->category_space, sizeof *json->categories);
    json->categories = items;
    if (!room)
        return no_memory(p);
    json->categories[json->category_count++] = (struct coco_category){p->numbers[ID], p->strings[NAME]};
    return 1;
}

static int end_element(struct parser *p)
{
    for (int i = 0; i < 2; i++)
        if (!p->has[needed[p->section][i]])
            return refuse_field(p, needed[p->section][i], "is missing");
    int kept = p->section == IMAGES ? keep_image(p) : p->section == ANNOTATIONS ? keep_annotation(p) : keep_category(p);
    p->element++;
    return kept;
}

/* ---- yajl's callbacks ---- */

static bool is_in_section(const struct parser *p, int depth)
{
    return p->depth == depth && p->section != OTHER_SECTION;
}

/* Whether the current element needs the value that comes next. */
static bool is_wanted(const struct parser *p)
{
    return is_in_section(p, ELEMENT_DEPTH) && (p->field == needed[p->section][0] || p->field == needed[p->section][1]);
}

/* Checks a value other than a map, unless its field says otherwise. */
static int check_place(struct parser *p)
{
    if (p->depth == 0)
        return stop(p, error_set(p->error, LMVR_ERROR_INVALID, "%s: does not contain a JSON object", p->path));
    if (is_in_section(p, ROOT_DEPTH))
        return refuse_section(p, "must be a list");
    if (is_in_section(p, ARRAY_DEPTH))
        return refuse_section(p, "must be a list of objects");
    return 1;
}

static int on_other(struct parser *p)
{
    if (is_wanted(p))
        return refuse_field(p, p->field, p->field == FILE_NAME || p->field == NAME ? "is not a string" : "is not an integer");
    return check_place(p);
}

static int on_null(void *user)
{
    return on_other(user);
}

static int on_boolean(void *user, int value)
{
    (void)value;
    return on_other(user);
}

static int on_number(void *user, const char *text, size_t length)
{
    struct parser *p = user;
    char digits[24], *end;
    if (p->depth > ELEMENT_DEPTH) /* polygons are most of the file */
        return 1;
    if (!is_wanted(p) || p->field == FILE_NAME || p->field == NAME || length >= sizeof digits)
        return on_other(p);
    memcpy(digits, text, length);
    digits[length] = '\0';
    errno = 0;
    long long value = strtoll(digits, &end, 10);
    if (errno != 0 || *end)
        return on_other(p);
    p->numbers[p->field] = value;
    p->has[p->field] = true;
    return 1;
}

static int on_string(void *user, const unsigned char *text, size_t length)
{
    struct parser *p = user;
    struct coco_json *json = p->json;
    if (!is_wanted(p) || (p->field != FILE_NAME && p->field != NAME))
        return on_other(p);
    if (length == 0 || length > 4096 || memchr(text, '\0', length))
        return refuse_field(p, p->field, "is empty, too long, or contains a zero byte");
    if (length + 1 > json->name_space - json->name_size) {
        size_t space = (json->name_size + length + 1) * 2;
        char *names = realloc(json->names, space);
        if (!names)
            return no_memory(p);
        json->names = names;
        json->name_space = space;
    }
    p->strings[p->field] = json->name_size;
    p->has[p->field] = true;
    memcpy(json->names + json->name_size, text, length);
    json->names[json->name_size + length] = '\0';
    json->name_size += length + 1;
    return 1;
}

static int on_map(void *user)
{
    struct parser *p = user;
    if (is_in_section(p, ROOT_DEPTH))
        return refuse_section(p, "must be a list");
    if (is_wanted(p))
        return on_other(p);
    if (is_in_section(p, ARRAY_DEPTH))
        memset(p->has, 0, sizeof p->has);
    p->depth++;
    return 1;
}

static int on_key(void *user, const unsigned char *key, size_t length)
{
    struct parser *p = user;
    if (p->depth == ROOT_DEPTH) {
        for (p->section = 0; p->section < SECTIONS; p->section++)
            if (length == strlen(section_names[p->section]) && memcmp(key, section_names[p->section], length) == 0)
                break;
        if (p->section != OTHER_SECTION && p->seen[p->section])
            return refuse_section(p, "is a duplicate");
        if (p->section != OTHER_SECTION)
            p->seen[p->section] = true;
        p->element = 0;
    } else if (is_in_section(p, ELEMENT_DEPTH)) {
        for (p->field = 0; p->field < FIELDS; p->field++)
            if (length == strlen(field_names[p->field]) && memcmp(key, field_names[p->field], length) == 0)
                break;
    }
    return 1;
}

static int on_map_end(void *user)
{
    struct parser *p = user;
    bool is_element = is_in_section(p, ELEMENT_DEPTH);
    p->depth--;
    return is_element ? end_element(p) : 1;
}

static int on_array(void *user)
{
    struct parser *p = user;
    bool is_root_value = p->depth == ROOT_DEPTH; /* the only place where an array is expected */
    if (!is_root_value && !on_other(p))
        return 0;
    p->depth++;
    return 1;
}

static int on_array_end(void *user)
{
    struct parser *p = user;
    p->depth--;
    return 1;
}

/* ---- the file ---- */

static lmvr_status refuse_json(const struct parser *p, yajl_handle yajl, uint64_t offset)
{
    unsigned char *text = yajl_get_error(yajl, 0, NULL, 0);
    size_t length = text ? strcspn((const char *)text, "\n") : 0;
    lmvr_status status = error_set(p->error, LMVR_ERROR_INVALID, "%s: is not valid JSON near byte %llu: %.*s", p->path,
                                   (unsigned long long)offset, (int)length, text ? (const char *)text : "");
    yajl_free_error(yajl, text);
    return status;
}

static lmvr_status parse_chunks(struct parser *p, yajl_handle yajl, int fd, uint64_t size, unsigned char *chunk)
{
    for (uint64_t offset = 0, n = 0; offset <= size; offset += n) {
        n = size - offset < CHUNK ? size - offset : CHUNK;
        TRY(file_read_at(fd, p->path, chunk, n, (off_t)offset, p->error));
        yajl_status parsed = n > 0 ? yajl_parse(yajl, chunk, n) : yajl_complete_parse(yajl);
        if (p->status != LMVR_OK)
            return p->status;
        if (parsed != yajl_status_ok)
            return refuse_json(p, yajl, n > 0 ? offset + yajl_get_bytes_consumed(yajl) : size);
        if (n == 0)
            break;
    }
    for (int i = 0; i < SECTIONS; i++)
        if (!p->seen[i])
            return error_set(p->error, LMVR_ERROR_INVALID, "%s: has no \"%s\"; is it one of COCO's instances_*.json?", p->path,
                             section_names[i]);
    return LMVR_OK;
}

static lmvr_status parse(struct parser *p, int fd, uint64_t size)
{
    static const yajl_callbacks callbacks = {on_null, on_boolean, NULL,       NULL,     on_number,   on_string,
                                             on_map,  on_key,     on_map_end, on_array, on_array_end};
    if (size > MAX_FILE_SIZE)
        return error_set(p->error, LMVR_ERROR_INVALID, "%s: has %llu bytes, expected at most %llu", p->path,
                         (unsigned long long)size, (unsigned long long)MAX_FILE_SIZE);
    unsigned char *chunk = malloc(CHUNK);
    yajl_handle yajl = yajl_alloc(&callbacks, NULL, p);
    lmvr_status status = chunk && yajl ? parse_chunks(p, yajl, fd, size, chunk) : error_no_memory(p->error, p->path);
    if (yajl)
        yajl_free(yajl);
    free(chunk);
    return status;
}

lmvr_status coco_json_read(const char *path, struct coco_json *json, lmvr_error *error)
{
    int fd;
    uint64_t size;
    *json = (struct coco_json){0};
    struct parser parser = {.path = path, .json = json, .section = OTHER_SECTION, .field = OTHER_FIELD, .error = error};
    TRY(input_open(path, &fd, &size, error));
    lmvr_status status = parse(&parser, fd, size);
    close(fd);
    if (status != LMVR_OK)
        coco_json_finish(json);
    return status;
}

void coco_json_finish(struct coco_json *json)
{
    free(json->images);
    free(json->categories);
    free(json->annotations);
    free(json->names);
    *json = (struct coco_json){0};
}
