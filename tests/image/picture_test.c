#include "noise.h"

#include "image/picture.h"
#include "model/config_parts.h"

#include <math.h>
#include <zlib.h>

/* ---- configurations -------------------------------------------------------------------------------------------------- */

static enum config_processor default_for(const char *json)
{
    if (strstr(json, "Qwen2VL"))
        return PROCESSOR_QWEN2_VL;
    if (strstr(json, "Idefics3") || strstr(json, "SmolVLM"))
        return PROCESSOR_IDEFICS3;
    return strstr(json, "LlavaNext") ? PROCESSOR_LLAVA_NEXT : PROCESSOR_SIGLIP;
}

static struct preprocess configured(const char *json)
{
    struct preprocess p;
    lmvr_error error;
    json_t *root;
    if (json_parse("test.json", json, strlen(json), &root, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    struct json_node node = json_node_root("test.json", root);
    if (config_parse_preprocess(&node, 0, default_for(json), &p, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    json_decref(root);
    return p;
}

static struct picture planned(const struct preprocess *p, int width, int height)
{
    struct picture plan;
    lmvr_error error;
    if (preprocess_plan(p, width, height, &plan, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_null(plan.pixels);
    return plan;
}

static struct picture pictured(const struct preprocess *p, const struct image *in)
{
    struct picture picture;
    lmvr_error error;
    if (preprocess_picture(p, in, &picture, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return picture;
}

/* ---- transformers' pictures ------------------------------------------------------------------------------------------ */

static void expect_plan(const struct preprocess *p, const struct picture *picture)
{
    struct picture plan = planned(p, picture->width, picture->height);
    assert_int_equal(plan.view_count, picture->view_count);
    assert_int_equal(plan.pixel_count, picture->pixel_count);
    assert_true(plan.tile_rows == picture->tile_rows && plan.tile_columns == picture->tile_columns);
    assert_memory_equal(plan.views, picture->views, plan.view_count * sizeof *plan.views);
    picture_finish(&plan);
}

static void expect_picture(const struct preprocess *p, const struct image *in, const char *expected)
{
    int views, rows, columns, width, height;
    unsigned crc;
    assert_int_equal(sscanf(expected, "%d %d %d %d %d %x", &views, &rows, &columns, &width, &height, &crc), 6);
    struct picture picture = pictured(p, in);
    assert_int_equal(picture.view_count, views);
    assert_true(picture.width == in->width && picture.height == in->height);
    assert_true(picture.tile_rows == rows && picture.tile_columns == columns);
    for (int i = 0; i < views; i++) {
        assert_true(picture.views[i].width == width && picture.views[i].height == height);
        assert_int_equal(picture.views[i].first, (size_t)i * 3 * width * height);
    }
    assert_int_equal(picture.pixel_count, (size_t)views * 3 * width * height);
    uint32_t got = (uint32_t)crc32(0, (const uint8_t *)picture.pixels, (unsigned)(picture.pixel_count * sizeof(float)));
    if (got != crc)
        fail_msg("%d x %d differs: %s", in->width, in->height, expected);
    expect_plan(p, &picture);
    picture_finish(&picture);
}

static void expect_refusal(const struct preprocess *p, const struct image *in)
{
    struct picture picture;
    lmvr_error error;
    assert_int_equal(preprocess_plan(p, in->width, in->height, &picture, &error), LMVR_ERROR_INPUT);
    assert_int_equal(preprocess_picture(p, in, &picture, &error), LMVR_ERROR_INPUT);
    assert_true(!picture.views && !picture.pixels);
    char named[64];
    snprintf(named, sizeof named, "an image of %d x %d pixels", in->width, in->height);
    assert_memory_equal(error.message, named, strlen(named));
}

static void test_pictures_are_transformers_to_the_last_bit(void **state)
{
    (void)state;
    FILE *manifest = golden_manifest("picture.txt");
    char line[1024];
    struct preprocess p = {0};
    int pictures = 0, refusals = 0, width, height, used;
    while (fgets(line, sizeof line, manifest)) {
        if (strncmp(line, "processor ", 10) == 0) {
            p = configured(line + 10);
            continue;
        }
        assert_int_equal(sscanf(line, "%d %d %n", &width, &height, &used), 2);
        struct image in = noise(width, height);
        bool refused = strncmp(line + used, "error", 5) == 0;
        if (refused)
            expect_refusal(&p, &in);
        else
            expect_picture(&p, &in, line + used);
        refusals += refused;
        pictures += !refused;
        image_finish(&in);
    }
    fclose(manifest);
    assert_true(pictures > 700 && refusals > 30);
}

/* ---- where views lie ------------------------------------------------------------------------------------------------- */

static void expect_area(const struct view *view, int row, int column, double x, double y, double width, double height)
{
    const double expected[] = {x, y, width, height};
    assert_true(view->row == row && view->column == column);
    for (int i = 0; i < 4; i++)
        if (fabs(view->area[i] - expected[i]) > 1e-9)
            fail_msg("the view of row %d, column %d: %g, expected %g", row, column, view->area[i], expected[i]);
}

static void test_tiles_divide_the_image(void **state)
{
    (void)state;
    struct preprocess p = configured("{\"image_processor_type\": \"SmolVLMImageProcessor\","
                                     " \"size\": {\"longest_edge\": 96}, \"max_image_size\": {\"longest_edge\": 32}}");
    struct picture plan = planned(&p, 300, 180); /* 96 x 58, then 96 x 64 */
    assert_true(plan.tile_rows == 2 && plan.tile_columns == 3 && plan.view_count == 7);
    expect_area(&plan.views[0], 0, 0, 0, 0, 100, 90);
    expect_area(&plan.views[5], 1, 2, 200, 90, 100, 90);
    expect_area(&plan.views[6], -1, -1, 0, 0, 300, 180);
    picture_finish(&plan);
}

static void test_padded_tiles_extend_beyond_the_image(void **state)
{
    (void)state;
    struct preprocess p =
        configured("{\"image_processor_type\": \"LlavaNextImageProcessor\", \"size\": {\"shortest_edge\": 24},"
                   " \"crop_size\": 24, \"image_grid_pinpoints\": [[48, 48]]}");
    struct picture plan = planned(&p, 96, 48); /* 48 x 24, with 12 black rows above and below */
    assert_true(plan.tile_rows == 2 && plan.tile_columns == 2 && plan.view_count == 5);
    expect_area(&plan.views[0], -1, -1, 0, 0, 96, 48);
    expect_area(&plan.views[1], 0, 0, 0, -24, 48, 48);
    expect_area(&plan.views[4], 1, 1, 48, 24, 48, 48);
    picture_finish(&plan);
}

/* What a view shows of a picture of one bright pixel is bright where the area says that the pixel lies. */
static void test_areas_are_where_the_pixels_come_from(void **state)
{
    (void)state;
    struct preprocess p =
        configured("{\"image_processor_type\": \"LlavaNextImageProcessor\", \"size\": {\"shortest_edge\": 30},"
                   " \"crop_size\": 24, \"image_grid_pinpoints\": [[48, 72]], \"do_normalize\": false}");
    struct image in = {200, 90, calloc(200 * 90, 3)};
    int x = 110, y = 61, seen = 0;
    assert_non_null(in.rgb);
    for (int i = 0; i < 3 * 4; i++) /* a square of some size */
        for (int j = 0; j < 4; j++)
            in.rgb[((y - 2 + j) * 200 + x - 2) * 3 + i] = 255;
    struct picture picture = pictured(&p, &in);
    for (int i = 0; i < picture.view_count; i++) {
        const struct view *view = &picture.views[i];
        double at_x = (x - view->area[0]) / view->area[2] * view->width,
               at_y = (y - view->area[1]) / view->area[3] * view->height;
        int best = 0;
        for (int k = 0; k < view->width * view->height; k++)
            if (picture.pixels[view->first + k] > picture.pixels[view->first + best])
                best = k;
        if (picture.pixels[view->first + best] < 0.2F)
            continue;
        int row = best / view->width, column = best % view->width;
        seen++;
        assert_true(fabs(column + 0.5 - at_x) <= 1 && fabs(row + 0.5 - at_y) <= 1);
    }
    assert_true(seen >= 2); /* in the whole picture and in a tile */
    picture_finish(&picture);
    image_finish(&in);
}

/* ---- limits ---------------------------------------------------------------------------------------------------------- */

static void expect_sentence(const char *json, int width, int height, const char *sentence)
{
    struct preprocess p = configured(json);
    struct picture plan;
    lmvr_error error;
    assert_int_equal(preprocess_plan(&p, width, height, &plan, &error), LMVR_ERROR_INPUT);
    assert_string_equal(error.message, sentence);
    assert_null(plan.views);
}

static void test_what_cannot_be_done_is_said_before_anything_is_allocated(void **state)
{
    (void)state;
    expect_sentence("{\"image_processor_type\": \"Qwen2VLImageProcessor\"}", 2001, 10,
                    "an image of 2001 x 10 pixels is too elongated: one side is more than 200 times the other");
    expect_sentence("{\"image_processor_type\": \"Qwen2VLImageProcessor\", \"do_resize\": false}", 56, 57,
                    "an image of 56 x 57 pixels, expected multiples of 28, because do_resize is false");
    expect_sentence("{\"image_processor_type\": \"Qwen2VLImageProcessor\", \"min_pixels\": 2000000000}", 100, 100,
                    "an image of 100 x 100 pixels would become 44744 x 44744, more than the limit of 67108864 pixels");
    expect_sentence("{\"image_processor_type\": \"SmolVLMImageProcessor\", \"do_resize\": false}", 16000000, 1,
                    "an image of 16000000 x 1 pixels would become 16000348 x 364, more than the limit of 67108864 pixels");
    expect_sentence("{\"image_processor_type\": \"SmolVLMImageProcessor\", \"max_image_size\": {\"longest_edge\": 1}}", 100, 90,
                    "an image of 100 x 90 pixels would be cut into 1456 x 1310 tiles, more than 4096");
}

/* Lines of pixels whose resized picture would be endless if it were not cut first, or fitted into a size. */
static void test_an_elongated_image_gives_views_of_the_usual_size(void **state)
{
    (void)state;
    struct preprocess tiles = configured("{\"image_processor_type\": \"Idefics3ImageProcessor\"}");
    struct preprocess anyres = configured("{\"image_processor_type\": \"LlavaNextImageProcessor\", \"crop_size\": 336}");
    struct image in = noise(1000000, 1);
    struct picture picture = pictured(&tiles, &in);
    assert_true(picture.tile_rows == 1 && picture.tile_columns == 4 && picture.view_count == 5);
    picture_finish(&picture);
    picture = pictured(&anyres, &in);
    assert_true(picture.tile_rows == 1 && picture.tile_columns == 2 && picture.view_count == 3);
    picture_finish(&picture);
    image_finish(&in);
}

static void test_limits_can_be_changed_between_pictures(void **state)
{
    (void)state;
    struct preprocess p = configured("{\"image_processor_type\": \"Qwen2VLImageProcessor\"}");
    struct picture plan = planned(&p, 640, 480);
    assert_true(plan.views[0].width == 644 && plan.views[0].height == 476);
    picture_finish(&plan);
    p.max_pixels = 100000;
    plan = planned(&p, 640, 480);
    assert_true(plan.views[0].width == 364 && plan.views[0].height == 252);
    picture_finish(&plan);
}

static void test_the_input_is_not_changed(void **state)
{
    (void)state;
    struct preprocess p = configured("{\"image_processor_type\": \"Idefics3ImageProcessor\"}");
    struct image in = noise(728, 364), same = noise(728, 364);
    p.do_resize = false; /* the tiles are cut from the image itself */
    struct picture picture = pictured(&p, &in);
    assert_memory_equal(in.rgb, same.rgb, image_size(&in));
    picture_finish(&picture);
    picture_finish(&picture); /* empty, and allowed */
    image_finish(&in);
    image_finish(&same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_are_transformers_to_the_last_bit),
        cmocka_unit_test(test_tiles_divide_the_image),
        cmocka_unit_test(test_padded_tiles_extend_beyond_the_image),
        cmocka_unit_test(test_areas_are_where_the_pixels_come_from),
        cmocka_unit_test(test_what_cannot_be_done_is_said_before_anything_is_allocated),
        cmocka_unit_test(test_an_elongated_image_gives_views_of_the_usual_size),
        cmocka_unit_test(test_limits_can_be_changed_between_pictures),
        cmocka_unit_test(test_the_input_is_not_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
