#include "lab/report/render.h"
#include "lab/report/shown.h"

#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

/* Characters with a meaning in CommonMark or GitHub's extensions, anywhere in a line. */
static bool is_special(char c)
{
    return c && strchr("\\`*_{}[]<>&|~#$@^", c);
}

/* "- ", "+ ", "===", "1. " and "1) " are special at the beginning of a line. */
static bool begins_block(const char *text, const char *at)
{
    bool ends = at[1] == ' ' || !at[1];
    if (at == text)
        return *at == '=' || ((*at == '-' || *at == '+') && (ends || at[1] == '-'));
    return (*at == '.' || *at == ')') && ends && strspn(text, "0123456789") == (size_t)(at - text);
}

/* Text within a line: white space becomes one space, and addresses are not linked. */
static void put_range(const char *text, size_t begin, size_t end, FILE *out)
{
    for (size_t i = begin; i < end; i++) {
        const char *c = &text[i];
        if (*c == ' ' || *c == '\t' || *c == '\n') {
            if (i > 0 && !strchr(" \t\n", c[-1]))
                putc(' ', out);
            continue;
        }
        bool address = (*c == ':' && strncmp(c, "://", 3) == 0) || strncasecmp(c, "www.", 4) == 0;
        if (address && *c != ':')
            fputs("&#8203;", out); /* a zero-width space */
        else if (address || is_special(*c) || begins_block(text, c))
            putc('\\', out);
        putc(*c, out);
    }
}

/* `text` between two strings of Markdown; nothing if it is empty. */
static void put(const char *before, const char *text, const char *after, FILE *out)
{
    if (!*text)
        return;
    fputs(before, out);
    put_range(text, 0, strlen(text), out);
    fputs(after, out);
}

/* Paragraphs, each line prefixed by `before`. */
static void put_paragraphs(const char *text, const char *before, FILE *out)
{
    for (text += strspn(text, "\n"); *text; text += strspn(text, "\n")) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        fputs(before, out);
        put_range(text, 0, length, out);
        fprintf(out, "\n%s\n", end ? before : "");
        text += length;
    }
}

/* ---- tables ---- */

static void put_head(const struct shown *v, FILE *out)
{
    static const char *const rules[] = {"", ":---", ":---:", "---:"};
    putc('|', out);
    for (size_t i = 0; i < v->columns; i++) {
        const struct shown_column *c = &v->heads[i];
        putc(' ', out);
        put("", c->over, *c->name ? ": " : "", out);
        put("", c->name, "", out);
        put(" (", c->unit, ")", out);
        fputs(" |", out);
    }
    fputs("\n|", out);
    for (size_t i = 0; i < v->columns; i++)
        fprintf(out, " %s |", rules[v->heads[i].align]);
    putc('\n', out);
}

/* A group's heading is a row of its own; GitHub's tables have no other way. */
static void put_group(const struct shown *v, const char *title, FILE *out)
{
    put("| <i>", title, "</i> |", out);
    for (size_t i = 1; i < v->columns && *title; i++)
        fputs(" |", out);
    fputs(*title ? "\n" : "", out);
}

static void put_cell(const struct shown_cell *cell, FILE *out)
{
    const char *best = cell->best ? "**" : "";
    bool number = strspn(cell->text, "+-0123456789") > 0; /* text may begin with a space, after which asterisks do not work */
    fprintf(out, " %s%s", best, !cell->paper ? "" : number ? "*" : "<i>");
    put_range(cell->text, 0, strlen(cell->text), out);
    fprintf(out, "%s%s", !cell->paper ? "" : number ? "*" : "</i>", best);
    put(" ", cell->interval, "", out);
    put("<sup>", cell->mark, "</sup>", out);
    fputs(" |", out);
}

static void put_notes(const struct shown *v, FILE *out)
{
    if (v->has_paper)
        fputs("*Slanted*: the paper's numbers.\n\n", out);
    for (size_t i = 0; i < v->note_count; i++) {
        bool continues = *v->notes[i].mark && i + 1 < v->note_count;
        put("<sup>", v->notes[i].mark, "</sup> ", out);
        put("", v->notes[i].text, continues ? "<br>\n" : "\n\n", out);
    }
}

static bool put_table(const struct report_table *table, FILE *out)
{
    struct shown v;
    bool good = shown_init(&v, table, NUMBER_TYPESET);
    size_t group = 0;
    if (good && v.columns > 0)
        put_head(&v, out);
    for (size_t row = 0; good && row < table->row_count; row++) {
        if (table->rows[row].group != group)
            put_group(&v, table->groups[(group = table->rows[row].group) - 1], out);
        putc('|', out);
        for (size_t i = 0; i < v.columns; i++)
            put_cell(&v.cells[row * v.columns + i], out);
        putc('\n', out);
    }
    if (good && v.columns > 0) {
        putc('\n', out);
        put_notes(&v, out);
    }
    shown_finish(&v);
    return good;
}

/* ---- figures ---- */

static void put_picture(const struct report_gallery *gallery, size_t index, struct region *region, FILE *out)
{
    const struct picture *p = &gallery->pictures[index];
    size_t at = 0;
    if (p->type == PICTURE_NONE)
        fputs("| *no picture* | ", out);
    else
        fprintf(out, "| <img src=\"%s\" width=\"%d\" alt=\"\"> | ", report_picture_path(gallery, index, region),
                gallery->width);
    put("<b>", p->title, "</b>", out);
    put(*p->title ? "<br><i>" : "<i>", p->label, "</i>", out);
    fputs(*p->text && (*p->title || *p->label) ? "<br>" : "", out);
    for (size_t i = 0; i < p->mark_count; i++) {
        put_range(p->text, at, p->marks[i].begin, out);
        fputs("<b>", out);
        put_range(p->text, p->marks[i].begin, p->marks[i].end, out);
        fputs("</b>", out);
        at = p->marks[i].end;
    }
    put_range(p->text, at, strlen(p->text), out);
    fputs(" |\n", out);
}

static bool put_gallery(const struct report_gallery *gallery, FILE *out)
{
    struct region region = {0};
    fputs(gallery->picture_count > 0 ? "| | |\n| :---: | :--- |\n" : "", out);
    for (size_t i = 0; i < gallery->picture_count; i++)
        put_picture(gallery, i, &region, out);
    fputs(gallery->picture_count > 0 ? "\n" : "", out);
    region_free(&region);
    return !region.failed;
}

/* ---- the whole ---- */

static bool put_block(const struct block *b, FILE *out)
{
    if (b->kind == BLOCK_SECTION || b->kind >= BLOCK_TABLE) {
        put(b->kind == BLOCK_SECTION ? "## " : "### ", b->title, "\n\n", out);
        put("", b->caption, "\n\n", out);
    } else {
        put_paragraphs(b->title, b->kind == BLOCK_NOTICE ? "> " : "", out);
    }
    if (b->kind == BLOCK_CHART) {
        fputs("![", out);
        put("", b->title, "", out);
        fprintf(out, "](figures/%s.svg)\n\n", b->name);
    }
    if (b->kind == BLOCK_TABLE)
        return put_table((const struct report_table *)b, out);
    return b->kind != BLOCK_GALLERY || put_gallery((const struct report_gallery *)b, out);
}

bool render_markdown(const struct report *report, FILE *out)
{
    bool good = true;
    put("# ", report->title, "\n\n", out);
    for (size_t i = 0; i < report->fact_count; i++) {
        put("- **", report->facts[i].name, ":** ", out);
        put("", report->facts[i].value, "\n", out);
    }
    fputs(report->fact_count > 0 ? "\n" : "", out);
    for (size_t i = 0; i < report->block_count && good; i++)
        good = put_block(report->blocks[i], out);
    return good;
}
