#include "lab/report/terminal_line.h"

#include <glib.h>
#include <string.h>

/* ---- characters ---- */

/* Formatting characters, such as bidirectional marks and joiners, would disturb what is next to them. */
static bool is_shown(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);
    bool joins = c == 0x200D || (c >= 0xFE00 && c <= 0xFE0F);
    return joins || (type != G_UNICODE_FORMAT && type != G_UNICODE_CONTROL && type != G_UNICODE_LINE_SEPARATOR &&
                     type != G_UNICODE_PARAGRAPH_SEPARATOR);
}

static int width_of(gunichar c)
{
    if (c == '\t')
        return 1;
    return !is_shown(c) || g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

int line_width(const char *text, size_t size)
{
    int width = 0;
    for (const char *c = text; c < text + size; c = g_utf8_next_char(c))
        width += width_of(g_utf8_get_char(c));
    return width;
}

void line_put(const char *text, size_t size, FILE *out)
{
    for (const char *c = text; c < text + size; c = g_utf8_next_char(c)) {
        if (*c == '\t')
            putc(' ', out);
        else if (is_shown(g_utf8_get_char(c)))
            fwrite(c, 1, (size_t)(g_utf8_next_char(c) - c), out);
    }
}

/* ---- lines ---- */

struct line line_first(const char *text, int width, const char **rest)
{
    const char *fits = text, *space = NULL;
    int used = 0;
    for (const char *c = text;; c = g_utf8_next_char(c)) {
        if (!*c || *c == '\n') {
            *rest = *c ? c + 1 : c;
            return (struct line){text, (size_t)(c - text)};
        }
        if (*c == ' ' && c > text)
            space = c;
        used += width_of(g_utf8_get_char(c));
        if (used > width)
            break;
        fits = g_utf8_next_char(c);
    }
    if (fits == text)
        fits = g_utf8_next_char(text); /* one wide character in a narrow column */
    const char *end = space ? space : fits;
    *rest = end + strspn(end, " ");
    return (struct line){text, (size_t)(end - text)};
}

int line_wrap(const char *text, int width, struct line lines[LINE_MOST])
{
    int count = 0;
    do {
        lines[count++] = line_first(text, width, &text);
    } while (*text && count < LINE_MOST);
    return count;
}

int line_widest(const char *text, const char *ends)
{
    int widest = 0;
    while (*text) {
        size_t size = strcspn(text, ends);
        int width = line_width(text, size);
        widest = width > widest ? width : widest;
        text += size + (text[size] != '\0');
    }
    return widest;
}
