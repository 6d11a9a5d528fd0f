/* Prints where each member of lmvr.h's structs lies, and what each constant is, for library_test.py. */
#include "abi/layout.h"

#include <stdio.h>

static void print(const struct layout *layout, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s %zu %zu\n", layout[i].name, layout[i].offset, layout[i].size);
}

int main(void)
{
    print(layout_today, layout_count);
    print(layout_since, layout_since_count);
    return 0;
}
