/* What can be in a scene: a table of kinds of object, with their glyphs, their names, and the classes they are in data sets. */
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

/* How a category is called; `asked` where a question about it has one answer for everybody. */
struct category_words {
    const char *one, *many;
    bool asked;
};
extern const struct category_words category_words[CATEGORIES];

#define KIND_MAX_GLYPHS   16
#define KIND_MAX_SYNONYMS 2

/* For one and for several: "dog", "dogs". */
struct words {
    const char *one, *many;
};

/* A glyph is UTF-8, one emoji of Noto Color Emoji. Behind GLYPH_ON_TABLE it stands on a table that is drawn. */
#define GLYPH_ON_TABLE '+'

struct kind {
    const char *name, *plural; /* the canonical name: "dog", "dogs"; "jeans", "jeans" */
    const char *one, *many;    /* what is counted, where it is not the name: "pair of jeans", "pairs of jeans" */
    struct words synonyms[KIND_MAX_SYNONYMS + 1]; /* each true of every glyph; ends with NULL */
    const char *accepted; /* further words that an answer may have for it, "puppy/puppies|hound", never written; NULL: none */
    enum category category;
    const char *fact;                        /* a predicate that is true of no other kind: "barks" */
    const char *color;                       /* of every glyph when it is not painted; NULL: several, or none to speak of */
    bool paintable;                          /* things that come in any color, with large parts of one color to paint over */
    const char *voc, *coco, *visda;          /* its class there; NULL: none */
    const char *glyphs[KIND_MAX_GLYPHS + 1]; /* ends with NULL */
    const struct words *narrow; /* a narrower word for each glyph ("woman", "women"), or of NULL; NULL: none at all */
};

extern const struct kind kinds[];
extern const int kind_count;

/* The canonical words for one and for several. */
struct words kind_words(const struct kind *kind);

int kind_glyph_count(const struct kind *kind);

/* Calls `on_form` for every word that stands for the kind, the canonical name first; none comes twice. */
void kind_forms(const struct kind *kind, void (*on_form)(const char *form, void *user), void *user);

/* The kind of that canonical name; -1: none. */
int kind_find(const char *name);

#endif
