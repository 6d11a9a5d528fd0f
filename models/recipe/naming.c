/*
 * How well responses name what is in made scenes: naming SET RESPONSES.jsonl [PART]
 *
 * SET is a folder of `lmvr scenes --layout llava`; the responses are the lines of `lmvr describe --json` on its images. What a
 * response names, named.h says. Printed are precision, recall and F1 over all kinds of all images together (micro).
 */
#include "named.h"

#include <stdio.h>
#include <stdlib.h>

struct counts {
    long images, right, wrong, missed;
};

static void count(const struct named_set *set, json_t *objects, const char *response, struct counts *counts)
{
    struct named_place *places = calloc((size_t)set->kinds + 1, sizeof *places);
    bool *there = calloc((size_t)set->kinds + 1, sizeof *there);
    json_t *object;
    size_t i;
    if (!places || !there)
        exit(3);
    named_find(set, response, places);
    json_array_foreach(objects, i, object) if (named_kind(set, object) >= 0) there[named_kind(set, object)] = true;
    for (int k = 0; k < set->kinds; k++) {
        bool named = places[k].end > 0;
        counts->right += named && there[k];
        counts->wrong += named && !there[k];
        counts->missed += !named && there[k];
    }
    counts->images++;
    free(places);
    free(there);
}

static void count_all(const struct named_set *set, FILE *responses, struct counts *counts)
{
    json_t *line;
    while ((line = json_loadf(responses, JSON_DISABLE_EOF_CHECK, NULL))) {
        json_t *scene = named_scene(set, json_string_value(json_object_get(line, "path")));
        const char *response = json_string_value(json_object_get(line, "response"));
        if (scene && response)
            count(set, json_object_get(scene, "objects"), response, counts);
        json_decref(line);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "naming: call it as naming SET RESPONSES.jsonl [train|test]\n");
        return 2;
    }
    struct named_set set;
    if (!named_open(&set, "naming", argv[1], argc > 3 ? argv[3] : NULL))
        return 2;
    struct counts c = {0};
    FILE *file = fopen(argv[2], "r");
    if (file)
        count_all(&set, file, &c);
    else
        fprintf(stderr, "naming: cannot read %s\n", argv[2]);
    double precision = c.right ? (double)c.right / (double)(c.right + c.wrong) : 0;
    double recall = c.right ? (double)c.right / (double)(c.right + c.missed) : 0;
    if (file) {
        printf("images %ld   precision %.4f   recall %.4f   micro-F1 %.4f\n", c.images, precision, recall,
               c.right ? 2 * precision * recall / (precision + recall) : 0);
        fclose(file);
    }
    named_close(&set);
    return !file ? 2 : c.images ? 0 : 1;
}
