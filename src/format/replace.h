/* Atomic file replacement: the old file, or none, stays until the new one is on disk. */
#ifndef LMVR_SRC_FORMAT_REPLACE_H
#define LMVR_SRC_FORMAT_REPLACE_H

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the bytes to `path`.tmp, syncs it and renames it to `path`. A failure leaves nothing behind. */
lmvr_status file_replace(const char *path, const void *bytes, size_t size, lmvr_error *error);

/* The same with a function that writes to `fd`; `path` is the name for its errors. */
typedef lmvr_status file_writer(void *user, int fd, const char *path, lmvr_error *error);
lmvr_status file_replace_by(const char *path, file_writer *write, void *user, lmvr_error *error);

#ifdef __cplusplus
}
#endif

#endif
