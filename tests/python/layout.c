/* Prints where each member of lmvr.h's structs lies, and what each constant is, for library_test.py. */
#include "abi/layout.h"

#include <stdio.h>

int main(void)
{
    for (size_t i = 0; i < layout_count; i++)
        printf("%s %zu %zu\n", layout_today[i].name, layout_today[i].offset, layout_today[i].size);
    return 0;
}
