/*
 * What an experiment found, as a document: facts, text, tables with the paper's numbers beside them, charts, and pictures with
 * their responses. It is built by appending, and then shown on a terminal or written as Markdown, CSV, JSON, SVG and a page of
 * HTML that needs no other file.
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
 * Everything is copied. Strings are any bytes: what is no UTF-8, and control characters but tabs and line ends, become U+FFFD;
 * NULL is the empty string. An allocation that fails is remembered: the functions that add then do nothing and may be given
 * the NULL that others returned, and whatever shows or writes the report says that memory ran out.
 */
#ifndef LMVR_LAB_REPORT_REPORT_H
#define LMVR_LAB_REPORT_REPORT_H

#include "error.h"

#include <stdio.h>

struct report;
struct report_table;
struct report_chart;
struct report_gallery;

/* NULL: out of memory, which the functions below take. */
struct report *report_create(const char *title);
void report_free(struct report *report);

/* A line of the head: model, fingerprints, seed, date, time taken, machine. */
void report_add_fact(struct report *report, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- the parts, in the order in which they will stand ---- */

void report_add_section(struct report *report, const char *title);

/* A paragraph; an empty line in it begins another. */
void report_add_text(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, set apart: what was left out, and why. */
void report_add_notice(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- tables ---- */

/* Who competes for being shown bold. Rows of different kinds, and the paper's columns and the others, never compete. */
enum report_compare {
    REPORT_COMPARE_ROWS,   /* in each column the rows of a group */
    REPORT_COMPARE_COLUMNS /* in each row the columns that stand below the same `over` */
};

enum report_better { REPORT_NO_BEST, REPORT_HIGHER, REPORT_LOWER };

enum report_align { REPORT_ALIGN_DEFAULT, REPORT_LEFT, REPORT_CENTER, REPORT_RIGHT }; /* default: numbers right, text left */

enum report_column_kind {
    REPORT_COLUMN_VALUE,
    REPORT_COLUMN_PAPER, /* numbers that the paper reports: shown visibly apart */
    REPORT_COLUMN_NOTE   /* about the row: images, seed, fingerprints, seconds. One that says the same of every row that was
                            measured is shown once, below the table */
};

struct report_column {
    const char *key;  /* for CSV and JSON, unique in the table; NULL: made of `over`, the name and the kind, in lower case */
    const char *over; /* a heading that neighbors share, as "VOC07"; NULL: none */
    const char *name;
    const char *unit; /* "%"; NULL: none */
    int decimals;     /* of the numbers as people see them; CSV and JSON have all digits. 0 to 9 */
    bool plus;        /* "+" before positive numbers: differences */
    enum report_align align;
    enum report_better better;
    enum report_column_kind kind;
};

enum report_row_kind {
    REPORT_MEASURED,
    REPORT_PAPER,  /* a row that the paper reports */
    REPORT_SUMMARY /* a mean or total of the rows above */
};

enum report_cell_kind { REPORT_CELL_MISSING, REPORT_CELL_TEXT, REPORT_CELL_NUMBER };

struct report_cell {
    enum report_cell_kind kind;
    double number;    /* may be NaN or infinite, which is shown so and is never the best */
    bool within;      /* the number is known only to be between the next two */
    double low, high; /* a number outside them is really another one */
    const char *text; /* the text; or why it is missing, NULL: no reason needs to be given */
};

static inline struct report_cell report_text(const char *text)
{
    return (struct report_cell){.kind = REPORT_CELL_TEXT, .text = text};
}

static inline struct report_cell report_number(double number)
{
    return (struct report_cell){.kind = REPORT_CELL_NUMBER, .number = number};
}

/* Such as a bootstrap's interval: what competes with it is the best only if it lies beyond. */
static inline struct report_cell report_number_within(double number, double low, double high)
{
    return (struct report_cell){.kind = REPORT_CELL_NUMBER, .number = number, .within = true, .low = low, .high = high};
}

static inline struct report_cell report_missing(const char *why)
{
    return (struct report_cell){.kind = REPORT_CELL_MISSING, .text = why};
}

/* `name` becomes a file's name: tables/NAME.csv, in lower case, other characters than letters, digits, "_" and "-" as "-", with
 * a number behind it where another table has it. Columns come before rows. The first column names the row. */
struct report_table *report_add_table(struct report *report, const char *name, const char *title, const char *caption);
void report_table_compare(struct report_table *table, enum report_compare compare); /* default: REPORT_COMPARE_ROWS */
void report_table_add_column(struct report_table *table, const struct report_column *column);

/* The rows from here on are a group with this heading; NULL: with a line before it and no heading. */
void report_table_add_group(struct report_table *table, const char *title);

/* A cell a column; where `count` is less the others are missing, and cells beyond the columns are left out. */
void report_table_add_row(struct report_table *table, enum report_row_kind kind, const struct report_cell *cells, size_t count);

/* A sentence below the table: what its columns mean. */
void report_table_add_note(struct report_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- charts ---- */

enum report_chart_kind {
    REPORT_BARS, /* a group of bars a category, from zero */
    REPORT_LINES /* a line a series over the categories in their order */
};

struct report_chart_options {
    enum report_chart_kind kind;
    const char *category_title; /* "Severity"; NULL: none */
    const char *value_title;    /* "Accuracy" */
    const char *unit;           /* "%"; NULL: none */
    int decimals;               /* of the values' labels */
};

struct report_series {
    const char *name;
    bool paper; /* reported by the paper: the same color, hollow or dashed */
    int color;  /* 0 gray, for what others are compared with; 1 blue, 2 orange, 3 green, 4 violet, 5 brown; then again */
    const double *low, *high; /* the values' intervals, as many; NULL: none */
};

/* figures/NAME.svg; `name` as with tables. Categories come before series. */
struct report_chart *report_add_chart(struct report *report, const char *name, const char *title, const char *caption,
                                      const struct report_chart_options *options);

/* `group`: a heading that neighboring categories share ("noise"); NULL: none. */
void report_chart_add_category(struct report_chart *chart, const char *name, const char *group);

/* `values`: one a category (fewer: the others are missing). NaN, infinities and sizes beyond 1e15 count as missing. */
void report_chart_add_series(struct report_chart *chart, const struct report_series *series, const double *values,
                             size_t count);

/* ---- pictures ---- */

/* The bytes [begin, end) of a text. Where they cut a character it is marked whole. */
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

/* ---- results ---- */

/* Prints the table for a terminal, at most `width` columns wide (40 at least). `styled`: with escape sequences for bold and
 * dim, so for terminals only. Characters that would upset a terminal are left out. */
lmvr_status report_table_print(const struct report_table *table, int width, bool styled, FILE *out, lmvr_error *error);

/* Whether report_write() to `dir` can be hoped for, to be asked before the work: the folder can be written to, and what lies
 * there under the report's names is an earlier report's. Writes nothing. */
lmvr_status report_check_place(const char *dir, lmvr_error *error);

/*
 * Writes report.json, report.md, report.html, tables/NAME.csv and figures/NAME.svg|png|jpg into `dir`, which is made where it
 * is missing. Every file is first written under a temporary name; only when all are whole are they given their own names, so
 * that a disk that fills up leaves an earlier report as it was. Files of an earlier report are replaced or removed (report.json
 * lists them); other files are never touched: where one stands in the way, LMVR_ERROR_INVALID names it.
 */
lmvr_status report_write(const struct report *report, const char *dir, lmvr_error *error);

#endif
