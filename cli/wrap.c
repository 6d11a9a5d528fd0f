#include "wrap.h"

#include <stdio.h>
#include <string.h>

/* How many bytes of the text fit on a line of `width`: up to a space or the end, or a whole word if it is wider. */
static int line_length(const char *text, int width)
{
    int whole = (int)strcspn(text, "\n"), length = width;
    if (whole <= width)
        return whole;
    while (length > 0 && text[length] != ' ')
        length--;
    return length > 0 ? length : (int)strcspn(text, " \n");
}

void wrap_print(const char *text, int column, int indent)
{
    for (;;) {
        int length = line_length(text, WRAP_WIDTH - 1 - indent);
        printf("%*s%.*s\n", length > 0 ? indent - column : 0, "", length, text);
        if (!text[length])
            return;
        text += length + 1;
        column = 0;
    }
}
