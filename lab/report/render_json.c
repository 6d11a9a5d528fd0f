/*
 * {"lmvr_report": 1, "lmvr": VERSION, "title", "facts": [{"name", "value"}], "content": [...], "files": [...]}, where content
 * holds, by "type", "section", "text" and "notice" (with "text"), "table", "chart" and "pictures". A table's row has its values
 * under the columns' keys; null is missing, with the reason in "missing"; "intervals" has [low, high] for numbers with an
 * interval.
 *
 * A NULL anywhere makes json_pack() fail, so one failed allocation makes the whole result NULL.
 */
#include "lab/report/render.h"

#include <math.h>

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* The array of make(from, 0) .. make(from, count - 1). */
static json_t *list(const void *from, size_t count, json_t *(*make)(const void *from, size_t index))
{
    json_t *array = json_array();
    for (size_t i = 0; i < count && array; i++)
        if (json_array_append_new(array, make(from, i)) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

/* ---- tables ---- */

static json_t *column_to_json(const void *table, size_t index)
{
    static const char *const kinds[] = {"value", "paper", "note"}, *const better[] = {NULL, "higher", "lower"};
    const struct report_column *c = &((const struct report_table *)table)->columns[index];
    return json_pack("{s:s, s:o, s:s, s:o, s:i, s:s, s:s?}", "key", c->key, "over", text_or_null(c->over), "name", c->name,
                     "unit", text_or_null(c->unit), "decimals", c->decimals, "kind", kinds[c->kind], "better",
                     better[c->better]);
}

/* Why a cell is missing; NULL: no reason, or it is not missing. */
static const char *reason_of(const struct report_table *table, const struct cell *cell)
{
    if (cell->kind == REPORT_CELL_NUMBER && !isfinite(cell->number))
        return isnan(cell->number) ? "NaN" : cell->number < 0 ? "-inf" : "inf";
    return cell->reason > 0 ? table->reasons[cell->reason - 1] : NULL;
}

static json_t *cell_to_json(const struct cell *cell)
{
    if (cell->kind == REPORT_CELL_TEXT)
        return json_string(cell->text);
    return cell->kind == REPORT_CELL_NUMBER ? number_or_null(cell->number) : json_null();
}

struct rows {
    const struct report_table *table;
    const bool *best;
};

static json_t *row_to_json(const void *from, size_t index)
{
    static const char *const kinds[] = {"measured", "paper", "summary"};
    const struct rows *rows = from;
    const struct report_table *table = rows->table;
    const struct row *r = &table->rows[index];
    json_t *values = json_object(), *missing = json_object(), *intervals = json_object(), *best = json_array();
    int failed = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct cell *cell = &r->cells[i];
        const char *key = table->columns[i].key, *reason = reason_of(table, cell);
        failed |= json_object_set_new(values, key, cell_to_json(cell));
        if (reason)
            failed |= json_object_set_new(missing, key, json_string(reason));
        if (cell->within)
            failed |= json_object_set_new(intervals, key, json_pack("[f, f]", cell->low, cell->high));
        if (rows->best[index * table->column_count + i])
            failed |= json_array_append_new(best, json_string(key));
    }
    if (failed) {
        json_decref(values);
        values = NULL;
    }
    json_t *group = r->group > 0 ? text_or_null(table->groups[r->group - 1]) : json_null();
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "group", group, "kind", kinds[r->kind], "values", values, "missing",
                     missing, "intervals", intervals, "best", best);
}

static json_t *note_to_json(const void *table, size_t index)
{
    return json_string(((const struct report_table *)table)->notes[index]);
}

static json_t *table_to_json(const struct report_table *t)
{
    struct region region = {0};
    struct rows rows = {t, report_table_best(t, &region)};
    json_t *made = rows.best ? list(&rows, t->row_count, row_to_json) : NULL;
    region_free(&region);
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o}", "type", "table", "name", t->block.name, "file",
                     json_sprintf("tables/%s.csv", t->block.name), "title", t->block.title, "caption", t->block.caption,
                     "columns", list(t, t->column_count, column_to_json), "rows", made, "notes",
                     list(t, t->note_count, note_to_json));
}

/* ---- figures ---- */

static json_t *value_to_json(const void *values, size_t index)
{
    return number_or_null(((const double *)values)[index]);
}

static json_t *category_to_json(const void *chart, size_t index)
{
    const struct category *c = &((const struct report_chart *)chart)->categories[index];
    return json_pack("{s:s, s:o}", "name", c->name, "group", text_or_null(c->group));
}

static json_t *series_to_json(const void *from, size_t index)
{
    const struct report_chart *chart = from;
    const struct series *s = &chart->series[index];
    size_t count = chart->category_count;
    return json_pack("{s:s, s:b, s:o, s:o, s:o}", "name", s->name, "reported", s->paper, "values",
                     list(s->values, count, value_to_json), "low", list(s->low, count, value_to_json), "high",
                     list(s->high, count, value_to_json));
}

static json_t *chart_to_json(const struct report_chart *c)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "type", "chart", "kind",
                     c->kind == REPORT_BARS ? "bars" : "lines", "name", c->block.name, "file",
                     json_sprintf("figures/%s.svg", c->block.name), "title", c->block.title, "caption", c->block.caption,
                     "category_title", text_or_null(c->category_title), "value_title", text_or_null(c->value_title), "unit",
                     text_or_null(c->unit), "categories", list(c, c->category_count, category_to_json), "series",
                     list(c, c->series_count, series_to_json));
}

static json_t *mark_to_json(const void *marks, size_t index)
{
    const struct report_mark *m = &((const struct report_mark *)marks)[index];
    return json_pack("[I, I]", (json_int_t)m->begin, (json_int_t)m->end);
}

static json_t *picture_to_json(const void *from, size_t index)
{
    const struct report_gallery *gallery = from;
    const struct picture *p = &gallery->pictures[index];
    struct region region = {0};
    json_t *file = json_string(report_picture_path(gallery, index, &region));
    if (p->type == PICTURE_NONE || region.failed) {
        json_decref(file);
        file = region.failed ? NULL : json_null();
    }
    region_free(&region);
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "file", file, "title", text_or_null(p->title), "label",
                     text_or_null(p->label), "text", text_or_null(p->text), "marks",
                     list(p->marks, p->mark_count, mark_to_json));
}

static json_t *gallery_to_json(const struct report_gallery *g)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "type", "pictures", "name", g->block.name, "title", g->block.title, "caption",
                     g->block.caption, "pictures", list(g, g->picture_count, picture_to_json));
}

/* ---- the whole ---- */

static json_t *block_to_json(const void *report, size_t index)
{
    static const char *const types[] = {"section", "text", "notice"};
    const struct block *b = ((const struct report *)report)->blocks[index];
    if (b->kind == BLOCK_TABLE)
        return table_to_json((const struct report_table *)b);
    if (b->kind == BLOCK_CHART)
        return chart_to_json((const struct report_chart *)b);
    if (b->kind == BLOCK_GALLERY)
        return gallery_to_json((const struct report_gallery *)b);
    return json_pack("{s:s, s:s}", "type", types[b->kind], "text", b->title);
}

static json_t *fact_to_json(const void *report, size_t index)
{
    const struct fact *fact = &((const struct report *)report)->facts[index];
    return json_pack("{s:s, s:s}", "name", fact->name, "value", fact->value);
}

json_t *render_json(const struct report *report, const json_t *files)
{
    return json_pack("{s:i, s:s, s:s, s:o, s:o, s:o}", "lmvr_report", 1, "lmvr", LMVR_VERSION, "title", report->title, "facts",
                     list(report, report->fact_count, fact_to_json), "content",
                     list(report, report->block_count, block_to_json), "files", json_deep_copy(files));
}
