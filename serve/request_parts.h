/* What the files of request.h share: request.c reads keys, request_inputs.c inputs, media.c where their images are. */
#ifndef LMVR_SERVE_REQUEST_PARTS_H
#define LMVR_SERVE_REQUEST_PARTS_H

#include "serve/request.h"

#include <jansson.h>

/* Makes a block the request's, which frees it. False: it is NULL, or memory ran out, and it is freed. */
bool request_own(struct request *request, void *block, struct failure *failure);
/* A copy of a text, which the request owns; NULL: out of memory. */
char *request_copy(struct request *request, const char *text, struct failure *failure);

/* How a key is taken. */
enum request_taken { REQUEST_READ, REQUEST_IGNORED, REQUEST_NEUTRAL }; /* the last: only if it asks for nothing */

struct request_key {
    const char *key;
    enum request_taken taken;
};

/* Refuses an object of the request with a key that is not among the known ones, whose last is {NULL}. `place` is where the
 * object is, and the failure's parameter; NULL: it is the request itself, and the parameter is the key. */
bool request_check_keys(const json_t *object, const char *place, const struct request_key *known, struct failure *failure);

/* Fills in what image->bytes or image->path is, by a data URL, base64, or a file's path or URL below the media path. `name` is
 * the input's, in sentences. */
bool media_read(const char *source, const char *name, const struct request_rules *rules, struct request *request,
                lmvr_image *image, struct failure *failure);
/* Whether a text is the data URL of an image. */
bool media_is_data_url(const char *text);

/* The value of "input", and of "messages". */
bool request_read_input(const json_t *input, const char *prompt, const struct request_rules *rules, struct request *request,
                        struct failure *failure);
bool request_read_messages(const json_t *messages, const char *prompt, const struct request_rules *rules,
                           struct request *request, struct failure *failure);

#endif
