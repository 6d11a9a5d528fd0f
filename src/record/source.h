/* Where a recorder's inputs come from, one by one. */
#ifndef LMVR_SRC_RECORD_SOURCE_H
#define LMVR_SRC_RECORD_SOURCE_H

#include "lmvr.h"

#include <jansson.h>
#include <stdbool.h>

/* An input. It owns everything; all zeros is empty. */
struct source_item {
    char *path, *text; /* what the index says of it; one of them may be NULL */
    char *system;      /* as in lmvr_image; NULL: none */
    void *bytes;       /* the image's file; NULL: it is read from the path */
    size_t byte_count;
    char *wrong;        /* why it is no input, which is its error; NULL: it is one */
    bool cut;           /* beside `wrong`: it stands for the rest of its part, which cannot be read now */
    json_t *companions; /* an object: more keys for its line in the index; NULL: none */
};

void source_item_finish(struct source_item *item);

/* What tells a run's inputs from another's: `count` things, such as paths, and a hash of them. What they hold, such as the
 * members of a tar, is not part of that. They may come in parts, which are a function of the things alone, too. */
struct source {
    size_t count;
    uint64_t hash;               /* of source_hash() over all */
    bool counted;                /* each is one input */
    size_t parts, rows_per_part; /* how many, and the inputs in each but the last, 0: of any size; no parts: 0, 0 */
    /* The next input, of the part at hand if there are parts. *found is false after the last. Whoever calls it owns the item.
     */
    lmvr_status (*next)(struct source *source, struct source_item *item, bool *found, lmvr_error *error);
    /* Goes to the next part, at first to the first, whatever is left of the one at hand. *found is false after the last. Not
     * called where there are no parts. */
    lmvr_status (*next_part)(struct source *source, bool *found, lmvr_error *error);
};

/* Continues a hash, which begins as format/hash.h's HASH_START, with the next string. */
uint64_t source_hash(uint64_t hash, const char *text);

/* ---- lists ----------------------------------------------------------------------------------------------------------- */

/* A source of inputs that are all in memory. Nothing is copied until it is asked for. */
struct list_source {
    struct source source;
    char *const *names;       /* (count): paths or, where there are `images`, what tells them apart */
    const lmvr_image *images; /* (count), with path, text and system; NULL: those that the paths name */
    char *const *wrong;       /* (count): as an item's, which has the name as its text then; NULL: of none */
    size_t given, end;        /* of the part at hand */
};

/* `rows_per_part` 0: in no parts. */
void list_source_init(struct list_source *list, char *const *names, const lmvr_image *images, char *const *wrong, size_t count,
                      size_t rows_per_part);

#endif
