#include "layout.h"

#define A "MEN-Denim-id_00000080-01_7_additional.jpg"
#define B "WOMEN-Tees_Tanks-id_00007938-05_4_full.jpg"
#define C "WOMEN-Tees_Tanks-id_00007938-05_1_front.jpg"

static void put_set(void)
{
    put_text("labels/shape/shape_anno_all.txt",
             A " 3 3 0 1 2 0 1 0 4 5 2 1\n" B " 0 4 3 2 4 2 2 2 3 6 0 0\n" C " 5 0 2 0 3 1 0 1 0 0 1 2\n");
    put_text("labels/texture/fabric_ann.txt", A " 0 1 7\n" C " 6 7 2\n" B " 5 4 3\n");
    put_text("labels/texture/pattern_ann.txt", A " 3 6 7\r\n" B " 0 1 2\r\n" C " 7 4 5\r\n");
    put_images("images/" A " images/" B " images/" C);
}

/* The row of an image; the splits are random. */
static int64_t row_of(const struct dataset *set, const char *name)
{
    for (int64_t i = 0; i < set->count; i++)
        if (strstr(set->paths[i], name))
            return i;
    fail_msg("there is no %s", name);
    return -1;
}

static void assert_values(const struct dataset *set, const char *name, const int32_t expected[18])
{
    int64_t row = row_of(set, name);
    for (int t = 0; t < 18; t++)
        if (set->tasks[t].labels.single[row] != expected[t])
            fail_msg("%s: %s is %d, expected %d", name, set->tasks[t].name, set->tasks[t].labels.single[row], expected[t]);
}

static void test_every_attribute_is_a_task_in_the_group_of_its_file(void **state)
{
    (void)state;
    static const struct {
        const char *name, *group, *classes;
    } tasks[18] = {
        {"sleeve length", "object", "sleeveless,short-sleeve,medium-sleeve,long-sleeve,not long-sleeve"},
        {"lower clothing length", "object", "three-point,medium short,three-quarter,long"},
        {"socks", "object", "no,socks,leggings"},
        {"hat", "object", "no,yes"},
        {"glasses", "object", "no,eyeglasses,sunglasses,have a glasses in hand or clothes"},
        {"neckwear", "object", "no,yes"},
        {"wrist wearing", "object", "no,yes"},
        {"ring", "object", "no,yes"},
        {"waist accessories", "object", "no,belt,have a clothing,hidden"},
        {"neckline", "object", "V-shape,square,round,standing,lapel,suspenders"},
        {"outer clothing a cardigan", "object", "yes,no"},
        {"upper clothing covering navel", "object", "no,yes"},
        {"upper fabric", "fabric", "denim,cotton,leather,furry,knitted,chiffon,other"},
        {"lower fabric", "fabric", "denim,cotton,leather,furry,knitted,chiffon,other"},
        {"outer fabric", "fabric", "denim,cotton,leather,furry,knitted,chiffon,other"},
        {"upper pattern", "texture", "floral,graphic,striped,pure color,lattice,other,color block"},
        {"lower pattern", "texture", "floral,graphic,striped,pure color,lattice,other,color block"},
        {"outer pattern", "texture", "floral,graphic,striped,pure color,lattice,other,color block"},
    };
    put_set();
    struct dataset set = open_set("deepfashion", ".");
    assert_int_equal(set.task_count, 18);
    for (int t = 0; t < 18; t++) {
        assert_string_equal(set.tasks[t].name, tasks[t].name);
        assert_string_equal(set.tasks[t].group, tasks[t].group);
        assert_classes(&set, t, tasks[t].classes);
    }
    dataset_finish(&set);
}

static void test_values_that_are_not_visible_are_left_out(void **state)
{
    (void)state;
    put_set();
    struct dataset set = open_set("deepfashion", ".");
    assert_int_equal(set.count, 3);
    assert_values(&set, A, (int32_t[]){3, 3, 0, 1, 2, 0, 1, 0, -1, 5, -1, 1, 0, 1, -1, 3, 6, -1});
    assert_values(&set, B, (int32_t[]){0, -1, -1, -1, -1, -1, -1, -1, 3, -1, 0, 0, 5, 4, 3, 0, 1, 2});
    assert_values(&set, C, (int32_t[]){-1, 0, 2, 0, 3, 1, 0, 1, 0, 0, 1, -1, 6, -1, 2, -1, 4, 5});
    assert_int_equal(set.left_out, 0);
    dataset_finish(&set);
}

static void test_a_piece_of_clothing_is_in_one_part_only(void **state)
{
    (void)state;
    static char shape[65536], other[65536];
    char path[128];
    put_set();
    size_t s = 0, o = 0;
    for (int i = 0; i < 300; i++) {
        int item = 1000 + i % 50;
        const char *who = i % 2 ? "WOMEN-Skirts" : "MEN-Shorts";
        s += (size_t)snprintf(shape + s, sizeof shape - s, "%s-id_%08d-%02d_1_front.jpg 0 0 0 0 0 0 0 0 0 0 0 0\n", who, item,
                              i);
        o += (size_t)snprintf(other + o, sizeof other - o, "%s-id_%08d-%02d_1_front.jpg 0 0 0\n", who, item, i);
        snprintf(path, sizeof path, "images/%s-id_%08d-%02d_1_front.jpg", who, item, i);
        put_text(path, "x");
    }
    put_text("labels/shape/shape_anno_all.txt", shape);
    put_text("labels/texture/fabric_ann.txt", other);
    put_text("labels/texture/pattern_ann.txt", other);
    struct dataset set = open_set("deepfashion", ".");
    assert_int_equal(set.count, 300);
    assert_int_equal(set.train_count, 240); /* 40 of 50 items, of 6 images each */
    for (int64_t i = 0; i < set.train_count; i++)
        for (int64_t j = set.train_count; j < set.count; j++)
            assert_memory_not_equal(strstr(set.paths[i], "id_"), strstr(set.paths[j], "id_"), 11);
    uint64_t fingerprint = set.fingerprint;
    dataset_finish(&set);
    struct dataset_options options = {.seed = 1};
    set = open_with("deepfashion", ".", &options);
    assert_int_not_equal(set.fingerprint, fingerprint);
    dataset_finish(&set);
}

static void test_missing_files_say_where_to_get_them(void **state)
{
    (void)state;
    assert_refused("deepfashion", ".", "labels/shape/shape_anno_all.txt is missing|github.com/yumingj/DeepFashion-MultiModal");
    put_set();
    remove("labels/texture/pattern_ann.txt");
    assert_refused("deepfashion", ".", "labels/texture/pattern_ann.txt is missing|github.com/yumingj/DeepFashion-MultiModal");
    put_set();
    remove_tree("images");
    assert_refused("deepfashion", ".", "no image to train on|images/" A "|github.com/yumingj");
}

static void test_labels_may_lie_a_folder_deeper(void **state)
{
    (void)state;
    put_set();
    assert_int_equal(rename("labels", "l"), 0);
    assert_int_equal(mkdir("labels", 0777), 0);
    assert_int_equal(rename("l", "labels/labels"), 0);
    struct dataset set = open_set("deepfashion", ".");
    assert_int_equal(set.count, 3);
    dataset_finish(&set);
}

static void test_lists_that_differ_are_joined_by_name(void **state)
{
    (void)state;
    put_set();
    put_text("labels/texture/fabric_ann.txt", C " 6 7 2\nnew.jpg 1 1 1\nmissing.jpg 1 1 1\n");
    put_images("images/new.jpg");
    struct dataset set = open_set("deepfashion", ".");
    assert_int_equal(set.count, 4);
    assert_int_equal(set.tasks[12].labels.single[row_of(&set, A)], -1);
    assert_int_equal(set.tasks[12].labels.single[row_of(&set, C)], 6);
    assert_int_equal(set.tasks[12].labels.single[row_of(&set, "new")], 1);
    assert_int_equal(set.tasks[0].labels.single[row_of(&set, "new")], -1);
    assert_int_equal(set.left_out, 1);
    assert_words(set.left_out_why, "fabric_ann.txt|images/missing.jpg");
    dataset_finish(&set);
}

static void test_values_without_a_meaning_and_names_twice_are_left_out_and_counted(void **state)
{
    (void)state;
    put_set();
    put_text("labels/texture/fabric_ann.txt", A " 0 9 2\n" C " 6 7 2\n" A " 1 1 1\n" B " 1 1 1\n");
    struct dataset set = open_set("deepfashion", ".");
    assert_int_equal(set.tasks[12].labels.single[row_of(&set, A)], 0);
    assert_int_equal(set.tasks[13].labels.single[row_of(&set, A)], -1);
    assert_int_equal(set.tasks[14].labels.single[row_of(&set, A)], 2);
    assert_int_equal(set.left_out, 2);
    assert_words(set.left_out_why, "fabric_ann.txt|line 1|lower fabric is 9|0 to 7");
    dataset_finish(&set);
}

static void test_lines_that_make_no_sense_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {A " 0 1\n", "line 1|3 numbers"},
        {"\n" A " 0 1 x\n", "line 2|3 numbers"},
        {A " 0 1 2 3\n", "line 1|more than 3 numbers"},
        {A " 0 1 -1\n", "line 1|3 numbers"},
        {A "\n", "line 1|3 numbers"},
        {"7\n", "line 1|3 numbers"},
        {A " 1.0 1 1\n", "line 1|3 numbers"},
    };
    put_set();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_text("labels/texture/pattern_ann.txt", cases[i].text);
        assert_refused("deepfashion", ".", "pattern_ann.txt");
        assert_refused("deepfashion", ".", cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_every_attribute_is_a_task_in_the_group_of_its_file),
        IN_SCRATCH(test_values_that_are_not_visible_are_left_out),
        IN_SCRATCH(test_a_piece_of_clothing_is_in_one_part_only),
        IN_SCRATCH(test_missing_files_say_where_to_get_them),
        IN_SCRATCH(test_labels_may_lie_a_folder_deeper),
        IN_SCRATCH(test_lists_that_differ_are_joined_by_name),
        IN_SCRATCH(test_values_without_a_meaning_and_names_twice_are_left_out_and_counted),
        IN_SCRATCH(test_lines_that_make_no_sense_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
