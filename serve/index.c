#include "serve/index.h"

#include "image/image.h"
#include "lab/figure/picture.h"
#include "serve/errands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 384 /* pixels of a picture's longer side, at most */

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

/* ---- paths ----------------------------------------------------------------------------------------------------------- */

void index_answer(struct server *server, struct exchange *exchange, const char *path)
{
    struct failure failure;
    uint64_t row = 0, rows = server->index.stored->rows;
    if (read_row(path, &row) && row < rows) {
        errands_add(server->errands, exchange, send_picture, server, row);
        return;
    }
    failure_write(&failure, 404, NULL,
                  "there is nothing at /v1/index/%.200s; ROW/image is a picture, of the rows 0 to %" PRIu64, path, rows - 1);
    exchange_fail(exchange, &failure);
}
