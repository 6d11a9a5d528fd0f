/*
 * How well responses name what is in made scenes: naming SET RESPONSES.jsonl [PART]
 *
 * SET is a folder of `lmvr scenes --layout llava`; the responses are the lines of `lmvr describe --json` on its images. A
 * response names a kind of object where it holds one of the words that SET/synonyms.json has for it, as a whole word, without
 * regard to case, the longest words first and none used twice. Printed are precision, recall and F1 over all kinds of all
 * images together (micro).
 */
#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
    const char *text;
    int kind;
};

struct words {
    struct word *items;
    size_t count;
    int kinds;
};

static int by_length(const void *a, const void *b)
{
    size_t x = strlen(((const struct word *)a)->text), y = strlen(((const struct word *)b)->text);
    return x < y ? 1 : x > y ? -1 : 0;
}

static struct words list_words(json_t *synonyms, json_t *numbers)
{
    struct words words = {0};
    const char *kind;
    json_t *list, *word;
    size_t index;
    json_object_foreach(synonyms, kind, list) words.count += json_array_size(list);
    words.items = calloc(words.count + 1, sizeof *words.items);
    words.count = 0;
    json_object_foreach(synonyms, kind, list)
    {
        json_object_set_new(numbers, kind, json_integer(words.kinds));
        json_array_foreach(list, index, word) if (words.items) words.items[words.count++] =
            (struct word){json_string_value(word), words.kinds};
        words.kinds++;
    }
    if (words.items)
        qsort(words.items, words.count, sizeof *words.items, by_length);
    return words;
}

static bool is_letter(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 128;
}

/* Marks the kinds that the text names; what is found is blotted out. */
static void find_kinds(const struct words *words, char *text, bool *named)
{
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (size_t i = 0; i < words->count; i++) {
        size_t length = strlen(words->items[i].text);
        for (char *at = text; (at = strstr(at, words->items[i].text)); at++) {
            if ((at > text && is_letter(at[-1])) || is_letter(at[length]))
                continue;
            named[words->items[i].kind] = true;
            memset(at, '#', length);
        }
    }
}

static json_t *read_json(const char *folder, const char *name)
{
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    json_t *json = json_load_file(path, 0, &error);
    if (!json)
        fprintf(stderr, "naming: %s: %s\n", path, error.text);
    return json;
}

/* The objects of each image, by the end of its path: "images/000012.jpg". */
static json_t *index_scenes(json_t *scenes, const char *part)
{
    json_t *index = json_object(), *scene;
    size_t i;
    json_array_foreach(scenes, i, scene) if (!part || strcmp(json_string_value(json_object_get(scene, "part")), part) == 0)
        json_object_set(index, json_string_value(json_object_get(scene, "image")), json_object_get(scene, "objects"));
    return index;
}

static json_t *objects_of(json_t *index, const char *path)
{
    const char *images = NULL;
    for (const char *at = path; at && (at = strstr(at, "images/")); at++)
        images = at;
    return images ? json_object_get(index, images) : NULL;
}

struct counts {
    long images, right, wrong, missed;
};

static void count(const struct words *words, json_t *numbers, json_t *objects, const char *response, struct counts *counts)
{
    bool *named = calloc((size_t)words->kinds + 1, sizeof *named), *there = calloc((size_t)words->kinds + 1, sizeof *there);
    char *text = strdup(response);
    json_t *object;
    size_t i;
    if (!named || !there || !text)
        exit(3);
    find_kinds(words, text, named);
    json_array_foreach(objects, i, object)
        there[json_integer_value(json_object_get(numbers, json_string_value(json_object_get(object, "name"))))] = true;
    for (int k = 0; k < words->kinds; k++) {
        counts->right += named[k] && there[k];
        counts->wrong += named[k] && !there[k];
        counts->missed += !named[k] && there[k];
    }
    counts->images++;
    free(named);
    free(there);
    free(text);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "naming: call it as naming SET RESPONSES.jsonl [train|test]\n");
        return 2;
    }
    json_t *synonyms = read_json(argv[1], "synonyms.json"), *scenes = read_json(argv[1], "scenes.json");
    json_t *numbers = json_object();
    FILE *file = fopen(argv[2], "r");
    if (!synonyms || !scenes || !file) {
        fprintf(stderr, "naming: cannot read %s and %s\n", argv[1], argv[2]);
        return 2;
    }
    struct words words = list_words(synonyms, numbers);
    json_t *index = index_scenes(scenes, argc > 3 ? argv[3] : NULL), *line;
    struct counts c = {0};
    while ((line = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))) {
        const char *path = json_string_value(json_object_get(line, "path"));
        const char *response = json_string_value(json_object_get(line, "response"));
        json_t *objects = objects_of(index, path);
        if (objects && response)
            count(&words, numbers, objects, response, &c);
        json_decref(line);
    }
    double precision = c.right ? (double)c.right / (double)(c.right + c.wrong) : 0;
    double recall = c.right ? (double)c.right / (double)(c.right + c.missed) : 0;
    printf("images %ld   precision %.4f   recall %.4f   micro-F1 %.4f\n", c.images, precision, recall,
           c.right ? 2 * precision * recall / (precision + recall) : 0);
    fclose(file);
    free(words.items);
    json_decref(index);
    json_decref(numbers);
    json_decref(synonyms);
    json_decref(scenes);
    return c.images ? 0 : 1;
}
