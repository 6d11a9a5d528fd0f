/* A page with queries and the pictures that are nearest to them. */
#ifndef LMVR_CLI_SEARCH_PAGE_H
#define LMVR_CLI_SEARCH_PAGE_H

#include "lab/report/report.h"
#include "search_queries.h"

#include <jansson.h>

/* Checks before the work that the page can be written. */
lmvr_status search_page_check(const struct options *options, lmvr_error *error);

/* A report with what was searched; NULL: out of memory. */
struct report *search_page_begin(const struct stored *stored, bool dot);

/* Adds a query, whose vector is found, and its answer (search/answer.h). Pictures that are no longer there are left empty. */
lmvr_status search_page_add(struct report *page, const struct search_query *query, const json_t *answer, lmvr_error *error);

#endif
