/* The same functions for oneDNN 2 (Debian 12) and 3 (Debian 13), where these differ. */
#ifndef LMVR_SRC_TENSOR_CPU_DNNL_API_H
#define LMVR_SRC_TENSOR_CPU_DNNL_API_H

#include <oneapi/dnnl/dnnl.h>
#include <stddef.h>
#include <stdint.h>

#if DNNL_VERSION_MAJOR >= 3

static inline dnnl_status_t describe(dnnl_memory_desc_t *md, int64_t rows, int64_t columns, dnnl_data_type_t type,
                                     int64_t row_stride, int64_t column_stride)
{
    dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    return dnnl_memory_desc_create_with_strides(md, 2, dims, type, strides);
}

static inline dnnl_status_t describe_any(dnnl_memory_desc_t *md, int64_t rows, int64_t columns, dnnl_data_type_t type)
{
    dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_create_with_tag(md, 2, dims, type, dnnl_format_tag_any);
}

static inline void forget(dnnl_memory_desc_t *md)
{
    if (*md)
        dnnl_memory_desc_destroy(*md);
    *md = NULL;
}

static inline dnnl_status_t copy_desc(dnnl_memory_desc_t *to, const_dnnl_memory_desc_t from)
{
    return dnnl_memory_desc_clone(to, from);
}

static inline size_t desc_size(const dnnl_memory_desc_t *md)
{
    return dnnl_memory_desc_get_size(*md);
}

static inline dnnl_status_t make_memory(dnnl_memory_t *memory, const dnnl_memory_desc_t *md, dnnl_engine_t engine, void *data)
{
    return dnnl_memory_create(memory, *md, engine, data);
}

static inline dnnl_status_t sum_post_op(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_data_type_undef);
}

static inline dnnl_status_t make_matmul(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const dnnl_memory_desc_t *x,
                                        const dnnl_memory_desc_t *w, const dnnl_memory_desc_t *b, const dnnl_memory_desc_t *y,
                                        dnnl_primitive_attr_t attributes)
{
    return dnnl_matmul_primitive_desc_create(pd, engine, *x, *w, b ? *b : NULL, *y, attributes);
}

static inline dnnl_status_t make_reorder(dnnl_primitive_desc_t *pd, const dnnl_memory_desc_t *from,
                                         const dnnl_memory_desc_t *to, dnnl_engine_t engine)
{
    return dnnl_reorder_primitive_desc_create(pd, *from, engine, *to, engine, NULL);
}

static inline dnnl_status_t queried(dnnl_memory_desc_t *md, dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    return copy_desc(md, dnnl_primitive_desc_query_md(pd, what, 0));
}

#else

static inline dnnl_status_t describe(dnnl_memory_desc_t *md, int64_t rows, int64_t columns, dnnl_data_type_t type,
                                     int64_t row_stride, int64_t column_stride)
{
    dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    return dnnl_memory_desc_init_by_strides(md, 2, dims, type, strides);
}

static inline dnnl_status_t describe_any(dnnl_memory_desc_t *md, int64_t rows, int64_t columns, dnnl_data_type_t type)
{
    dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_init_by_tag(md, 2, dims, type, dnnl_format_tag_any);
}

static inline void forget(dnnl_memory_desc_t *md)
{
    (void)md; /* a plain struct in this version */
}

static inline size_t desc_size(const dnnl_memory_desc_t *md)
{
    return dnnl_memory_desc_get_size(md);
}

static inline dnnl_status_t make_memory(dnnl_memory_t *memory, const dnnl_memory_desc_t *md, dnnl_engine_t engine, void *data)
{
    return dnnl_memory_create(memory, md, engine, data);
}

static inline dnnl_status_t sum_post_op(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f);
}

static inline dnnl_status_t make_matmul(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const dnnl_memory_desc_t *x,
                                        const dnnl_memory_desc_t *w, const dnnl_memory_desc_t *b, const dnnl_memory_desc_t *y,
                                        dnnl_primitive_attr_t attributes)
{
    dnnl_matmul_desc_t desc;
    dnnl_status_t status = dnnl_matmul_desc_init(&desc, x, w, b, y);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &desc, attributes, engine, NULL) : status;
}

static inline dnnl_status_t make_reorder(dnnl_primitive_desc_t *pd, const dnnl_memory_desc_t *from,
                                         const dnnl_memory_desc_t *to, dnnl_engine_t engine)
{
    return dnnl_reorder_primitive_desc_create(pd, from, engine, to, engine, NULL);
}

static inline dnnl_status_t queried(dnnl_memory_desc_t *md, dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    const dnnl_memory_desc_t *found = dnnl_primitive_desc_query_md(pd, what, 0);
    if (!found)
        return dnnl_invalid_arguments;
    *md = *found;
    return dnnl_success;
}

#endif

static inline dnnl_status_t execute(dnnl_engine_t engine, dnnl_primitive_t primitive, int count,
                                    const dnnl_exec_arg_t *arguments)
{
    dnnl_stream_t stream;
    dnnl_status_t status = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    if (status != dnnl_success)
        return status;
    status = dnnl_primitive_execute(primitive, stream, count, arguments);
    if (status == dnnl_success)
        status = dnnl_stream_wait(stream);
    dnnl_stream_destroy(stream);
    return status;
}

#endif
