/* Pieces and their ids. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_VOCABULARY_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_VOCABULARY_H

#include "format/json.h"
#include "language/tokenizer/buffer.h"

#define VOCABULARY_MAX (1 << 22) /* ids are below this; today's largest vocabulary has 262,144 */

struct vocabulary {
    struct buffer bytes; /* of all pieces */
    struct vocabulary_piece {
        uint32_t start, end; /* in `bytes`; 0 and 0: there is no such id */
    } * pieces;              /* (size) */
    int32_t size, count;     /* the largest id plus 1; how many there are */
    int32_t *table;          /* (mask + 1) ids by their pieces' hashes, -1 where free */
    uint32_t mask;
};

/* Reads {"piece": id, …}. An id that stands twice, and an empty piece, are refused. */
lmvr_status vocabulary_parse(const struct json_node *node, const char *key, struct vocabulary *vocabulary, lmvr_error *error);
void vocabulary_finish(struct vocabulary *vocabulary);

/* The id of a piece, -1: there is none. */
int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *piece, size_t size);

/* The piece of an id, not ended by a zero byte; NULL: there is none. */
const char *vocabulary_piece(const struct vocabulary *vocabulary, int32_t id, size_t *size);

#endif
