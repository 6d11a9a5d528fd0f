#include "lab/report/report.h"

#include "lab/report/clean.h"
#include "lab/report/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *report_copy(struct report *report, const char *text)
{
    return report_clean(&report->region, text ? text : "");
}

struct report *report_create(const char *title)
{
    struct report *report = calloc(1, sizeof *report);
    if (report)
        report->title = report_copy(report, title);
    return report;
}

void report_free(struct report *report)
{
    if (report)
        region_free(&report->region);
    free(report);
}

static char *copy_formatted(struct report *report, const char *format, va_list args)
{
    char *raw = NULL;
    bool good = vasprintf(&raw, format, args) >= 0;
    char *copy = report_copy(report, good ? raw : "");
    report->region.failed |= !good;
    free(good ? raw : NULL);
    return copy;
}

void report_add_fact(struct report *report, const char *name, const char *format, ...)
{
    struct fact *facts = report ? region_grow(&report->region, report->facts, report->fact_count, sizeof *facts) : NULL;
    if (!facts)
        return;
    va_list args;
    va_start(args, format);
    report->facts = facts;
    facts[report->fact_count++] = (struct fact){report_copy(report, name), copy_formatted(report, format, args)};
    va_end(args);
}

/* ---- blocks ---- */

static bool is_taken(const struct report *report, bool table, const char *name)
{
    for (size_t i = 0; i < report->block_count; i++) {
        const struct block *b = report->blocks[i];
        if ((b->kind == BLOCK_TABLE) == table && strcmp(b->name, name) == 0)
            return true;
    }
    return false;
}

static char *block_name(struct report *report, bool table, const char *text, const char *instead)
{
    char *slug = report_slug(&report->region, text ? text : "", '-', instead), *name = slug;
    for (int n = 2; !report->region.failed && is_taken(report, table, name); n++)
        name = region_print(&report->region, "%s-%d", slug, n);
    return name;
}

void *report_add_block(struct report *report, enum block_kind kind, size_t size, const char *name, const char *title,
                       const char *caption)
{
    static const char *const instead[] = {[BLOCK_TABLE] = "table", [BLOCK_CHART] = "chart", [BLOCK_GALLERY] = "picture"};
    struct block *block = report ? region_take(&report->region, 1, size) : NULL;
    struct block **blocks = block ? region_grow(&report->region, report->blocks, report->block_count, sizeof *blocks) : NULL;
    if (!blocks)
        return NULL;
    *block = (struct block){.report = report, .kind = kind};
    block->title = report_copy(report, title);
    block->caption = report_copy(report, caption);
    block->name = kind < BLOCK_TABLE ? report_copy(report, "") : block_name(report, kind == BLOCK_TABLE, name, instead[kind]);
    report->blocks = blocks;
    blocks[report->block_count++] = block;
    return block;
}

void report_add_section(struct report *report, const char *title)
{
    report_add_block(report, BLOCK_SECTION, sizeof(struct block), NULL, title, NULL);
}

static void add_text(struct report *report, enum block_kind kind, const char *format, va_list args)
{
    struct block *block = report_add_block(report, kind, sizeof *block, NULL, NULL, NULL);
    if (block)
        block->title = copy_formatted(report, format, args);
}

void report_add_text(struct report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_text(report, BLOCK_TEXT, format, args);
    va_end(args);
}

void report_add_notice(struct report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_text(report, BLOCK_NOTICE, format, args);
    va_end(args);
}
