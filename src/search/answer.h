/* Neighbors with what the index says of them, as JSON. */
#ifndef LMVR_SRC_SEARCH_ANSWER_H
#define LMVR_SRC_SEARCH_ANSWER_H

#include "search/nearest.h"
#include "store/stored.h"

/* [{"row": 7, "path": "a.jpg", "score": 0.93, "response": "A dog …"}, …]; "text" in the place of a text's path, and no
 * response where none was generated. A new reference. */
lmvr_status answer_make(const struct stored *stored, const struct neighbor *found, size_t count, json_t **answer,
                        lmvr_error *error);

#endif
