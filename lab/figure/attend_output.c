#include "lab/figure/attend_output.h"

#include "error.h"
#include "format/place.h"
#include "format/replace.h"
#include "format/utf8.h"
#include "lab/figure/picture.h"
#include "lab/figure/sheet.h"
#include "store/npy_array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const own_names[] = {"maps.npy", "sheet.png", "attend.json"}; /* the last one knows the others */
#define OWN_NAMES (sizeof own_names / sizeof *own_names)

static char *path_in(const char *folder, const char *name, const char *extension)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", folder, name, extension) < 0 ? NULL : path;
}

static bool is_there(const char *folder, const char *name)
{
    char *path = path_in(folder, name, "");
    bool there = path && access(path, F_OK) == 0;
    free(path);
    return there;
}

lmvr_status attend_output_check(const char *folder, bool force, lmvr_error *error)
{
    struct place place;
    TRY(place_init(&place, folder, error));
    lmvr_status status = place_check_writable(&place, error);
    if (status == LMVR_OK && place.single)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: -o has to name a folder", folder);
    place_finish(&place);
    for (size_t i = 0; i < OWN_NAMES && status == LMVR_OK && !force; i++)
        if (is_there(folder, own_names[i]))
            status = error_set(error, LMVR_ERROR_INVALID, "%s: holds results already; --force removes them", folder);
    return status;
}

/* ---- attend.json ----------------------------------------------------------------------------------------------------- */

static struct heat heat_of(const struct attend_output *o, size_t map)
{
    return (struct heat){o->maps->items[map].weights, o->maps->rows, o->maps->columns, o->result->view};
}

struct heat_peak attend_output_peak(const struct attend_output *output, size_t map)
{
    struct heat heat = heat_of(output, map);
    return heat_peak(&heat, output->width, output->height);
}

static json_t *ids_to_json(const int32_t *ids, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(ids[i]));
    return array;
}

static json_t *range_to_json(struct token_range range)
{
    json_t *array = json_array();
    for (size_t i = range.first; i < range.first + range.count; i++)
        json_array_append_new(array, json_integer((json_int_t)i));
    return array;
}

static json_t *word_to_json(const struct attend_output *o, size_t index)
{
    const struct word_map *map = &o->maps->items[index];
    struct heat_peak peak = attend_output_peak(o, index);
    char file[256];
    snprintf(file, sizeof file, "%s.png", map->name);
    return json_pack("{s:s, s:I, s:s, s:[I,I], s:o, s:{s:f, s:i, s:i, s:f, s:f}}", "word", map->label, "map", (json_int_t)index,
                     "file", file, "bytes", (json_int_t)map->word.begin, (json_int_t)map->word.end, "tokens",
                     range_to_json(map->tokens), "peak", "weight", (double)peak.weight, "row", peak.row, "column", peak.column,
                     "x", peak.x, "y", peak.y);
}

static json_t *words_to_json(const struct attend_output *o)
{
    json_t *words = json_array();
    int failed = !words;
    for (size_t i = 0; i < o->maps->count; i++)
        failed |= json_array_append_new(words, word_to_json(o, i)) != 0;
    failed |= json_array_extend(words, o->missing) != 0;
    if (!failed)
        return words;
    json_decref(words);
    return NULL;
}

static json_t *describe_call(const struct attend_output *o, const lmvr_session_options *options, const char *path)
{
    lmvr_model_info info;
    lmvr_model_get_info(o->model, &info);
    return json_pack("{s:s, s:[i,i], s:s, s:s?, s:s?}", "path", path, "size", o->width, o->height, "dtype",
                     lmvr_dtype_name(info.dtype), "prompt", options->prompt, "template", options->template_name);
}

static json_t *describe_response(const lmvr_result *r, const char *response)
{
    return json_pack("{s:s, s:o, s:s}", "response", response, "response_tokens", ids_to_json(r->tokens, r->token_count),
                     "finish", r->finished ? "end" : "length");
}

static json_t *describe_maps(const struct attend_output *o, const lmvr_session_options *options)
{
    const lmvr_view *view = &o->result->view;
    return json_pack("{s:s, s:[i,i], s:[i,i], s:{s:f, s:f, s:f, s:f}, s:o}", "query",
                     options->attention_query == LMVR_QUERY_OWN ? "own" : "predicting", "layers", options->attention_first,
                     options->attention_last, "grid", o->result->grid_rows, o->result->grid_columns, "view", "x", view->x, "y",
                     view->y, "width", view->width, "height", view->height, "words", words_to_json(o));
}

json_t *attend_output_describe(const struct attend_output *output)
{
    lmvr_session_options options;
    lmvr_session_get_options(output->session, &options);
    char *path = utf8_clean(output->path), *response = utf8_clean(output->result->response);
    json_t *json = NULL;
    if (path && response) {
        json = describe_call(output, &options, path);
        if (json_object_update_new(json, describe_response(output->result, response)) != 0 ||
            json_object_update_new(json, describe_maps(output, &options)) != 0) {
            json_decref(json);
            json = NULL;
        }
    }
    free(path);
    free(response);
    return json;
}

/* ---- removing -------------------------------------------------------------------------------------------------------- */

static void remove_file(const char *folder, const char *name)
{
    char *path = path_in(folder, name, "");
    if (path)
        unlink(path);
    free(path);
}

/* What an earlier attend.json names, as far as it is a picture in this very folder. */
static void remove_pictures(const char *folder)
{
    size_t i;
    json_t *one;
    char *path = path_in(folder, "attend.json", "");
    json_t *old = path ? json_load_file(path, 0, NULL) : NULL;
    json_array_foreach(json_object_get(old, "words"), i, one)
    {
        const char *name = json_string_value(json_object_get(one, "file"));
        const char *extension = name ? strrchr(name, '.') : NULL;
        if (extension && strcmp(extension, ".png") == 0 && !strchr(name, '/'))
            remove_file(folder, name);
    }
    json_decref(old);
    free(path);
}

static void remove_results(const char *folder)
{
    remove_pictures(folder);
    for (size_t i = 0; i < OWN_NAMES; i++)
        remove_file(folder, own_names[i]);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static lmvr_status write_file(const char *folder, const char *name, const char *extension, const void *bytes, size_t size,
                              lmvr_error *error)
{
    char *path = path_in(folder, name, extension);
    if (!path)
        return error_no_memory(error, "a file name");
    lmvr_status status = file_replace(path, bytes, size, error);
    free(path);
    return status;
}

static lmvr_status write_description(const struct attend_output *o, const json_t *description, lmvr_error *error)
{
    char *text = json_dumps(description, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (!text)
        return error_no_memory(error, "attend.json");
    size_t length = strlen(text);
    text[length] = '\n'; /* in place of the NUL */
    lmvr_status status = write_file(o->folder, "attend", ".json", text, length + 1, error);
    free(text);
    return status;
}

static lmvr_status write_picture(const struct attend_output *o, size_t map, lmvr_error *error)
{
    struct image overlay;
    uint8_t *png;
    size_t size;
    struct heat heat = heat_of(o, map);
    heat = heat_resized(&heat, o->width, o->height, o->image->width, o->image->height);
    TRY(heat_overlay(o->image, &heat, &overlay, error));
    lmvr_status status = picture_png(&overlay, &png, &size, error);
    if (status == LMVR_OK)
        status = write_file(o->folder, o->maps->items[map].name, ".png", png, size, error);
    image_finish(&overlay);
    free(png);
    return status;
}

static lmvr_status write_maps(const struct attend_output *o, lmvr_error *error)
{
    const struct word_maps *maps = o->maps;
    size_t rows = (size_t)o->result->grid_rows, columns = (size_t)o->result->grid_columns, cells = rows * columns;
    char *path = path_in(o->folder, "maps", ".npy");
    float *all = malloc(maps->count * cells * sizeof *all + 1);
    lmvr_status status = path && all ? LMVR_OK : error_no_memory(error, "the maps");
    if (status == LMVR_OK) {
        for (size_t i = 0; i < maps->count; i++)
            memcpy(all + i * cells, maps->items[i].weights, cells * sizeof *all);
        status = npy_array_write(path, all, (size_t[]){maps->count, rows, columns}, 3, error);
    }
    free(path);
    free(all);
    return status;
}

static lmvr_status draw_sheet(const struct attend_output *o, const char *title, const struct sheet_word *words,
                              lmvr_error *error)
{
    uint8_t *png;
    size_t size;
    char note[192], blocks[48];
    lmvr_session_options options;
    lmvr_session_get_options(o->session, &options);
    const char *query = options.attention_query == LMVR_QUERY_OWN ? "a word" : "where a word is predicted";
    int first = options.attention_first, last = options.attention_last;
    snprintf(blocks, sizeof blocks, first == last ? "block %d" : "blocks %d to %d", first, last);
    snprintf(note, sizeof note,
             "Attention from %s to the visual tokens: softmax weights, averaged over heads, %s, and a word's tokens.", query,
             blocks);
    struct sheet sheet = {.title = title,
                          .note = note,
                          .image = o->image,
                          .width = o->width,
                          .height = o->height,
                          .response = o->result->response,
                          .rows = o->result->grid_rows,
                          .columns = o->result->grid_columns,
                          .view = o->result->view,
                          .words = words,
                          .word_count = o->maps->count};
    TRY(sheet_draw(&sheet, &png, &size, error));
    lmvr_status status = write_file(o->folder, "sheet", ".png", png, size, error);
    free(png);
    return status;
}

static lmvr_status write_sheet(const struct attend_output *o, lmvr_error *error)
{
    const char *slash = strrchr(o->path, '/');
    char *title = utf8_clean(slash ? slash + 1 : o->path);
    struct sheet_word *words = calloc(o->maps->count + 1, sizeof *words);
    lmvr_status status = title && words ? LMVR_OK : error_no_memory(error, "a contact sheet");
    for (size_t i = 0; i < o->maps->count && status == LMVR_OK; i++) {
        const struct word_map *map = &o->maps->items[i];
        words[i] = (struct sheet_word){map->label, map->weights, map->word.begin, map->word.end};
    }
    if (status == LMVR_OK)
        status = draw_sheet(o, title, words, error);
    free(title);
    free(words);
    return status;
}

static lmvr_status make_folder(const char *folder, lmvr_error *error)
{
    struct place place;
    TRY(place_init(&place, folder, error));
    lmvr_status status = place_make_folder(&place, error);
    place_finish(&place);
    return status;
}

lmvr_status attend_output_write(const struct attend_output *output, const json_t *description, lmvr_error *error)
{
    TRY(make_folder(output->folder, error));
    remove_results(output->folder);
    TRY(write_description(output, description, error));
    for (size_t i = 0; i < output->maps->count; i++)
        TRY(write_picture(output, i, error));
    TRY(write_maps(output, error));
    return write_sheet(output, error);
}
