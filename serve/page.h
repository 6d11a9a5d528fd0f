/* The page at /: its files, which are in page/ and part of the program. */
#ifndef LMVR_SERVE_PAGE_H
#define LMVR_SERVE_PAGE_H

#include "serve/http.h"

#define PAGE_FILES "/page/" /* before the names of all but the first */

/* Answers with the file of this name; "": the page itself. */
void page_answer(struct exchange *exchange, const char *name);

#endif
