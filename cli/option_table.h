/* The table of all options: their names, which commands have them, their values, and where these are stored. */
#ifndef LMVR_CLI_OPTION_TABLE_H
#define LMVR_CLI_OPTION_TABLE_H

#include "options.h"

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_PATH,
    OPTION_FEATURE,
    OPTION_MODEL,
    OPTION_QUERY, /* `least` is its kind */
    OPTION_INTEGER,
    OPTION_SEED,
    OPTION_REAL,
    OPTION_CHOICE
};

struct option_row {
    char letter; /* 0: none */
    const char *name, *value;
    enum option_kind kind;
    size_t offset;      /* in struct options */
    double least, most; /* of numbers */
    unsigned commands;
    const char *help;
};

#define OPTION_MOST_ROWS 192

extern const struct option_row option_table[];
extern const size_t option_count;

#endif
