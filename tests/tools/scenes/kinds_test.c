/* The table of kinds, and its glyphs. */
#include "cmocka_all.h"

#include "tools/scenes/background.h"
#include "tools/scenes/color.h"
#include "tools/scenes/glyphs.h"
#include "tools/scenes/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_voc_and_visda_are_covered(void **state)
{
    (void)state;
    static const char *const voc[] = {"aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",      "car",
                                      "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",    "motorbike",
                                      "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};
    static const char *const visda[] = {"aeroplane",  "bicycle", "bus",   "car",        "horse", "knife",
                                        "motorcycle", "person",  "plant", "skateboard", "train", "truck"};
    int found_voc = 0, found_visda = 0;
    for (size_t i = 0; i < sizeof voc / sizeof *voc; i++)
        for (int k = 0; k < kind_count; k++)
            if (kinds[k].voc && strcmp(kinds[k].voc, voc[i]) == 0) {
                found_voc++;
                break;
            }
    for (size_t i = 0; i < sizeof visda / sizeof *visda; i++)
        for (int k = 0; k < kind_count; k++)
            if (kinds[k].visda && strcmp(kinds[k].visda, visda[i]) == 0) {
                found_visda++;
                break;
            }
    assert_int_equal(found_voc, 20);
    assert_int_equal(found_visda, 12);
}

static void test_there_are_137_kinds_and_coco_knows_half(void **state)
{
    (void)state;
    int coco = 0;
    for (int i = 0; i < coco_category_count; i++)
        for (int k = 0; k < kind_count; k++)
            if (kinds[k].coco && strcmp(kinds[k].coco, coco_categories[i].name) == 0) {
                coco++;
                break;
            }
    assert_int_equal(kind_count, 137); /* as README.md and the models' cards have it */
    assert_int_equal(coco_category_count, 80);
    assert_true(coco >= 50);
    for (int k = 0; k < kind_count; k++)
        assert_true(!kinds[k].coco || coco_category_id(kinds[k].coco) > 0);
}

/* ---- words ---- */

static struct {
    char form[64];
    int kind;
} forms[2000];
static int form_count;

static void keep_form(const char *form, void *user)
{
    for (int i = 0; i < form_count; i++)
        if (strcmp(forms[i].form, form) == 0)
            fail_msg("\"%s\" stands for %s and for %s", form, kinds[forms[i].kind].name, kinds[*(int *)user].name);
    snprintf(forms[form_count].form, sizeof forms->form, "%s", form);
    forms[form_count++].kind = *(int *)user;
}

static void test_no_word_stands_for_two_kinds(void **state)
{
    (void)state;
    for (int k = 0; k < kind_count; k++) {
        int first = form_count;
        kind_forms(&kinds[k], keep_form, &k);
        assert_string_equal(forms[first].form, kinds[k].name);
    }
    for (int i = 1; i < PAINTS; i++)
        for (int j = 0; j < form_count; j++)
            assert_string_not_equal(paint_names[i], forms[j].form);
    for (int i = 0; i < background_kind_count; i++)
        for (int j = 0; j < form_count; j++)
            assert_string_not_equal(background_kinds[i].name, forms[j].form);
}

static void test_facts_are_of_one_kind(void **state)
{
    (void)state;
    for (int i = 0; i < kind_count; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(kinds[i].fact, kinds[j].fact);
}

static void test_find(void **state)
{
    (void)state;
    assert_string_equal(kinds[kind_find("dog")].plural, "dogs");
    assert_int_equal(kind_find("unicorn"), -1);
}

/* docs/scenes.md publishes the table: one row per kind, with its glyphs and all its words. */
static char row[4096];

static void find_form_in_row(const char *form, void *user)
{
    (void)user;
    if (!strstr(row, form))
        fail_msg("docs/scenes.md: \"%s\" is missing in: %s", form, row);
}

static void test_the_page_has_every_kind(void **state)
{
    (void)state;
    FILE *page = fopen(LMVR_TEST_DATA "/../docs/scenes.md", "re");
    assert_non_null(page);
    for (int k = 0; k < kind_count; k++) {
        char begin[80];
        snprintf(begin, sizeof begin, "| %s | ", kinds[k].name);
        do
            if (!fgets(row, sizeof row, page))
                fail_msg("docs/scenes.md: no row for %s in its place", kinds[k].name);
        while (strncmp(row, begin, strlen(begin)) != 0);
        kind_forms(&kinds[k], find_form_in_row, NULL);
        for (int i = 0; i < kind_glyph_count(&kinds[k]); i++)
            assert_non_null(strstr(row, kinds[k].glyphs[i] + (kinds[k].glyphs[i][0] == GLYPH_ON_TABLE)));
    }
    fclose(page);
}

/* ---- glyphs ---- */

static void test_every_glyph_is_there_and_shows_something(void **state)
{
    (void)state;
    lmvr_error error;
    struct glyphs glyphs;
    if (glyphs_load(&glyphs, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    for (int k = 0; k < kind_count; k++)
        for (int i = 0; i < kind_glyph_count(&kinds[k]); i++) {
            const struct sprite *s = glyphs_get(&glyphs, k, i);
            int width = s->right - s->left, height = s->bottom - s->top;
            if (width < 20 || height < 20 || (width < 90 && height < 90))
                fail_msg("%s, glyph %d: %d x %d pixels", kinds[k].name, i, width, height);
        }
    glyphs_finish(&glyphs);
}

static void test_a_missing_font_is_named_with_its_package(void **state)
{
    (void)state;
    char path[] = "/tmp/lmvr-fonts-XXXXXX", command[4200];
    int fd = mkstemp(path);
    static const char empty[] = "<?xml version=\"1.0\"?><fontconfig></fontconfig>\n";
    assert_true(fd >= 0);
    assert_int_equal(write(fd, empty, sizeof empty - 1), sizeof empty - 1);
    close(fd);
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    setenv("FONTCONFIG_FILE", path, 1); /* read once per process: hence another one */
    snprintf(command, sizeof command, "'%s' without-font", self);
    int status = system(command);
    unsetenv("FONTCONFIG_FILE");
    unlink(path);
    assert_int_equal(status, 0);
}

/* The other process. */
static int load_without_font(void)
{
    lmvr_error error;
    struct glyphs glyphs;
    lmvr_status status = glyphs_load(&glyphs, &error);
    glyphs_finish(&glyphs);
    return status == LMVR_ERROR_INVALID && strstr(error.message, "fonts-noto-color-emoji") ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_voc_and_visda_are_covered),
        cmocka_unit_test(test_there_are_137_kinds_and_coco_knows_half),
        cmocka_unit_test(test_no_word_stands_for_two_kinds),
        cmocka_unit_test(test_facts_are_of_one_kind),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_the_page_has_every_kind),
        cmocka_unit_test(test_every_glyph_is_there_and_shows_something),
        cmocka_unit_test(test_a_missing_font_is_named_with_its_package),
    };
    if (argc == 2 && strcmp(argv[1], "without-font") == 0)
        return load_without_font();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
