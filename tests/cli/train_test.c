/* `lmvr train`: what each objective writes, and continuing from it. */
#include "train_made.h"

#include <math.h>

/* ---- the objectives --------------------------------------------------------------------------------------------------- */

static void assert_finished(const char *folder, const char *objective, int steps)
{
    static const char *const files[] = {"config.json", "model.safetensors", "tokenizer.model", "loss.svg"};
    char path[256];
    double loss;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        assert_true(size_of_file(path) > 0);
    }
    snprintf(path, sizeof path, "%s/run.json", folder);
    json_t *run = open_json(path);
    assert_true(json_is_true(json_object_get(run, "finished")));
    assert_string_equal(json_string_value(json_object_get(run, "objective")), objective);
    json_decref(run);
    snprintf(path, sizeof path, "%s/loss.csv", folder);
    assert_int_equal(count_steps(path, &loss), steps);
    assert_true(loss > 0 && isfinite(loss));
    snprintf(path, sizeof path, "%s/checkpoints/step-%08d.safetensors", folder, steps);
    assert_true(exists(path));
}

static void test_each_objective_writes_a_model(void **state)
{
    (void)state;
    assert_finished("clip", "contrastive", 3);
    assert_finished("llama", "language", 3);
    assert_finished("llava", "align", 2);
    assert_ended(lmvr("info -m clip"), 0, NULL);
    assert_non_null(strstr(run_done.out, "CLIPModel"));
    assert_ended(lmvr("info -m llava"), 0, NULL);
    assert_non_null(strstr(run_done.out, "LlavaForConditionalGeneration"));
    assert_ended(lmvr(INSTRUCT "-m llava -o deep/er/out"), 0, NULL);
    assert_finished("deep/er/out", "instruct", 2);
    assert_ended(lmvr("describe -m deep/er/out --threads 1 --max-new-tokens 3 -q 0.png"), 0, NULL);
    assert_memory_equal(run_done.out, "0.png\t", 6);
    assert_ended(lmvr(FINETUNE "-m llava -o out"), 0, NULL);
    assert_finished("out", "finetune", 2);
    assert_ended(lmvr("embed -m out --threads 1 --before-generation -q -o out/x.npy 1.jpg"), 0, NULL);
    remove_tree("deep");
}

static void test_a_vocabulary_is_trained_where_none_is_given(void **state)
{
    (void)state;
    assert_ended(lmvr(LANGUAGE "--config llama.json --vocabulary-size 280 -o out"), 0, NULL);
    assert_true(size_of_file("out/tokenizer.model") < size_of_file("llama/tokenizer.model")); /* of 300 */
    assert_ended(lmvr(LANGUAGE "--config llama.json --vocabulary clip/tokenizer.model -o whole"), 0, NULL);
    assert_same_file("whole/tokenizer.model", "clip/tokenizer.model");
    assert_same_file("llava/tokenizer.model", "llama/tokenizer.model");
}

static void assert_longest_text(const char *call, int tokens)
{
    remove_tree("out");
    assert_ended(lmvr("%s -o out", call), 0, NULL);
    json_t *run = open_json("out/run.json");
    assert_int_equal(json_integer_value(json_object_get(run, "max_tokens")), tokens);
    json_decref(run);
}

/* ... limited to the configuration's positions: 20 in CLIP's text encoder, 256 in the LLaMA, of which an image takes 4. */
static void test_the_longest_text_is_the_default_where_it_fits(void **state)
{
    (void)state;
    assert_longest_text("train contrastive" NUMBERS "--data captions.jsonl --batch 3 --steps 1 --config clip.json", 20);
    assert_longest_text("train language" NUMBERS "--data text.txt --batch 2 --steps 1 --config llama.json", 256);
    assert_longest_text(ALIGN "--vision clip --language llama", 252);
    assert_longest_text(ALIGN "--max-tokens 250 --vision clip --language llama", 250);
    char *shape = read_bytes("clip.json", NULL);
    memcpy(strstr(shape, ": 20,"), ": 99,", 5);
    write_text("long.json", shape);
    free(shape);
    assert_longest_text("train contrastive" NUMBERS "--data captions.jsonl --batch 3 --steps 1 --config long.json", 77);
}

/* At a learning rate of 0 nothing changes: the models are those continued from. */
static void test_goes_on_from_what_was_trained(void **state)
{
    (void)state;
    assert_ended(lmvr(CONTRASTIVE "-m clip --lr 0 -o out"), 0, NULL);
    assert_same_file("out/model.safetensors", "clip/model.safetensors");
    assert_same_file("out/tokenizer.model", "clip/tokenizer.model");
    assert_ended(lmvr(LANGUAGE "-m llama --lr 0 --force -o out"), 0, NULL);
    assert_same_file("out/model.safetensors", "llama/model.safetensors");
    assert_ended(lmvr(ALIGN "-m llava --lr 0 --force -o out"), 0, NULL);
    assert_same_file("out/model.safetensors", "llava/model.safetensors");
    assert_ended(lmvr(INSTRUCT "-m llava --lr 0 --force -o out"), 0, NULL);
    assert_same_file("out/model.safetensors", "llava/model.safetensors");
    assert_ended(lmvr(INSTRUCT "-m llava --force -o out"), 0, NULL);
    assert_false(is_same_file("out/model.safetensors", "llava/model.safetensors"));
}

static void test_accumulated_batches_are_one(void **state)
{
    double whole, halves;
    (void)state;
    assert_ended(lmvr(LANGUAGE "--batch 4 -m llama -o whole"), 0, NULL);
    assert_ended(lmvr(LANGUAGE "--batch 2 --accumulate 2 -m llama -o out"), 0, NULL);
    assert_int_equal(count_steps("whole/loss.csv", &whole), 3);
    assert_int_equal(count_steps("out/loss.csv", &halves), 3);
    assert_true(fabs(whole - halves) < 1e-5 * whole);
}

static void test_saves_bf16(void **state)
{
    (void)state;
    assert_ended(lmvr(ALIGN "-m llava --lr 0 -o out --save-dtype bf16"), 0, NULL);
    struct safetensors *file = open_tensors("out/model.safetensors"), *start = open_tensors("llava/model.safetensors");
    assert_int_equal(safetensors_count(file), safetensors_count(start));
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const struct safetensors_entry *entry = safetensors_entry_at(file, i);
        int64_t count, same;
        float *values = read_tensor(file, entry->name, &count), *full = read_tensor(start, entry->name, &same);
        assert_int_equal(entry->dtype, ST_BF16);
        assert_int_equal(count, same);
        for (int64_t j = 0; j < count; j++)
            assert_true(fabsf(values[j] - full[j]) <= fabsf(full[j]) / 256);
        free(values);
        free(full);
    }
    safetensors_close(file);
    safetensors_close(start);
    json_t *config = open_json("out/config.json");
    assert_string_equal(json_string_value(json_object_get(config, "torch_dtype")), "bfloat16");
    json_decref(config);
}

/* ---- adapters, and the head ------------------------------------------------------------------------------------------- */

/* A module's merged weight is the base's plus scale B A. */
static void check_merged(const struct safetensors *adapter, const char *module, float scale)
{
    char name[256];
    int64_t size_a, size_b, size, size_base;
    struct safetensors *base = open_tensors("llava/model.safetensors"), *merged = open_tensors("out/model.safetensors");
    snprintf(name, sizeof name, "base_model.model.model.language_model.%s.lora_A.weight", module);
    float *a = read_tensor(adapter, name, &size_a);
    snprintf(name, sizeof name, "base_model.model.model.language_model.%s.lora_B.weight", module);
    float *b = read_tensor(adapter, name, &size_b);
    snprintf(name, sizeof name, "language_model.model.%s.weight", module);
    float *before = read_tensor(base, name, &size_base), *after = read_tensor(merged, name, &size);
    int64_t in = size_a / 2, out = size_b / 2;
    double changed = 0;
    assert_int_equal(size, in * out);
    for (int64_t r = 0; r < out; r++)
        for (int64_t c = 0; c < in; c++) {
            float added = scale * (b[2 * r] * a[c] + b[2 * r + 1] * a[in + c]);
            assert_true(fabsf(before[r * in + c] + added - after[r * in + c]) < 1e-6f);
            changed += fabsf(added);
        }
    assert_true(changed > 1e-3);
    free(a);
    free(b);
    free(before);
    free(after);
    safetensors_close(base);
    safetensors_close(merged);
}

static void test_adapters_are_kept_beside_the_merged_model(void **state)
{
    int64_t size, size_whole;
    (void)state;
    assert_ended(lmvr(INSTRUCT "-m llava --lora 2 --lora-alpha 8 -o out"), 0, NULL);
    struct safetensors *adapter = open_tensors("out/adapter/adapter_model.safetensors");
    struct safetensors *whole = open_tensors("out/model.safetensors");
    assert_int_equal(safetensors_count(adapter), 2 * 7 * 2 + 4); /* A and B of 7 layers in 2 blocks; the projector */
    check_merged(adapter, "layers.0.self_attn.q_proj", 4);
    check_merged(adapter, "layers.0.self_attn.v_proj", 4);
    check_merged(adapter, "layers.1.mlp.up_proj", 4);
    check_merged(adapter, "layers.1.mlp.down_proj", 4);
    float *projector = read_tensor(adapter, "base_model.model.model.multi_modal_projector.linear_1.weight", &size);
    float *same = read_tensor(whole, "multi_modal_projector.linear_1.weight", &size_whole);
    assert_int_equal(size, size_whole);
    assert_memory_equal(projector, same, (size_t)size * sizeof *same);
    free(projector);
    free(same);
    safetensors_close(adapter);
    safetensors_close(whole);
    json_t *config = open_json("out/adapter/adapter_config.json");
    assert_string_equal(json_string_value(json_object_get(config, "peft_type")), "LORA");
    assert_string_equal(json_string_value(json_object_get(config, "base_model_name_or_path")), "llava");
    assert_int_equal(json_integer_value(json_object_get(config, "r")), 2);
    assert_true(json_real_value(json_object_get(config, "lora_alpha")) == 8);
    json_decref(config);
    assert_ended(lmvr(INSTRUCT "-m llava -o out --force"), 0, NULL);
    assert_false(exists("out/adapter")); /* not this model's */
}

static void check_vision(const char *options, bool trained)
{
    static const char *const used[] = {"embeddings.class_embedding", "embeddings.patch_embedding.weight",
                                       "encoder.layers.0.mlp.fc1.weight"};
    static const char *const unused[] = {"encoder.layers.1.mlp.fc1.weight", "post_layernorm.weight"};
    char name[128];
    assert_ended(lmvr(INSTRUCT "-m llava -o out --force %s", options), 0, NULL);
    struct safetensors *before = open_tensors("llava/model.safetensors"), *after = open_tensors("out/model.safetensors");
    assert_int_equal(safetensors_count(before), safetensors_count(after));
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
        snprintf(name, sizeof name, "vision_tower.vision_model.%s", used[i]);
        assert_int_equal(same_tensor(before, name, after, name), !trained);
    }
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++) {
        snprintf(name, sizeof name, "vision_tower.vision_model.%s", unused[i]);
        assert_true(same_tensor(before, name, after, name));
    }
    safetensors_close(before);
    safetensors_close(after);
}

static void test_the_encoder_is_trained_where_asked_for(void **state)
{
    (void)state;
    check_vision("", false);
    check_vision("--train-vision", true);
    check_vision("--train-vision --recompute", true);
}

static json_int_t read_number(const char *path, const char *part, const char *key)
{
    json_t *json;
    lmvr_error error;
    assert_int_equal(json_read(path, NULL, &json, &error), LMVR_OK);
    json_t *number = json_object_get(part ? json_object_get(json, part) : json, key);
    assert_true(json_is_integer(number));
    json_int_t value = json_integer_value(number);
    json_decref(json);
    return value;
}

static void test_the_encoder_sees_larger_pictures_where_asked_for(void **state)
{
    (void)state;
    assert_ended(lmvr(INSTRUCT "-m llava --train-vision --image-size 24 -o larger"), 0, NULL);
    assert_int_equal(read_number("larger/config.json", "vision_config", "image_size"), 24);
    assert_int_equal(read_number("larger/config.json", NULL, "image_seq_length"), 9);
    assert_int_equal(read_number("larger/preprocessor_config.json", "crop_size", "width"), 24);
    assert_int_equal(read_number("larger/preprocessor_config.json", "size", "shortest_edge"), 24);
    struct safetensors *tensors = open_tensors("larger/model.safetensors");
    const struct safetensors_entry *positions =
        safetensors_find(tensors, "vision_tower.vision_model.embeddings.position_embedding.weight");
    assert_true(positions && positions->shape[0] == 10);
    safetensors_close(tensors);
    assert_ended(lmvr("describe -m larger --max-new-tokens 4 -q 0.png 1.jpg"), 0, NULL);
    assert_ended(lmvr(INSTRUCT "-m larger --train-vision --image-size 24 -o larger2"), 0, NULL);
    assert_int_equal(read_number("larger2/preprocessor_config.json", "crop_size", "width"), 24);
}

static void test_the_head_is_kept_beside_the_fine_tuned_model(void **state)
{
    (void)state;
    assert_ended(lmvr(FINETUNE "-m llava --prompt Which%%20animal? -o out"), 0, NULL);
    struct safetensors *head = open_tensors("out/head.safetensors");
    const struct safetensors_entry *weight = safetensors_find(head, "score.weight");
    const struct safetensors_entry *bias = safetensors_find(head, "score.bias");
    assert_true(weight && weight->dims == 2 && weight->shape[0] == 2 && weight->shape[1] == 16);
    assert_true(bias && bias->dims == 1 && bias->shape[0] == 2);
    assert_string_equal(safetensors_metadata(head, "tasks"),
                        "[{\"name\":\"classes\",\"kind\":\"single\",\"classes\":[\"cat\",\"dog\"]}]");
    assert_string_equal(safetensors_metadata(head, "output"), "softmax");
    assert_string_equal(safetensors_metadata(head, "dataset"), "folder");
    assert_string_equal(safetensors_metadata(head, "prompt"), "Which animal?");
    safetensors_close(head);
    assert_ended(lmvr(INSTRUCT "-m llava -o out --force"), 0, NULL);
    assert_false(exists("out/head.safetensors"));
}

/* ---- failures --------------------------------------------------------------------------------------------------------- */

static void test_a_record_that_cannot_be_used_is_complained_about_once(void **state)
{
    (void)state;
    char *captions = read_bytes("captions.jsonl", NULL);
    write_text("bad.jsonl", captions);
    append_text("bad.jsonl", "{\"image\": \"gone.png\", \"caption\": \"a gone dog\"}\n"
                             "{\"image\": \"text.txt\", \"caption\": \"no picture\"}\n");
    free(captions);
    assert_ended(lmvr("train contrastive" NUMBERS "--data bad.jsonl -m clip --max-tokens 16 --batch 4 --steps 4 -o out"), 1,
                 "skipped: ");
    assert_ptr_equal(strchr(run_done.err, '\n'), run_done.err + strlen(run_done.err) - 1);
    assert_true(strstr(run_done.err, "gone.png") || strstr(run_done.err, "text.txt"));
    assert_finished("out", "contrastive", 4);
}

static void test_a_loss_that_is_no_number_stops_the_run(void **state)
{
    double loss;
    (void)state;
    assert_ended(lmvr("train language" NUMBERS "--data text.txt --config llama.json --vocabulary llama/tokenizer.model "
                      "--max-tokens 16 --batch 2 --steps 40 --lr 1000 --constant --clip 0 --weight-decay 10 "
                      "--checkpoint-every 1 -o out"),
                 3, "at step ");
    int good = count_steps("out/loss.csv", &loss);
    char said[200];
    assert_true(good >= 1 && good < 40);
    snprintf(said, sizeof said, "at step %d; the last good checkpoint is out/checkpoints/step-%08d.safetensors\n", good + 1,
             good);
    assert_non_null(strstr(run_done.err, said));
    assert_false(exists("out/model.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRAIN_TEST(test_each_objective_writes_a_model),
        TRAIN_TEST(test_the_longest_text_is_the_default_where_it_fits),
        TRAIN_TEST(test_a_vocabulary_is_trained_where_none_is_given),
        TRAIN_TEST(test_goes_on_from_what_was_trained),
        TRAIN_TEST(test_accumulated_batches_are_one),
        TRAIN_TEST(test_saves_bf16),
        TRAIN_TEST(test_adapters_are_kept_beside_the_merged_model),
        TRAIN_TEST(test_the_encoder_is_trained_where_asked_for),
        TRAIN_TEST(test_the_encoder_sees_larger_pictures_where_asked_for),
        TRAIN_TEST(test_the_head_is_kept_beside_the_fine_tuned_model),
        TRAIN_TEST(test_a_record_that_cannot_be_used_is_complained_about_once),
        TRAIN_TEST(test_a_loss_that_is_no_number_stops_the_run),
    };
    return cmocka_run_group_tests(tests, make_parts, remove_parts);
}
