#include "store/table.h"

#include "store/narrow.h"

#include <stdlib.h>

/* ---- opening --------------------------------------------------------------------------------------------------------- */

static lmvr_status start_rows(const char *path, enum npy_type type, size_t dim, bool create, struct npy_writer *rows,
                              lmvr_error *error)
{
    return create ? npy_writer_create(path, type, dim, rows, error) : npy_writer_open(path, type, dim, rows, error);
}

static lmvr_status start_scales(const char *path, bool create, struct table *table, lmvr_error *error)
{
    char *beside = npy_path_beside(path, NPY_SCALES);
    if (!beside)
        return error_no_memory(error, "a file name");
    lmvr_status status = start_rows(beside, NPY_F32, 1, create, &table->scales, error);
    free(beside);
    return status;
}

/* The rows that are whole, with their scales where they need some. */
static uint64_t whole_rows(const struct table *table)
{
    bool fewer = table->rows.type == NPY_INT8 && table->scales.rows < table->rows.rows;
    return fewer ? table->scales.rows : table->rows.rows;
}

static lmvr_status start_offsets(const char *path, bool create, struct table *table, lmvr_error *error)
{
    char *beside = offsets_path(path);
    if (!beside)
        return error_no_memory(error, "a file name");
    lmvr_status status = create ? offsets_create(beside, &table->offsets, error)
                                : offsets_open(beside, whole_rows(table), &table->offsets, error);
    free(beside);
    return status;
}

static lmvr_status start(const char *path, const struct store_feature *feature, bool create, struct table *table,
                         lmvr_error *error)
{
    TRY(start_rows(path, feature->type, feature->dim, create, &table->rows, error));
    if (feature->type == NPY_INT8)
        TRY(start_scales(path, create, table, error));
    return feature->multi_vector ? start_offsets(path, create, table, error) : LMVR_OK;
}

static lmvr_status start_or_close(const char *path, const struct store_feature *feature, bool create, struct table *table,
                                  lmvr_error *error)
{
    *table = (struct table){.rows.fd = -1, .scales.fd = -1, .multi_vector = feature->multi_vector, .offsets.fd = -1};
    lmvr_status status = start(path, feature, create, table, error);
    if (status != LMVR_OK)
        table_close(table, NULL);
    return status;
}

lmvr_status table_create(const char *path, const struct store_feature *feature, struct table *table, lmvr_error *error)
{
    return start_or_close(path, feature, true, table, error);
}

lmvr_status table_open(const char *path, const struct store_feature *feature, struct table *table, lmvr_error *error)
{
    return start_or_close(path, feature, false, table, error);
}

uint64_t table_complete(const struct table *table)
{
    return table->multi_vector ? table->offsets.inputs : whole_rows(table);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

lmvr_status table_cut(struct table *table, uint64_t inputs, uint64_t good, lmvr_error *error)
{
    uint64_t rows = good;
    if (table->multi_vector)
        TRY(offsets_cut(&table->offsets, inputs, &rows, error));
    TRY(npy_writer_cut(&table->rows, rows, error));
    return table->rows.type == NPY_INT8 ? npy_writer_cut(&table->scales, rows, error) : LMVR_OK;
}

/* Scales come before their rows, so that a row that counts has one. */
static lmvr_status append_narrow(struct table *table, const float *rows, size_t count, lmvr_error *error)
{
    size_t dim = table->rows.dim, scales = (count * dim * npy_type_size(table->rows.type) + 3) / 4 * 4;
    if (scales + count * sizeof(float) > table->space) {
        free(table->narrow);
        table->space = scales + count * sizeof(float);
        table->narrow = malloc(table->space);
        if (!table->narrow) {
            table->space = 0;
            return error_no_memory(error, table->rows.path);
        }
    }
    float *scale = (float *)((char *)table->narrow + scales);
    uint64_t clipped = narrow_rows(table->rows.type, rows, count, dim, table->narrow, scale);
    if (table->rows.type == NPY_INT8)
        TRY(npy_writer_append(&table->scales, scale, count, error));
    TRY(npy_writer_append(&table->rows, table->narrow, count, error));
    table->clipped += clipped;
    return LMVR_OK;
}

lmvr_status table_append(struct table *table, const float *rows, size_t count, lmvr_error *error)
{
    if (count > 0)
        TRY(table->rows.type == NPY_F32 ? npy_writer_append(&table->rows, rows, count, error)
                                        : append_narrow(table, rows, count, error));
    return table->multi_vector ? offsets_append(&table->offsets, table->rows.rows, error) : LMVR_OK;
}

lmvr_status table_close(struct table *table, lmvr_error *error)
{
    lmvr_status status = npy_writer_close(&table->rows, error);
    lmvr_status closed = npy_writer_close(&table->scales, status == LMVR_OK ? error : NULL);
    status = status == LMVR_OK ? closed : status;
    closed = offsets_close(&table->offsets, status == LMVR_OK ? error : NULL);
    free(table->narrow);
    table->narrow = NULL;
    return status == LMVR_OK ? closed : status;
}
