/*
 * Names that are counted up: "shard-{000..123}.tar" is shard-000.tar to shard-123.tar. Both ends are decimal numbers, the first
 * not above the last; where one of them begins with a zero, all have as many digits as the longer one. With several ranges the
 * last one counts fastest. Other braces are part of the name.
 */
#ifndef LMVR_LAB_DATASET_NAME_RANGE_H
#define LMVR_LAB_DATASET_NAME_RANGE_H

#include "lmvr.h"

#define NAME_RANGE_MOST 100000000 /* names */

/* Whether there is a range in the text. */
bool name_range_is(const char *text);

/* Calls `each` with every name in order, until it fails. LMVR_ERROR_INVALID: a range runs backwards, or there are more than
 * NAME_RANGE_MOST names. */
lmvr_status name_range_expand(const char *text, lmvr_status (*each)(const char *name, void *user, lmvr_error *error),
                              void *user, lmvr_error *error);

#endif
