#include "arguments.h"

#include "image/image.h"

#include <math.h>
#include <string.h>

#define MOST_THREADS  4096
#define MOST_BATCH    4096
#define MOST_FEATURES 4096
#define MOST_STRUCT   4096 /* bytes */

lmvr_status struct_read(void *to, size_t size, const void *from, size_t given, const char *what, lmvr_error *error)
{
    const unsigned char *bytes = from;
    for (size_t i = size; i < given; i++)
        if (bytes[i])
            return error_set(error, LMVR_ERROR_INVALID, "%s: sets what version %s of the library does not know", what,
                             lmvr_version());
    memset(to, 0, size);
    memcpy(to, from, given < size ? given : size);
    return LMVR_OK;
}

void struct_write(void *to, size_t given, const void *from, size_t size)
{
    memset(to, 0, given);
    memcpy(to, from, given < size ? given : size);
}

/* The least size of options that say theirs, and the most that may be read. */
static lmvr_status check_size(size_t size, lmvr_error *error)
{
    if (size >= sizeof size && size <= MOST_STRUCT)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "options.size is %zu: options begin as their _default() function fills them in",
                     size);
}

lmvr_status read_model_options(lmvr_model_options *to, const lmvr_model_options *from, lmvr_error *error)
{
    TRY(check_size(from->size, error));
    return struct_read(to, sizeof *to, from, from->size, "lmvr_model_options", error);
}

lmvr_status read_convert_options(lmvr_convert_options *to, const lmvr_convert_options *from, lmvr_error *error)
{
    TRY(check_size(from->size, error));
    return struct_read(to, sizeof *to, from, from->size, "lmvr_convert_options", error);
}

lmvr_status read_session_options(lmvr_session_options *to, const lmvr_session_options *from, lmvr_error *error)
{
    TRY(check_size(from->size, error));
    return struct_read(to, sizeof *to, from, from->size, "lmvr_session_options", error);
}

const char *lmvr_dtype_name(lmvr_dtype dtype)
{
    static const char *const names[] = {"default", "f32", "bf16", "int8", "int4", "f16"};
    return (unsigned)dtype < sizeof names / sizeof *names ? names[dtype] : NULL;
}

lmvr_status check_dtype(lmvr_dtype dtype, lmvr_error *error)
{
    if ((int)dtype >= LMVR_DTYPE_DEFAULT && dtype <= LMVR_DTYPE_INT4)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "dtype is %d, expected LMVR_DTYPE_DEFAULT, or LMVR_DTYPE_F32 to LMVR_DTYPE_INT4", (int)dtype);
}

lmvr_status check_cache_dtype(lmvr_dtype dtype, lmvr_error *error)
{
    if ((int)dtype >= LMVR_DTYPE_DEFAULT && dtype <= LMVR_DTYPE_INT8)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "cache_dtype is %d, expected LMVR_DTYPE_DEFAULT, LMVR_DTYPE_F32, LMVR_DTYPE_BF16 or LMVR_DTYPE_INT8",
                     (int)dtype);
}

lmvr_status check_threads(int threads, lmvr_error *error)
{
    if (threads >= 0 && threads <= MOST_THREADS)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "threads is %d, expected 1 to %d, or 0 for one per processor", threads,
                     MOST_THREADS);
}

static lmvr_status check_aspect(lmvr_aspect aspect, lmvr_error *error)
{
    if ((int)aspect >= LMVR_ASPECT_DEFAULT && aspect <= LMVR_ASPECT_STRETCH)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "aspect is %d, expected LMVR_ASPECT_DEFAULT, LMVR_ASPECT_CROP, LMVR_ASPECT_PAD or LMVR_ASPECT_STRETCH",
                     (int)aspect);
}

static lmvr_status check_query(lmvr_query query, lmvr_error *error)
{
    if ((int)query >= LMVR_QUERY_DEFAULT && query <= LMVR_QUERY_OWN)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "attention_query is %d, expected LMVR_QUERY_DEFAULT, LMVR_QUERY_PREDICTING or LMVR_QUERY_OWN", (int)query);
}

static lmvr_status check_features(const lmvr_session_options *o, lmvr_error *error)
{
    if (o->feature_count > MOST_FEATURES)
        return error_set(error, LMVR_ERROR_INVALID, "%zu features are requested, expected at most %d", o->feature_count,
                         MOST_FEATURES);
    if (o->feature_count > 0 && !o->features)
        return error_set(error, LMVR_ERROR_INVALID, "features is NULL, expected an array of %zu", o->feature_count);
    for (size_t i = 0; i < o->feature_count; i++)
        if (!o->features[i])
            return error_set(error, LMVR_ERROR_INVALID, "features[%zu] is NULL, expected source:tokens:pool:layer", i);
    return LMVR_OK;
}

lmvr_status check_sampling(float temperature, float top_p, lmvr_error *error)
{
    if (!(temperature >= 0) || !isfinite(temperature))
        return error_set(error, LMVR_ERROR_INVALID, "temperature is %g, expected 0 or more", (double)temperature);
    if (!(top_p > 0 && top_p <= 1))
        return error_set(error, LMVR_ERROR_INVALID, "top_p is %g, expected more than 0 and at most 1", (double)top_p);
    return LMVR_OK;
}

static lmvr_status check_generation(const lmvr_session_options *o, lmvr_error *error)
{
    if (o->max_new_tokens < 1)
        return error_set(error, LMVR_ERROR_INVALID, "max_new_tokens is %d, expected at least 1", o->max_new_tokens);
    TRY(check_sampling(o->temperature, o->top_p, error));
    if (o->describe && o->before_generation)
        return error_set(error, LMVR_ERROR_INVALID, "describe needs a response, but before_generation generates none");
    if (o->attention && o->before_generation)
        return error_set(error, LMVR_ERROR_INVALID, "attention needs a response, but before_generation generates none");
    return LMVR_OK;
}

lmvr_status check_session_options(const lmvr_session_options *o, lmvr_error *error)
{
    TRY(check_features(o, error));
    TRY(check_generation(o, error));
    TRY(check_query(o->attention_query, error));
    TRY(check_aspect(o->aspect, error));
    TRY(check_threads(o->threads, error));
    if (o->min_pixels < 0 || o->max_pixels < 0)
        return error_set(error, LMVR_ERROR_INVALID, "min_pixels and max_pixels are %d and %d, expected 0 or more",
                         o->min_pixels, o->max_pixels);
    if (o->max_file_pixels < 0 || o->max_file_pixels > IMAGE_MAX_PIXELS)
        return error_set(error, LMVR_ERROR_INVALID, "max_file_pixels is %d, expected 1 to %d, or 0 for that",
                         o->max_file_pixels, IMAGE_MAX_PIXELS);
    if (o->dims < 0)
        return error_set(error, LMVR_ERROR_INVALID, "dims is %d, expected 1 or more, or 0 for all", o->dims);
    if (o->batch < 0 || o->batch > MOST_BATCH)
        return error_set(error, LMVR_ERROR_INVALID, "batch is %d, expected 1 to %d, or 0 for the default", o->batch,
                         MOST_BATCH);
    return LMVR_OK;
}
