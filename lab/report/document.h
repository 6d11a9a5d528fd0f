/* The report in memory, for the code that builds it and the code that renders it. All strings are clean (report_clean()) and
 * never NULL; the report's region owns all memory. */
#ifndef LMVR_LAB_REPORT_DOCUMENT_H
#define LMVR_LAB_REPORT_DOCUMENT_H

#include "lab/report/region.h"
#include "lab/report/report.h"

enum block_kind { BLOCK_SECTION, BLOCK_TEXT, BLOCK_NOTICE, BLOCK_TABLE, BLOCK_CHART, BLOCK_GALLERY };

/* The common beginning of every block. */
struct block {
    struct report *report;
    enum block_kind kind;
    char *name;  /* for file names and identifiers; "" for sections and texts */
    char *title; /* of a section, table or figure; for a text, the text itself */
    char *caption;
};

struct cell {
    enum report_cell_kind kind;
    double number;
    bool within;
    double low, high;
    char *text;    /* "" if it is not text */
    size_t reason; /* 1 + an index into the table's reasons; 0: none */
};

struct row {
    enum report_row_kind kind;
    size_t group;       /* 0: before the first group, else 1 + its index */
    struct cell *cells; /* one per column */
};

struct report_table {
    struct block block;
    enum report_compare compare;
    struct report_column *columns; /* without NULLs */
    size_t column_count;
    char **groups; /* headings, "" for none */
    size_t group_count;
    struct row *rows;
    size_t row_count;
    char **reasons; /* why cells are missing, without repeats, in order of first use */
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
    double *values, *low, *high; /* one per category; NaN: missing */
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
    struct report_mark *marks; /* ascending, disjoint, inside the text */
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

/* A clean copy; NULL is treated as "". */
char *report_copy(struct report *report, const char *text);

/* Appends a block of `size` bytes that begins with a struct block. `name` is made unique among tables or, for charts and
 * galleries, among figures. NULL: out of memory. */
void *report_add_block(struct report *report, enum block_kind kind, size_t size, const char *name, const char *title,
                       const char *caption);

/* ---- for rendering ---- */

/* (rows, columns), in `region`: which cells are the best among those they compete with, as far as the printed digits and the
 * intervals can tell. NULL: out of memory. */
bool *report_table_best(const struct report_table *table, struct region *region);

/* Whether a note column has the same value in all measured rows, and so is shown only once. *row: the first row that has it;
 * row_count: none. */
bool report_table_is_shared(const struct report_table *table, size_t column, size_t *row);

/* Whether the column holds text, and so is left-aligned. */
bool report_table_is_text(const struct report_table *table, size_t column);

/* Whether any number of the column has an interval. */
bool report_table_has_intervals(const struct report_table *table, size_t column);

/* "figures/NAME-3.jpg", relative to the report's folder, in `region`. */
char *report_picture_path(const struct report_gallery *gallery, size_t index, struct region *region);

#endif
