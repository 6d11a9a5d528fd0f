/* The report as it lies in memory, for those that build it and those that show it. All strings are clean (report_clean()) and
 * never NULL, and all memory is the report's region's. */
#ifndef LMVR_LAB_REPORT_DOCUMENT_H
#define LMVR_LAB_REPORT_DOCUMENT_H

#include "lab/report/region.h"
#include "lab/report/report.h"

enum block_kind { BLOCK_SECTION, BLOCK_TEXT, BLOCK_NOTICE, BLOCK_TABLE, BLOCK_CHART, BLOCK_GALLERY };

/* What every part begins with. */
struct block {
    struct report *report;
    enum block_kind kind;
    char *name;  /* of files and identifiers; "" for sections and texts */
    char *title; /* a section's, a table's or a figure's; of a text the text */
    char *caption;
};

struct cell {
    enum report_cell_kind kind;
    double number;
    bool within;
    double low, high;
    char *text;    /* "" unless it is text */
    size_t reason; /* 1 + an index into the table's reasons; 0: none is given */
};

struct row {
    enum report_row_kind kind;
    size_t group;       /* 0: before the first group, else 1 + its index */
    struct cell *cells; /* a column each */
};

struct column {
    char *key, *over, *name, *unit; /* "" where left out */
    int decimals;
    bool plus;
    enum report_align align;
    enum report_better better;
    enum report_column_kind kind;
};

struct report_table {
    struct block block;
    enum report_compare compare;
    struct column *columns;
    size_t column_count;
    char **groups; /* headings, "" for none */
    size_t group_count;
    struct row *rows;
    size_t row_count;
    char **reasons; /* why cells are missing, each once, in the order of their first use */
    size_t reason_count;
    char **notes;
    size_t note_count;
};

struct category {
    char *name, *group; /* "" for no group */
};

struct series {
    char *name;
    bool paper;
    int color;
    double *values, *low, *high; /* a category each; NaN: missing */
};

struct report_chart {
    struct block block;
    enum report_chart_kind kind;
    char *category_title, *value_title, *unit;
    int decimals;
    struct category *categories;
    size_t category_count;
    struct series *series;
    size_t series_count;
};

enum picture_type { PICTURE_NONE, PICTURE_PNG, PICTURE_JPEG };

struct picture {
    enum picture_type type;
    void *bytes;
    size_t size;
    int width, height; /* pixels; 0: unknown */
    char *title, *label, *text;
    struct report_mark *marks; /* ascending, apart from each other, inside the text */
    size_t mark_count;
};

struct report_gallery {
    struct block block;
    int width; /* CSS pixels */
    struct picture *pictures;
    size_t picture_count;
};

struct fact {
    char *name, *value;
};

struct report {
    struct region region;
    char *title;
    struct fact *facts;
    size_t fact_count;
    struct block **blocks;
    size_t block_count;
};

/* ---- for building ---- */

/* A clean copy; NULL is taken as "". */
char *report_copy(struct report *report, const char *text);

/* Appends a block of `size` bytes that begins with a struct block. `name` becomes one that no other table or, of charts and
 * galleries, no other figure has. NULL: out of memory. */
void *report_add_block(struct report *report, enum block_kind kind, size_t size, const char *name, const char *title,
                       const char *caption);

/* ---- for showing ---- */

/* (rows, columns), in `region`: which cells are the best of those they compete with, as far as the shown digits and the
 * numbers' intervals tell. NULL: out of memory. */
bool *report_table_best(const struct report_table *table, struct region *region);

/* Whether a note says the same of all measured rows, and so is shown once. *row: the first that says it; row_count: none. */
bool report_table_is_shared(const struct report_table *table, size_t column, size_t *row);

/* Whether the column holds text, so that it is aligned at its left. */
bool report_table_is_text(const struct report_table *table, size_t column);

/* Whether any number of the column has an interval. */
bool report_table_has_intervals(const struct report_table *table, size_t column);

/* "figures/NAME-3.jpg", below the report's folder, in `region`. */
char *report_picture_path(const struct report_gallery *gallery, size_t index, struct region *region);

#endif
