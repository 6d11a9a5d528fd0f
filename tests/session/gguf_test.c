/* Models in GGUF, made by llama.cpp's converter, compute what transformers computes with their dequantized weights. */
#include "golden_compare.h"

static const char *const models[] = {"gguf-llava-q4_0",   "gguf-llava-q4_k_m",  "gguf-llavanext-q8_0", "gguf-smolvlm-q8_0",
                                     "gguf-qwen2vl-q8_0", "gguf-qwen25vl-q5_1", "gguf-qwen3vl-q4_1"};

static void pixels_encoder_and_connector_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        compare_images(models[i], true);
}

static void prompts_states_tokens_and_text_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        compare_cases(models[i], true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_encoder_and_connector_equal_the_reference),
        cmocka_unit_test(prompts_states_tokens_and_text_equal_the_reference),
    };
    need_device();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
