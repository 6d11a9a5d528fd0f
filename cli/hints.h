/* What is worth knowing and is neither a result nor a failure: a line on standard error each, which -q leaves out. */
#ifndef LMVR_CLI_HINTS_H
#define LMVR_CLI_HINTS_H

#include "lab/dataset/passed_over.h"

#include <stdbool.h>
#include <stddef.h>

/* What was passed over in the searched folders and in tars, if anything was. */
void hint_passed_over(const struct passed_over *passed_over, bool quiet);
/* The same in the class folders of a data set, from dataset.passed_over. */
void hint_passed_over_in_set(const char *passed_over, bool quiet);

/* That tars have no image, if there are some. */
void hint_empty_tars(size_t count, const char *first, bool quiet);

/* That of `count` parts of results only some are there, and that these are `used`, such as "searched". */
void hint_missing_parts(const char *output, size_t there, size_t count, const char *used, bool quiet);

/* That the shipped model is in use, and what it is not for. */
void hint_shipped_model(bool quiet);

#endif
