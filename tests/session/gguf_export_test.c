/* Models that are written as GGUF and opened again: prompts, states, tokens and texts are those of the model that was written,
 * weights those that their type makes of its weights, and configurations the same. */
#include "golden_compare.h"
#include "format/gguf.h"
#include "model/checkpoint.h"
#include "scratch.h"

#include <dirent.h>

#define GOLDEN       LMVR_TEST_DATA "/golden/"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static lmvr_error error;

static const char *const models[] = {"llava-old-f32",        "llava-f16-tied",   "llava-pad",        "llava-siglip-f32",
                                     "smolvlm-hub-bf16",     "smolvlm2-f32",     "qwen2vl-hub-bf16", "qwen25vl-hub-f16",
                                     "qwen25vl-new-bf16",    "qwen3vl-hub-bf16", "qwen3vl-odd-f32",  "llavanext-llama3-bf16",
                                     "llavanext-mistral-f16"};

static lmvr_status convert(const char *path, const char *mmproj, lmvr_dtype dtype, const char *output)
{
    const lmvr_convert_options options = {.size = sizeof options, .dtype = dtype, .mmproj = mmproj, .replace = true};
    return lmvr_model_convert(path, &options, output, &error);
}

/* The golden model as m/model.gguf and m/mmproj-model.gguf. */
static lmvr_status export_model(const char *name, lmvr_dtype dtype)
{
    char path[600];
    snprintf(path, sizeof path, GOLDEN "%s", name);
    mkdir("m", 0777);
    return convert(path, NULL, dtype, "m/model.gguf");
}

static void prompts_states_tokens_and_text_are_the_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(models); i++) {
        CHECK(export_model(models[i], LMVR_DTYPE_F32));
        compare_cases_in("m", models[i], true);
    }
}

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

/* The values of a type that are nearest to these, block by block. */
static void narrow(const struct gguf_type *type, float *values, size_t count)
{
    size_t blocks = count / type->elements;
    unsigned char *stored = malloc(blocks * type->size);
    assert_int_equal(count % type->elements, 0);
    type->narrow(values, blocks, stored);
    type->widen(stored, blocks, values);
    free(stored);
}

/* The type of a file's tensor. */
static const struct gguf_type *type_of(const struct checkpoint_tensor *tensor)
{
    for (uint32_t i = 0; i <= GGUF_BF16; i++)
        if (gguf_type(i) && strcmp(gguf_type(i)->name, tensor->entry->dtype) == 0)
            return gguf_type(i);
    return NULL;
}

/* Every weight of the files, against the model's own after its type; returns how many are of `wanted`. */
static int compare_weights(const char *name, const struct gguf_type *wanted)
{
    char path[600];
    int of_type = 0;
    struct model_config config;
    struct checkpoint *own, *written;
    struct gguf_pair pair = {"m/model.gguf", "m/mmproj-model.gguf"};
    snprintf(path, sizeof path, GOLDEN "%s", name);
    CHECK(model_config_read_any(path, NULL, &config, &error));
    CHECK(model_checkpoint_open(path, &config, &own, &error));
    CHECK(checkpoint_open_gguf(&pair, &written, &error));
    for (size_t i = 0; i < checkpoint_count(written); i++) {
        struct checkpoint_tensor tensor;
        const char *canonical = checkpoint_at(written, i, &tensor);
        size_t count = weight_entry_elements(tensor.entry);
        float *found = malloc(count * sizeof *found), *expected = malloc(count * sizeof *expected);
        CHECK(checkpoint_read_part(&tensor, 0, count, found, &error));
        CHECK(checkpoint_read(own, canonical, tensor.entry->dims, tensor.entry->shape, expected, &error));
        narrow(type_of(&tensor), expected, count);
        if (memcmp(found, expected, count * sizeof *found) != 0)
            fail_msg("%s: %s differs", name, canonical);
        of_type += type_of(&tensor) == wanted;
        free(found);
        free(expected);
    }
    checkpoint_close(own);
    checkpoint_close(written);
    return of_type;
}

static void weights_are_what_their_type_makes_of_them(void **state)
{
    (void)state;
    static const struct {
        lmvr_dtype dtype;
        uint32_t number;
    } types[] = {{LMVR_DTYPE_F32, GGUF_F32},
                 {LMVR_DTYPE_F16, GGUF_F16},
                 {LMVR_DTYPE_BF16, GGUF_BF16},
                 {LMVR_DTYPE_INT8, GGUF_Q8_0},
                 {LMVR_DTYPE_INT4, GGUF_Q4_0}};
    static const char *const names[] = {"llava-pad", "gguf-qwen3vl-q4_1"}; /* of two blocks, whose rows are whole blocks */
    for (size_t t = 0; t < COUNT(types); t++)
        for (size_t i = 0; i < COUNT(names); i++) {
            CHECK(export_model(names[i], types[t].dtype));
            int found = compare_weights(names[i], gguf_type(types[t].number));
            if (found < 2 * 7)
                fail_msg("%s has %d tensors of %s", names[i], found, gguf_type(types[t].number)->name);
        }
}

/* Only LLaMA's rows of queries and keys are in another order in GGUF. */
static void qwen2s_rows_stay_in_order(void **state)
{
    (void)state;
    CHECK(export_model("llavanext-qwen2-f32", LMVR_DTYPE_F32));
    assert_true(compare_weights("llavanext-qwen2-f32", gguf_type(GGUF_F32)) > 0);
}

/* A model in GGUF is itself a model to write. */
static void a_written_model_is_written_again_as_it_is(void **state)
{
    (void)state;
    struct checkpoint *once, *again;
    const struct gguf_pair first = {"m/model.gguf", "m/mmproj-model.gguf"}, second = {"again.gguf", "mmproj-again.gguf"};
    CHECK(export_model("smolvlm2-f32", LMVR_DTYPE_INT8));
    CHECK(convert("m", NULL, LMVR_DTYPE_INT8, "again.gguf"));
    CHECK(checkpoint_open_gguf(&first, &once, &error));
    CHECK(checkpoint_open_gguf(&second, &again, &error));
    assert_int_equal(checkpoint_count(once), checkpoint_count(again));
    for (size_t i = 0; i < checkpoint_count(once); i++) {
        struct checkpoint_tensor tensor;
        const char *canonical = checkpoint_at(once, i, &tensor);
        size_t count = weight_entry_elements(tensor.entry);
        float *found = malloc(count * sizeof *found), *expected = malloc(count * sizeof *expected);
        CHECK(checkpoint_read_part(&tensor, 0, count, expected, &error));
        CHECK(checkpoint_read(again, canonical, tensor.entry->dims, tensor.entry->shape, found, &error));
        assert_memory_equal(found, expected, count * sizeof *found);
        free(found);
        free(expected);
    }
    checkpoint_close(once);
    checkpoint_close(again);
    CHECK(convert("again.gguf", "mmproj-again.gguf", LMVR_DTYPE_F32, "m/model.gguf"));
}

/* ---- configurations ----------------------------------------------------------------------------------------------------- */

static void compare_languages(const struct language_config *a, const struct language_config *b)
{
    assert_int_equal(a->vocabulary, b->vocabulary);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->blocks, b->blocks);
    assert_int_equal(a->heads, b->heads);
    assert_int_equal(a->kv_heads, b->kv_heads);
    assert_int_equal(a->head_dim, b->head_dim);
    assert_int_equal(a->mlp_width, b->mlp_width);
    assert_int_equal(a->max_positions, b->max_positions);
    assert_true(a->rms_norm_eps == b->rms_norm_eps && a->rope.theta == b->rope.theta);
    assert_int_equal(a->tied, b->tied);
    assert_int_equal(a->qkv_bias, b->qkv_bias);
    assert_int_equal(a->out_bias, b->out_bias);
    assert_int_equal(a->mlp_bias, b->mlp_bias);
    assert_int_equal(a->qk_norm, b->qk_norm);
    assert_memory_equal(a->rope.sections, b->rope.sections, sizeof a->rope.sections);
    assert_int_equal(a->end_tokens[0], b->end_tokens[0]);
}

static void compare_visions(const struct vision_config *a, const struct vision_config *b)
{
    assert_ptr_equal(a->family, b->family);
    assert_int_equal(a->image_size, b->image_size);
    assert_int_equal(a->patch_size, b->patch_size);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->heads, b->heads);
    assert_int_equal(a->mlp_width, b->mlp_width);
    assert_int_equal(a->activation, b->activation);
    assert_true(a->layer_norm_eps == b->layer_norm_eps);
    assert_int_equal(a->merge, b->merge);
    assert_int_equal(a->window, b->window);
    assert_int_equal(a->position_side, b->position_side);
}

static void compare_preprocessing(const struct preprocess *a, const struct preprocess *b)
{
    assert_int_equal(a->way, b->way);
    assert_int_equal(a->pad_to_square, b->pad_to_square);
    assert_int_equal(a->shortest_edge, b->shortest_edge);
    assert_int_equal(a->crop_width, b->crop_width);
    assert_int_equal(a->filter, b->filter);
    assert_int_equal(a->min_pixels, b->min_pixels);
    assert_int_equal(a->max_pixels, b->max_pixels);
    assert_int_equal(a->longest_edge, b->longest_edge);
    assert_int_equal(a->tile, b->tile);
    assert_int_equal(a->grid_count, b->grid_count);
    assert_memory_equal(a->grids, b->grids, (size_t)a->grid_count * sizeof *a->grids);
    for (int i = 0; i < 3; i++)
        assert_true((float)a->mean[i] == (float)b->mean[i] && (float)a->std[i] == (float)b->std[i]);
}

static void configurations_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(models); i++) {
        char path[600];
        struct model_config own, written;
        snprintf(path, sizeof path, GOLDEN "%s", models[i]);
        CHECK(export_model(models[i], LMVR_DTYPE_F16));
        CHECK(model_config_read(path, &own, &error));
        CHECK(model_config_read_any("m", NULL, &written, &error));
        compare_languages(&own.language, &written.language);
        compare_visions(&own.vision, &written.vision);
        compare_preprocessing(&own.preprocess, &written.preprocess);
        assert_int_equal(own.encoder_state, written.encoder_state);
        assert_string_equal(own.template_name, written.template_name);
        assert_memory_equal(&own.merger, &written.merger, sizeof own.merger);
        assert_int_equal(own.projector.drop_class, written.projector.drop_class);
    }
}

/* ---- what is refused ---------------------------------------------------------------------------------------------------- */

static void what_gguf_cannot_say_is_refused_and_nothing_written(void **state)
{
    (void)state;
    static const struct {
        const char *name, *why;
    } cases[] = {
        {"blip2-old-f32", "its language model is a T5, and llama.cpp reads an image for LLaMA's family only"},
        {"clip-f32", "it has no language model"},
        {"llava-new-bf16", "its projector reads the class token, too"},
        {"llava-odd-f32", "its pictures are resized, cut or scaled as no key can say"},
        {"idefics3-whole-f16", "its pictures are resized, cut or scaled as no key can say"},
        {"qwen2vl-new-f32", "the activation of its encoder is not SiLU, QuickGELU or its kind's GELU"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char sentence[800];
        snprintf(sentence, sizeof sentence, GOLDEN "%s: cannot be written as GGUF: %s", cases[i].name, cases[i].why);
        assert_int_equal(export_model(cases[i].name, LMVR_DTYPE_F16), LMVR_ERROR_INVALID);
        assert_string_equal(error.message, sentence);
        assert_int_not_equal(access("m/model.gguf", F_OK), 0);
        assert_int_not_equal(access("m/mmproj-model.gguf", F_OK), 0);
    }
}

static void types_belong_to_kinds_of_files(void **state)
{
    (void)state;
    assert_int_equal(convert(GOLDEN "llava-pad", NULL, LMVR_DTYPE_F16, "folder"), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "folder: weights in f16 are for files in GGUF, whose names end in .gguf");
    assert_int_equal(convert(GOLDEN "llava-pad", NULL, LMVR_DTYPE_F16 + 1, "a.gguf"), LMVR_ERROR_INVALID);
    assert_int_not_equal(access("a.gguf", F_OK), 0);
}

/* ---- files -------------------------------------------------------------------------------------------------------------- */

static void files_that_are_there_stay(void **state)
{
    (void)state;
    size_t size;
    const lmvr_convert_options options = {.size = sizeof options, .dtype = LMVR_DTYPE_F16};
    write_bytes("mmproj-a.gguf", "mine", 4);
    assert_int_equal(lmvr_model_convert(GOLDEN "llava-pad", &options, "a.gguf", &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "mmproj-a.gguf: is there already; --force replaces it");
    char *bytes = read_bytes("mmproj-a.gguf", &size);
    assert_int_equal(size, 4);
    assert_int_not_equal(access("a.gguf", F_OK), 0);
    free(bytes);
}

/* Stops at its `left`th call, and checks what it is told. */
struct asking {
    int left;
    uint64_t done, total;
};

static int ask(uint64_t done, uint64_t total, void *user)
{
    struct asking *a = user;
    assert_true(done > a->done && done <= total && (!a->total || total == a->total));
    a->done = done;
    a->total = total;
    return --a->left == 0;
}

static int count_entries(const char *folder)
{
    int count = 0;
    DIR *opened = opendir(folder);
    assert_non_null(opened);
    while (readdir(opened))
        count++;
    closedir(opened);
    return count - 2; /* itself, and the one above */
}

static void a_stopped_conversion_leaves_nothing(void **state)
{
    (void)state;
    struct asking asking = {.left = -1}, stopping = {.left = 20};
    lmvr_convert_options options = {.size = sizeof options, .dtype = LMVR_DTYPE_INT8, .progress = ask, .user = &stopping};
    assert_int_equal(lmvr_model_convert(GOLDEN "llava-pad", &options, "a.gguf", &error), LMVR_STOPPED);
    assert_int_equal(count_entries("."), 0);
    options.user = &asking;
    CHECK(lmvr_model_convert(GOLDEN "llava-pad", &options, "a.gguf", &error));
    assert_true(asking.done == asking.total && asking.total > 0);
    assert_int_equal(count_entries("."), 2);
}

static void a_weight_that_a_type_cannot_hold_is_refused(void **state)
{
    (void)state;
    CHECK(export_model("smolvlm2-f32", LMVR_DTYPE_F32));
    struct gguf *file;
    size_t size;
    const float large = 1e6f;
    CHECK(gguf_open("m/model.gguf", &file, &error));
    const struct gguf_tensor *tensor = gguf_find(file, "blk.0.ffn_up.weight");
    char *bytes = read_bytes("m/model.gguf", &size);
    memcpy(bytes + tensor->begin, &large, sizeof large);
    write_bytes("m/model.gguf", bytes, size);
    assert_int_equal(convert("m", NULL, LMVR_DTYPE_F16, "a.gguf"), LMVR_ERROR_INVALID);
    assert_string_equal(error.message,
                        "m/model.gguf: tensor blk.0.ffn_up.weight holds 1e+06, which is too large for 16-bit floats");
    CHECK(convert("m", NULL, LMVR_DTYPE_BF16, "a.gguf"));
    gguf_close(file);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(prompts_states_tokens_and_text_are_the_models, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(weights_are_what_their_type_makes_of_them, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(qwen2s_rows_stay_in_order, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(a_written_model_is_written_again_as_it_is, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(configurations_come_back, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(what_gguf_cannot_say_is_refused_and_nothing_written, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(types_belong_to_kinds_of_files, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(files_that_are_there_stay, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(a_stopped_conversion_leaves_nothing, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(a_weight_that_a_type_cannot_hold_is_refused, enter_folder, leave_folder),
    };
    need_device();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
