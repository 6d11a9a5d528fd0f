#include "lab/report/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE    1e15 /* doubles this large have no significant decimals */
#define MINUS    "\xE2\x88\x92"
#define INFINITE "\xE2\x88\x9E"

/* Replaces the locale's decimal point by ".". */
static void use_period(char *digits)
{
    size_t begin = strspn(digits, "0123456789-");
    size_t length = strcspn(digits + begin, "0123456789e");
    if (length == 0)
        return;
    digits[begin] = '.';
    memmove(digits + begin + 1, digits + begin + length, strlen(digits + begin + length) + 1);
}

/* "12345.6" to "12,345.6"; numbers below 10,000 stay as they are. */
static void put_grouped(const char *digits, char *out)
{
    size_t whole = strspn(digits, "0123456789");
    bool grouped = whole >= 5 && !strchr(digits, 'e');
    for (size_t i = 0; i < whole; i++) {
        if (grouped && i > 0 && (whole - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    memcpy(out, digits + whole, strlen(digits + whole) + 1);
}

static bool is_zero(const char *digits)
{
    return digits[strspn(digits, "0.")] == '\0';
}

void number_format(double value, int decimals, bool plus, enum number_style style, char out[NUMBER_SIZE])
{
    char digits[32], body[NUMBER_SIZE - 4];
    decimals = decimals < 0 ? 0 : decimals > 9 ? 9 : decimals;
    if (isnan(value)) {
        snprintf(out, NUMBER_SIZE, "NaN");
        return;
    }
    double size = fabs(value);
    if (isinf(value)) {
        snprintf(body, sizeof body, "%s", style == NUMBER_TYPESET ? INFINITE : "inf");
    } else {
        snprintf(digits, sizeof digits, size >= LARGE ? "%.*g" : "%.*f", size >= LARGE ? 6 : decimals, size);
        use_period(digits);
        if (style == NUMBER_PLAIN)
            snprintf(body, sizeof body, "%s", digits);
        else
            put_grouped(digits, body);
    }
    const char *sign = is_zero(body) ? "" : value > 0 ? (plus ? "+" : "") : style == NUMBER_TYPESET ? MINUS : "-";
    snprintf(out, NUMBER_SIZE, "%s%s", sign, body);
}

void number_exact(double value, char out[NUMBER_SIZE])
{
    if (isnan(value) || isinf(value)) {
        snprintf(out, NUMBER_SIZE, "%s", isnan(value) ? "NaN" : value < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, NUMBER_SIZE, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    use_period(out);
}
