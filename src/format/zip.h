/*
 * The directory of a zip archive whose files are stored as they are, not compressed, ZIP64 included (PKWARE's APPNOTE.TXT). All
 * of it is checked when it is read; the files' checksums are not.
 */
#ifndef LMVR_SRC_FORMAT_ZIP_H
#define LMVR_SRC_FORMAT_ZIP_H

#include "error.h"

struct zip_entry {
    char *name;
    uint64_t begin, size; /* of its bytes in the archive */
};

struct zip {
    size_t count;
    struct zip_entry *entries; /* sorted by name, each once */
};

/* Reads the directory of the open file `fd` of `size` bytes. Free with zip_free(), which takes an empty one. */
lmvr_status zip_read(int fd, const char *path, uint64_t size, struct zip *zip, lmvr_error *error);
void zip_free(struct zip *zip);

const struct zip_entry *zip_find(const struct zip *zip, const char *name); /* NULL: not there */

#endif
