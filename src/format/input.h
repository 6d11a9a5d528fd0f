/* Opening a model's files: regular files only, so that a pipe cannot block us and a device cannot feed us endlessly. */
#ifndef LMVR_SRC_FORMAT_INPUT_H
#define LMVR_SRC_FORMAT_INPUT_H

#include "error.h"

/* Opens `path` for reading. The caller closes *fd; on failure it is -1. */
lmvr_status input_open(const char *path, int *fd, uint64_t *size, lmvr_error *error);

/* "FOLDER/NAME", to be freed; NULL: out of memory. */
char *input_path(const char *folder, const char *name);

/* Whether the path exists, whatever kind of file it is. */
bool input_exists(const char *path);

/* Whether `path` is an accessible folder. NULL is allowed, and is not one. */
bool input_is_folder(const char *path);

#endif
