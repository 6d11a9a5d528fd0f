#include "lab/figure/word_maps.h"

#include "lab/figure/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NAME 100 /* bytes; with a number and an extension, well below the file systems' 255 */

/* ---- names ----------------------------------------------------------------------------------------------------------- */

static bool is_taken(const struct word_maps *maps, const char *name)
{
    for (size_t i = 0; i < maps->count; i++)
        if (strcmp(maps->items[i].name, name) == 0)
            return true;
    return strcmp(name, "sheet") == 0;
}

/* A file name for the label, to be freed; NULL: out of memory. */
static char *make_name(const struct word_maps *maps, const char *label)
{
    char *safe = text_showable(label, MOST_NAME), *name = safe ? strdup(safe) : NULL;
    if (!name) {
        free(safe);
        return NULL;
    }
    for (char *c = safe; *c; c++)
        if (strchr("/\\:?\n", *c) || (c == safe && *c == '.'))
            *c = '_';
    for (size_t number = 1;; number++) {
        free(name);
        if (number == 1)
            name = strdup(*safe ? safe : "_");
        else if (asprintf(&name, "%s-%zu", safe, number) < 0)
            name = NULL;
        if (!name || !is_taken(maps, name))
            break;
    }
    free(safe);
    return name;
}

/* ---- maps ------------------------------------------------------------------------------------------------------------ */

float *word_maps_mean(const lmvr_result *result, struct token_range tokens)
{
    size_t cells = (size_t)result->grid_rows * result->grid_columns;
    float *mean = malloc(cells * sizeof *mean);
    for (size_t i = 0; mean && i < cells; i++) {
        double sum = 0;
        for (size_t t = tokens.first; t < tokens.first + tokens.count; t++)
            sum += result->attention[t * cells + i];
        mean[i] = (float)(sum / (double)tokens.count);
    }
    return mean;
}

static void map_finish(struct word_map *map)
{
    free(map->label);
    free(map->name);
    free(map->weights);
}

/* Takes ownership of `label` and `name`, even on failure. */
static lmvr_status add(struct word_maps *maps, const lmvr_result *result, char *label, char *name, struct word word,
                       struct token_range tokens, lmvr_error *error)
{
    struct word_map map = {label, name, word, tokens, word_maps_mean(result, tokens)};
    struct word_map *items = realloc(maps->items, (maps->count + 1) * sizeof *items);
    if (items)
        maps->items = items;
    if (!items || !label || !name || !map.weights) {
        map_finish(&map);
        return error_no_memory(error, "the word maps");
    }
    maps->items[maps->count++] = map;
    maps->rows = result->grid_rows;
    maps->columns = result->grid_columns;
    return LMVR_OK;
}

lmvr_status word_maps_add(struct word_maps *maps, const lmvr_result *result, const char *word, bool *found, lmvr_error *error)
{
    struct word place;
    TRY(words_find(result->response, word, found, &place, error));
    if (!*found)
        return LMVR_OK;
    struct token_range tokens = words_tokens(&place, result->token_ends, result->token_count);
    *found = tokens.count > 0;
    return *found ? add(maps, result, strdup(word), make_name(maps, word), place, tokens, error) : LMVR_OK;
}

lmvr_status word_maps_add_token(struct word_maps *maps, const lmvr_result *result, size_t token, lmvr_error *error)
{
    if (token >= result->token_count)
        return error_set(error, LMVR_ERROR_INPUT, "there is no token %zu in the response, which has %zu, counted from 0", token,
                         result->token_count);
    char label[64], name[64];
    snprintf(label, sizeof label, "token %zu", token);
    snprintf(name, sizeof name, "token-%zu", token);
    struct word place = {token ? result->token_ends[token - 1] : 0, result->token_ends[token]};
    if (place.begin > place.end)
        place.begin = place.end;
    return add(maps, result, strdup(label), make_name(maps, name), place, (struct token_range){token, 1}, error);
}

lmvr_status word_maps_add_noun_like(struct word_maps *maps, const lmvr_result *result, size_t most, lmvr_error *error)
{
    struct word_list nouns;
    TRY(words_noun_like(result->response, most, &nouns, error));
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < nouns.count && status == LMVR_OK; i++) {
        struct word place = nouns.items[i];
        struct token_range tokens = words_tokens(&place, result->token_ends, result->token_count);
        char *label = strndup(result->response + place.begin, place.end - place.begin);
        if (tokens.count > 0)
            status = add(maps, result, label, label ? make_name(maps, label) : NULL, place, tokens, error);
        else
            free(label);
    }
    words_finish(&nouns);
    return status;
}

void word_maps_finish(struct word_maps *maps)
{
    for (size_t i = 0; i < maps->count; i++)
        map_finish(&maps->items[i]);
    free(maps->items);
    *maps = (struct word_maps){.items = NULL};
}
