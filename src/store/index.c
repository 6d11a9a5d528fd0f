#include "store/index.h"

#include "format/file.h"
#include "format/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- writing ---- */

/* Sets object[key] to the text, made valid UTF-8. */
static int set_text(json_t *object, const char *key, const char *text)
{
    char *clean = utf8_clean(text);
    int failed = !clean || json_object_set_new(object, key, json_string(clean)) != 0;
    free(clean);
    return failed;
}

static json_t *tokens_to_json(const int32_t *tokens, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++)
        if (json_array_append_new(array, json_integer(tokens[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static int fill_object(json_t *object, const struct index_line *line)
{
    int failed = line->path ? set_text(object, "path", line->path) : 0;
    if (line->text)
        failed |= set_text(object, "text", line->text);
    if (line->corruption)
        failed |= set_text(object, "corruption", line->corruption) |
                  json_object_set_new(object, "severity", json_integer(line->severity));
    if (line->companions)
        failed |= json_object_update(object, (json_t *)line->companions); /* shares the values, and changes nothing there */
    failed |= json_object_set_new(object, "row", line->error ? json_null() : json_integer((json_int_t)line->row));
    if (line->error)
        return failed | set_text(object, "error", line->error);
    if (!line->response)
        return failed;
    failed |= set_text(object, "response", line->response);
    failed |= json_object_set_new(object, "response_tokens", tokens_to_json(line->tokens, line->token_count));
    failed |= json_object_set_new(object, "finish", json_string(line->finished ? "end" : "length"));
    return failed;
}

lmvr_status index_line_format(const struct index_line *line, char **text, lmvr_error *error)
{
    *text = NULL;
    json_t *object = json_object();
    char *json = NULL;
    if (object && fill_object(object, line) == 0)
        json = json_dumps(object, 0); /* jansson keeps the order of insertion and writes ", " and ": " */
    json_decref(object);
    size_t length = json ? strlen(json) : 0;
    char *longer = json ? realloc(json, length + 2) : NULL;
    if (!longer) {
        free(json);
        return error_no_memory(error, "a line of the index");
    }
    longer[length] = '\n';
    longer[length + 1] = '\0';
    *text = longer;
    return LMVR_OK;
}

/* ---- reading ---- */

lmvr_status index_reader_open(const char *path, struct index_reader *reader, lmvr_error *error)
{
    *reader = (struct index_reader){.path = strdup(path)};
    if (!reader->path)
        return error_no_memory(error, "a file name");
    struct stat st;
    bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    reader->file = folder ? NULL : fopen(path, "re");
    if (reader->file)
        return LMVR_OK;
    lmvr_status status =
        folder ? error_set(error, LMVR_ERROR_INVALID, "%s: is a folder; expected an index.jsonl, as lmvr embed writes it", path)
               : file_error(error, path, "open");
    index_reader_close(reader);
    return status;
}

/* Replaces *text by the text of object[key], NULL where there is none. False: out of memory. */
static bool take_text(const json_t *object, const char *key, char **text)
{
    const char *value = json_string_value(json_object_get(object, key));
    free(*text);
    *text = value ? strdup(value) : NULL;
    return *text || !value;
}

/* {"path" or "text": text, "row": number or null, ...} */
static bool take_record(struct index_reader *r, const json_t *object, bool *memory)
{
    const char *key = json_object_get(object, "path") ? "path" : "text";
    const json_t *row = json_object_get(object, "row");
    if (!json_is_string(json_object_get(object, key)) ||
        !(json_is_null(row) || (json_is_integer(row) && json_integer_value(row) >= 0)))
        return false;
    r->row = json_is_null(row) ? -1 : json_integer_value(row);
    *memory = take_text(object, key, &r->input) && take_text(object, "response", &r->response) &&
              take_text(object, "error", &r->failure);
    return true;
}

lmvr_status index_reader_next(struct index_reader *reader, bool *found, lmvr_error *error)
{
    *found = false;
    ssize_t length = getline(&reader->line, &reader->line_space, reader->file);
    if (length < 0 && !feof(reader->file))
        return file_error(error, reader->path, "read");
    if (length < 1 || reader->line[length - 1] != '\n')
        return LMVR_OK;
    json_t *object = json_loadb(reader->line, (size_t)length, JSON_REJECT_DUPLICATES, NULL);
    bool memory = true, fits = object && take_record(reader, object, &memory);
    json_decref(object);
    if (!fits)
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %llu is not an index line%s", reader->path,
                         (unsigned long long)reader->lines + 1,
                         reader->lines == 0 ? ", as lmvr embed writes them to index.jsonl" : "");
    if (!memory)
        return error_no_memory(error, reader->path);
    reader->lines++;
    reader->offset += length;
    *found = true;
    return LMVR_OK;
}

void index_reader_close(struct index_reader *reader)
{
    if (reader->file)
        fclose(reader->file);
    free(reader->path);
    free(reader->line);
    free(reader->input);
    free(reader->response);
    free(reader->failure);
    *reader = (struct index_reader){.file = NULL};
}
