/* Complete reads and writes; failures are file_error()s. Results reach the disk by write, pwrite, ftruncate and
 * fsync only, so that a test can stop a run at every one of these calls. */
#ifndef LMVR_SRC_FORMAT_FILE_H
#define LMVR_SRC_FORMAT_FILE_H

#include "error.h"

#include <sys/types.h>

/* Writes all `size` bytes at `offset`, in as many calls as it takes. */
lmvr_status file_write_at(int fd, const char *path, const void *bytes, size_t size, off_t offset, lmvr_error *error);

/* Reads exactly `size` bytes at `offset`; a file that ends earlier is an error. */
lmvr_status file_read_at(int fd, const char *path, void *bytes, size_t size, off_t offset, lmvr_error *error);

#define FILE_UNNAMED_PATH 32

/* A new file without a name in TMPDIR or /tmp, to read and write: it is gone when its descriptors are closed, whatever ends the
 * program. While they are open it is found at `path`. */
lmvr_status file_unnamed(int *fd, char path[FILE_UNNAMED_PATH], lmvr_error *error);

lmvr_status file_truncate(int fd, const char *path, off_t size, lmvr_error *error);

/* fsync and close; either can report a write error that came late. */
lmvr_status file_close(int fd, const char *path, lmvr_error *error);

#endif
