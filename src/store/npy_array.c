#include "store/npy_array.h"

#include "format/replace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT      64 /* bytes, of the first value, as in NumPy's own files */
#define MAX_DIMENSIONS 8
#define MAX_HEADER     512 /* bytes; more than a dictionary with MAX_DIMENSIONS numbers takes */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are written without swapping bytes, as '<f4'");

/* Makes the header, padded with spaces and ended by a newline. Returns its size. */
static size_t make_header(char header[MAX_HEADER], const size_t *shape, size_t dimensions)
{
    size_t used = (size_t)snprintf(header + 10, MAX_HEADER - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (") + 10;
    for (size_t i = 0; i < dimensions; i++)
        used += (size_t)snprintf(header + used, MAX_HEADER - used, "%s%zu", i ? ", " : "", shape[i]);
    used += (size_t)snprintf(header + used, MAX_HEADER - used, "%s), }", dimensions == 1 ? "," : "");
    size_t size = (used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(header + used, ' ', size - used);
    header[size - 1] = '\n';
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)((size - 10) & 0xFF);
    header[9] = (char)((size - 10) >> 8);
    return size;
}

lmvr_status npy_array_write(const char *path, const float *values, const size_t *shape, size_t dimensions, lmvr_error *error)
{
    char header[MAX_HEADER];
    size_t size = sizeof(float);
    bool fits = dimensions >= 1 && dimensions <= MAX_DIMENSIONS;
    for (size_t i = 0; i < dimensions && fits; i++)
        fits = !__builtin_mul_overflow(size, shape[i], &size);
    if (!fits || size > SIZE_MAX / 2)
        return error_set(error, LMVR_ERROR_INVALID, "%s: cannot write an array of this shape", path);
    size_t header_size = make_header(header, shape, dimensions);
    char *bytes = malloc(header_size + size);
    if (!bytes)
        return error_no_memory(error, path);
    memcpy(bytes, header, header_size);
    if (size > 0)
        memcpy(bytes + header_size, values, size);
    lmvr_status status = file_replace(path, bytes, header_size + size, error);
    free(bytes);
    return status;
}
