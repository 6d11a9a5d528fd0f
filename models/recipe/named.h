/*
 * What responses name, against what is in made scenes: a folder of `lmvr scenes --layout llava`.
 *
 * A text names a kind of object where it holds one of the words that SET/synonyms.json has for it, as a whole word, without
 * regard to case, the longest words first and none used twice.
 */
#ifndef LMVR_MODELS_NAMED_H
#define LMVR_MODELS_NAMED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct named_word {
    const char *text;
    int kind;
};

struct named_set {
    json_t *synonyms; /* SET/synonyms.json */
    json_t *numbers;  /* of a kind's name: its number, from 0 on */
    json_t *scenes;   /* of an image, "images/000012.jpg": its scene in SET/scenes.json */
    int kinds;
    struct named_word *words; /* (word_count), the longest first */
    size_t word_count;
};

/* Bytes begin <= i < end of a text; 0 and 0 where it does not name the kind. */
struct named_place {
    size_t begin, end;
};

/* Reads the set; of its scenes those of `part`, "train" or "test", or all (NULL). False after a complaint on standard error. */
bool named_open(struct named_set *set, const char *program, const char *folder, const char *part);
void named_close(struct named_set *set);

/* Where the text names each kind first, into places (kinds). It stops the program where there is no memory. */
void named_find(const struct named_set *set, const char *text, struct named_place *places);

/* The number of an object's kind in a scene; -1: none. */
int named_kind(const struct named_set *set, const json_t *object);

/* The scene whose image this path ends with; NULL: it is none of the set's. */
json_t *named_scene(const struct named_set *set, const char *path);

#endif
