/* `lmvr train instruct` of models whose encoder and connector stay frozen: what it writes, and what it refuses. */
#include "train_made.h"

#include <math.h>

#define GOLDEN LMVR_TEST_DATA "/golden/"
#define TUNE                                                                                                                   \
    "train instruct" NUMBERS "--data " GOLDEN "train/conversations/data.json --images " GOLDEN "images --batch 2 --steps 2 "   \
    "--lr 0.01 "
#define QWEN    GOLDEN "qwen25vl-hub-f16"
#define SMOLVLM GOLDEN "smolvlm-hub-bf16"

static int set_up(void **state)
{
    (void)state;
    return make_folder();
}

/* From pictures' files and texts to the loss. */
static void test_the_first_loss_is_transformers(void **state)
{
    (void)state;
    json_t *reference = open_json(GOLDEN "train/conversations/reference.json");
    const json_t *of_model;
    const char *model;
    double loss;
    assert_true(json_object_size(reference) == 5);
    json_object_foreach(reference, model, of_model)
    {
        assert_ended(lmvr(TUNE "--batch 3 --steps 1 -m " GOLDEN "%s -o out --force", model), 0, NULL);
        assert_int_equal(count_steps("out/loss.csv", &loss), 1);
        double expected = json_real_value(json_object_get(of_model, "loss"));
        assert_true(expected > 0 && fabs(loss - expected) < 1e-5 * expected);
    }
    json_decref(reference);
}

static bool is_frozen(const char *name)
{
    return strstr(name, "visual.") || strstr(name, "vision_model.") || strstr(name, "connector.");
}

/* out/model.safetensors has the tensors of the model by their names, all as they were but, unless `same`, the language model's.
 */
static void check_tensors(const char *model, bool same)
{
    char path[256];
    snprintf(path, sizeof path, "%s/model.safetensors", model);
    struct safetensors *before = open_tensors(path), *after = open_tensors("out/model.safetensors");
    assert_int_equal(safetensors_count(before), safetensors_count(after));
    for (size_t i = 0; i < safetensors_count(before); i++) {
        const char *name = safetensors_entry_at(before, i)->name;
        assert_int_equal(same_tensor(before, name, after, name), same || is_frozen(name));
    }
    safetensors_close(before);
    safetensors_close(after);
}

static void check_files(const char *model, const char *const *files)
{
    char from[256], to[64];
    for (; *files; files++) {
        snprintf(from, sizeof from, "%s/%s", model, *files);
        snprintf(to, sizeof to, "out/%s", *files);
        assert_same_file(from, to);
    }
}

static void test_the_folder_is_like_the_one_begun_from(void **state)
{
    static const char *const qwen[] = {"tokenizer.json",     "tokenizer_config.json",  "preprocessor_config.json",
                                       "chat_template.json", "generation_config.json", NULL};
    static const char *const smolvlm[] = {"tokenizer.json",     "tokenizer_config.json", "preprocessor_config.json",
                                          "chat_template.json", "processor_config.json", NULL};
    (void)state;
    assert_ended(lmvr(TUNE "-m " QWEN " -o out"), 0, NULL);
    check_tensors(QWEN, false);
    check_files(QWEN, qwen);
    assert_ended(lmvr("describe -m out --threads 1 --max-new-tokens 3 -q " GOLDEN "images/tall.png"), 0, NULL);
    assert_ended(lmvr(TUNE "-m " SMOLVLM " -o out --force"), 0, NULL);
    check_tensors(SMOLVLM, false);
    check_files(SMOLVLM, smolvlm);
    assert_ended(lmvr("describe -m out --threads 1 --max-new-tokens 3 -q " GOLDEN "images/tall.png"), 0, NULL);
}

static void test_a_rate_of_zero_changes_nothing(void **state)
{
    (void)state;
    assert_ended(lmvr(TUNE "--lr 0 -m " QWEN " -o out"), 0, NULL);
    check_tensors(QWEN, true);
    assert_ended(lmvr(TUNE "--lr 0 --lora 2 -m " SMOLVLM " -o out --force"), 0, NULL);
    check_tensors(SMOLVLM, true);
}

/* The merged weight is the base's plus scale B A. */
static void check_merged(const char *model, const char *decoder, const char *weight, const char *module, float scale)
{
    char path[256], name[256];
    int64_t size_a, size_b, size, size_base;
    double changed = 0;
    snprintf(path, sizeof path, "%s/model.safetensors", model);
    struct safetensors *base = open_tensors(path), *merged = open_tensors("out/model.safetensors");
    struct safetensors *adapter = open_tensors("out/adapter/adapter_model.safetensors");
    assert_int_equal(safetensors_count(adapter), 2 * 7 * 3); /* A and B of 7 layers in 3 blocks */
    snprintf(name, sizeof name, "base_model.model.model.%s.%s.lora_A.weight", decoder, module);
    float *a = read_tensor(adapter, name, &size_a);
    snprintf(name, sizeof name, "base_model.model.model.%s.%s.lora_B.weight", decoder, module);
    float *b = read_tensor(adapter, name, &size_b);
    float *before = read_tensor(base, weight, &size_base), *after = read_tensor(merged, weight, &size);
    int64_t in = size_a / 2;
    assert_int_equal(size, in * (size_b / 2));
    for (int64_t i = 0; i < size; i++) {
        float added = scale * (b[2 * (i / in)] * a[i % in] + b[2 * (i / in) + 1] * a[in + i % in]);
        assert_true(fabsf(before[i] + added - after[i]) < 1e-5f);
        changed += fabs((double)added);
    }
    assert_true(changed > 1e-3);
    free(a);
    free(b);
    free(before);
    free(after);
    safetensors_close(adapter);
    safetensors_close(base);
    safetensors_close(merged);
}

static void assert_modules(const char *pattern)
{
    json_t *config = open_json("out/adapter/adapter_config.json");
    assert_string_equal(json_string_value(json_object_get(config, "target_modules")), pattern);
    assert_true(json_is_null(json_object_get(config, "modules_to_save")));
    json_decref(config);
}

#define LINEAR "\\.layers\\.\\d+\\.(self_attn|mlp)\\.(q|k|v|o|gate|up|down)_proj"

static void test_adapters_have_the_names_of_the_models_class(void **state)
{
    (void)state;
    assert_ended(lmvr(TUNE "--lora 2 --lora-alpha 8 -m " QWEN " -o out"), 0, NULL);
    check_merged(QWEN, "language_model", "model.layers.1.self_attn.v_proj.weight", "layers.1.self_attn.v_proj", 4);
    check_merged(QWEN, "language_model", "model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj", 4);
    assert_modules("model\\.language_model" LINEAR);
    assert_ended(lmvr(TUNE "--lora 2 --lora-alpha 8 -m " SMOLVLM " -o out --force"), 0, NULL);
    check_merged(SMOLVLM, "text_model", "model.text_model.layers.2.self_attn.k_proj.weight", "layers.2.self_attn.k_proj", 4);
    assert_modules("model\\.text_model" LINEAR);
}

static void test_readers_change_nothing(void **state)
{
    (void)state;
    assert_ended(lmvr(TUNE "-m " SMOLVLM " -o whole --readers 1"), 0, NULL);
    assert_ended(lmvr(TUNE "-m " SMOLVLM " -o out --readers 3"), 0, NULL);
    assert_equals_whole("tokenizer.json");
}

static void test_stops_and_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    assert_ended(lmvr(TUNE "--steps 6 --checkpoint-every 1 -m " QWEN " -o whole"), 0, NULL);
    interrupt_after(TUNE "--steps 6 --checkpoint-every 1 -m " QWEN " -o out", 2, SIGTERM);
    assert_ended(lmvr(TUNE "--steps 6 --checkpoint-every 1 -m " QWEN " -o out --resume"), 0, NULL);
    assert_equals_whole("tokenizer.json");
}

static void test_fewer_pixels_are_another_run(void **state)
{
    double loss, other;
    (void)state;
    assert_ended(lmvr(TUNE "-m " QWEN " -o whole"), 0, NULL);
    assert_ended(lmvr(TUNE "-m " QWEN " -o out --max-pixels 1024"), 0, NULL);
    count_steps("whole/loss.csv", &loss);
    count_steps("out/loss.csv", &other);
    assert_true(loss != other);
}

static void refuse(const char *call, const char *sentence)
{
    assert_ended(lmvr("%s", call), 2, sentence);
    assert_false(exists("out"));
}

static void test_refuses_what_it_cannot_train(void **state)
{
    (void)state;
    refuse(TUNE "-o out -m " QWEN " --train-vision", "--train-vision: only a LLaVA's encoder can be trained");
    refuse(TUNE "-o out -m " QWEN " --vocabulary x", "--vocabulary: ");
    refuse(TUNE "-o out -m " SMOLVLM " --max-pixels 1000", "for models that take pictures of any size");
    refuse(TUNE "-o out -m " QWEN " --min-pixels 9000", "min_pixels is 9000, more than max_pixels, 2560");
    refuse(TUNE "-o out -m " GOLDEN "llava-old-f32 --max-pixels 1000", "for models that take pictures of any size");
    refuse(TUNE "-o out -m " GOLDEN "qwen3vl-hub-bf16",
           "is a Qwen3VLForConditionalGeneration, expected a LLaVA model, a SmolVLM");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRAIN_TEST(test_the_first_loss_is_transformers), TRAIN_TEST(test_the_folder_is_like_the_one_begun_from),
        TRAIN_TEST(test_a_rate_of_zero_changes_nothing), TRAIN_TEST(test_adapters_have_the_names_of_the_models_class),
        TRAIN_TEST(test_readers_change_nothing),         TRAIN_TEST(test_stops_and_goes_on_to_the_same_bits),
        TRAIN_TEST(test_fewer_pixels_are_another_run),   TRAIN_TEST(test_refuses_what_it_cannot_train),
    };
    return cmocka_run_group_tests(tests, set_up, remove_parts);
}
