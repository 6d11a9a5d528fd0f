#include "store/table.h"

#include <stdlib.h>

static lmvr_status start(const char *path, size_t dim, bool create, struct table *table, lmvr_error *error)
{
    TRY(create ? npy_writer_create(path, dim, &table->rows, error) : npy_writer_open(path, dim, &table->rows, error));
    if (!table->multi_vector)
        return LMVR_OK;
    char *beside = offsets_path(path);
    if (!beside)
        return error_no_memory(error, "a file name");
    lmvr_status status = create ? offsets_create(beside, &table->offsets, error)
                                : offsets_open(beside, table->rows.rows, &table->offsets, error);
    free(beside);
    return status;
}

static lmvr_status start_or_close(const char *path, size_t dim, bool create, struct table *table, lmvr_error *error)
{
    lmvr_status status = start(path, dim, create, table, error);
    if (status != LMVR_OK)
        table_close(table, NULL);
    return status;
}

lmvr_status table_create(const char *path, size_t dim, bool multi_vector, struct table *table, lmvr_error *error)
{
    *table = (struct table){.rows.fd = -1, .multi_vector = multi_vector, .offsets.fd = -1};
    return start_or_close(path, dim, true, table, error);
}

lmvr_status table_open(const char *path, size_t dim, bool multi_vector, struct table *table, lmvr_error *error)
{
    *table = (struct table){.rows.fd = -1, .multi_vector = multi_vector, .offsets.fd = -1};
    return start_or_close(path, dim, false, table, error);
}

lmvr_status table_cut(struct table *table, uint64_t inputs, uint64_t good, lmvr_error *error)
{
    uint64_t rows = good;
    if (table->multi_vector)
        TRY(offsets_cut(&table->offsets, inputs, &rows, error));
    return npy_writer_cut(&table->rows, rows, error);
}

lmvr_status table_append(struct table *table, const float *rows, size_t count, lmvr_error *error)
{
    TRY(npy_writer_append(&table->rows, rows, count, error));
    return table->multi_vector ? offsets_append(&table->offsets, table->rows.rows, error) : LMVR_OK;
}

lmvr_status table_close(struct table *table, lmvr_error *error)
{
    lmvr_status status = npy_writer_close(&table->rows, error);
    lmvr_status closed = offsets_close(&table->offsets, status == LMVR_OK ? error : NULL);
    return status == LMVR_OK ? closed : status;
}
