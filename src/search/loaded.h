/*
 * The rows of files in memory, in 8 bits: their directions, less what is common to them all, rotated so that their values are
 * of about one size. With each row is the length of what rounding has taken from it, so that products tell which rows a query
 * can be nearest to; these are then read and compared.
 */
#ifndef LMVR_SRC_SEARCH_LOADED_H
#define LMVR_SRC_SEARCH_LOADED_H

#include "search/task.h"

struct loaded;
struct quantized_kernels;

lmvr_status loaded_create(const struct row_files *files, const struct quantized_kernels *kernels, struct loaded **loaded,
                          lmvr_error *error);
void loaded_free(struct loaded *loaded); /* NULL is allowed */

lmvr_status loaded_find(const struct loaded *loaded, const struct task *task, lmvr_error *error);

#endif
