#include "beside.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

char *beside_program(const char *relative)
{
    char program[PATH_MAX];
    char *path;
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0)
        return NULL;
    program[length] = '\0';
    return asprintf(&path, "%s/%s", dirname(program), relative) < 0 ? NULL : path;
}
