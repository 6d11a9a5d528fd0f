/* A small parser for the HTML and SVG in reports: stricter than either, so that nothing unescaped gets through. */
#ifndef LMVR_TESTS_LAB_REPORT_MARKUP_H
#define LMVR_TESTS_LAB_REPORT_MARKUP_H

#include "scratch.h"

#include <ctype.h>

#define MARKUP_DEEPEST 64

static bool markup_is_listed(const char *const *list, const char *name, size_t length)
{
    for (; *list; list++)
        if (strlen(*list) == length && strncmp(*list, name, length) == 0)
            return true;
    return false;
}

/* "&amp;" or the like at `c`; no other use of an ampersand is allowed. */
static void markup_check_entity(const char *c)
{
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < 5; i++)
        if (strncmp(c, entities[i], strlen(entities[i])) == 0)
            return;
    fail_msg("a bare ampersand: %.40s", c);
}

/* From a space to the end of the tag: NAME="VALUE", or NAME alone. Returns the end. */
static const char *markup_check_attributes(const char *c)
{
    while (*c == ' ') {
        c++;
        size_t name = strspn(c, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:");
        assert_true(name > 0);
        if (strncasecmp(c, "on", 2) == 0 || strncmp(c, "href=\"j", 7) == 0)
            fail_msg("an attribute that acts: %.40s", c);
        c += name;
        if (*c != '=')
            continue;
        assert_int_equal(c[1], '"');
        for (c += 2; *c != '"'; c++) {
            if (!*c || *c == '<')
                fail_msg("a value that does not end");
            if (*c == '&')
                markup_check_entity(c);
        }
        c++;
    }
    return c;
}

/* Fails unless every tag is one of `allowed` and properly closed (those of `empty` have no end tag), attributes are quoted, and
 * <, > and & are escaped everywhere. A style sheet may contain ">". */
UNUSED static void assert_markup(const char *text, const char *const *allowed, const char *const *empty)
{
    const char *open[MARKUP_DEEPEST];
    size_t lengths[MARKUP_DEEPEST], depth = 0;
    for (const char *c = text; *c;) {
        bool style = depth > 0 && lengths[depth - 1] == 5 && strncmp(open[depth - 1], "style", 5) == 0;
        if (*c == '&')
            markup_check_entity(c);
        if (*c == '>' && !style)
            fail_msg("a bare >: %.40s", c);
        if ((unsigned char)*c < ' ' && *c != '\n' && *c != '\t')
            fail_msg("a control byte: %.40s", c);
        if (*c++ != '<')
            continue;
        if (strncmp(c, "!DOCTYPE html>", 14) == 0 || strncmp(c, "?xml ", 5) == 0) {
            assert_int_equal(depth, 0);
            c = strchr(c, '>') + 1;
            continue;
        }
        bool closing = *c == '/';
        c += closing;
        size_t length = 0;
        while (isalnum((unsigned char)c[length]))
            length++;
        if (!markup_is_listed(allowed, c, length))
            fail_msg("a tag that nobody wrote: <%.40s", c);
        const char *name = c;
        c += length;
        if (closing) {
            if (depth == 0 || lengths[depth - 1] != length || strncmp(open[depth - 1], name, length) != 0)
                fail_msg("</%.20s does not close <%.20s", name, depth ? open[depth - 1] : "");
            depth--;
        } else {
            c = markup_check_attributes(c);
            bool ended = *c == '/' || markup_is_listed(empty, name, length);
            c += *c == '/';
            if (!ended) {
                assert_true(depth < MARKUP_DEEPEST);
                open[depth] = name;
                lengths[depth++] = length;
            }
        }
        assert_int_equal(*c, '>');
        c++;
    }
    if (depth != 0)
        fail_msg("<%.20s is not closed", open[depth - 1]);
}

UNUSED static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *c = text; (c = strstr(c, part)); c += strlen(part))
        count++;
    return count;
}

#endif
