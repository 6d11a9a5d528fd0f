/* The report as it lies in memory, for those that build it and those that show it. All strings are clean (report_clean()) and
 * never NULL, unless said. */
#ifndef LMVR_SRC_REPORT_DOCUMENT_H
#define LMVR_SRC_REPORT_DOCUMENT_H

#include "report/report.h"

struct cell {
    enum report_cell_kind kind;
    double number;
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
    struct report *report;
    char *name, *title, *caption;
    enum report_compare compare;
    struct column *columns;
    size_t column_count;
    char **groups; /* headings, "" for none */
    size_t group_count;
    struct row *rows;
    size_t row_count;
    char **reasons; /* why cells are missing, each once, in the order of their first use */
    size_t reason_count;
};

struct category {
    char *name, *group; /* "" for no group */
};

struct series {
    char *name;
    bool paper;
    int color;
    double *values; /* a category each; NaN: missing */
};

struct report_chart {
    struct report *report;
    char *name, *title, *caption;
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
    struct report *report;
    char *name, *title, *caption;
    int width; /* CSS pixels */
    struct picture *pictures;
    size_t picture_count;
};

struct fact {
    char *name, *value;
};

enum block_kind { BLOCK_SECTION, BLOCK_TEXT, BLOCK_NOTICE, BLOCK_TABLE, BLOCK_CHART, BLOCK_GALLERY };

struct block {
    enum block_kind kind;
    char *text; /* of a section, a text or a notice; else NULL */
    struct report_table *table;
    struct report_chart *chart;
    struct report_gallery *gallery;
};

struct report {
    bool failed; /* an allocation did */
    char *title;
    struct fact *facts;
    size_t fact_count;
    struct block *blocks;
    size_t block_count;
};

/* ---- for building ---- */

/* A clean copy; NULL, and `report` failed: out of memory. NULL is taken as "". */
char *report_copy(struct report *report, const char *text);

/* `items`, of which there are `count`, with room for another one at its end, zeroed; NULL, and `report` failed. */
void *report_grow(struct report *report, void *items, size_t count, size_t size);

/* Appends a block of this kind; NULL, and `report` failed. */
struct block *report_add_block(struct report *report, enum block_kind kind);

void report_table_free(struct report_table *table);
void report_chart_free(struct report_chart *chart);
void report_gallery_free(struct report_gallery *gallery);

/* ---- for showing ---- */

/* (rows, columns), to be freed: which cells are the best of those they compete with, as far as the shown digits tell. NULL: out
 * of memory. */
bool *report_table_best(const struct report_table *table);

/* Whether a note says the same of all measured rows, and so is shown once. *row: the first that says it; row_count: none. */
bool report_table_is_shared(const struct report_table *table, size_t column, size_t *row);

/* Whether the column holds text, so that it is aligned at its left. */
bool report_table_is_text(const struct report_table *table, size_t column);

/* Whether anything in it is reported by the paper. */
bool report_table_has_paper(const struct report_table *table);
bool report_table_cell_is_paper(const struct report_table *table, size_t row, size_t column);
bool report_table_has_over(const struct report_table *table);

/* The columns from `column` on that stand below the same `over`; 1 where there is none. */
size_t report_table_over_width(const struct report_table *table, size_t column);

/* "a", "b", ..., "z", "aa", ...: the mark of a reason (1 + its index). */
#define REPORT_REASON_SIZE 8
void report_reason_mark(size_t reason, char mark[REPORT_REASON_SIZE]);

/* Fills in type, width and height from the bytes' beginning. */
void report_picture_inspect(struct picture *picture, const void *bytes, size_t size);

/* "png" or "jpg". */
const char *report_picture_suffix(const struct picture *picture);

#endif
