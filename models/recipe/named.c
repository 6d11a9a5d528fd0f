#include "named.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the set ---------------------------------------------------------------------------------------------------------- */

static int by_length(const void *a, const void *b)
{
    const struct named_word *left = a, *right = b;
    size_t x = strlen(left->text), y = strlen(right->text);
    return x < y ? 1 : x > y ? -1 : 0;
}

static bool list_words(struct named_set *set)
{
    const char *kind;
    json_t *list, *word;
    size_t index, count = 0;
    json_object_foreach(set->synonyms, kind, list) count += json_array_size(list);
    set->words = calloc(count + 1, sizeof *set->words);
    if (!set->words)
        return false;
    json_object_foreach(set->synonyms, kind, list)
    {
        json_object_set_new(set->numbers, kind, json_integer(set->kinds));
        json_array_foreach(list, index, word) if (json_string_length(word) > 0) set->words[set->word_count++] =
            (struct named_word){json_string_value(word), set->kinds};
        set->kinds++;
    }
    qsort(set->words, set->word_count, sizeof *set->words, by_length);
    return true;
}

static json_t *read_json(const char *program, const char *folder, const char *name)
{
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    json_t *json = json_load_file(path, 0, &error);
    if (!json)
        fprintf(stderr, "%s: %s: %s\n", program, path, error.text);
    return json;
}

static bool is_of_part(const json_t *scene, const char *part)
{
    const char *own = json_string_value(json_object_get(scene, "part"));
    return !part || (own && strcmp(own, part) == 0);
}

bool named_open(struct named_set *set, const char *program, const char *folder, const char *part)
{
    *set = (struct named_set){
        .synonyms = read_json(program, folder, "synonyms.json"), .numbers = json_object(), .scenes = json_object()};
    json_t *scenes = read_json(program, folder, "scenes.json"), *scene;
    size_t i;
    json_array_foreach(scenes, i, scene)
    {
        const char *image = json_string_value(json_object_get(scene, "image"));
        if (image && is_of_part(scene, part))
            json_object_set(set->scenes, image, scene);
    }
    bool good = set->synonyms && scenes && list_words(set);
    json_decref(scenes);
    if (!good)
        named_close(set);
    return good;
}

void named_close(struct named_set *set)
{
    free(set->words);
    json_decref(set->synonyms);
    json_decref(set->numbers);
    json_decref(set->scenes);
    *set = (struct named_set){.words = NULL};
}

json_t *named_scene(const struct named_set *set, const char *path)
{
    const char *image = NULL;
    for (const char *at = path; at && (at = strstr(at, "images/")); at++)
        image = at;
    return image ? json_object_get(set->scenes, image) : NULL;
}

int named_kind(const struct named_set *set, const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    const json_t *number = name ? json_object_get(set->numbers, name) : NULL;
    return number ? (int)json_integer_value(number) : -1;
}

/* ---- texts ------------------------------------------------------------------------------------------------------------ */

static bool is_letter(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 128;
}

static void keep_first(struct named_place *place, size_t begin, size_t end)
{
    if (place->end == 0 || begin < place->begin)
        *place = (struct named_place){begin, end};
}

void named_find(const struct named_set *set, const char *text, struct named_place *places)
{
    char *left = strdup(text); /* what is found is blotted out */
    if (!left)
        abort();
    memset(places, 0, (size_t)set->kinds * sizeof *places);
    for (char *c = left; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (size_t i = 0; i < set->word_count; i++) {
        const struct named_word *word = &set->words[i];
        size_t length = strlen(word->text);
        for (char *at = left; (at = strstr(at, word->text)); at++) {
            if ((at > left && is_letter(at[-1])) || is_letter(at[length]))
                continue;
            keep_first(&places[word->kind], (size_t)(at - left), (size_t)(at - left) + length);
            memset(at, '#', length);
        }
    }
    free(left);
}
