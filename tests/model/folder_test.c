/* What lies in folders that hold no model that can be opened: each is refused by its kind, by whoever opens it and by whoever
 * only looks at it. */
#include "model/folder.h"

#include "lmvr.h"
#include "scratch.h"

#define LLAVA LMVR_TEST_DATA "/golden/llava-old-f32/"

static void link_file(const char *name)
{
    char from[1024], to[64];
    snprintf(from, sizeof from, LLAVA "%s", name);
    snprintf(to, sizeof to, "m/%s", name);
    assert_int_equal(symlink(from, to), 0);
}

/* A golden LLaVA as m/, but for this file. */
static void make_model_without(const char *missing)
{
    static const char *const files[] = {"config.json",       "preprocessor_config.json", "processor_config.json",
                                        "model.safetensors", "tokenizer.model",          "added_tokens.json"};
    assert_int_equal(mkdir("m", 0777), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(files[i], missing) != 0)
            link_file(files[i]);
}

static void assert_refused(const char *path, const char *sentence)
{
    lmvr_model *model;
    lmvr_model_info info;
    lmvr_error error = {{0}};
    assert_int_equal(lmvr_model_open(path, LMVR_DTYPE_F32, 1, &model, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
    assert_int_equal(lmvr_model_inspect(path, LMVR_DTYPE_F32, &info, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
}

static void a_whole_folder_is_opened(void **state)
{
    (void)state;
    lmvr_model_info info;
    lmvr_error error;
    make_model_without("");
    if (lmvr_model_inspect("m", LMVR_DTYPE_F32, &info, &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

static void an_adapter_says_of_which_model_it_is(void **state)
{
    (void)state;
    assert_int_equal(mkdir("m", 0777), 0);
    write_text("m/adapter_model.safetensors", "");
    write_text("m/adapter_config.json", "{\"peft_type\": \"LORA\", \"base_model_name_or_path\": \"llava-hf/llava-1.5-7b-hf\"}");
    assert_refused("m",
                   "m: is a LoRA adapter of llava-hf/llava-1.5-7b-hf and no model by itself; merge it into that one (PEFT: "
                   "merge_and_unload(), then save_pretrained()) and give the merged folder");
    write_text("m/adapter_config.json", "{\"peft_type\": \"IA3\"}");
    assert_refused("m",
                   "m: is an adapter of a model that adapter_config.json does not name and no model by itself; merge it into "
                   "that one (PEFT: merge_and_unload(), then save_pretrained()) and give the merged folder");
    write_text("m/adapter_config.json", "{");
    lmvr_error error;
    assert_int_equal(model_folder_check("m", &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "m/adapter_config.json: is not valid JSON"));
}

static void other_weights_are_refused_by_their_kind(void **state)
{
    (void)state;
    make_model_without("model.safetensors");
    assert_refused("m", "m: has neither model.safetensors nor pytorch_model.bin, nor an index of their shards");
    write_text("m/model.msgpack", "");
    assert_refused("m", "m: has Flax's weights (model.msgpack), which are not read; expected model.safetensors or "
                        "pytorch_model.bin, or shards with their index, which transformers' save_pretrained() writes");
    write_text("m/b.gguf", "GGUF");
    write_text("m/a.gguf", "GGUF");
    assert_refused("m", "m: has GGUF weights (a.gguf), which are not read; expected model.safetensors or "
                        "pytorch_model.bin, or shards with their index, which the model that they were made from has");
    write_text("m/consolidated.00.pth", "");
    assert_refused("m", "m: has PyTorch's weights of another layout (consolidated.00.pth), which are not read; expected "
                        "model.safetensors or pytorch_model.bin, or shards with their index, which the model's conversion for "
                        "transformers has");
}

static void a_folder_without_a_tokenizer_is_refused(void **state)
{
    (void)state;
    make_model_without("tokenizer.model");
    assert_refused("m", "m: has neither tokenizer.model nor spiece.model nor tokenizer.json");
    write_text("m/tokenizer.json", "{}");
    lmvr_model *model;
    lmvr_error error = {{0}};
    assert_int_equal(lmvr_model_open("m", LMVR_DTYPE_F32, 1, &model, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "m/tokenizer.json: model is missing, expected an object");
}

static void what_is_no_model_folder_is_named(void **state)
{
    (void)state;
    assert_int_equal(mkdir("m", 0777), 0);
    assert_refused("m", "m: has no config.json; expected a Hugging Face folder");
    write_text("m/llava.gguf", "GGUF");
    assert_refused("m", "m/llava.gguf: is truncated: it ends in its version");
    lmvr_error error;
    assert_int_equal(model_folder_check("m", &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message,
                        "m: holds GGUF files, such as llava.gguf; expected here the Hugging Face folder that they "
                        "were made from");
    assert_int_equal(model_folder_check("m/llava.gguf", &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message,
                        "m/llava.gguf: is a GGUF file; expected here the Hugging Face folder that it was made from");
    write_text("notes", "GG");
    assert_refused("notes", "notes: is a file; expected a Hugging Face folder, with a config.json in it");
    assert_int_equal(mkdir("models--a--b", 0777), 0);
    assert_int_equal(mkdir("models--a--b/snapshots", 0777), 0);
    assert_refused("models--a--b",
                   "models--a--b: is a folder of the Hugging Face cache; give the model's name, as org/name, or a "
                   "folder in snapshots/");
    assert_refused("none", "none: cannot open: No such file or directory");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_whole_folder_is_opened),
        IN_FOLDER(an_adapter_says_of_which_model_it_is),
        IN_FOLDER(other_weights_are_refused_by_their_kind),
        IN_FOLDER(a_folder_without_a_tokenizer_is_refused),
        IN_FOLDER(what_is_no_model_folder_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
