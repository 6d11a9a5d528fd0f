/* The kinds of object that scenes may have: a table with their glyphs, their names, and their classes in data sets. */
#ifndef LMVR_TOOLS_SCENES_KIND_H
#define LMVR_TOOLS_SCENES_KIND_H

#include <stdbool.h>

enum category {
    PEOPLE,
    VEHICLES,
    OUTDOORS,
    ANIMALS,
    FOOD,
    PLANTS,
    KITCHEN,
    FURNITURE,
    ELECTRONICS,
    HOUSEHOLD,
    TOOLS,
    SPORTS,
    INSTRUMENTS,
    CLOTHES,
    CATEGORIES
};

/* The names of a category; `asked`: membership is so clear that questions may be asked about it. */
struct category_words {
    const char *one, *many;
    bool asked;
};
extern const struct category_words category_words[CATEGORIES];

#define KIND_MAX_GLYPHS   16
#define KIND_MAX_SYNONYMS 2

/* Singular and plural: "dog", "dogs". */
struct words {
    const char *one, *many;
};

/* A glyph is UTF-8: one emoji of Noto Color Emoji. With the prefix GLYPH_ON_TABLE it is put on a drawn table. */
#define GLYPH_ON_TABLE '+'

struct kind {
    const char *name, *plural;                    /* the canonical name: "dog", "dogs"; "jeans", "jeans" */
    const char *one, *many;                       /* what is counted, if not the name: "pair of jeans", "pairs of jeans" */
    struct words synonyms[KIND_MAX_SYNONYMS + 1]; /* each true of every glyph; ends with NULL */
    const char *accepted; /* more words accepted as answers, "puppy/puppies|hound", never written; NULL: none */
    enum category category;
    const char *fact;                        /* a predicate true of no other kind: "barks" */
    const char *color;                       /* of every unpainted glyph; NULL: several, or none worth mentioning */
    bool paintable;                          /* comes in any color, and its glyphs have large areas of one color to repaint */
    const char *voc, *coco, *visda;          /* its class in that data set; NULL: none */
    const char *glyphs[KIND_MAX_GLYPHS + 1]; /* ends with NULL */
    struct words narrow[KIND_MAX_GLYPHS];    /* a more specific word for each glyph ("woman", "women"), where there is one */
};

/* kinds.tsv. Whole-word matching must not find a kind inside another one's words: hence no hot dog, teddy bear or police car.
 * No color may be the name of a kind, so nothing is orange but oranges. */
extern const struct kind kinds[];
extern const int kind_count;

/* The canonical singular and plural. */
struct words kind_words(const struct kind *kind);

int kind_glyph_count(const struct kind *kind);

/* Calls `on_form` for every word for the kind, the canonical name first, without repeats. */
void kind_forms(const struct kind *kind, void (*on_form)(const char *form, void *user), void *user);

/* The kind with that canonical name; -1: none. */
int kind_find(const char *name);

/* COCO's 80 categories: coco_categories.tsv. */
struct coco_category {
    int id; /* from 1 to 90, with gaps */
    const char *supercategory, *name;
};
extern const struct coco_category coco_categories[];
extern const int coco_category_count;

/* The id of that name; 0: there is none. */
int coco_category_id(const char *name);

#endif
