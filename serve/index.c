#include "serve/index.h"

#include "image/image.h"
#include "lab/figure/picture.h"
#include "search/components.h"
#include "serve/base64.h"
#include "serve/errands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SIDE     384  /* pixels of a picture's longer side, at most */
#define MAP_ROWS 5000 /* and so the next */
#define MAP_DIMS 50

/* ---- pictures -------------------------------------------------------------------------------------------------------- */

static void fail(struct exchange *exchange, int status, uint64_t row, const char *why)
{
    struct failure failure;
    failure_write(&failure, status, "row", "row %" PRIu64 ": %s", row, why);
    exchange_fail(exchange, &failure);
}

/* Only what is a picture leaves the server, and made anew: whatever else the file holds does not. */
static lmvr_status read_picture(const struct server *server, const char *path, uint8_t **bytes, size_t *size, lmvr_error *error)
{
    struct image image;
    TRY(image_read_within(path, server->most_pixels, &image, NULL, error));
    lmvr_status status = thumbnail(&image, SIDE, THUMBNAIL_JPEG, bytes, size, error);
    image_finish(&image);
    return status;
}

/* The file is the one that the index names; nothing of the request is part of its path. */
static void send_picture(struct exchange *exchange, void *user, uint64_t row)
{
    const struct server *server = user;
    lmvr_error error;
    json_t *line;
    uint8_t *bytes = NULL;
    size_t size = 0;
    lmvr_status status = stored_line(server->index.stored, row, &line, &error);
    if (status != LMVR_OK) {
        fail(exchange, 500, row, error.message);
        return;
    }
    const char *path = json_string_value(json_object_get(line, "path"));
    if (!path)
        status = error_set(&error, LMVR_ERROR_INPUT, "it is a text, without a picture");
    else
        status = read_picture(server, path, &bytes, &size, &error);
    if (status == LMVR_OK)
        exchange_answer(exchange, 200, "image/jpeg", (char *)bytes, size);
    else
        fail(exchange, status == LMVR_ERROR_INPUT ? 404 : 500, row, error.message);
    json_decref(line);
}

/* "17/image". False: it is something else. */
static bool read_row(const char *path, uint64_t *row)
{
    char *end;
    if (*path < '0' || *path > '9' || strspn(path, "0123456789") > 18)
        return false;
    *row = strtoull(path, &end, 10);
    return strcmp(end, "/image") == 0;
}

/* ---- the map --------------------------------------------------------------------------------------------------------- */

/* Its label, where it came with one (store/index.h), or null. */
static json_t *label_of(const json_t *line)
{
    json_t *cls = json_object_get(line, "cls");
    if (json_is_integer(cls))
        return json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(cls));
    return json_is_string(cls) ? json_incref(cls) : json_null();
}

/* "rows", "paths" and "labels" of the rows. */
static lmvr_status describe_rows(const struct stored *stored, const struct components *c, json_t *root, lmvr_error *error)
{
    json_t *rows = json_array(), *paths = json_array(), *labels = json_array();
    lmvr_status status = LMVR_OK;
    json_object_set_new(root, "rows", rows);
    json_object_set_new(root, "paths", paths);
    json_object_set_new(root, "labels", labels);
    for (size_t i = 0; i < c->count && status == LMVR_OK; i++) {
        json_t *line;
        status = stored_line(stored, c->rows[i], &line, error);
        if (status != LMVR_OK)
            break;
        json_t *path = json_object_get(line, "path");
        json_array_append_new(rows, json_integer((json_int_t)c->rows[i]));
        json_array_append(paths, path ? path : json_object_get(line, "text"));
        json_array_append_new(labels, label_of(line));
        json_decref(line);
    }
    return status;
}

static char *write_map(const struct components *c, json_t *root)
{
    size_t size = c->count * c->dims * sizeof *c->values;
    char *values = malloc(base64_length(size) + 1), *text = NULL;
    json_t *shares = json_array();
    for (size_t i = 0; i < c->dims; i++)
        json_array_append_new(shares, json_real(c->shares[i]));
    json_object_set_new(root, "shares", shares);
    json_object_set_new(root, "dims", json_integer((json_int_t)c->dims));
    if (values) {
        base64_encode(c->values, size, values);
        json_object_set_new(root, "values", json_string(values));
        text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6));
    }
    free(values);
    return text;
}

static lmvr_status make_map(const struct server *server, char **map, lmvr_error *error)
{
    struct components c;
    TRY(components_find(server->index.neighbors, MAP_ROWS, MAP_DIMS, &c, error));
    json_t *root = json_pack("{s:s, s:I}", "object", "map", "total", (json_int_t)server->index.stored->rows);
    lmvr_status status = root ? describe_rows(server->index.stored, &c, root, error) : error_no_memory(error, "the map");
    if (status == LMVR_OK && !(*map = write_map(&c, root)))
        status = error_no_memory(error, "the map");
    json_decref(root);
    components_finish(&c);
    return status;
}

/* The first who asks has it made; the index does not change. */
static void send_map(struct exchange *exchange, void *user, uint64_t number)
{
    struct server *server = user;
    struct failure failure;
    lmvr_error error;
    (void)number;
    pthread_mutex_lock(&server->map_lock);
    lmvr_status status = server->map ? LMVR_OK : make_map(server, &server->map, &error);
    pthread_mutex_unlock(&server->map_lock);
    if (status == LMVR_OK) {
        char *copy = strdup(server->map);
        exchange_answer(exchange, 200, "application/json", copy, copy ? strlen(copy) : 0);
        return;
    }
    failure_write(&failure, 500, NULL, "%s", error.message);
    exchange_fail(exchange, &failure);
}

/* ---- paths ----------------------------------------------------------------------------------------------------------- */

void index_answer(struct server *server, struct exchange *exchange, const char *path)
{
    struct failure failure;
    uint64_t row = 0, rows = server->index.stored->rows;
    if (strcmp(path, "map") == 0) {
        errands_add(server->errands, exchange, send_map, server, 0);
        return;
    }
    if (read_row(path, &row) && row < rows) {
        errands_add(server->errands, exchange, send_picture, server, row);
        return;
    }
    failure_write(&failure, 404, NULL,
                  "there is nothing at /v1/index/%.200s, but map, and ROW/image, the pictures of the rows 0 to %" PRIu64, path,
                  rows - 1);
    exchange_fail(exchange, &failure);
}
