#include "lab/dataset/texts.h"

#include "error.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a line stands, for errors. */
struct where {
    const char *file;
    size_t number;
    bool json;
};

static lmvr_status make_room(struct texts *texts, lmvr_error *error)
{
    if (texts->count < texts->space)
        return LMVR_OK;
    size_t space = texts->space ? 2 * texts->space : 256;
    lmvr_image *inputs = realloc(texts->inputs, space * sizeof *inputs);
    texts->inputs = inputs ? inputs : texts->inputs;
    char **lines = inputs ? realloc(texts->lines, space * sizeof *lines) : NULL;
    texts->lines = lines ? lines : texts->lines;
    char **wrong = lines ? realloc(texts->wrong, space * sizeof *wrong) : NULL;
    texts->wrong = wrong ? wrong : texts->wrong;
    if (!wrong)
        return error_no_memory(error, "the list of texts");
    texts->space = space;
    return LMVR_OK;
}

/* A copy of object[key], NULL where there is none; false: it is no text. */
static bool take(const json_t *object, const char *key, const char **copy)
{
    const json_t *value = json_object_get(object, key);
    *copy = json_is_string(value) ? strdup(json_string_value(value)) : NULL;
    return !value || json_is_null(value) || json_is_string(value);
}

static void input_finish(lmvr_image *input)
{
    free((void *)input->text);
    free((void *)input->path);
    free((void *)input->system);
    *input = (lmvr_image){0};
}

static lmvr_status parse_object(const struct where *where, const char *line, lmvr_image *input, lmvr_error *error)
{
    json_error_t bad;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &bad);
    if (!json_is_object(object)) {
        json_decref(object);
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu is not a JSON object: %s", where->file, where->number,
                         object ? "it is another value" : bad.text);
    }
    bool good = take(object, "text", &input->text);
    good &= take(object, "image", &input->path);
    good &= take(object, "instruction", &input->system);
    json_decref(object);
    if (good && (input->text || input->path))
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: line %zu: expected text, image or both, and perhaps instruction, all of them strings", where->file,
                     where->number);
}

static lmvr_status parse_line(const struct where *where, const char *line, size_t length, lmvr_image *input, lmvr_error *error)
{
    if (strlen(line) < length)
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu has a zero byte in it, so it is not a text", where->file,
                         where->number);
    if (where->json)
        return parse_object(where, line, input, error);
    input->text = strdup(line);
    return input->text ? LMVR_OK : error_no_memory(error, "the list of texts");
}

static lmvr_status add_line(struct texts *texts, const struct where *where, const char *line, size_t length, lmvr_error *error)
{
    TRY(make_room(texts, error));
    size_t i = texts->count++;
    texts->inputs[i] = (lmvr_image){0};
    texts->wrong[i] = NULL;
    texts->lines[i] = strdup(line);
    lmvr_status status = parse_line(where, line, length, &texts->inputs[i], error);
    if (status == LMVR_ERROR_INVALID) {
        input_finish(&texts->inputs[i]);
        texts->wrong[i] = strdup(error->message);
        status = texts->wrong[i] ? LMVR_OK : error_no_memory(error, "the list of texts");
    }
    return status == LMVR_OK && !texts->lines[i] ? error_no_memory(error, "the list of texts") : status;
}

static lmvr_status read_lines(FILE *file, struct where *where, struct texts *texts, lmvr_error *error)
{
    char *line = NULL;
    size_t space = 0;
    ssize_t length;
    lmvr_status status = LMVR_OK;
    while (status == LMVR_OK && (length = getline(&line, &space, file)) >= 0) {
        where->number++;
        if (length > 0 && line[length - 1] == '\n')
            line[--length] = '\0';
        if (length > 0 && line[length - 1] == '\r')
            line[--length] = '\0';
        if (length > 0)
            status = add_line(texts, where, line, (size_t)length, error);
    }
    if (status == LMVR_OK && !feof(file))
        status = error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read: %s", where->file, strerror(errno));
    free(line);
    return status;
}

static bool is_json_lines(const char *file)
{
    size_t length = strlen(file), tail = strlen(".jsonl");
    return length >= tail && strcmp(file + length - tail, ".jsonl") == 0;
}

lmvr_status texts_read(const char *file, struct texts *texts, lmvr_error *error)
{
    *texts = (struct texts){0};
    bool standard = strcmp(file, "-") == 0;
    struct where where = {standard ? "standard input" : file, 0, is_json_lines(file)};
    FILE *stream = standard ? stdin : fopen(file, "re");
    if (!stream)
        return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read: %s", file, strerror(errno));
    lmvr_status status = read_lines(stream, &where, texts, error);
    if (!standard)
        fclose(stream);
    if (status == LMVR_OK && texts->count == 0)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: holds no text", where.file);
    if (status != LMVR_OK)
        texts_finish(texts);
    return status;
}

void texts_finish(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        input_finish(&texts->inputs[i]);
        free(texts->lines[i]);
        free(texts->wrong[i]);
    }
    free(texts->inputs);
    free(texts->lines);
    free(texts->wrong);
    *texts = (struct texts){0};
}
