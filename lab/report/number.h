/* Formats numbers, independent of the locale. */
#ifndef LMVR_LAB_REPORT_NUMBER_H
#define LMVR_LAB_REPORT_NUMBER_H

#include <stdbool.h>

#define NUMBER_SIZE 48

enum number_style {
    NUMBER_PLAIN,  /* -12345.60: for programs */
    NUMBER_TEXT,   /* -12,345.60: for people, in ASCII */
    NUMBER_TYPESET /* the same with the minus sign U+2212 and the infinity U+221E */
};

/* Rounds to `decimals` (0 to 9) digits; a value that rounds to zero has no sign. From 1e15 on: six digits and an exponent.
 * `plus`: positive numbers get a sign too. NaN is "NaN", infinities are "inf" and "-inf". */
void number_format(double value, int decimals, bool plus, enum number_style style, char out[NUMBER_SIZE]);

/* The shortest digits that parse back to the same number. */
void number_exact(double value, char out[NUMBER_SIZE]);

#endif
