/*
 * An experiment's report: facts, text, tables next to the paper's numbers, charts, and pictures with their responses. Build it
 * by appending, then print it to a terminal or write it as Markdown, CSV, JSON, SVG and a self-contained HTML page.
 *
 *     struct report *report = report_create("Robustness to corruptions");
 *     report_add_fact(report, "Seed", "%llu", seed);
 *     struct report_table *table = report_add_table(report, "groups", "Accuracy by group", "ImageNet-C, severities 1 to 5.");
 *     report_table_add_column(table, &(struct report_column){.name = "Group"});
 *     report_table_add_column(table, &(struct report_column){.name = "LMVR", .unit = "%", .decimals = 1,
 *                                                            .better = REPORT_HIGHER});
 *     struct report_cell cells[] = {report_text("weather"), report_number(69.04)};
 *     report_table_add_row(table, REPORT_MEASURED, cells, 2);
 *     status = report_write(report, "out/report", &error);
 *     report_free(report);
 *
 * Everything is copied. Strings may hold any bytes: invalid UTF-8, and control characters other than tabs and newlines, become
 * U+FFFD; NULL is the empty string. A failed allocation is remembered: later calls that add do nothing and accept the NULLs
 * that earlier ones returned, and printing or writing the report then fails with LMVR_ERROR_RESOURCE.
 */
#ifndef LMVR_LAB_REPORT_REPORT_H
#define LMVR_LAB_REPORT_REPORT_H

#include "error.h"

#include <stdio.h>

struct report;
struct report_table;
struct report_chart;
struct report_gallery;

/* NULL: out of memory; the functions below accept it. */
struct report *report_create(const char *title);
void report_free(struct report *report);

/* A line at the top of the report: model, fingerprints, seed, date, time taken, machine. */
void report_add_fact(struct report *report, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- blocks, shown in the order in which they are added ---- */

void report_add_section(struct report *report, const char *title);

/* A paragraph; an empty line starts another. */
void report_add_text(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, highlighted: what was left out, and why. */
void report_add_notice(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- tables ---- */

/* Which cells compete to be shown in bold. Rows of different kinds never compete, nor do the paper's columns with others. */
enum report_compare {
    REPORT_COMPARE_ROWS,   /* in each column, the rows of a group */
    REPORT_COMPARE_COLUMNS /* in each row, the columns under the same `over` */
};

enum report_better { REPORT_NO_BEST, REPORT_HIGHER, REPORT_LOWER };

enum report_align { REPORT_ALIGN_DEFAULT, REPORT_LEFT, REPORT_CENTER, REPORT_RIGHT }; /* default: numbers right, text left */

enum report_column_kind {
    REPORT_COLUMN_VALUE,
    REPORT_COLUMN_PAPER, /* the paper's numbers: set apart visually */
    REPORT_COLUMN_NOTE   /* about the row: images, seed, fingerprints, seconds. If all measured rows have the same value, it is
                            shown once, below the table */
};

struct report_column {
    const char *key;  /* for CSV and JSON, unique in the table; NULL: made from `over`, the name and the kind, in lower case */
    const char *over; /* a heading over neighboring columns, such as "VOC07"; NULL: none */
    const char *name;
    const char *unit; /* "%"; NULL: none */
    int decimals;     /* as printed, 0 to 9; CSV and JSON have all digits */
    bool plus;        /* "+" before positive numbers, for differences */
    enum report_align align;
    enum report_better better;
    enum report_column_kind kind;
};

enum report_row_kind {
    REPORT_MEASURED,
    REPORT_PAPER,  /* the paper's results */
    REPORT_SUMMARY /* a mean or total of the rows above */
};

enum report_cell_kind { REPORT_CELL_MISSING, REPORT_CELL_TEXT, REPORT_CELL_NUMBER };

struct report_cell {
    enum report_cell_kind kind;
    double number;    /* may be NaN or infinite, which is printed as such and never the best */
    bool within;      /* the number has an interval, from `low` to `high` */
    double low, high; /* numbers outside it are really different */
    const char *text; /* the text; or why the number is missing, NULL: no reason */
};

static inline struct report_cell report_text(const char *text)
{
    return (struct report_cell){.kind = REPORT_CELL_TEXT, .text = text};
}

static inline struct report_cell report_number(double number)
{
    return (struct report_cell){.kind = REPORT_CELL_NUMBER, .number = number};
}

/* A number with an interval, such as a bootstrap's: a competitor is better only if it lies outside. */
static inline struct report_cell report_number_within(double number, double low, double high)
{
    return (struct report_cell){.kind = REPORT_CELL_NUMBER, .number = number, .within = true, .low = low, .high = high};
}

static inline struct report_cell report_missing(const char *why)
{
    return (struct report_cell){.kind = REPORT_CELL_MISSING, .text = why};
}

/* `name` becomes a file name, tables/NAME.csv: in lower case, with "-" for characters other than letters, digits, "_" and "-",
 * and a number appended if another table has the name. Add columns before rows. The first column names the row. */
struct report_table *report_add_table(struct report *report, const char *name, const char *title, const char *caption);
void report_table_compare(struct report_table *table, enum report_compare compare); /* default: REPORT_COMPARE_ROWS */
void report_table_add_column(struct report_table *table, const struct report_column *column);

/* Starts a group of rows with this heading; NULL: a line without a heading. */
void report_table_add_group(struct report_table *table, const char *title);

/* One cell per column. If there are fewer, the others are missing; extra cells are ignored. */
void report_table_add_row(struct report_table *table, enum report_row_kind kind, const struct report_cell *cells, size_t count);

/* A sentence below the table, such as what its columns mean. */
void report_table_add_note(struct report_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- charts ---- */

enum report_chart_kind {
    REPORT_BARS, /* a group of bars per category, from zero */
    REPORT_LINES /* a line per series, over the categories in order */
};

struct report_chart_options {
    enum report_chart_kind kind;
    const char *category_title; /* "Severity"; NULL: none */
    const char *value_title;    /* "Accuracy" */
    const char *unit;           /* "%"; NULL: none */
    int decimals;               /* in the values' labels */
};

struct report_series {
    const char *name;
    bool paper;               /* the paper's results: the same color, hollow or dashed */
    int color;                /* 0 gray, for a baseline; 1 blue, 2 orange, 3 green, 4 violet, 5 brown; then 1 again */
    const double *low, *high; /* the values' intervals, one per value; NULL: none */
};

/* figures/NAME.svg; `name` as for tables. Add categories before series. */
struct report_chart *report_add_chart(struct report *report, const char *name, const char *title, const char *caption,
                                      const struct report_chart_options *options);

/* `group`: a heading over neighboring categories ("noise"); NULL: none. */
void report_chart_add_category(struct report_chart *chart, const char *name, const char *group);

/* `values`: one per category (if fewer, the others are missing). NaN, infinities and magnitudes beyond 1e15 count as
 * missing. */
void report_chart_add_series(struct report_chart *chart, const struct report_series *series, const double *values,
                             size_t count);

/* ---- pictures ---- */

/* The bytes [begin, end) of a text. A character cut by either end is marked whole. */
struct report_mark {
    size_t begin, end;
};

struct report_picture {
    const void *bytes; /* a PNG or JPEG file; anything else, and NULL, is shown as an empty frame that says so */
    size_t size;
    const char *title;               /* a file's name, or the word whose attention it shows; NULL: none */
    const char *label;               /* the true classes; NULL: none */
    const char *text;                /* the response; NULL: none */
    const struct report_mark *marks; /* the key words in `text`, in any order */
    size_t mark_count;
    int width, height; /* pixels; 0: unknown */
};

/* A grid of pictures, each at least `width` CSS pixels wide (0: 280): figures/NAME-1.jpg, ... */
struct report_gallery *report_add_gallery(struct report *report, const char *name, const char *title, const char *caption,
                                          int width);
void report_gallery_add(struct report_gallery *gallery, const struct report_picture *picture);

/* ---- output ---- */

/* Prints the table to a terminal, at most `width` columns wide (at least 40). `styled`: use escape sequences for bold and dim,
 * so only on terminals. Characters that would disturb a terminal are dropped. */
lmvr_status report_table_print(const struct report_table *table, int width, bool styled, FILE *out, lmvr_error *error);

/* Checks before a long computation that report_write() to `dir` should succeed: the folder is writable, and existing files with
 * the report's names belong to an earlier report. Writes nothing. */
lmvr_status report_check_place(const char *dir, lmvr_error *error);

/*
 * Writes report.json, report.md, report.html, tables/NAME.csv and figures/NAME.svg|png|jpg into `dir`, which is created if
 * missing. All files are first written under temporary names and renamed once all are complete, so a full disk leaves an
 * earlier report intact. Files of an earlier report (listed in its report.json) are replaced or removed; other files are never
 * touched: if one is in the way, LMVR_ERROR_INVALID names it.
 */
lmvr_status report_write(const struct report *report, const char *dir, lmvr_error *error);

/* Writes the page alone, report.html, to `path`, atomically. */
lmvr_status report_write_page(const struct report *report, const char *path, lmvr_error *error);

#endif
