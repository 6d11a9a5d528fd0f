/* What a pass has to compute: in which of a model's types each product has its weights. */
#include "bench/work.h"

#include "bench/bench.h"
#include "cmocka_all.h"

static struct model_config shape(const char *name)
{
    struct model_config config;
    lmvr_error error;
    if (bench_shape(name, 0, &config, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return config;
}

/* `types` has a letter for each product: Blocks, Outer, Wide, Compute. */
static void assert_types(const struct work *work, const char *types)
{
    char found[WORK_MOST_PRODUCTS + 1] = "";
    for (int i = 0; i < work->count; i++)
        found[i] = "BOWC"[work->products[i].weights];
    assert_string_equal(found, types);
}

static void the_encoder_is_outside_and_its_pixels_are_not_quantized(void **state)
{
    (void)state;
    const struct model_config config = shape("llava-1.5-7b");
    struct view view = {.width = 336, .height = 336};
    struct work work;
    work_encode(&config, &(struct picture){.view_count = 1, .views = &view}, 1, &work);
    assert_types(&work, "COOOO");
    assert_int_equal(work.products[0].in, 3 * 14 * 14);
}

static void the_head_is_wider(void **state)
{
    (void)state;
    const struct model_config config = shape("llava-1.5-7b");
    struct work work;
    work_prompt(&config, 600, &work);
    assert_types(&work, "BBBBW");
    assert_int_equal(work.products[4].out, config.language.vocabulary);
    work_decode(&config, 4, 600, 0, &work);
    assert_types(&work, "BBBBW");
    assert_int_equal(work.products[4].out, config.language.vocabulary);
}

static void the_decoder_of_a_t5_is_outside_and_last_products_are_wider(void **state)
{
    (void)state;
    const struct model_config config = shape("blip2-flan-t5-xl");
    struct work work;
    work_prompt(&config, 50, &work);
    assert_types(&work, "BBBWOOOOWOOW");
    assert_int_equal(work.products[3].in, config.language.mlp_width);
    work_decode(&config, 4, 50, 0, &work);
    assert_types(&work, "OOOWOOW");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_encoder_is_outside_and_its_pixels_are_not_quantized),
        cmocka_unit_test(the_head_is_wider),
        cmocka_unit_test(the_decoder_of_a_t5_is_outside_and_last_products_are_wider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
