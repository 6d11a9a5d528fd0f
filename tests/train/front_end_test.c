/* The frozen front end of a training. */
#include "cmocka_all.h"

#include "train/nets/front_end.h"

#include <stdlib.h>
#include <string.h>

#define MODEL LMVR_TEST_DATA "/golden/qwen25vl-hub-f16"
#define SIDE  4 /* pixels of a patch */

static void make_picture(struct picture *picture, struct view *view, int width, int height, unsigned seed)
{
    *view = (struct view){width, height, -1, -1, .first = 0};
    *picture = (struct picture){.view_count = 1, .views = view, .pixel_count = (size_t)(3 * width * height)};
    picture->pixels = malloc(picture->pixel_count * sizeof *picture->pixels);
    for (size_t i = 0; i < picture->pixel_count; i++)
        picture->pixels[i] = (float)((seed = seed * 1103515245u + 12345u) >> 16 & 255) / 128.0F - 1;
}

/* Pictures of 2160, 2160, 6 and 4224 patches: the encoder gets them in three groups. */
static void tokens_do_not_depend_on_company(void **state)
{
    (void)state;
    const int columns[4] = {60, 36, 2, 64}, rows[4] = {36, 60, 4, 66};
    struct model_config config;
    struct checkpoint *checkpoint;
    struct front_end front;
    struct tape *tape;
    struct picture pictures[4];
    struct view views[4];
    lmvr_error error;
    assert_int_equal(model_config_read(MODEL, &config, &error), LMVR_OK);
    assert_int_equal(checkpoint_open(MODEL, &checkpoint, &error), LMVR_OK);
    assert_int_equal(front_end_load(&front, checkpoint, &config, F32, &error), LMVR_OK);
    assert_int_equal(tape_create(F32, &tape, &error), LMVR_OK);
    for (int i = 0; i < 4; i++)
        make_picture(&pictures[i], &views[i], SIDE * columns[i], SIDE * rows[i], (unsigned)i);
    tape_begin(tape, false);
    struct value *all = front_end_run(&front, tape, &(struct batch){.image_count = 4, .pictures = pictures});
    assert_non_null(all);
    assert_int_equal(all->columns, config.language.width);
    int64_t row = 0;
    for (int i = 0; i < 4; i++) {
        struct value *one = front_end_run(&front, tape, &(struct batch){.image_count = 1, .pictures = &pictures[i]});
        assert_non_null(one);
        assert_int_equal(one->rows, rows[i] * columns[i] / 4);
        assert_memory_equal(one->data, all->data + row * all->columns, (size_t)(one->rows * one->columns) * sizeof *one->data);
        row += one->rows;
        free(pictures[i].pixels);
    }
    assert_int_equal(all->rows, row);
    tape_free(tape);
    front_end_finish(&front);
    checkpoint_close(checkpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tokens_do_not_depend_on_company)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
