/* Searches the files from the first row to the last, reading a few megabytes at a time on each thread. */
#ifndef LMVR_SRC_SEARCH_SCAN_H
#define LMVR_SRC_SEARCH_SCAN_H

#include "search/task.h"

lmvr_status scan_find(const struct task *task, lmvr_error *error);

#endif
