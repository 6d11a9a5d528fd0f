/* The pictures of the golden checkpoints' processors, whose files are spelled as the hub's are. */
#include "golden.h"

#include "image/picture.h"
#include "model/config_parts.h"

#include <unistd.h>

static lmvr_error error;

static const struct checkpoint {
    const char *name;
    enum config_processor processor;
} checkpoints[] = {
    {"clip-text-f32", PROCESSOR_CLIP},
    {"siglip-f32", PROCESSOR_SIGLIP},
    {"siglip-odd-bf16", PROCESSOR_SIGLIP},
    {"llava-siglip-f32", PROCESSOR_LLAVA},
    {"llava-siglip-bf16", PROCESSOR_LLAVA},
    {"llavanext-llama3-bf16", PROCESSOR_LLAVA_NEXT},
    {"llavanext-mistral-f16", PROCESSOR_LLAVA_NEXT},
    {"llavanext-qwen2-f32", PROCESSOR_LLAVA_NEXT},
    {"qwen2vl-hub-bf16", PROCESSOR_QWEN2_VL},
    {"qwen2vl-new-f32", PROCESSOR_QWEN2_VL},
    {"qwen25vl-hub-f16", PROCESSOR_QWEN2_VL},
    {"qwen25vl-new-bf16", PROCESSOR_QWEN2_VL},
    {"qwen3vl-hub-bf16", PROCESSOR_QWEN2_VL},
    {"qwen3vl-odd-f32", PROCESSOR_QWEN2_VL},
    {"smolvlm-hub-bf16", PROCESSOR_IDEFICS3},
    {"smolvlm2-f32", PROCESSOR_IDEFICS3},
    {"idefics3-whole-f16", PROCESSOR_IDEFICS3},
};

/* The processor of either file. */
static struct preprocess read_processor(const struct golden *g, enum config_processor processor)
{
    char path[600];
    json_t *root = NULL, *other = NULL;
    struct json_node node = {0};
    struct preprocess p;
    snprintf(path, sizeof path, "%s/processor_config.json", g->folder);
    if (access(path, R_OK) == 0) {
        CHECK(json_read(path, NULL, &root, &error));
        struct json_node whole = json_node_root(path, root);
        CHECK(json_node_object(&whole, "image_processor", &node, &error));
    }
    if (!node.object) {
        snprintf(path, sizeof path, "%s/preprocessor_config.json", g->folder);
        CHECK(json_read(path, NULL, &other, &error));
        node = json_node_root(path, other);
    }
    CHECK(config_parse_preprocess(&node, 0, processor, &p, &error));
    json_decref(root);
    json_decref(other);
    return p;
}

/* Qwen2VLImageProcessor's patches (rows / m, columns / m, m, m, 3, frames, patch, patch), each frame the same, of a picture of
 * m * m patches together: `at` is the place in them of a value of the view. */
static size_t place_in_patches(const struct preprocess *p, const struct view *view, int channel, int y, int x)
{
    size_t m = p->merge, patch = p->patch, row = y / patch, column = x / patch;
    size_t block = row / m * (view->width / patch / m) + column / m;
    size_t index = (block * m + row % m) * m + column % m;
    return ((index * 3 + channel) * p->temporal_patch * patch + y % patch) * patch + x % patch;
}

static void expect_patches(const struct preprocess *p, const struct picture *picture, const float *expected, size_t count)
{
    const struct view *view = &picture->views[0];
    const float *pixels = picture->pixels;
    assert_int_equal(count, picture->pixel_count * p->temporal_patch);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < view->height; y++)
            for (int x = 0; x < view->width; x++)
                assert_true(*pixels++ == expected[place_in_patches(p, view, c, y, x)]);
}

static void expect_image(const struct golden *g, const struct preprocess *p, json_t *object)
{
    char path[600];
    struct image image;
    struct picture picture;
    size_t count;
    golden_image_path(object, path, sizeof path);
    CHECK(image_read(path, &image, NULL, &error));
    CHECK(preprocess_picture(p, &image, &picture, &error));
    float *expected = golden_floats(g, golden_string(object, "name"), "pixels", &count);
    assert_non_null(expected);
    if (p->way == VIEWS_ANY_SIZE) {
        expect_patches(p, &picture, expected, count);
    } else {
        assert_int_equal(count, picture.pixel_count);
        assert_memory_equal(picture.pixels, expected, count * sizeof *expected);
    }
    free(expected);
    picture_finish(&picture);
    image_finish(&image);
}

static void test_the_golden_checkpoints_see_what_transformers_sees(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++) {
        struct golden g;
        json_t *object;
        size_t index;
        golden_open(checkpoints[i].name, &g);
        struct preprocess p = read_processor(&g, checkpoints[i].processor);
        json_t *images = json_object_get(g.json, "images");
        assert_true(json_array_size(images) > 0);
        json_array_foreach(images, index, object)
        {
            if (!golden_string(object, "aspect")) /* what the model says */
                expect_image(&g, &p, object);
        }
        golden_close(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_golden_checkpoints_see_what_transformers_sees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
