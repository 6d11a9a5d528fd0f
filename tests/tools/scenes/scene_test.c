/* Scenes keep the promises of docs/scenes.md: number of objects, sizes, overlaps; and their boxes fit. */
#include "cmocka_all.h"

#include "tools/scenes/draw.h"
#include "tools/scenes/kind.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCENES 500
#define SIZE   224

static struct glyphs glyphs;
static int all_kinds[256];
static struct scene_rules rules = {.kinds = all_kinds, .least = 2, .most = SCENE_MAX_OBJECTS};
static struct scene scenes[SCENES];
static uint64_t picture_hashes[SCENES];

static uint64_t hash_of(const uint8_t *bytes, size_t size)
{
    uint64_t hash = 1469598103934665603U;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211U;
    return hash;
}

static uint64_t draw(struct scene *scene, int size)
{
    lmvr_error error;
    uint8_t *rgb = malloc((size_t)size * size * 3);
    assert_non_null(rgb);
    assert_int_equal(scene_draw(&glyphs, scene, size, rgb, &error), LMVR_OK);
    uint64_t hash = hash_of(rgb, (size_t)size * size * 3);
    free(rgb);
    return hash;
}

static int make_scenes(void **state)
{
    (void)state;
    lmvr_error error;
    if (glyphs_load(&glyphs, &error) != LMVR_OK)
        return -1;
    for (int i = 0; i < kind_count; i++)
        all_kinds[i] = i;
    rules.kind_count = kind_count;
    for (uint64_t i = 0; i < SCENES; i++) {
        scene_choose(&glyphs, &rules, random_of(1, 0, i), &scenes[i]);
        picture_hashes[i] = draw(&scenes[i], SIZE);
    }
    return 0;
}

static int free_glyphs(void **state)
{
    (void)state;
    glyphs_finish(&glyphs);
    return 0;
}

static void test_two_to_five_objects(void **state)
{
    (void)state;
    int counts[SCENE_MAX_OBJECTS + 1] = {0}, repeated = 0;
    for (int i = 0; i < SCENES; i++) {
        assert_in_range(scenes[i].count, 2, 5);
        counts[scenes[i].count]++;
        repeated += scenes[i].objects[0].kind == scenes[i].objects[1].kind;
    }
    for (int n = 2; n <= 5; n++)
        assert_true(counts[n] > SCENES / 8);
    assert_in_range(repeated, SCENES / 20, SCENES / 2);
}

static void test_boxes_are_inside_and_as_large_as_promised(void **state)
{
    (void)state;
    for (int i = 0; i < SCENES; i++)
        for (int j = 0; j < scenes[i].count; j++) {
            const struct object *o = &scenes[i].objects[j];
            const struct box *b = &o->box;
            double width = (double)(b->right - b->left) / SIZE, height = (double)(b->bottom - b->top) / SIZE;
            assert_true(b->left >= 0 && b->top >= 0 && b->right <= SIZE && b->bottom <= SIZE);
            if (fmin(width, height) < SCENE_LEAST_SIDE || fmax(width, height) > SCENE_MOST_SIDE)
                fail_msg("scene %d: a %s of %.3f x %.3f", i, kinds[o->kind].name, width, height);
            assert_true(fabs(o->angle) <= SCENE_MOST_TURN);
            assert_true(o->visible > 0.3 && o->visible <= 1);
        }
}

static void test_overlaps_are_bounded(void **state)
{
    (void)state;
    int overlapping = 0;
    for (int i = 0; i < SCENES; i++)
        for (int j = 0; j < scenes[i].count; j++)
            for (int k = 0; k < j; k++) {
                const struct box *a = &scenes[i].objects[j].box, *b = &scenes[i].objects[k].box;
                struct rectangle first = {a->left, a->top, a->right, a->bottom},
                                 second = {b->left, b->top, b->right, b->bottom};
                double overlap = scene_overlap(&first, &second);
                assert_true(overlap <= SCENE_MOST_OVERLAP);
                overlapping += overlap > 0.02;
            }
    assert_true(overlapping > SCENES / 10);
}

/* A box bounds the pixels that differ from the background. */
static void test_boxes_fit_the_pixels(void **state)
{
    (void)state;
    lmvr_error error;
    static uint8_t with[SIZE * SIZE * 3], without[SIZE * SIZE * 3];
    struct scene_rules one = rules;
    one.least = one.most = 1;
    for (uint64_t i = 0; i < 60; i++) {
        struct scene s, empty;
        scene_choose(&glyphs, &one, random_of(2, 0, i), &s);
        s.shadows = false;
        assert_int_equal(s.count, 1);
        empty = s;
        empty.count = 0;
        assert_int_equal(scene_draw(&glyphs, &s, SIZE, with, &error), LMVR_OK);
        assert_int_equal(scene_draw(&glyphs, &empty, SIZE, without, &error), LMVR_OK);
        struct box found = {SIZE, SIZE, 0, 0};
        for (int y = 0; y < SIZE; y++)
            for (int x = 0; x < SIZE; x++) {
                const uint8_t *a = with + 3 * (y * SIZE + x), *b = without + 3 * (y * SIZE + x);
                if (abs(a[0] - b[0]) + abs(a[1] - b[1]) + abs(a[2] - b[2]) < 24)
                    continue;
                found.left = x < found.left ? x : found.left;
                found.right = x >= found.right ? x + 1 : found.right;
                found.top = y < found.top ? y : found.top;
                found.bottom = y + 1;
            }
        const struct box *b = &s.objects[0].box; /* part of an object may have the background's color */
        assert_true(found.left >= b->left - 2 && found.right <= b->right + 2);
        assert_true(found.top >= b->top - 2 && found.bottom <= b->bottom + 2);
        assert_true((found.right - found.left) * 10 > (b->right - b->left) * 7);
        assert_true((found.bottom - found.top) * 10 > (b->bottom - b->top) * 7);
    }
}

static void test_a_scene_is_as_good_at_any_size(void **state)
{
    (void)state;
    static const int sizes[] = {DRAW_LEAST_SIZE, 336};
    for (int i = 0; i < 100; i++)
        for (int s = 0; s < 2; s++) {
            struct scene scene = scenes[i];
            draw(&scene, sizes[s]);
            for (int j = 0; j < scene.count; j++) {
                const struct box *a = &scenes[i].objects[j].box, *b = &scene.objects[j].box;
                assert_true(fabs((double)a->left / SIZE - (double)b->left / sizes[s]) < 0.02);
                assert_true(fabs((double)a->bottom / SIZE - (double)b->bottom / sizes[s]) < 0.02);
                assert_true(b->right - b->left >= SCENE_LEAST_SIDE * sizes[s]);
                assert_true(b->bottom - b->top >= SCENE_LEAST_SIDE * sizes[s]);
            }
        }
}

static void test_many_kinds_and_backgrounds_are_used(void **state)
{
    (void)state;
    bool kind_used[256] = {false}, background_used[64] = {false};
    int used_kinds = 0, used_backgrounds = 0, painted = 0;
    for (int i = 0; i < SCENES; i++) {
        used_backgrounds += !background_used[scenes[i].background.kind];
        background_used[scenes[i].background.kind] = true;
        for (int j = 0; j < scenes[i].count; j++) {
            used_kinds += !kind_used[scenes[i].objects[j].kind];
            kind_used[scenes[i].objects[j].kind] = true;
            painted += scenes[i].objects[j].paint != PAINT_NONE;
            assert_true(scenes[i].objects[j].paint == PAINT_NONE || kinds[scenes[i].objects[j].kind].paintable);
        }
    }
    assert_true(used_kinds >= 100);
    assert_true(used_backgrounds >= 20);
    assert_true(painted > 50);
}

static void test_a_scene_hangs_on_its_seed_part_and_index_alone(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        struct scene again;
        scene_choose(&glyphs, &rules, random_of(1, 0, i), &again);
        assert_true(draw(&again, SIZE) == picture_hashes[i]);
        assert_memory_equal(again.objects, scenes[i].objects, sizeof again.objects);
    }
}

static void test_no_two_pictures_are_the_same_in_any_part(void **state)
{
    (void)state;
    static uint64_t all[SCENES + 3 * 100];
    int count = SCENES;
    memcpy(all, picture_hashes, sizeof picture_hashes);
    for (int other = 0; other < 3; other++)
        for (uint64_t i = 0; i < 100; i++) {
            struct scene s;
            scene_choose(&glyphs, &rules, other == 2 ? random_of(77, 0, i) : random_of(1, 1 + other, i), &s);
            all[count++] = draw(&s, SIZE);
        }
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            assert_true(all[i] != all[j]);
}

static void test_the_first_numbers_of_parts_never_meet(void **state)
{
    (void)state;
    static uint64_t seen[3][2000];
    for (int part = 0; part < 3; part++)
        for (uint64_t i = 0; i < 2000; i++) {
            struct random r = random_of(9, part, i);
            seen[part][i] = random_next(&r);
        }
    for (int i = 0; i < 2000; i++)
        for (int j = 0; j < 2000; j++) {
            assert_true(seen[0][i] != seen[1][j]);
            assert_true(seen[1][i] != seen[2][j]);
            assert_true(i == j || seen[0][i] != seen[0][j]);
        }
}

/* Ink on paper: dark lines, and only the paper's and the ink's colors. */
static void test_drawings_are_ink_on_paper(void **state)
{
    (void)state;
    lmvr_error error;
    static uint8_t rgb[SIZE * SIZE * 3];
    struct scene_rules drawn = rules;
    int used[MANNERS] = {0};
    drawn.least = drawn.most = 1;
    drawn.drawn = true;
    for (uint64_t i = 0; i < 60; i++) {
        struct scene s;
        scene_choose(&glyphs, &drawn, random_of(3, 1, i), &s);
        used[s.manner]++;
        assert_string_equal(background_kinds[s.background.kind].name, "paper");
        assert_int_equal(s.objects[0].paint, PAINT_NONE);
        assert_int_equal(scene_draw(&glyphs, &s, SIZE, rgb, &error), LMVR_OK);
        const struct box *b = &s.objects[0].box;
        long dark = 0;
        for (int y = b->top; y < b->bottom; y++)
            for (int x = b->left; x < b->right; x++) {
                const uint8_t *p = rgb + 3 * (y * SIZE + x);
                dark += p[0] + p[1] + p[2] < 420;
            }
        assert_true(dark * 50 > (long)(b->right - b->left) * (b->bottom - b->top));
    }
    for (int m = 0; m < MANNERS; m++)
        assert_true(m < MANNERS_PAINTED ? used[m] == 0 : used[m] > 5);
}

static double mean_of(const uint8_t *rgb, int x0, int x1, int channel)
{
    double sum = 0;
    for (int y = 0; y < SIZE; y++)
        for (int x = x0; x < x1; x++)
            sum += rgb[3 * (y * SIZE + x) + channel];
    return sum / ((x1 - x0) * SIZE);
}

/* A manner changes the pixels and nothing else: objects, boxes and texts stay the same. */
static void test_manners_change_pixels_alone(void **state)
{
    (void)state;
    lmvr_error error;
    static uint8_t pictures[MANNERS_PAINTED][SIZE * SIZE * 3];
    for (uint64_t i = 0; i < 20; i++) {
        struct scene plain, s;
        scene_choose(&glyphs, &rules, random_of(4, 0, i), &plain);
        for (int m = 0; m < MANNERS_PAINTED; m++) {
            s = plain;
            scene_choose_manner(&s, 1U << m);
            assert_int_equal(s.manner, m);
            assert_int_equal(scene_draw(&glyphs, &s, SIZE, pictures[m], &error), LMVR_OK);
            assert_memory_equal(&s.words, &plain.words, sizeof s.words);
            if (m == 0)
                plain = s; /* with its boxes */
            for (int o = 0; o < s.count; o++)
                assert_memory_equal(&s.objects[o].box, &plain.objects[o].box, sizeof s.objects[o].box);
            for (int n = 0; n < m; n++)
                assert_memory_not_equal(pictures[n], pictures[m], sizeof pictures[m]);
        }
        for (int p = 0; p < SIZE * SIZE; p++)
            for (int c = 1; c < 3; c++) {
                assert_int_equal(pictures[MANNER_GRAY][3 * p], pictures[MANNER_GRAY][3 * p + c]);
                assert_int_equal(pictures[MANNER_PENCIL][3 * p], pictures[MANNER_PENCIL][3 * p + c]);
            }
        assert_true(mean_of(pictures[MANNER_PENCIL], 0, SIZE, 0) > 128); /* on white */
    }
}

/* Each of several manners occurs; none given, or a drawing, leaves the scene unchanged. */
static void test_each_manner_that_is_allowed_comes_up(void **state)
{
    (void)state;
    int used[MANNERS] = {0};
    for (uint64_t i = 0; i < 300; i++) {
        struct scene s;
        scene_choose(&glyphs, &rules, random_of(5, 0, i), &s);
        scene_choose_manner(&s, 1U << MANNER_PHOTO | 1U << MANNER_FLAT | 1U << MANNER_PENCIL);
        used[s.manner]++;
        scene_choose(&glyphs, &rules, random_of(5, 0, i), &s);
        scene_choose_manner(&s, 0);
        assert_int_equal(s.manner, MANNER_COLORS);
        s.manner = MANNER_HATCHING;
        scene_choose_manner(&s, 1U << MANNER_GRAY);
        assert_int_equal(s.manner, MANNER_HATCHING);
    }
    assert_true(used[MANNER_PHOTO] > 70 && used[MANNER_FLAT] > 70 && used[MANNER_PENCIL] > 70);
    assert_int_equal(used[MANNER_PHOTO] + used[MANNER_FLAT] + used[MANNER_PENCIL], 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_to_five_objects),
        cmocka_unit_test(test_boxes_are_inside_and_as_large_as_promised),
        cmocka_unit_test(test_overlaps_are_bounded),
        cmocka_unit_test(test_boxes_fit_the_pixels),
        cmocka_unit_test(test_a_scene_is_as_good_at_any_size),
        cmocka_unit_test(test_many_kinds_and_backgrounds_are_used),
        cmocka_unit_test(test_a_scene_hangs_on_its_seed_part_and_index_alone),
        cmocka_unit_test(test_no_two_pictures_are_the_same_in_any_part),
        cmocka_unit_test(test_the_first_numbers_of_parts_never_meet),
        cmocka_unit_test(test_drawings_are_ink_on_paper),
        cmocka_unit_test(test_manners_change_pixels_alone),
        cmocka_unit_test(test_each_manner_that_is_allowed_comes_up),
    };
    return cmocka_run_group_tests(tests, make_scenes, free_glyphs);
}
