/* What lmvr search looks for, and its vectors. */
#ifndef LMVR_CLI_SEARCH_QUERIES_H
#define LMVR_CLI_SEARCH_QUERIES_H

#include "lab/dataset/inputs.h"
#include "options.h"
#include "search/neighbors.h"
#include "store/stored.h"

struct search_query {
    enum query_kind kind;
    const char *value; /* as given: a path, a text, or a row's number */
    uint64_t row;      /* of QUERY_ROW and QUERY_PATH */
    char *failure;     /* a sentence, owned; NULL: it has a vector, or is still to get one */
};

struct search_queries {
    struct inputs inputs;
    struct search_query *items;
    size_t count;
    bool need_model; /* some are images or texts */
};

/* Lists the inputs and then what options name, in their order. LMVR_ERROR_INVALID: there is none, or a number is no row. */
lmvr_status search_queries_collect(const struct options *options, char *const *inputs, size_t input_count,
                                   const struct stored *stored, struct search_queries *queries, lmvr_error *error);
void search_queries_finish(struct search_queries *queries);

/* Fills in the vectors (count, dim) of `count` queries; sets the failure of those that have none. `session` has the one
 * feature; NULL: none needs it. */
lmvr_status search_queries_embed(struct search_query *items, size_t count, lmvr_session *session,
                                 const struct neighbors *neighbors, float *vectors, lmvr_error *error);

#endif
