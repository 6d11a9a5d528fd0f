/* What an image takes in the whole model, from made-up speeds. */
#include "bench/bench.h"

#include "cmocka_all.h"

/* An encoder of 0.5 s an image alone and 0.25 s in groups of 3; a prompt of 100 positions, 1 s and 2 s a block; decoding at
 * batch 1 0.25 s and 0.5 s a block for each 64 tokens, at batch 4 a half of that. */
static struct bench_report measured(int blocks)
{
    double prompt = 1 + 2 * blocks, decode = 0.25 + 0.5 * blocks;
    return (struct bench_report){.info.language.blocks = blocks,
                                 .rows = {{.name = "encode", .batch = 3, .value = 4},
                                          {.name = "encode", .batch = 1, .value = 2},
                                          {.name = "prompt", .batch = 1, .value = 100 / prompt},
                                          {.name = "decode", .batch = 1, .value = 64 / decode},
                                          {.name = "decode", .batch = 4, .value = 128 / decode},
                                          {.name = "end_to_end", .batch = 1, .value = 7}},
                                 .row_count = 6};
}

static void assert_image(const struct bench_image *image, int batch, double encode, double prompt, double decode)
{
    assert_int_equal(image->batch, batch);
    assert_float_equal((float)image->encode, (float)encode, 1e-6f);
    assert_float_equal((float)image->prompt, (float)prompt, 1e-4f);
    assert_float_equal((float)image->decode, (float)decode, 1e-4f);
    assert_float_equal((float)bench_image_seconds(image), (float)(encode + prompt + decode), 1e-4f);
}

static void blocks_that_were_not_measured_take_what_one_takes(void **state)
{
    (void)state;
    static const int depths[][2] = {{8, 1}, {1, 2}, {31, 1}};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        struct bench_report r = measured(depths[i][0]), other = measured(depths[i][1]);
        r.blocks = 32;
        r.other_blocks = depths[i][1];
        bench_images(&r, &other, 100);
        assert_int_equal(r.image_count, 2);
        assert_image(&r.images[0], 1, 0.5, 65, 16.25);
        assert_image(&r.images[1], 4, 0.25, 65, 8.125);
        assert_float_equal((float)r.images[1].prompt_block, 2, 1e-4f);
        assert_float_equal((float)r.images[1].decode_block, 0.25f, 1e-4f);
    }
}

static void a_whole_model_takes_what_was_measured(void **state)
{
    (void)state;
    struct bench_report r = measured(3), other = {.row_count = 0};
    r.blocks = 3;
    bench_images(&r, &other, 100);
    assert_int_equal(r.image_count, 2);
    assert_image(&r.images[0], 1, 0.5, 7, 1.75);
    assert_image(&r.images[1], 4, 0.25, 7, 0.875);
}

static void blocks_never_take_less_than_nothing(void **state)
{
    (void)state;
    struct bench_report r = measured(2), other = measured(3); /* as if the smaller model had been disturbed */
    r.blocks = 32;
    r.other_blocks = 1;
    bench_images(&r, &other, 100);
    assert_image(&r.images[0], 1, 0.5, 5, 1.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_that_were_not_measured_take_what_one_takes),
        cmocka_unit_test(a_whole_model_takes_what_was_measured),
        cmocka_unit_test(blocks_never_take_less_than_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
