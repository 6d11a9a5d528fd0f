/*
 * Python's pickles, protocols 2 to 5, of plain data (pickletools.py describes every opcode). Nothing is run: a call becomes a
 * value that says what would have been called, and only functions and classes that the caller lists may be named at all. Memory
 * is bounded by a multiple of the pickle's bytes.
 */
#ifndef LMVR_SRC_FORMAT_PICKLE_H
#define LMVR_SRC_FORMAT_PICKLE_H

#include "error.h"

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,   /* a larger one than int64_t holds is PICKLE_OTHER */
    PICKLE_OTHER, /* a float, bytes or a large number: values that are not looked at */
    PICKLE_TEXT,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_GLOBAL,
    PICKLE_CALL,       /* of a global with a tuple; with items if it was filled as a dict is */
    PICKLE_PERSISTENT, /* what stands for an object outside the pickle */
};

/* An element of a tuple or a list, or of a dict in the order of the file. */
struct pickle_item {
    const struct pickle_value *key; /* NULL but for dicts */
    const struct pickle_value *value;
    struct pickle_item *next;
};

struct pickle_value {
    enum pickle_kind kind;
    union {
        int64_t number;                     /* of PICKLE_INT, PICKLE_BOOL */
        const struct pickle_global *global; /* of PICKLE_GLOBAL */
        struct {
            const char *bytes; /* in the pickle; UTF-8 that is not checked, not zero-terminated */
            size_t size;
        } text;
        struct {
            const struct pickle_value *callee, *arguments;
        } call;                           /* of PICKLE_CALL */
        const struct pickle_value *value; /* of PICKLE_PERSISTENT: what names the object */
    };
    struct pickle_item *items, *last_item;
};

/* A function or a class that a pickle may name. */
struct pickle_global {
    const char *module, *name;
    int meaning; /* the caller's */
};

struct pickle; /* owns values; they point into the pickle's bytes */

/*
 * Reads the pickle at the beginning of `bytes`; *used is how long it is. `path` is the name in error sentences. Free with
 * pickle_free(), which takes NULL. LMVR_ERROR_INVALID: it is cut, broken, has opcodes of other things than plain data, or names
 * a global that is not in the list.
 */
lmvr_status pickle_read(const char *path, const void *bytes, size_t size, const struct pickle_global *globals,
                        size_t global_count, struct pickle **pickle, size_t *used, lmvr_error *error);
void pickle_free(struct pickle *pickle);
const struct pickle_value *pickle_root(const struct pickle *pickle);
const struct pickle_item *pickle_persistents(const struct pickle *pickle); /* all values of PICKLE_PERSISTENT */

bool pickle_is_text(const struct pickle_value *value, const char *text);

/* The first `space` elements of a tuple or list. Returns how many there are, at most space + 1; -1: it is neither. */
int pickle_elements(const struct pickle_value *value, int space, const struct pickle_value **elements);

#endif
