/*
 * The rows of a file in memory, in bf16: their directions, less what is common to them all, which is where rows of a model
 * differ and what so few digits are enough for. With each row are the digits that it has lost, so that a product tells which
 * rows a query can be nearest to; these are then read and compared.
 */
#ifndef LMVR_SRC_SEARCH_LOADED_H
#define LMVR_SRC_SEARCH_LOADED_H

#include "search/task.h"

struct loaded;

lmvr_status loaded_create(const struct npy_reader *file, struct loaded **loaded, lmvr_error *error);
void loaded_free(struct loaded *loaded); /* NULL is allowed */

lmvr_status loaded_find(const struct loaded *loaded, const struct task *task, lmvr_error *error);

#endif
