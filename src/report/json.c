/*
 * {"lmvr_report": 1, "lmvr": VERSION, "title", "facts": [{"name", "value"}], "content": [...], "files": [...]}, where content
 * holds, by "type", "section", "text" and "notice" (with "text"), "table", "chart" and "pictures". A table's row has its values
 * by the columns' keys; null is missing, with the reason in "missing".
 */
#include "report/render.h"

#include <math.h>

/* Sets and remembers; `value` is taken, NULL being a failure. */
static void set(json_t *object, const char *key, json_t *value, bool *good)
{
    *good = *good && value;
    if (json_object_set_new(object, key, value) != 0)
        *good = false;
}

static void append(json_t *array, json_t *value, bool *good)
{
    *good = *good && value;
    if (json_array_append_new(array, value) != 0)
        *good = false;
}

/* `value` where all is good, else nothing of it is left. */
static json_t *take(json_t *value, bool good)
{
    if (good)
        return value;
    json_decref(value);
    return NULL;
}

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* ---- tables ---- */

static json_t *column_to_json(const struct column *c)
{
    static const char *const kinds[] = {"value", "paper", "note"}, *const better[] = {NULL, "higher", "lower"};
    return json_pack("{s:s, s:o, s:s, s:o, s:i, s:s, s:s?}", "key", c->key, "over", text_or_null(c->over), "name", c->name,
                     "unit", text_or_null(c->unit), "decimals", c->decimals, "kind", kinds[c->kind], "better",
                     better[c->better]);
}

/* Why a cell has no value in JSON; NULL: no reason, or there is one. */
static const char *reason_of(const struct report_table *table, const struct cell *cell)
{
    if (cell->kind == REPORT_CELL_NUMBER && !isfinite(cell->number))
        return isnan(cell->number) ? "NaN" : cell->number < 0 ? "-inf" : "inf";
    return cell->reason > 0 ? table->reasons[cell->reason - 1] : NULL;
}

static json_t *row_to_json(const struct report_table *table, size_t row, const bool *best)
{
    static const char *const kinds[] = {"measured", "paper", "summary"};
    const struct row *r = &table->rows[row];
    json_t *values = json_object(), *missing = json_object(), *winners = json_array();
    bool good = values && missing && winners;
    for (size_t i = 0; i < table->column_count && good; i++) {
        const struct cell *cell = &r->cells[i];
        const char *key = table->columns[i].key, *reason = reason_of(table, cell);
        json_t *number = cell->kind == REPORT_CELL_NUMBER ? number_or_null(cell->number) : json_null();
        set(values, key, cell->kind == REPORT_CELL_TEXT ? json_string(cell->text) : number, &good);
        if (reason)
            set(missing, key, json_string(reason), &good);
        if (best[row * table->column_count + i])
            append(winners, json_string(key), &good);
    }
    json_t *object = json_object();
    good = good && object;
    set(object, "group", r->group > 0 ? text_or_null(table->groups[r->group - 1]) : json_null(), &good);
    set(object, "kind", json_string(kinds[r->kind]), &good);
    set(object, "values", values, &good);
    set(object, "missing", missing, &good);
    set(object, "best", winners, &good);
    return take(object, good);
}

static json_t *table_to_json(const struct report_table *table)
{
    json_t *columns = json_array(), *rows = json_array(), *object = json_object();
    bool *best = report_table_best(table);
    bool good = columns && rows && object && best;
    for (size_t i = 0; i < table->column_count && good; i++)
        append(columns, column_to_json(&table->columns[i]), &good);
    for (size_t i = 0; i < table->row_count && good; i++)
        append(rows, row_to_json(table, i, best), &good);
    free(best);
    set(object, "type", json_string("table"), &good);
    set(object, "name", json_string(table->name), &good);
    set(object, "file", json_sprintf("tables/%s.csv", table->name), &good);
    set(object, "title", json_string(table->title), &good);
    set(object, "caption", json_string(table->caption), &good);
    set(object, "columns", columns, &good);
    set(object, "rows", rows, &good);
    return take(object, good);
}

/* ---- figures ---- */

static json_t *series_to_json(const struct report_chart *chart, const struct series *s)
{
    json_t *values = json_array(), *object = json_object();
    bool good = values && object;
    for (size_t i = 0; i < chart->category_count && good; i++)
        append(values, number_or_null(s->values[i]), &good);
    set(object, "name", json_string(s->name), &good);
    set(object, "reported", json_boolean(s->paper), &good);
    set(object, "values", values, &good);
    return take(object, good);
}

static json_t *chart_to_json(const struct report_chart *chart)
{
    json_t *categories = json_array(), *series = json_array(), *object = json_object();
    bool good = categories && series && object;
    for (size_t i = 0; i < chart->category_count && good; i++)
        append(categories,
               json_pack("{s:s, s:o}", "name", chart->categories[i].name, "group", text_or_null(chart->categories[i].group)),
               &good);
    for (size_t i = 0; i < chart->series_count && good; i++)
        append(series, series_to_json(chart, &chart->series[i]), &good);
    set(object, "type", json_string("chart"), &good);
    set(object, "kind", json_string(chart->kind == REPORT_BARS ? "bars" : "lines"), &good);
    set(object, "name", json_string(chart->name), &good);
    set(object, "file", json_sprintf("figures/%s.svg", chart->name), &good);
    set(object, "title", json_string(chart->title), &good);
    set(object, "caption", json_string(chart->caption), &good);
    set(object, "category_title", text_or_null(chart->category_title), &good);
    set(object, "value_title", text_or_null(chart->value_title), &good);
    set(object, "unit", text_or_null(chart->unit), &good);
    set(object, "categories", categories, &good);
    set(object, "series", series, &good);
    return take(object, good);
}

static json_t *picture_to_json(const struct report_gallery *gallery, size_t index)
{
    const struct picture *p = &gallery->pictures[index];
    json_t *marks = json_array(), *object = json_object(), *file = json_null();
    bool good = marks && object;
    if (p->type != PICTURE_NONE)
        file = json_sprintf("figures/%s-%zu.%s", gallery->name, index + 1, report_picture_suffix(p));
    for (size_t i = 0; i < p->mark_count && good; i++)
        append(marks, json_pack("[I, I]", (json_int_t)p->marks[i].begin, (json_int_t)p->marks[i].end), &good);
    set(object, "file", file, &good);
    set(object, "title", text_or_null(p->title), &good);
    set(object, "label", text_or_null(p->label), &good);
    set(object, "text", text_or_null(p->text), &good);
    set(object, "marks", marks, &good);
    return take(object, good);
}

static json_t *gallery_to_json(const struct report_gallery *gallery)
{
    json_t *pictures = json_array(), *object = json_object();
    bool good = pictures && object;
    for (size_t i = 0; i < gallery->picture_count && good; i++)
        append(pictures, picture_to_json(gallery, i), &good);
    set(object, "type", json_string("pictures"), &good);
    set(object, "name", json_string(gallery->name), &good);
    set(object, "title", json_string(gallery->title), &good);
    set(object, "caption", json_string(gallery->caption), &good);
    set(object, "pictures", pictures, &good);
    return take(object, good);
}

/* ---- the whole ---- */

static json_t *block_to_json(const struct block *b)
{
    static const char *const types[] = {"section", "text", "notice"};
    switch (b->kind) {
    case BLOCK_TABLE:
        return table_to_json(b->table);
    case BLOCK_CHART:
        return chart_to_json(b->chart);
    case BLOCK_GALLERY:
        return gallery_to_json(b->gallery);
    default:
        return json_pack("{s:s, s:s}", "type", types[b->kind], "text", b->text);
    }
}

json_t *render_json(const struct report *report, const json_t *files)
{
    json_t *facts = json_array(), *content = json_array(), *object = json_object();
    bool good = facts && content && object;
    for (size_t i = 0; i < report->fact_count && good; i++)
        append(facts, json_pack("{s:s, s:s}", "name", report->facts[i].name, "value", report->facts[i].value), &good);
    for (size_t i = 0; i < report->block_count && good; i++)
        append(content, block_to_json(&report->blocks[i]), &good);
    set(object, "lmvr_report", json_integer(1), &good);
    set(object, "lmvr", json_string(LMVR_VERSION), &good);
    set(object, "title", json_string(report->title), &good);
    set(object, "facts", facts, &good);
    set(object, "content", content, &good);
    set(object, "files", json_deep_copy(files), &good);
    return take(object, good);
}
