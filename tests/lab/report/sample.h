/* A report with everything in it: small versions of the paper's Tables 1, 2, 4 and 5, charts, pictures, and strings that do
 * harm unless escaped. */
#ifndef LMVR_TESTS_LAB_REPORT_SAMPLE_H
#define LMVR_TESTS_LAB_REPORT_SAMPLE_H

#include "scratch.h"

#include "lab/report/report.h"

#include <math.h>

/* Every character with a meaning in one of the formats; a direction override, an emoji, a control character, an invalid
 * byte. */
#define HOSTILE_TAG "<script>alert(\"1\")</script>"
#define HOSTILE_TEXT                                                                                                           \
    HOSTILE_TAG " & 'quotes' | *stars* `code` [link](http://e.vil/) \\ =1+1 \x1b[31m \xff \u202Eoverride\u202C \U0001F415"

#define MODEL_PRINT "5be1c2f09d7a4e31"
#define DATA_PRINT  "90aa13d7c2f4b658"

UNUSED static struct report_table *sample_add_design(struct report *report)
{
    static const struct {
        const char *name;
        double map, all, paper, seconds;
    } rows[] = {{"before generation, mean over all input tokens", 92.61, 94.22, NAN, 1204.2},
                {"last [END] token", 90.14, 91.87, 90.5, 2310.9},
                {"max over generated tokens", 92.02, 93.43, 92.2, 2310.9},
                {"mean over generated tokens", 93.31, 94.62, 93.5, 2310.9},
                {"mean over all output tokens, second-to-last layer", 93.58, 94.97, 93.7, 2310.9},
                {"mean over all output tokens, last layer", 93.77, 95.11, 93.8, 2310.9}};
    struct report_table *t = report_add_table(report, "design", "Design choices",
                                              "Linear probes on VOC2007's trainval part, scored on its test part; the paper's "
                                              "numbers are those of its Table 1.");
    report_table_add_column(t, &(struct report_column){.key = "design", .name = "Representation"});
    report_table_add_column(
        t, &(struct report_column){.key = "map", .name = "mAP, 11-point", .unit = "%", .decimals = 1, .better = REPORT_HIGHER});
    report_table_add_column(
        t, &(struct report_column){
               .key = "map_all", .name = "mAP, all points", .unit = "%", .decimals = 1, .better = REPORT_HIGHER});
    report_table_add_column(t, &(struct report_column){.key = "map_paper",
                                                       .name = "paper",
                                                       .unit = "%",
                                                       .decimals = 1,
                                                       .better = REPORT_HIGHER,
                                                       .kind = REPORT_COLUMN_PAPER});
    report_table_add_column(t, &(struct report_column){.name = "images", .kind = REPORT_COLUMN_NOTE});
    report_table_add_column(t, &(struct report_column){.name = "seed", .kind = REPORT_COLUMN_NOTE});
    report_table_add_column(t, &(struct report_column){.name = "model", .kind = REPORT_COLUMN_NOTE});
    report_table_add_column(t, &(struct report_column){.name = "data", .kind = REPORT_COLUMN_NOTE});
    report_table_add_column(t, &(struct report_column){.name = "time", .unit = "s", .kind = REPORT_COLUMN_NOTE});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct report_cell paper =
            isnan(rows[i].paper) ? report_missing("the paper names it and gives no number") : report_number(rows[i].paper);
        struct report_cell cells[] = {
            report_text(rows[i].name),     report_number(rows[i].map), report_number(rows[i].all), paper,
            report_number(9963),           report_text("0"),           report_text(MODEL_PRINT),   report_text(DATA_PRINT),
            report_number(rows[i].seconds)};
        report_table_add_row(t, REPORT_MEASURED, cells, 9);
    }
    return t;
}

UNUSED static struct report_table *sample_add_components(struct report *report)
{
    static const struct {
        const char *name;
        double voc, voc_paper, coco, coco_paper;
    } rows[] = {{"encoder (CLIP)", 91.22, 91.3, 79.41, 79.5},
                {"with adaptor", 90.93, 91.0, NAN, 78.5},
                {"with language model", 93.77, 93.8, 83.92, 84.0}};
    struct report_table *t = report_add_table(report, "components", "Components",
                                              "What each part of the model adds; mAP of linear probes, beside Table 2.");
    report_table_add_column(t, &(struct report_column){.name = "Features"});
    for (int set = 0; set < 2; set++) {
        const char *over = set ? "COCO 2014" : "VOC2007";
        report_table_add_column(
            t, &(struct report_column){.over = over, .name = "here", .unit = "%", .decimals = 1, .better = REPORT_HIGHER});
        report_table_add_column(t, &(struct report_column){.over = over,
                                                           .name = "paper",
                                                           .unit = "%",
                                                           .decimals = 1,
                                                           .better = REPORT_HIGHER,
                                                           .kind = REPORT_COLUMN_PAPER});
    }
    for (size_t i = 0; i < 3; i++) {
        struct report_cell coco =
            isnan(rows[i].coco) ? report_missing("stopped: the disk was full") : report_number(rows[i].coco);
        struct report_cell cells[] = {report_text(rows[i].name), report_number(rows[i].voc), report_number(rows[i].voc_paper),
                                      coco, report_number(rows[i].coco_paper)};
        report_table_add_row(t, REPORT_MEASURED, cells, 5);
    }
    return t;
}

struct sample_corruption {
    const char *group, *name;
    double clip, lmvr;
};

static const struct sample_corruption sample_corruptions[] = {
    {"Noise", "Gaussian noise", 59.8, 62.6},
    {"Noise", "shot noise", 60.1, 62.9},
    {"Noise", "impulse noise", 59.2, 61.4},
    {"Blur", "defocus blur", 53.1, 60.2},
    {"Blur", "glass blur", 39.4, 49.8},
    {"Blur", "motion blur", 55.7, 62.3},
    {"Blur", "zoom blur", 46.2, 56.1},
    {"Weather", "snow", 61.9, 64.4},
    {"Weather", "frost", 62.7, 65.0},
    {"Weather", "fog", 69.3, 71.8},
    {"Weather", "brightness", 73.7, 74.8},
    {"Digital", "contrast", 66.4, 72.9},
    {"Digital", "elastic transform", 62.0, 68.3},
    {"Digital", "pixelate", 71.9, 77.4},
    {"Digital", "JPEG compression", 71.7, 76.2},
};

UNUSED static struct report_table *sample_add_corruption(struct report *report)
{
    static const double groups_paper[4][2] = {{59.7, 62.3}, {48.6, 57.1}, {66.9, 69.0}, {68.0, 73.7}};
    struct report_table *t =
        report_add_table(report, "corruption", "Corruptions", "Top-1 accuracy on ImageNet-C, the mean over severities 1 to 5.");
    report_table_compare(t, REPORT_COMPARE_COLUMNS);
    report_table_add_column(t, &(struct report_column){.name = "Corruption"});
    report_table_add_column(
        t, &(struct report_column){.over = "Here", .name = "CLIP", .unit = "%", .decimals = 1, .better = REPORT_HIGHER});
    report_table_add_column(
        t, &(struct report_column){.over = "Here", .name = "LMVR", .unit = "%", .decimals = 1, .better = REPORT_HIGHER});
    report_table_add_column(
        t, &(struct report_column){.over = "Here", .key = "gain", .name = "gain", .decimals = 1, .plus = true});
    report_table_add_column(
        t,
        &(struct report_column){
            .over = "Paper", .name = "CLIP", .unit = "%", .decimals = 1, .better = REPORT_HIGHER, .kind = REPORT_COLUMN_PAPER});
    report_table_add_column(
        t,
        &(struct report_column){
            .over = "Paper", .name = "LMVR", .unit = "%", .decimals = 1, .better = REPORT_HIGHER, .kind = REPORT_COLUMN_PAPER});
    double sums[2] = {0, 0};
    size_t count = 0, group = 0;
    for (size_t i = 0; i < 15; i++) {
        const struct sample_corruption *c = &sample_corruptions[i];
        if (i == 0 || strcmp(c->group, c[-1].group) != 0)
            report_table_add_group(t, c->group);
        struct report_cell cells[] = {report_text(c->name), report_number(c->clip), report_number(c->lmvr),
                                      report_number(c->lmvr - c->clip)};
        report_table_add_row(t, REPORT_MEASURED, cells, 4);
        sums[0] += c->clip;
        sums[1] += c->lmvr;
        count++;
        if (i == 14 || strcmp(c->group, c[1].group) != 0) {
            double n = (double)count;
            struct report_cell mean[] = {report_text("mean"),
                                         report_number(sums[0] / n),
                                         report_number(sums[1] / n),
                                         report_number((sums[1] - sums[0]) / n),
                                         report_number(groups_paper[group][0]),
                                         report_number(groups_paper[group][1])};
            report_table_add_row(t, REPORT_SUMMARY, mean, 6);
            group++;
            count = 0;
            sums[0] = sums[1] = 0;
        }
    }
    return t;
}

UNUSED static struct report_chart *sample_add_bars(struct report *report)
{
    double clip[15], lmvr[15];
    struct report_chart *c = report_add_chart(
        report, "corruption", "Accuracy by corruption", "The mean over five severities.",
        &(struct report_chart_options){.kind = REPORT_BARS, .value_title = "Top-1 accuracy", .unit = "%", .decimals = 1});
    for (size_t i = 0; i < 15; i++) {
        report_chart_add_category(c, sample_corruptions[i].name, sample_corruptions[i].group);
        clip[i] = sample_corruptions[i].clip;
        lmvr[i] = sample_corruptions[i].lmvr;
    }
    report_chart_add_series(c, &(struct report_series){.name = "encoder (CLIP)", .color = 0}, clip, 15);
    report_chart_add_series(c, &(struct report_series){.name = "LMVR", .color = 1}, lmvr, 15);
    return c;
}

UNUSED static struct report_chart *sample_add_groups(struct report *report)
{
    static const char *const names[] = {"noise", "blur", "weather", "digital"};
    static const double values[4][4] = {
        {59.7, 48.6, 66.9, 68.0}, {62.3, 57.1, 69.0, 73.7}, {59.7, 48.6, 66.9, 68.0}, {62.3, 57.1, 69.0, 73.7}};
    struct report_chart *c = report_add_chart(
        report, "groups", "Accuracy by group", "",
        &(struct report_chart_options){.kind = REPORT_BARS, .value_title = "Top-1 accuracy", .unit = "%", .decimals = 1});
    for (size_t i = 0; i < 4; i++)
        report_chart_add_category(c, names[i], NULL);
    report_chart_add_series(c, &(struct report_series){.name = "encoder (CLIP)", .color = 0}, values[0], 4);
    report_chart_add_series(c, &(struct report_series){.name = "encoder, paper", .color = 0, .paper = true}, values[2], 4);
    report_chart_add_series(c, &(struct report_series){.name = "LMVR", .color = 1}, values[1], 4);
    report_chart_add_series(c, &(struct report_series){.name = "LMVR, paper", .color = 1, .paper = true}, values[3], 4);
    return c;
}

UNUSED static struct report_chart *sample_add_lines(struct report *report)
{
    static const double values[3][5] = {
        {72.4, 68.1, 62.0, 54.3, 44.2}, {75.1, 72.0, 67.2, 60.9, 52.7}, {73.0, 70.4, 64, 58, 49}};
    struct report_chart *c = report_add_chart(
        report, "severity", "Accuracy by severity", "The mean over fifteen corruptions.",
        &(struct report_chart_options){
            .kind = REPORT_LINES, .category_title = "Severity", .value_title = "Top-1 accuracy", .unit = "%", .decimals = 1});
    for (int i = 1; i <= 5; i++)
        report_chart_add_category(c, (char[]){(char)('0' + i), '\0'}, NULL);
    report_chart_add_series(c, &(struct report_series){.name = "encoder (CLIP)", .color = 0}, values[0], 5);
    report_chart_add_series(c, &(struct report_series){.name = "LMVR", .color = 1}, values[1], 5);
    report_chart_add_series(c, &(struct report_series){.name = "LMVR before generation", .color = 2}, values[2], 5);
    return c;
}

/* A PNG of two gray pixels. */
static const unsigned char sample_png[] = {137, 80,  78,  71,  13, 10, 26, 10,  0,   0,  0,  13, 73,  72,  68, 82,  0,
                                           0,   0,   2,   0,   0,  0,  1,  8,   0,   0,  0,  0,  209, 73,  32, 86,  0,
                                           0,   0,   11,  73,  68, 65, 84, 120, 156, 99, 72, 56, 0,   0,   1,  131, 1,
                                           33,  249, 248, 137, 60, 0,  0,  0,   0,   73, 69, 78, 68,  174, 66, 96,  130};

UNUSED static struct report_gallery *sample_add_pictures(struct report *report)
{
    static const struct report_mark marks[] = {{8, 13}, {0, 3}};
    struct report_gallery *g = report_add_gallery(report, "responses", "Responses", HOSTILE_TEXT, 0);
    report_gallery_add(g, &(struct report_picture){sample_png, sizeof sample_png, HOSTILE_TAG ".jpg", HOSTILE_TEXT,
                                                   HOSTILE_TEXT, marks, 2, 2, 1});
    report_gallery_add(g, &(struct report_picture){"no picture", 10, "broken.webp", "dog", "", NULL, 0, 0, 0});
    return g;
}

UNUSED static struct report_table *sample_add_hostile(struct report *report)
{
    struct report_table *t = report_add_table(report, HOSTILE_TAG, HOSTILE_TEXT, HOSTILE_TEXT);
    report_table_add_column(t, &(struct report_column){.name = "Class | \"name\""});
    report_table_add_column(
        t, &(struct report_column){
               .over = HOSTILE_TEXT, .name = HOSTILE_TEXT, .unit = "<%>", .decimals = 2, .better = REPORT_LOWER});
    report_table_add_column(t, &(struct report_column){.name = "note", .kind = REPORT_COLUMN_NOTE});
    struct report_cell rows[][3] = {{report_text(HOSTILE_TEXT), report_number(-1.5), report_text(HOSTILE_TEXT)},
                                    {report_text("NaN"), report_number((double)NAN), report_text(HOSTILE_TEXT)},
                                    {report_text("infinite"), report_number((double)-INFINITY), report_text(HOSTILE_TEXT)},
                                    {report_text("two\nlines"), report_missing(HOSTILE_TEXT), report_text(HOSTILE_TEXT)}};
    report_table_add_group(t, HOSTILE_TEXT);
    for (size_t i = 0; i < 4; i++)
        report_table_add_row(t, i == 3 ? REPORT_PAPER : REPORT_MEASURED, rows[i], 3);
    return t;
}

UNUSED static struct report *sample_create(void)
{
    struct report *report = report_create("Experiments " HOSTILE_TEXT);
    report_add_fact(report, HOSTILE_TEXT, "%s", HOSTILE_TEXT);
    report_add_text(report, "First.\n\n%s\n\n\nThird.", HOSTILE_TEXT);
    sample_add_design(report);
    report_add_section(report, "Section " HOSTILE_TEXT);
    report_add_notice(report, "3 images were left out: %s", HOSTILE_TEXT);
    sample_add_components(report);
    sample_add_corruption(report);
    report_add_section(report, "Empty section");
    report_add_section(report, "Figures");
    sample_add_bars(report);
    sample_add_groups(report);
    sample_add_lines(report);
    sample_add_pictures(report);
    sample_add_hostile(report);
    return report;
}

#endif
