/* A feature's files: its rows, one an input, or, where it is multi-vector, any number an input and a file of offsets; beside
 * rows in int8 their scales. */
#ifndef LMVR_SRC_STORE_TABLE_H
#define LMVR_SRC_STORE_TABLE_H

#include "store/manifest.h"
#include "store/npy.h"
#include "store/offsets.h"

struct table {
    struct npy_writer rows, scales;
    bool multi_vector;
    struct offsets_writer offsets;
    void *narrow;     /* rows in their type, where that is not f32, with their scales behind them */
    size_t space;     /* bytes */
    uint64_t clipped; /* values that were too large for the type */
};

/* Creates or truncates the files, without rows. */
lmvr_status table_create(const char *path, const struct store_feature *feature, struct table *table, lmvr_error *error);
/* Opens existing files, changing nothing yet. */
lmvr_status table_open(const char *path, const struct store_feature *feature, struct table *table, lmvr_error *error);

/* Of files just opened, what is complete, whatever their headers say: inputs where the table is multi-vector, else rows. */
uint64_t table_complete(const struct table *table);

/* Truncates the files to the first `inputs` inputs, `good` of which have not failed. */
lmvr_status table_cut(struct table *table, uint64_t inputs, uint64_t good, lmvr_error *error);
/* Appends an input with rows (count, dim): one of them unless the table is multi-vector; none of one that failed. After a
 * failure the caller must call table_cut(). */
lmvr_status table_append(struct table *table, const float *rows, size_t count, lmvr_error *error);

/* Syncs everything to disk and closes. */
lmvr_status table_close(struct table *table, lmvr_error *error);

#endif
