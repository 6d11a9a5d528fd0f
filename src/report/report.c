#include "report/report.h"

#include "report/clean.h"
#include "report/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *report_copy(struct report *report, const char *text)
{
    char *copy = report_clean(text ? text : "");
    if (!copy)
        report->failed = true;
    return copy;
}

/* Room doubles: it is full whenever the count is a power of two. */
void *report_grow(struct report *report, void *items, size_t count, size_t size)
{
    if ((count & (count - 1)) == 0) {
        size_t bytes;
        void *grown = NULL;
        if (!__builtin_mul_overflow(count ? count * 2 : 1, size, &bytes))
            grown = realloc(items, bytes);
        if (!grown) {
            report->failed = true;
            return NULL;
        }
        items = grown;
    }
    memset((char *)items + count * size, 0, size);
    return items;
}

struct report *report_create(const char *title)
{
    struct report *report = calloc(1, sizeof *report);
    if (!report)
        return NULL;
    report->title = report_copy(report, title);
    if (report->title)
        return report;
    free(report);
    return NULL;
}

void report_free(struct report *report)
{
    if (!report)
        return;
    for (size_t i = 0; i < report->fact_count; i++) {
        free(report->facts[i].name);
        free(report->facts[i].value);
    }
    for (size_t i = 0; i < report->block_count; i++) {
        free(report->blocks[i].text);
        report_table_free(report->blocks[i].table);
        report_chart_free(report->blocks[i].chart);
        report_gallery_free(report->blocks[i].gallery);
    }
    free(report->facts);
    free(report->blocks);
    free(report->title);
    free(report);
}

static char *copy_formatted(struct report *report, const char *format, va_list args)
{
    char *raw = NULL;
    if (vasprintf(&raw, format, args) < 0) {
        report->failed = true;
        return NULL;
    }
    char *copy = report_copy(report, raw);
    free(raw);
    return copy;
}

void report_add_fact(struct report *report, const char *name, const char *format, ...)
{
    if (!report || report->failed)
        return;
    struct fact *facts = report_grow(report, report->facts, report->fact_count, sizeof *facts);
    if (!facts)
        return;
    report->facts = facts;
    struct fact *fact = &facts[report->fact_count++];
    va_list args;
    va_start(args, format);
    fact->name = report_copy(report, name);
    fact->value = copy_formatted(report, format, args);
    va_end(args);
}

struct block *report_add_block(struct report *report, enum block_kind kind)
{
    if (!report || report->failed)
        return NULL;
    struct block *blocks = report_grow(report, report->blocks, report->block_count, sizeof *blocks);
    if (!blocks)
        return NULL;
    report->blocks = blocks;
    blocks[report->block_count].kind = kind;
    return &blocks[report->block_count++];
}

void report_add_section(struct report *report, const char *title)
{
    struct block *block = report_add_block(report, BLOCK_SECTION);
    if (block)
        block->text = report_copy(report, title);
}

void report_add_text(struct report *report, const char *format, ...)
{
    struct block *block = report_add_block(report, BLOCK_TEXT);
    if (!block)
        return;
    va_list args;
    va_start(args, format);
    block->text = copy_formatted(report, format, args);
    va_end(args);
}

void report_add_notice(struct report *report, const char *format, ...)
{
    struct block *block = report_add_block(report, BLOCK_NOTICE);
    if (!block)
        return;
    va_list args;
    va_start(args, format);
    block->text = copy_formatted(report, format, args);
    va_end(args);
}
