/* Outfits: labels are within DeepFashion-MultiModal's ranges, match what is drawn, and all occur. */
#include "cmocka_all.h"

#include "tools/scenes/garment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTFITS 400
#define SIZE    112

static struct glyphs glyphs;
static struct outfit outfits[OUTFITS];

static int make_outfits(void **state)
{
    (void)state;
    lmvr_error error;
    for (uint64_t i = 0; i < OUTFITS; i++)
        outfit_choose(random_of(4, 0, i), &outfits[i]);
    return glyphs_load(&glyphs, &error) == LMVR_OK ? 0 : -1;
}

static int free_glyphs(void **state)
{
    (void)state;
    glyphs_finish(&glyphs);
    return 0;
}

/* The highest value of each label, "not applicable", except for the neckline, where the set's page and others differ: it is
 * always visible. */
static const int highest[SHAPE_LABELS] = {5, 4, 3, 2, 4, 2, 2, 2, 4, 2, 2, 2};

static void test_labels_are_within_their_numbers(void **state)
{
    (void)state;
    for (int i = 0; i < OUTFITS; i++) {
        for (int label = 0; label < SHAPE_LABELS; label++)
            assert_in_range(outfits[i].shape[label], 0, highest[label]);
        for (int piece = 0; piece < PIECES; piece++) {
            bool worn = outfits[i].garments[piece] >= 0;
            assert_int_equal(outfits[i].fabric[piece] == CLOTH_NONE, !worn);
            assert_int_equal(outfits[i].pattern[piece] == CLOTH_NONE, !worn);
            assert_in_range(outfits[i].fabric[piece], 0, 7);
            assert_in_range(outfits[i].pattern[piece], 0, 7);
        }
        assert_int_equal(outfits[i].shape[SHAPE_LOWER_LENGTH] == 4, outfits[i].garments[PIECE_LOWER] < 0);
        assert_int_equal(outfits[i].shape[SHAPE_CARDIGAN] == 2, outfits[i].garments[PIECE_OUTER] < 0);
    }
}

static void test_every_fabric_and_pattern_is_worn(void **state)
{
    (void)state;
    int fabrics[8] = {0}, patterns[8] = {0};
    for (int i = 0; i < OUTFITS; i++)
        for (int piece = 0; piece < PIECES; piece++) {
            fabrics[outfits[i].fabric[piece]]++;
            patterns[outfits[i].pattern[piece]]++;
        }
    for (int f = 0; f < FABRICS; f++)
        assert_true(fabrics[f] > OUTFITS / 10);
    for (int p = 0; p < PATTERNS; p++)
        assert_true(p == 5 || patterns[p] > OUTFITS / 10);
}

/* Every label that can be drawn takes at least two values, so that there is something to learn. */
static void test_every_shape_varies(void **state)
{
    (void)state;
    for (int label = 0; label < SHAPE_LABELS; label++) {
        int least = 99, most = -1, count = 0;
        for (int i = 0; i < OUTFITS; i++) {
            int value = outfits[i].shape[label];
            least = value < least ? value : least;
            most = value > most ? value : most;
            count += value == outfits[0].shape[label];
        }
        assert_true(least < most);
        assert_true(count < OUTFITS * 19 / 20);
    }
}

static void test_accessories_and_labels_agree(void **state)
{
    (void)state;
    static const enum shape_label labels[] = {SHAPE_SOCKS, SHAPE_HAT, SHAPE_GLASSES, SHAPE_NECKWEAR, SHAPE_WRIST, SHAPE_RING};
    for (int i = 0; i < OUTFITS; i++)
        for (size_t l = 0; l < sizeof labels / sizeof *labels; l++) {
            int found = 0, value = 0;
            for (int j = 0; j < outfits[i].accessory_count; j++) {
                const struct garment *g = &garments[outfits[i].accessories[j]];
                found += g->label == labels[l];
                value = g->label == labels[l] ? g->value : value;
            }
            assert_true(found < 2);
            assert_int_equal(outfits[i].shape[labels[l]], value);
        }
}

/* How much two outfits' images differ. */
static double difference(const struct outfit *a, const struct outfit *b)
{
    lmvr_error error;
    static uint8_t first[SIZE * SIZE * 3], second[SIZE * SIZE * 3];
    assert_int_equal(outfit_draw(&glyphs, a, SIZE, first, &error), LMVR_OK);
    assert_int_equal(outfit_draw(&glyphs, b, SIZE, second, &error), LMVR_OK);
    double sum = 0;
    for (int i = 0; i < SIZE * SIZE * 3; i++)
        sum += abs(first[i] - second[i]);
    return sum / (SIZE * SIZE * 3);
}

static void test_fabric_pattern_and_belt_are_to_be_seen(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct outfit other = outfits[i];
        assert_true(difference(&outfits[i], &other) == 0);
        other.cloths[PIECE_UPPER].fabric = (enum fabric)((other.cloths[PIECE_UPPER].fabric + 1) % FABRICS);
        assert_true(difference(&outfits[i], &other) > 0.2);
        other = outfits[i];
        other.cloths[PIECE_UPPER].pattern =
            other.cloths[PIECE_UPPER].pattern == PATTERN_FLORAL ? PATTERN_STRIPED : PATTERN_FLORAL;
        assert_true(difference(&outfits[i], &other) > 0.2);
        other = outfits[i];
        other.belt = !other.belt;
        assert_true(outfits[i].garments[PIECE_LOWER] < 0 || difference(&outfits[i], &other) > 0.02);
    }
}

static void test_captions_tell_fabric_and_pattern(void **state)
{
    (void)state;
    for (int i = 0; i < OUTFITS; i++) {
        struct text text = {0};
        outfit_describe(&outfits[i], &text);
        for (int piece = 0; piece < PIECES; piece++)
            if (outfits[i].garments[piece] >= 0) {
                assert_non_null(strstr(text.bytes, garments[outfits[i].garments[piece]].name));
                assert_non_null(strstr(text.bytes, fabric_names[outfits[i].fabric[piece]]));
                assert_non_null(strstr(text.bytes, pattern_names[outfits[i].pattern[piece]]));
            }
        assert_null(strpbrk(text.bytes, "\"\\\n$"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_are_within_their_numbers),
        cmocka_unit_test(test_every_fabric_and_pattern_is_worn),
        cmocka_unit_test(test_every_shape_varies),
        cmocka_unit_test(test_accessories_and_labels_agree),
        cmocka_unit_test(test_fabric_pattern_and_belt_are_to_be_seen),
        cmocka_unit_test(test_captions_tell_fabric_and_pattern),
    };
    return cmocka_run_group_tests(tests, make_outfits, free_glyphs);
}
