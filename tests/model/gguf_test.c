/* Models in GGUF: which files make one, what is refused and by which sentence, and the names of weights both ways.
 * tests/session/gguf_test.c compares what such models compute. */
#include "cmocka_all.h"
#include "lmvr.h"
#include "model/checkpoint.h"
#include "model/gguf_names.h"
#include "scratch.h"

#define GOLDEN       LMVR_TEST_DATA "/golden/gguf-"
#define ZEROS        "\0\0\0\0\0\0\0\0"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static lmvr_error error;

/* A file of a golden model, from its folder to a new place. */
static void copy_file(const char *model, const char *name, const char *to)
{
    char path[600];
    size_t size = 0;
    snprintf(path, sizeof path, GOLDEN "%s/%s", model, name);
    char *bytes = read_bytes(path, &size);
    assert_non_null(bytes);
    write_bytes(to, bytes, size);
    free(bytes);
}

/* The golden model as m/, whose files are then changed. */
static void make_model(const char *model)
{
    assert_int_equal(mkdir("m", 0777), 0);
    copy_file(model, "model.gguf", "m/model.gguf");
    copy_file(model, "mmproj-model.gguf", "m/mmproj.gguf");
}

/* Puts other bytes of the same length in the place of the first that are `from`, or `skip` bytes behind it. */
static void change_at(const char *path, const char *from, size_t skip, const void *to, size_t length)
{
    size_t size = 0;
    char *bytes = read_bytes(path, &size), *place = memmem(bytes, size, from, strlen(from));
    assert_non_null(place);
    memcpy(place + skip, to, length);
    write_bytes(path, bytes, size);
    free(bytes);
}

static void change(const char *path, const char *from, const char *to)
{
    assert_int_equal(strlen(from), strlen(to));
    change_at(path, from, 0, to, strlen(to));
}

/* A u32 behind its key and its type. */
static void set_number(const char *path, const char *key, uint32_t number)
{
    change_at(path, key, strlen(key) + sizeof(uint32_t), &number, sizeof number);
}

static void assert_refused(const char *path, const char *mmproj, const char *sentence)
{
    const lmvr_model_options options = {
        .size = sizeof options, .dtype = LMVR_DTYPE_F32, .threads = 1, .device = "cpu", .mmproj = mmproj};
    lmvr_model *model;
    assert_int_equal(lmvr_model_open_with(path, &options, &model, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
    assert_null(model);
}

/* ---- which files make a model ---------------------------------------------------------------------------------------------
 */

static void two_names_or_a_folder_are_the_same_model(void **state)
{
    (void)state;
    lmvr_model_info folder, named;
    make_model("smolvlm-q8_0");
    const lmvr_model_options options = {.size = sizeof options, .dtype = LMVR_DTYPE_F32, .mmproj = "m/mmproj.gguf"};
    assert_int_equal(lmvr_model_inspect("m", LMVR_DTYPE_F32, &folder, &error), LMVR_OK);
    assert_int_equal(lmvr_model_inspect_with("m/model.gguf", &options, &named, &error), LMVR_OK);
    assert_memory_equal(&folder, &named, sizeof folder);
    assert_string_equal(folder.architecture, "Idefics3ForConditionalGeneration");
    assert_string_equal(folder.stored_dtypes, "Q8_0, F32");
    assert_int_equal(folder.language.blocks, 2);
    assert_int_equal(folder.vision.mlp_width, 64);
}

static void a_weight_changes_the_fingerprint(void **state)
{
    (void)state;
    lmvr_model_info before, after;
    make_model("smolvlm-q8_0");
    assert_int_equal(lmvr_model_inspect("m", LMVR_DTYPE_F32, &before, &error), LMVR_OK);
    size_t size = 0;
    char *bytes = read_bytes("m/mmproj.gguf", &size);
    bytes[size - 40] ^= 1; /* of the last tensor, whose end is among what is looked at */
    write_bytes("m/mmproj.gguf", bytes, size);
    free(bytes);
    assert_int_equal(lmvr_model_inspect("m", LMVR_DTYPE_F32, &after, &error), LMVR_OK);
    assert_true(before.fingerprint != after.fingerprint);
}

static void half_a_model_is_refused_by_what_is_missing(void **state)
{
    (void)state;
    make_model("llava-q4_0");
    assert_refused(
        "m/model.gguf", NULL,
        "m/model.gguf: is a language model alone; its image encoder, a file called mmproj, is missing (--mmproj, or a "
        "folder with the two)");
    assert_refused(
        "m/mmproj.gguf", NULL,
        "m/mmproj.gguf: is an image encoder alone; expected the language model that it belongs to, and this beside it "
        "(--mmproj)");
    assert_refused("m/model.gguf", "m/model.gguf",
                   "m/model.gguf: is no image encoder; expected an mmproj file, whose general.architecture is clip");
    assert_refused("m", "m/mmproj.gguf", "m: is no GGUF file, so m/mmproj.gguf does not belong to it (--mmproj)");
    assert_int_equal(remove("m/mmproj.gguf"), 0);
    assert_refused(
        "m", NULL,
        "m/model.gguf: is a language model alone; its image encoder, a file called mmproj, is missing (--mmproj, or a "
        "folder with the two)");
}

static void folders_with_other_files_are_refused(void **state)
{
    (void)state;
    make_model("llava-q4_0");
    copy_file("llava-q4_0", "model.gguf", "m/other.gguf");
    assert_refused("m", NULL,
                   "m: holds 3 GGUF files; expected a language model and its mmproj file alone, or the two by name (-m and "
                   "--mmproj)");
    assert_int_equal(remove("m/mmproj.gguf"), 0);
    assert_refused("m", NULL,
                   "m: holds two language models in GGUF; expected a language model and its mmproj file (general.architecture "
                   "clip)");
    copy_file("llava-q4_0", "mmproj-model.gguf", "m/model.gguf");
    copy_file("llava-q4_0", "mmproj-model.gguf", "m/other.gguf");
    assert_refused("m", NULL,
                   "m: holds two image encoders in GGUF; expected a language model and its mmproj file (general.architecture "
                   "clip)");
}

static void a_part_of_a_file_is_refused(void **state)
{
    (void)state;
    make_model("smolvlm-q8_0");
    static const char part[] = "GGUF\3\0\0\0" ZEROS "\2\0\0\0\0\0\0\0"
                               "\24\0\0\0\0\0\0\0general.architecture\10\0\0\0\5\0\0\0\0\0\0\0llama"
                               "\13\0\0\0\0\0\0\0split.count\4\0\0\0\3\0\0\0";
    write_bytes("m/part.gguf", part, sizeof part - 1);
    assert_refused(
        "m/part.gguf", "m/mmproj.gguf",
        "m/part.gguf: is one of 3 parts, which are not read; expected the whole, as llama-gguf-split --merge makes it");
}

static void an_encoder_of_another_model_is_refused(void **state)
{
    (void)state;
    make_model("llava-q4_0");
    copy_file("qwen3vl-q4_1", "mmproj-model.gguf", "m/mmproj.gguf");
    assert_refused("m", NULL, "m/mmproj.gguf: is the encoder of a model of architecture qwen3vl, but m/model.gguf is of llama");
}

/* ---- what files say -------------------------------------------------------------------------------------------------------
 */

static void kinds_that_are_not_read_are_named(void **state)
{
    (void)state;
    make_model("smolvlm-q8_0");
    change("m/mmproj.gguf", "idefics3", "pixtral3");
    assert_refused(
        "m", NULL,
        "m/mmproj.gguf: key clip.projector_type is pixtral3, expected mlp, idefics3, qwen2vl_merger, qwen2.5vl_merger or "
        "qwen3vl_merger");
    change("m/mmproj.gguf", "pixtral3", "idefics3");
    change("m/model.gguf", "smollm", "smarts");
    assert_refused(
        "m", NULL,
        "m/model.gguf: key tokenizer.ggml.pre is smarts, expected a pre-tokenizer that is known here: llama-bpe, qwen2, "
        "smollm or gpt-2");
    change("m/model.gguf", "gpt2", "bert");
    assert_refused("m", NULL, "m/model.gguf: key tokenizer.ggml.model is bert, expected llama or gpt2");
    change("m/model.gguf", "llama", "gemma");
    assert_refused("m", NULL, "m/model.gguf: key general.architecture is gemma, expected llama, qwen2, qwen2vl or qwen3vl");
}

static void wrong_numbers_are_refused_by_their_key(void **state)
{
    (void)state;
    make_model("llavanext-q8_0");
    set_number("m/model.gguf", "llama.block_count", 0);
    assert_refused("m", NULL, "m/model.gguf: key llama.block_count is 0, expected 1 to 16777216");
    set_number("m/model.gguf", "llama.block_count", 3);
    assert_refused("m", NULL, "m/model.gguf: tensor blk.2.attn_q.weight is missing");
    set_number("m/model.gguf", "llama.block_count", 2);
    set_number("m/model.gguf", "llama.rope.dimension_count", 8);
    assert_refused("m", NULL, "m/model.gguf: key llama.rope.dimension_count is 8, expected 16, all of a head");
    set_number("m/model.gguf", "llama.rope.dimension_count", 16);
    set_number("m/mmproj.gguf", "clip.vision.patch_size", 21);
    assert_refused("m", NULL, "m/model.gguf + m/mmproj.gguf: vision_config.patch_size is 21, more than image_size, 20");
    set_number("m/mmproj.gguf", "clip.vision.patch_size", 4);
    assert_refused("m", NULL, "m/mmproj.gguf: tensor v.patch_embd.weight has shape (32, 3, 5, 5), expected (32, 3, 4, 4)");
}

static void tensors_are_missed_by_the_name_that_files_have(void **state)
{
    (void)state;
    make_model("qwen2vl-q8_0");
    change("m/mmproj.gguf", "v.blk.1.attn_k.weight", "v.blk.1.attn_k.weighs");
    assert_refused("m", NULL, "m/mmproj.gguf: tensor v.blk.1.attn_k.weight is missing");
    change("m/mmproj.gguf", "v.blk.1.attn_k.weighs", "v.blk.1.attn_k.weight");
    change("m/mmproj.gguf", "v.patch_embd.weight.1", "v.patch_embd.weight.2");
    assert_refused("m", NULL, "m/mmproj.gguf: tensor v.patch_embd.weight.1 is missing");
    change("m/mmproj.gguf", "v.patch_embd.weight.2", "v.patch_embd.weight.1");
    change("m/mmproj.gguf", "v.post_ln.bias", "v.post_ln.bits");
    assert_refused("m", NULL, "m/mmproj.gguf: tensor v.post_ln.bias is missing");
    change("m/mmproj.gguf", "v.post_ln.bits", "v.post_ln.bias");
    change("m/model.gguf", "blk.1.attn_norm.weight", "blk.1.attn_norm.weighs");
    assert_refused("m", NULL, "m/model.gguf: tensor blk.1.attn_norm.weight is missing");
}

static void a_tensor_that_belongs_nowhere_is_refused(void **state)
{
    (void)state;
    make_model("llava-q4_0");
    set_number("m/model.gguf", "llama.block_count", 1);
    assert_refused("m", NULL,
                   "m/model.gguf: tensor blk.1.attn_norm.weight, and 8 more, are not part of the model that its configuration "
                   "describes");
}

/* ---- names ----------------------------------------------------------------------------------------------------------------
 */

static const struct pair {
    enum gguf_content content;
    const char *gguf, *canonical;
} pairs[] = {
    {GGUF_LANGUAGE, "token_embd.weight", "language_model.model.embed_tokens.weight"},
    {GGUF_LANGUAGE, "output.weight", "language_model.lm_head.weight"},
    {GGUF_LANGUAGE, "output_norm.weight", "language_model.model.norm.weight"},
    {GGUF_LANGUAGE, "blk.31.attn_q.bias", "language_model.model.layers.31.self_attn.q_proj.bias"},
    {GGUF_LANGUAGE, "blk.0.ffn_norm.weight", "language_model.model.layers.0.post_attention_layernorm.weight"},
    {GGUF_LLAVA, "v.class_embd", "vision_tower.vision_model.embeddings.class_embedding"},
    {GGUF_LLAVA, "v.blk.22.attn_out.bias", "vision_tower.vision_model.encoder.layers.22.self_attn.out_proj.bias"},
    {GGUF_LLAVA, "v.image_newline", "image_newline"},
    {GGUF_IDEFICS3, "mm.model.fc.weight", "connector.modality_projection.proj.weight"},
    {GGUF_QWEN2, "mm.2.bias", "visual.merger.mlp.2.bias"},
    {GGUF_QWEN2_5, "v.blk.7.ffn_gate.weight", "visual.blocks.7.mlp.gate_proj.weight"},
    {GGUF_QWEN3, "v.deepstack.16.fc2.weight", "visual.deepstack_merger_list.1.linear_fc2.weight"},
};

static void names_translate_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        const struct gguf_naming naming = {.content = pairs[i].content, .deep = {8, 16, 24}, .deep_count = 3};
        bool known;
        char *canonical = gguf_name_canonical(&naming, pairs[i].gguf, &known);
        assert_true(known);
        assert_string_equal(canonical, pairs[i].canonical);
        char *gguf = gguf_name_of(&naming, pairs[i].canonical, &known);
        assert_true(known);
        assert_string_equal(gguf, pairs[i].gguf);
        free(canonical);
        free(gguf);
    }
}

static void old_files_call_the_first_layer_down(void **state)
{
    (void)state;
    const struct gguf_naming old = {.content = GGUF_LLAVA, .swapped = true};
    bool known;
    char *first = gguf_name_canonical(&old, "v.blk.3.ffn_down.weight", &known);
    char *second = gguf_name_of(&old, "vision_tower.vision_model.encoder.layers.3.mlp.fc2.bias", &known);
    assert_string_equal(first, "vision_tower.vision_model.encoder.layers.3.mlp.fc1.weight");
    assert_string_equal(second, "v.blk.3.ffn_up.bias");
    free(first);
    free(second);
}

static void other_names_stay(void **state)
{
    (void)state;
    static const char *const names[] = {"output",
                                        "blk.1",
                                        "blk..attn_q.weight",
                                        "blk.x.attn_q.weight",
                                        "blk.01.attn_q.weight",
                                        "blk.99999999999999999999.attn_q.weight",
                                        "v.class_embd.more",
                                        ""};
    const struct gguf_naming naming = {.content = GGUF_LANGUAGE}, tower = {.content = GGUF_LLAVA};
    for (size_t i = 0; i < COUNT(names); i++) {
        bool known;
        char *name = gguf_name_canonical(names[i][0] == 'v' ? &tower : &naming, names[i], &known);
        assert_false(known);
        assert_string_equal(name, names[i]);
        free(name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_names_or_a_folder_are_the_same_model, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(a_weight_changes_the_fingerprint, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(half_a_model_is_refused_by_what_is_missing, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(folders_with_other_files_are_refused, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(a_part_of_a_file_is_refused, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(an_encoder_of_another_model_is_refused, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(kinds_that_are_not_read_are_named, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(wrong_numbers_are_refused_by_their_key, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(tensors_are_missed_by_the_name_that_files_have, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(a_tensor_that_belongs_nowhere_is_refused, enter_folder, leave_folder),
        cmocka_unit_test(names_translate_both_ways),
        cmocka_unit_test(old_files_call_the_first_layer_down),
        cmocka_unit_test(other_names_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
