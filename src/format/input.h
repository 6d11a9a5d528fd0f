/* Opening what a model consists of: regular files only, so that a pipe cannot hang us nor a device feed us. */
#ifndef LMVR_SRC_FORMAT_INPUT_H
#define LMVR_SRC_FORMAT_INPUT_H

#include "error.h"

/* Opens `path` for reading. The caller closes *fd; on failure it is -1. */
lmvr_status input_open(const char *path, int *fd, uint64_t *size, lmvr_error *error);

/* "FOLDER/NAME", to be freed; NULL: out of memory. */
char *input_path(const char *folder, const char *name);

/* Whether the file is there, of whatever kind it is. */
bool input_exists(const char *path);

/* Whether `path` is a folder that can be looked at. NULL is allowed, and is none. */
bool input_is_folder(const char *path);

#endif
