/* Searches for the vectors of calls, on a thread of its own: those that wait are searched for together. */
#ifndef LMVR_SERVE_SEARCH_H
#define LMVR_SERVE_SEARCH_H

#include "serve/server_parts.h"

/* `threads` as in lmvr_session_options. */
lmvr_status searcher_create(const struct server_index *index, int threads, struct searcher **searcher, lmvr_error *error);
/* Answers all calls first. NULL is allowed. */
void searcher_free(struct searcher *searcher);

#endif
