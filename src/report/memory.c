#include "report/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SPACE 4096 /* bytes */

/* Room for `more` bytes and a NUL. */
static bool make_room(struct memory *memory, size_t more)
{
    size_t needed;
    if (__builtin_add_overflow(memory->size, more, &needed) || __builtin_add_overflow(needed, 1, &needed))
        return false;
    if (needed <= memory->space)
        return true;
    size_t space = memory->space > needed / 2 ? memory->space * 2 : needed;
    char *grown = realloc(memory->bytes, space);
    if (!grown)
        return false;
    memory->bytes = grown;
    memory->space = space;
    return true;
}

static ssize_t append(void *cookie, const char *bytes, size_t size)
{
    struct memory *memory = cookie;
    if (memory->failed || !make_room(memory, size)) {
        memory->failed = true;
        errno = ENOMEM;
        return 0;
    }
    memcpy(memory->bytes + memory->size, bytes, size);
    memory->size += size;
    memory->bytes[memory->size] = '\0';
    return (ssize_t)size;
}

FILE *memory_open(struct memory *memory)
{
    *memory = (struct memory){.bytes = malloc(FIRST_SPACE), .space = FIRST_SPACE};
    if (!memory->bytes)
        return NULL;
    memory->bytes[0] = '\0';
    FILE *stream = fopencookie(memory, "w", (cookie_io_functions_t){.write = append});
    if (stream)
        return stream;
    free(memory->bytes);
    memory->bytes = NULL;
    return NULL;
}

bool memory_close(struct memory *memory, FILE *stream)
{
    if (!stream)
        return false;
    bool good = !ferror(stream);
    good = fclose(stream) == 0 && good && !memory->failed;
    if (!good) {
        free(memory->bytes);
        memory->bytes = NULL;
    }
    return good;
}
