/* as_eva: a CLIP encoder written as an EVA sees images as the CLIP does, except for the norm that it lacks. */
#include "golden.h"
#include "model/load.h"
#include "scratch.h"

#include "image/image.h"
#include "tensor/arena.h"

#include <math.h>

#define ROOT     LMVR_TEST_DATA "/.."
#define PICTURES ROOT "/examples/scenes"
#define BLOCKS   4
#define COUNT    3

static lmvr_error error;

static struct encoder open_encoder(const char *folder, const struct vision_config *config)
{
    struct encoder encoder;
    struct loader loader = {.device = device_cpu(), .dtypes = {F32, F32, F32}, .error = &error};
    CHECK(checkpoint_open(folder, &loader.checkpoint, &error));
    CHECK(load_encoder(&loader, config, &encoder));
    checkpoint_close(loader.checkpoint);
    return encoder;
}

/* Hidden state `block` of the images, (COUNT, positions, width). */
static float *see(const struct encoder *encoder, const float *pixels, int block)
{
    struct arena arena;
    float *states[BLOCKS + 2] = {NULL};
    arena_init(&arena);
    int64_t positions = encoder_positions(encoder, encoder->image_size, encoder->image_size);
    states[block] = malloc((size_t)COUNT * (size_t)(positions * encoder->width) * sizeof(float));
    assert_non_null(states[block]);
    struct encoder_view views[COUNT];
    for (int i = 0; i < COUNT; i++)
        views[i] = (struct encoder_view){pixels + (int64_t)i * 3 * encoder->image_size * encoder->image_size,
                                         encoder->image_size, encoder->image_size};
    CHECK(encoder->forward(encoder->model, &arena, views, COUNT, states, &error));
    arena_finish(&arena);
    return states[block];
}

static float *read_pictures(const struct model_config *config)
{
    static const char *const names[COUNT] = {PICTURES "/1.jpg", PICTURES "/2.jpg", PICTURES "/3.jpg"};
    size_t size = 3 * (size_t)config->vision.image_size * (size_t)config->vision.image_size;
    float *pixels = malloc(COUNT * size * sizeof *pixels);
    assert_non_null(pixels);
    for (int i = 0; i < COUNT; i++) {
        struct image image;
        CHECK(image_read(names[i], &image, NULL, &error));
        CHECK(preprocess_image(&config->preprocess, &image, pixels + (size_t)i * size, &error));
        image_finish(&image);
    }
    return pixels;
}

static void run_as_eva(const char *blocks, const char *out)
{
    char command[4096];
    snprintf(command, sizeof command, AS_EVA " " ROOT "/models/lmvr-small %s %s " PICTURES "/[4-8].jpg >/dev/null", blocks,
             out);
    assert_int_equal(mkdir(out, 0777), 0);
    assert_int_equal(system(command), 0);
}

/* Compares the rows of two states: the relative distance, and the mean cosine. */
static void compare(const float *a, const float *b, int positions, int width, double *distance, double *likeness)
{
    *likeness = 0;
    *distance = relative_l2(a, b, (size_t)COUNT * (size_t)(positions * width));
    for (int i = 0; i < COUNT * positions; i++)
        *likeness += cosine(a + (size_t)i * (size_t)width, b + (size_t)i * (size_t)width, (size_t)width) / (COUNT * positions);
}

static void test_an_eva_of_a_clips_weights_sees_what_the_clip_sees(void **state)
{
    struct model_config clip_config;
    struct vision_config eva_config;
    double distance, likeness;
    (void)state;
    run_as_eva("5", "eva");
    CHECK(model_config_read(ROOT "/models/lmvr-small", &clip_config, &error));
    CHECK(config_read_eva("eva", &eva_config, &error));
    assert_int_equal(eva_config.blocks, 5);
    struct encoder clip = open_encoder(ROOT "/models/lmvr-small", &clip_config.vision), eva = open_encoder("eva", &eva_config);
    float *pixels = read_pictures(&clip_config);
    for (int block = 0; block <= BLOCKS; block++) {
        float *expected = see(&clip, pixels, block), *computed = see(&eva, pixels, block);
        compare(expected, computed, (int)encoder_positions(&clip, clip.image_size, clip.image_size), clip.width, &distance,
                &likeness);
        if (!(likeness > 0.97 && (block == 0 || distance < 0.3)))
            fail_msg("state %d: a distance of %.3f, a likeness of %.3f", block, distance, likeness);
        /* what does not depend on the image is the same */
        if (block == 0)
            assert_close(computed, expected, (size_t)clip.width, 1e-5, "the class", "state 0");
        free(expected);
        free(computed);
    }
    free(pixels);
    encoder_finish(&clip);
    encoder_finish(&eva);
}

static void test_what_is_no_clip_is_refused(void **state)
{
    (void)state;
    assert_int_not_equal(system(AS_EVA " " LMVR_TEST_DATA "/golden/blip2-old-f32 1 . " PICTURES "/4.jpg 2>refused"), 0);
    assert_int_not_equal(system(AS_EVA " " ROOT "/models/lmvr-small 6 . " PICTURES "/4.jpg 2>refused"), 0);
    assert_int_not_equal(system(AS_EVA " " ROOT "/models/lmvr-small 4 . nothing.jpg 2>refused"), 0);
    assert_int_not_equal(access("model.safetensors", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_eva_of_a_clips_weights_sees_what_the_clip_sees, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_what_is_no_clip_is_refused, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
