#include "serve/base64.h"
#include "serve/request_parts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char data_image[] = "data:image/";

static bool begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

bool media_is_data_url(const char *text)
{
    return begins(text, data_image);
}

/* Decodes base64. *is_base64 says whether it is that; if not, nothing has failed. */
static bool decode(const char *text, bool *is_base64, struct request *request, lmvr_image *image, struct failure *failure)
{
    size_t length = strlen(text), size = 0;
    uint8_t *bytes = malloc(length / 4 * 3 + 4);
    *is_base64 = bytes && base64_decode(text, length, bytes, &size);
    if (bytes && !*is_base64) {
        free(bytes);
        return true;
    }
    if (!request_own(request, bytes, failure))
        return false;
    image->bytes = bytes;
    image->byte_count = size;
    return true;
}

static bool read_data_url(const char *url, const char *name, struct request *request, lmvr_image *image,
                          struct failure *failure)
{
    static const char mark[] = ";base64";
    const char *comma = strchr(url, ',');
    bool is_base64 =
        comma && (size_t)(comma - url) >= sizeof mark - 1 && strncasecmp(comma - (sizeof mark - 1), mark, sizeof mark - 1) == 0;
    if (is_base64 && !decode(comma + 1, &is_base64, request, image, failure))
        return false;
    return is_base64 || failure_set(failure, 400, name, "%s is a data URL, but not data:image/...;base64,... in base64", name);
}

/* The value of a hexadecimal digit; -1: it is none. */
static int digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 32) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The path of a file's URL, without its host, with its %XX decoded in place; NULL: it is wrong. */
static char *path_of_url(char *url)
{
    char *path = url + strlen("file://"), *to = path;
    if (begins(path, "localhost/"))
        path = to = path + strlen("localhost");
    if (*path != '/')
        return NULL;
    for (const char *from = path; *from; from++) {
        *to = *from;
        if (*from == '%') {
            int high = digit(from[1]), low = high < 0 ? -1 : digit(from[2]);
            if (low < 0 || high + low == 0)
                return NULL;
            *to = (char)(high << 4 | low);
            from += 2;
        }
        to++;
    }
    *to = '\0';
    return path;
}

static bool is_below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    if (strcmp(folder, "/") == 0)
        return true;
    return strncmp(path, folder, size) == 0 && path[size] == '/';
}

/* What is not there and what is elsewhere have one sentence, so that nobody learns what lies elsewhere. */
static bool read_file(const char *source, const char *name, const struct request_rules *rules, struct request *request,
                      lmvr_image *image, struct failure *failure)
{
    if (!rules->media_path)
        return failure_set(failure, 400, name, "%s is neither a data URL nor base64, and this server reads no files", name);
    char *copy = request_copy(request, source, failure), full[PATH_MAX], resolved[PATH_MAX];
    if (!copy)
        return false;
    const char *path = begins(copy, "file://") ? path_of_url(copy) : copy;
    bool found = path && snprintf(full, sizeof full, "%s%s%s", *path == '/' ? "" : rules->media_path, *path == '/' ? "" : "/",
                                  path) < (int)sizeof full;
    found = found && realpath(full, resolved) && is_below(resolved, rules->media_path);
    if (!found)
        return failure_set(failure, 400, name, "%s is \"%.200s\", which is no file below the server's media path", name,
                           source);
    image->path = request_copy(request, resolved, failure);
    return image->path != NULL;
}

bool media_read(const char *source, const char *name, const struct request_rules *rules, struct request *request,
                lmvr_image *image, struct failure *failure)
{
    bool is_base64 = false;
    if (!*source)
        return failure_set(failure, 400, name, "%s is empty", name);
    if (begins(source, "data:"))
        return read_data_url(source, name, request, image, failure);
    if (begins(source, "http:") || begins(source, "https:") || begins(source, "ftp:"))
        return failure_set(
            failure, 400, name,
            "%s is the address \"%.200s\", and this server fetches nothing: send the image itself, as a data URL", name,
            source);
    if (!begins(source, "file:") && !decode(source, &is_base64, request, image, failure))
        return false;
    return is_base64 || read_file(source, name, rules, request, image, failure);
}
