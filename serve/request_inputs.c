#include "serve/request_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names a value's place, such as "input[3].image". */
struct place {
    char text[64];
};

static struct place place_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct place place_of(const char *format, ...)
{
    struct place place;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(place.text, sizeof place.text, format, arguments);
    va_end(arguments);
    return place;
}

/* ---- input ----------------------------------------------------------------------------------------------------------- */

/* The image's name in the engine's sentences is its place. */
static bool read_image(const char *source, const char *place, const char *name, const struct request_rules *rules,
                       struct request *request, lmvr_image *image, struct failure *failure)
{
    if (!media_read(source, place, rules, request, image, failure))
        return false;
    if (image->bytes)
        image->path = request_copy(request, name, failure);
    return image->path != NULL;
}

static bool read_text(const json_t *value, const char *place, struct request *request, lmvr_image *image,
                      struct failure *failure)
{
    if (!json_is_string(value) || !*json_string_value(value))
        return failure_set(failure, 400, place, "%s has to be a text that is not empty", place);
    image->text = request_copy(request, json_string_value(value), failure);
    return image->text != NULL;
}

/* {"text": ..., "image": ...}: one of the two, or both. */
static bool read_object(const json_t *value, const char *name, const struct request_rules *rules, struct request *request,
                        lmvr_image *image, struct failure *failure)
{
    const json_t *text = json_object_get(value, "text"), *picture = json_object_get(value, "image");
    struct place place = place_of("%s.image", name);
    if (json_object_size(value) != (size_t) !!text + !!picture || (!text && !picture))
        return failure_set(failure, 400, name, "%s has to have \"text\", \"image\" or both, and nothing else", name);
    if (picture && !json_is_string(picture))
        return failure_set(failure, 400, place.text, "%s has to be a text: a data URL or base64", place.text);
    if (picture && !read_image(json_string_value(picture), place.text, name, rules, request, image, failure))
        return false;
    return !text || read_text(text, place_of("%s.text", name).text, request, image, failure);
}

static bool read_one(const json_t *value, const char *name, const struct request_rules *rules, struct request *request,
                     lmvr_image *image, struct failure *failure)
{
    if (json_is_object(value))
        return read_object(value, name, rules, request, image, failure);
    if (json_is_integer(value) || json_is_array(value))
        return failure_set(failure, 400, name, "%s is a list of tokens, and this server takes texts and images", name);
    if (json_is_string(value) && media_is_data_url(json_string_value(value)))
        return read_image(json_string_value(value), name, name, rules, request, image, failure);
    return read_text(value, name, request, image, failure);
}

static bool make_room(struct request *request, size_t count, struct failure *failure)
{
    lmvr_image *images = calloc(count + 1, sizeof *images);
    if (!request_own(request, images, failure))
        return false;
    request->images = images;
    request->count = count;
    return true;
}

/* What an image without a text of its own is asked. */
static bool add_prompt(const char *prompt, struct request *request, lmvr_image *image, struct failure *failure)
{
    if (prompt && !image->text)
        return (image->text = request_copy(request, prompt, failure)) != NULL;
    return true;
}

bool request_read_input(const json_t *input, const char *prompt, const struct request_rules *rules, struct request *request,
                        struct failure *failure)
{
    bool list = json_is_array(input);
    size_t count = list ? json_array_size(input) : 1;
    if (count == 0)
        return failure_set(failure, 400, "input", "input is an empty list");
    if (count > rules->most_inputs)
        return failure_set(failure, 400, "input", "input is a list of %zu, and the server takes %zu at a time", count,
                           rules->most_inputs);
    if (!make_room(request, count, failure))
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = list ? json_array_get(input, i) : input;
        struct place place = list ? place_of("input[%zu]", i) : place_of("input");
        if (!read_one(value, place.text, rules, request, &request->images[i], failure) ||
            !add_prompt(prompt, request, &request->images[i], failure))
            return false;
    }
    return true;
}

/* ---- messages -------------------------------------------------------------------------------------------------------- */

static const struct request_key of_message[] = {
    {"role", REQUEST_READ}, {"content", REQUEST_READ}, {"name", REQUEST_IGNORED}, {NULL, REQUEST_READ}};
static const struct request_key of_text[] = {{"type", REQUEST_READ}, {"text", REQUEST_READ}, {NULL, REQUEST_READ}};
static const struct request_key of_image[] = {{"type", REQUEST_READ}, {"image_url", REQUEST_READ}, {NULL, REQUEST_READ}};
static const struct request_key of_image_url[] = {{"url", REQUEST_READ}, {"detail", REQUEST_IGNORED}, {NULL, REQUEST_READ}};

/* Adds a part to a message's text; parts are lines, as in vLLM. */
static bool add_text(const char *part, const char **text, struct request *request, struct failure *failure)
{
    char *joined = NULL;
    if (*text && asprintf(&joined, "%s\n%s", *text, part) < 0)
        joined = NULL;
    if (!*text)
        joined = strdup(part);
    if (!request_own(request, joined, failure))
        return false;
    *text = joined;
    return true;
}

static bool read_image_part(const json_t *part, const char *place, const struct request_rules *rules, struct request *request,
                            lmvr_image *image, struct failure *failure)
{
    const json_t *value = json_object_get(part, "image_url");
    const char *url = json_string_value(json_is_object(value) ? json_object_get(value, "url") : value);
    if (!request_check_keys(part, place, of_image, failure) ||
        !request_check_keys(value, place_of("%s.image_url", place).text, of_image_url, failure))
        return false;
    if (!url)
        return failure_set(failure, 400, place, "%s.image_url has to be {\"url\": \"data:image/...;base64,...\"}", place);
    if (image->path)
        return failure_set(failure, 400, place, "%s is a second image, and a message has one at most", place);
    return read_image(url, place, "messages", rules, request, image, failure);
}

static bool read_part(const json_t *part, const char *place, bool user, const struct request_rules *rules,
                      struct request *request, lmvr_image *image, const char **text, struct failure *failure)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    const char *words = json_string_value(json_object_get(part, "text"));
    if (type && strcmp(type, "text") == 0 && words)
        return request_check_keys(part, place, of_text, failure) && add_text(words, text, request, failure);
    if (user && type && strcmp(type, "image_url") == 0)
        return read_image_part(part, place, rules, request, image, failure);
    return failure_set(failure, 400, place, user ? "%s has to be of type text or image_url" : "%s has to be of type text",
                       place);
}

static bool read_content(const json_t *message, size_t number, bool user, const struct request_rules *rules,
                         struct request *request, lmvr_image *image, const char **text, struct failure *failure)
{
    const json_t *content = json_object_get(message, "content");
    if (json_is_string(content))
        return add_text(json_string_value(content), text, request, failure);
    if (!json_is_array(content) || json_array_size(content) == 0) {
        struct place place = place_of("messages[%zu].content", number);
        return failure_set(failure, 400, place.text, "%s has to be a text or a list of parts", place.text);
    }
    for (size_t i = 0; i < json_array_size(content); i++)
        if (!read_part(json_array_get(content, i), place_of("messages[%zu].content[%zu]", number, i).text, user, rules, request,
                       image, text, failure))
            return false;
    return true;
}

/* The templates have one turn: perhaps a system message, then the user's. */
bool request_read_messages(const json_t *messages, const char *prompt, const struct request_rules *rules,
                           struct request *request, struct failure *failure)
{
    size_t count = json_is_array(messages) ? json_array_size(messages) : 0;
    if (count == 0)
        return failure_set(failure, 400, "messages", "messages has to be a list that is not empty");
    if (!make_room(request, 1, failure))
        return false;
    lmvr_image *image = request->images;
    for (size_t i = 0; i < count; i++) {
        const json_t *message = json_array_get(messages, i);
        const char *role = json_string_value(json_object_get(message, "role"));
        bool user = role && strcmp(role, "user") == 0;
        bool system = role && (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0);
        if (!(user && i + 1 == count) && !(system && i == 0 && count > 1))
            return failure_set(
                failure, 400, "messages",
                "messages has to be one message of the user, perhaps after one of the system: other turns are not read");
        if (!request_check_keys(message, place_of("messages[%zu]", i).text, of_message, failure) ||
            !read_content(message, i, user, rules, request, image, user ? &image->text : &image->system, failure))
            return false;
    }
    if (image->text && !*image->text)
        image->text = NULL;
    if (!image->text && !image->path)
        return failure_set(failure, 400, "messages", "messages has neither a text nor an image");
    return add_prompt(prompt, request, image, failure);
}
