/* https://github.com/kkos/oniguruma/blob/master/doc/RE and pcre2pattern(3) are the two syntaxes. What differs and is known is
 * translated; what is not known is refused. */
#include "language/tokenizer/pattern.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#define MAX_DEPTH 100 /* groups within groups */

/* White_Space; PCRE2's \s has U+180E too. The complement is for use inside a class. */
#define SPACES "\\x09-\\x0d\\x20\\x85\\xa0\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define NO_SPACES                                                                                                              \
    "\\x00-\\x08\\x0e-\\x1f\\x21-\\x84\\x86-\\x9f\\xa1-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}"     \
    "\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"
/* Oniguruma's \w; alone, not in a class, it has these of Latin-1 too. */
#define CLASS_WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define WORD       CLASS_WORD "\\xb2\\xb3\\xb9\\xbc-\\xbe"

struct translation {
    const char *where, *expression, *at;
    struct buffer *out;
    size_t atom;              /* where in `out` the last atom begins: what a quantifier repeats */
    size_t groups[MAX_DEPTH]; /* where open groups begin */
    bool caseless, outer_caseless[MAX_DEPTH];
    int depth;
    lmvr_error *error;
};

static lmvr_status put(struct translation *t, const char *text)
{
    return buffer_add(t->out, text, strlen(text), t->error);
}

static lmvr_status refuse(const struct translation *t, const char *what)
{
    return error_set(t->error, LMVR_ERROR_INVALID, "%s uses %s at byte %td, which is not known here", t->where, what,
                     t->at - t->expression);
}

/* ---- escapes -------------------------------------------------------------------------------------------------------- */

/* \p{Name}, \P{Name} or \p{^Name}. A name that is no general category is a script, which PCRE2 would take for the characters
 * that the script uses. */
static lmvr_status property(struct translation *t)
{
    static const char *const categories =
        " L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp "
        "C Cc Cf Cn Co Cs Any ";
    char name[40], key[48];
    const char *start = t->at + 3;
    bool no = t->at[1] == 'P';
    if (t->at[2] != '{')
        return refuse(t, "\\p without {");
    if (*start == '^') {
        no = !no;
        start++;
    }
    size_t length = strspn(start, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_");
    if (length == 0 || length >= sizeof name || start[length] != '}')
        return refuse(t, "a property");
    memcpy(name, start, length);
    name[length] = '\0';
    snprintf(key, sizeof key, " %s ", name);
    t->at = start + length + 1;
    TRY(put(t, no ? "\\P{" : "\\p{"));
    if (!strstr(categories, key))
        TRY(put(t, "sc:"));
    TRY(put(t, name));
    return put(t, "}");
}

/* \uHHHH, \xHH or \x{H…}. In Oniguruma \x80 and above are bytes of a character. */
static lmvr_status code_point(struct translation *t)
{
    unsigned code;
    int length = 0;
    char written[24];
    bool braces = t->at[1] == 'x' && t->at[2] == '{';
    const char *format = t->at[1] == 'u' ? "%4x%n" : braces ? "{%6x}%n" : "%2x%n";
    char next = t->at[braces ? 3 : 2];
    if (!isxdigit((unsigned char)next) || sscanf(t->at + 2, format, &code, &length) < 1 || length == 0)
        return refuse(t, "a code point");
    if ((t->at[1] == 'u' && length != 4) || (t->at[1] == 'x' && !braces && code >= 0x80))
        return refuse(t, "a code point");
    snprintf(written, sizeof written, "\\x{%x}", code);
    t->at += 2 + length;
    return put(t, written);
}

static lmvr_status escape(struct translation *t, bool in_class)
{
    static const struct {
        char letter;
        const char *alone, *in_class;
    } known[] = {
        {'s', "[" SPACES "]", SPACES},
        {'S', "[^" SPACES "]", NO_SPACES},
        {'d', "\\p{Nd}", "\\p{Nd}"},
        {'D', "\\P{Nd}", "\\P{Nd}"},
        {'w', "[" WORD "]", CLASS_WORD},
        {'W', "[^" WORD "]", NULL},
        {'h', "[0-9a-fA-F]", "0-9a-fA-F"},
        {'H', "[^0-9a-fA-F]", NULL},
        {'v', "\\x0b", "\\x0b"},
        {'b', "(?:(?<=[" WORD "])(?![" WORD "])|(?<![" WORD "])(?=[" WORD "]))", "\\x08"},
        {'B', "(?:(?<=[" WORD "])(?=[" WORD "])|(?<![" WORD "])(?![" WORD "]))", NULL},
        {'n', "\\n", "\\n"},
        {'r', "\\r", "\\r"},
        {'t', "\\t", "\\t"},
        {'f', "\\f", "\\f"},
        {'a', "\\a", "\\a"},
        {'e', "\\e", "\\e"},
        {'A', "\\A", NULL},
        {'z', "\\z", NULL},
        {'Z', "\\Z", NULL},
    };
    char letter = t->at[1];
    if (letter == 'p' || letter == 'P')
        return property(t);
    if (letter == 'x' || letter == 'u')
        return code_point(t);
    if (!isalnum((unsigned char)letter) && letter != '\0') {
        size_t length = 1 + character_size(letter);
        t->at += length;
        return buffer_add(t->out, t->at - length, length, t->error);
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *translated = in_class ? known[i].in_class : known[i].alone;
        if (known[i].letter != letter || !translated)
            continue;
        t->at += 2;
        return put(t, translated);
    }
    return refuse(t, "an escape");
}

/* ---- classes, groups and quantifiers -------------------------------------------------------------------------------- */

/* Without regard to case, Oniguruma takes one character for several: U+00DF for ss, and so on. Of ASCII these pairs have one.
 */
static lmvr_status check_caseless(const struct translation *t)
{
    static const char *const pairs[] = {"ss", "st", "ff", "fi", "fl"};
    if ((unsigned char)*t->at >= 0x80)
        return refuse(t, "a letter beyond ASCII without regard to case");
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && t->at > t->expression; i++)
        if (strncasecmp(t->at - 1, pairs[i], 2) == 0)
            return refuse(t, "a pair of letters that has a ligature, without regard to case");
    return LMVR_OK;
}

static lmvr_status character(struct translation *t)
{
    size_t length = character_size(*t->at);
    if (t->caseless)
        TRY(check_caseless(t));
    t->at += length;
    return buffer_add(t->out, t->at - length, length, t->error);
}

/* Whether an escape stands for several characters, so that a hyphen beside it makes no range. */
static bool is_set(const char *at)
{
    return at[0] == '\\' && at[1] != '\0' && strchr("sSdDwWhHpP", at[1]) != NULL;
}

/* [...]: a second [ would begin a class within the class, and && intersect. */
static lmvr_status class(struct translation *t)
{
    const char *start = t->at++;
    TRY(put(t, "["));
    if (*t->at == '^')
        TRY(character(t));
    if (*t->at == ']') {
        TRY(put(t, "\\]"));
        t->at++;
    }
    bool after_set = false;
    while (*t->at != ']') {
        if (*t->at == '\0') {
            t->at = start;
            return refuse(t, "[ without ]");
        }
        if (*t->at == '[' || strncmp(t->at, "&&", 2) == 0)
            return refuse(t, "classes within a class");
        bool set = is_set(t->at);
        if (*t->at == '-' && (after_set || is_set(t->at + 1))) {
            TRY(put(t, "\\-"));
            t->at++;
        } else if (*t->at == '\\') {
            TRY(escape(t, true));
        } else {
            TRY(character(t));
        }
        after_set = set;
    }
    t->at++;
    return put(t, "]");
}

static lmvr_status open_group(struct translation *t)
{
    static const char *const kinds[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?-i:"};
    size_t length = t->at[1] == '?' ? 0 : 1;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && length == 0; i++)
        if (strncmp(t->at, kinds[i], strlen(kinds[i])) == 0)
            length = strlen(kinds[i]);
    /* elsewhere it would reach to the end of the group, in PCRE2 to the end of the alternative */
    if (t->at == t->expression && strncmp(t->at, "(?i)", 4) == 0) {
        t->at += 4;
        t->caseless = true;
        return put(t, "(?i)");
    }
    if (length == 0 || t->at[1] == '*')
        return refuse(t, "a group");
    if (t->depth == MAX_DEPTH)
        return refuse(t, "too many groups in groups");
    t->outer_caseless[t->depth] = t->caseless;
    t->groups[t->depth++] = t->out->size;
    if (t->at[1] == '?' && (t->at[2] == 'i' || t->at[2] == '-'))
        t->caseless = t->at[2] == 'i';
    t->at += length;
    return buffer_add(t->out, t->at - length, length, t->error);
}

static lmvr_status close_group(struct translation *t)
{
    if (t->depth == 0)
        return refuse(t, ") without (");
    t->atom = t->groups[--t->depth];
    t->caseless = t->outer_caseless[t->depth];
    t->at++;
    return put(t, ")");
}

/* Makes the last atom, with what follows it, a group: what comes next repeats that. */
static lmvr_status wrap_atom(struct translation *t)
{
    TRY(put(t, "(?:)"));
    char *atom = t->out->bytes + t->atom;
    memmove(atom + 3, atom, t->out->size - t->atom - 4);
    memcpy(atom, "(?:", 3);
    t->out->bytes[t->out->size - 1] = ')';
    return LMVR_OK;
}

/* {n}, {n,}, {,m} or {n,m}; *length is 0 where the brace is a plain character. */
static lmvr_status interval(struct translation *t, size_t *length)
{
    static const char *const digits = "0123456789";
    const char *low = t->at + 1;
    size_t low_digits = strspn(low, digits), high_digits = 0;
    const char *end = low + low_digits;
    bool comma = *end == ',';
    if (comma)
        high_digits = strspn(++end, digits);
    *length = 0;
    if ((low_digits == 0 && high_digits == 0) || end[high_digits] != '}')
        return LMVR_OK;
    *length = (size_t)(end + high_digits + 1 - t->at);
    TRY(put(t, low_digits > 0 ? "{" : "{0"));
    TRY(buffer_add(t->out, low, *length - 1, t->error));
    t->at += *length;
    /* here + is no possessive repeat, and {n}? no lazy one, but a repeat of the repeat */
    bool again = *t->at == '+' || (*t->at == '?' && !comma);
    return again ? wrap_atom(t) : LMVR_OK;
}

/* One atom, quantifier or anchor. */
static lmvr_status step(struct translation *t)
{
    size_t start = t->out->size, length = 1;
    switch (*t->at) {
    case '\\':
        t->atom = start;
        return escape(t, false);
    case '[':
        t->atom = start;
        return class(t);
    case '(':
        return open_group(t);
    case ')':
        return close_group(t);
    case '*':
    case '+':
    case '?':
    case '|':
        return character(t);
    case '{':
        TRY(interval(t, &length));
        if (length > 0)
            return LMVR_OK;
        t->atom = start;
        t->at++;
        return put(t, "\\{");
    default:
        t->atom = start;
        return character(t);
    }
}

lmvr_status oniguruma_translate(const char *where, const char *expression, struct buffer *translated, lmvr_error *error)
{
    struct translation t = {.where = where, .expression = expression, .at = expression, .out = translated, .error = error};
    while (*t.at != '\0')
        TRY(step(&t));
    return t.depth == 0 ? LMVR_OK : refuse(&t, "( without )");
}
