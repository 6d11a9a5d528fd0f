#include "format/safetensors_file.h"
#include "model/checkpoint.h"
#include "model/config.h"
#include "model/weight_name.h"

#include <math.h>

static lmvr_error error;

static const float values[] = {1, 2, 3, 4, 5, 6};

/* A file of f32 tensors of shape (2, 3), with these names. */
static void write_tensors(const char *path, const char *const *names, size_t count)
{
    struct safetensors_write tensors[16];
    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++)
        tensors[i] = (struct safetensors_write){.name = names[i], .dtype = ST_F32, .dims = 2, .shape = {2, 3}, .data = values};
    assert_int_equal(safetensors_write(path, tensors, count, NULL, &error), LMVR_OK);
}

#define WRITE(path, ...)                                                                                                       \
    write_tensors(path, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static struct checkpoint *open_good(const char *folder)
{
    struct checkpoint *checkpoint;
    if (checkpoint_open(folder, &checkpoint, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return checkpoint;
}

static void assert_refused(const char *part)
{
    struct checkpoint *checkpoint;
    assert_int_equal(checkpoint_open(".", &checkpoint, &error), LMVR_ERROR_INVALID);
    assert_null(checkpoint);
    assert_contains(error.message, part);
}

static void assert_index_refused(const char *index, const char *part)
{
    write_text("model.safetensors.index.json", index);
    assert_refused(part);
}

/* ---- names ---- */

static void every_spelling_of_a_name_is_one_weight(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"vision_tower.vision_model.encoder.layers.0.mlp.fc1.bias", "vision_tower.vision_model.encoder.layers.0.mlp.fc1.bias"},
        {"model.vision_tower.vision_model.pre_layrnorm.bias", "vision_tower.vision_model.pre_layrnorm.bias"},
        {"vision_tower.embeddings.class_embedding", "vision_tower.vision_model.embeddings.class_embedding"},
        {"model.vision_tower.embeddings.class_embedding", "vision_tower.vision_model.embeddings.class_embedding"},
        {"vision_model.embeddings.class_embedding", "vision_tower.vision_model.embeddings.class_embedding"},
        {"embeddings.class_embedding", "vision_tower.vision_model.embeddings.class_embedding"},
        {"encoder.layers.3.layer_norm1.weight", "vision_tower.vision_model.encoder.layers.3.layer_norm1.weight"},
        {"pre_layrnorm.weight", "vision_tower.vision_model.pre_layrnorm.weight"},
        {"post_layernorm.weight", "vision_tower.vision_model.post_layernorm.weight"},
        {"language_model.model.layers.0.mlp.up_proj.weight", "language_model.model.layers.0.mlp.up_proj.weight"},
        {"model.language_model.layers.0.mlp.up_proj.weight", "language_model.model.layers.0.mlp.up_proj.weight"},
        {"model.language_model.model.layers.0.mlp.up_proj.weight", "language_model.model.layers.0.mlp.up_proj.weight"},
        {"language_model.embed_tokens.weight", "language_model.model.embed_tokens.weight"},
        {"language_model.lm_head.weight", "language_model.lm_head.weight"},
        {"model.language_model.lm_head.weight", "language_model.lm_head.weight"},
        {"model.lm_head.weight", "language_model.lm_head.weight"},
        {"lm_head.weight", "language_model.lm_head.weight"},
        {"multi_modal_projector.linear_1.weight", "multi_modal_projector.linear_1.weight"},
        {"model.multi_modal_projector.linear_1.weight", "multi_modal_projector.linear_1.weight"},
        {"text_model.encoder.layers.0.mlp.fc1.weight", "text_model.encoder.layers.0.mlp.fc1.weight"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *canonical = weight_name_canonical(names[i][0]);
        assert_string_equal(canonical, names[i][1]);
        free(canonical);
    }
}

static void two_names_of_one_weight_are_refused(void **state)
{
    (void)state;
    WRITE("model.safetensors", "lm_head.weight", "x", "language_model.lm_head.weight");
    assert_refused("are the same weight");
    assert_contains(error.message, "tensors l");
}

/* ---- finding and reading ---- */

static void a_weight_is_read_by_its_canonical_name(void **state)
{
    (void)state;
    const int64_t shape[] = {2, 3};
    float out[6];
    struct checkpoint_tensor tensor;
    WRITE("model.safetensors", "model.language_model.norm.weight", "lm_head.weight");
    struct checkpoint *c = open_good(".");
    assert_true(checkpoint_has(c, "language_model.model.norm.weight"));
    assert_false(checkpoint_has(c, "model.language_model.norm.weight"));
    assert_int_equal(checkpoint_read(c, "language_model.model.norm.weight", 2, shape, out, &error), LMVR_OK);
    assert_memory_equal(out, values, sizeof out);
    assert_int_equal(checkpoint_find(c, "language_model.lm_head.weight", 2, shape, &tensor, &error), LMVR_OK);
    assert_string_equal(tensor.entry->name, "lm_head.weight");
    assert_int_equal(checkpoint_read_part(&tensor, 4, 2, out, &error), LMVR_OK);
    assert_true(out[0] == 5 && out[1] == 6);
    assert_int_equal(checkpoint_check_unused(c, &error), LMVR_OK);
    checkpoint_close(c);
    checkpoint_close(NULL);
}

static void a_missing_or_misshapen_weight_is_named(void **state)
{
    (void)state;
    const int64_t good[] = {2, 3}, turned[] = {3, 2}, longer[] = {2, 3, 1};
    struct checkpoint_tensor tensor;
    WRITE("model.safetensors", "lm_head.weight");
    struct checkpoint *c = open_good(".");
    assert_int_equal(checkpoint_find(c, "language_model.model.norm.weight", 2, good, &tensor, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, ".: tensor language_model.model.norm.weight is missing");
    assert_int_equal(checkpoint_find(c, "language_model.lm_head.weight", 2, turned, &tensor, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "./model.safetensors: tensor lm_head.weight has shape (2, 3), expected (3, 2)");
    assert_int_equal(checkpoint_find(c, "language_model.lm_head.weight", 3, longer, &tensor, &error), LMVR_ERROR_INVALID);
    assert_int_equal(checkpoint_find(c, "language_model.lm_head.weight", 1, good, &tensor, &error), LMVR_ERROR_INVALID);
    checkpoint_close(c);
}

static void a_weight_of_another_type_is_refused(void **state)
{
    (void)state;
    const int64_t shape[] = {2};
    struct checkpoint_tensor tensor;
    write_safetensors("model.safetensors",
                      "{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                      "\"b\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[2,4]}}",
                      4);
    struct checkpoint *c = open_good(".");
    assert_int_equal(checkpoint_find(c, "a", 1, shape, &tensor, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "./model.safetensors: tensor a has dtype I8, expected F32, F16 or BF16");
    assert_int_equal(checkpoint_find(c, "b", 1, shape, &tensor, &error), LMVR_ERROR_INVALID);
    checkpoint_close(c);
}

static void values_that_are_not_finite_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        enum safetensors_dtype dtype;
        uint32_t bits;
    } cases[] = {{ST_F32, 0x7f800000}, {ST_F32, 0xffc00000}, {ST_F16, 0xfc00}, {ST_F16, 0x7e00}, {ST_BF16, 0x7f80}};
    const int64_t shape[] = {1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float out;
        const struct safetensors_write tensor = {
            .name = "lm_head.weight", .dtype = cases[i].dtype, .dims = 1, .shape = {1}, .data = &cases[i].bits};
        assert_int_equal(safetensors_write("model.safetensors", &tensor, 1, NULL, &error), LMVR_OK);
        struct checkpoint *c = open_good(".");
        assert_int_equal(checkpoint_read(c, "language_model.lm_head.weight", 1, shape, &out, &error), LMVR_ERROR_INVALID);
        assert_string_equal(error.message, "./model.safetensors: tensor lm_head.weight holds a value that is not finite");
        checkpoint_close(c);
    }
}

/* ---- unused tensors ---- */

static void tensors_that_no_model_needs_are_not_missed(void **state)
{
    (void)state;
    WRITE("model.safetensors", "vision_model.embeddings.position_ids",
          "language_model.model.layers.0.self_attn.rotary_emb.inv_freq", "model.vision_tower.post_layernorm.weight",
          "text_model.final_layer_norm.weight", "text_projection.weight", "visual_projection.weight", "logit_scale");
    struct checkpoint *c = open_good(".");
    assert_int_equal(checkpoint_check_unused(c, &error), LMVR_OK);
    checkpoint_close(c);
}

static void a_part_that_may_be_left_unused_is_used_as_a_whole(void **state)
{
    (void)state;
    const int64_t shape[] = {2, 3};
    float out[6];
    WRITE("model.safetensors", "text_model.final_layer_norm.weight", "text_model.encoder.layers.3.bias",
          "visual_projection.weight");
    struct checkpoint *c = open_good(".");
    assert_int_equal(checkpoint_check_unused(c, &error), LMVR_OK);
    assert_int_equal(checkpoint_read(c, "text_model.final_layer_norm.weight", 2, shape, out, &error), LMVR_OK);
    assert_int_equal(checkpoint_check_unused(c, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "layers.3.bias is not part of the model");
    checkpoint_close(c);
}

static void tensors_that_nobody_read_are_refused_by_name(void **state)
{
    (void)state;
    WRITE("model.safetensors", "lm_head.weight", "lm_header.weight", "model.language_model.layers.9.mlp.up_proj.weight");
    struct checkpoint *c = open_good(".");
    assert_int_equal(checkpoint_check_unused(c, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "./model.safetensors: tensor lm_head.weight, and 2 more, are not part of the model");
    checkpoint_mark_used(c, "language_model.lm_head");
    assert_int_equal(checkpoint_check_unused(c, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "tensor model.language_model.layers.9.mlp.up_proj.weight, and 1 more");
    checkpoint_mark_used(c, "language_model.model.layers.9.");
    assert_int_equal(checkpoint_check_unused(c, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "tensor lm_header.weight is not part of the model");
    checkpoint_close(c);
}

/* ---- files ---- */

static void shards_are_one_checkpoint(void **state)
{
    (void)state;
    const int64_t shape[] = {2, 3};
    float out[6];
    WRITE("b.safetensors", "b");
    WRITE("a.safetensors", "a", "c");
    write_text(
        "model.safetensors.index.json",
        "{\"metadata\": {}, \"weight_map\": {\"c\": \"a.safetensors\", \"b\": \"b.safetensors\", \"a\": \"a.safetensors\"}}");
    struct checkpoint *c = open_good(".");
    assert_int_equal(checkpoint_read(c, "a", 2, shape, out, &error), LMVR_OK);
    assert_int_equal(checkpoint_read(c, "b", 2, shape, out, &error), LMVR_OK);
    assert_int_equal(checkpoint_check_unused(c, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "./a.safetensors: tensor c is not part");
    assert_int_equal(checkpoint_read(c, "c", 2, shape, out, &error), LMVR_OK);
    assert_int_equal(checkpoint_check_unused(c, &error), LMVR_OK);
    checkpoint_close(c);
}

static void the_index_decides_between_two_files_that_hold_a_tensor(void **state)
{
    (void)state;
    const int64_t shape[] = {2, 3};
    struct checkpoint_tensor tensor;
    WRITE("a.safetensors", "a", "b");
    WRITE("b.safetensors", "b");
    write_text("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"a.safetensors\", \"b\": \"b.safetensors\"}}");
    struct checkpoint *c = open_good(".");
    assert_int_equal(checkpoint_find(c, "b", 2, shape, &tensor, &error), LMVR_OK);
    assert_string_equal(tensor.file->path, "./b.safetensors");
    checkpoint_close(c);
}

static void shards_of_pytorch_are_read_as_those_of_safetensors(void **state)
{
    (void)state;
    const int64_t shape[] = {2, 3};
    float out[6];
    struct checkpoint *c = open_good(LMVR_TEST_DATA "/golden/torch/shards");
    assert_int_equal(checkpoint_count(c), 4);
    assert_int_equal(checkpoint_read(c, "a", 2, shape, out, &error), LMVR_OK);
    for (int i = 0; i < 6; i++)
        assert_true(out[i] == (float)i);
    assert_int_equal(checkpoint_read(c, "b", 2, shape, out, &error), LMVR_OK);
    for (int i = 0; i < 6; i++)
        assert_true(out[i] == (float)(2 * (i % 3) + i / 3));
    assert_int_equal(checkpoint_read(c, "d", 2, shape, out, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "of-00002.bin: tensor d has dtype F64, expected F32, F16 or BF16");
    assert_int_equal(checkpoint_read(c, "i", 2, shape, out, &error), LMVR_ERROR_INVALID);
    assert_contains(error.message, "has dtype I32");
    checkpoint_close(c);
}

static void a_single_file_of_pytorch_is_read_where_there_are_no_safetensors(void **state)
{
    (void)state;
    size_t size;
    char *bytes = read_bytes(LMVR_TEST_DATA "/golden/torch/old.bin", &size);
    write_bytes("pytorch_model.bin", bytes, size);
    free(bytes);
    struct checkpoint *c = open_good(".");
    assert_true(checkpoint_has(c, "turned half"));
    checkpoint_close(c);
    WRITE("model.safetensors", "a");
    c = open_good(".");
    assert_int_equal(checkpoint_count(c), 1);
    checkpoint_close(c);
}

static void an_index_of_pytorch_must_name_what_is_there(void **state)
{
    (void)state;
    size_t size;
    char *bytes = read_bytes(LMVR_TEST_DATA "/golden/torch/old.bin", &size);
    write_bytes("x.bin", bytes, size);
    free(bytes);
    write_text("pytorch_model.bin.index.json", "{\"weight_map\": {\"missing\": \"x.bin\"}}");
    assert_refused("./x.bin: has no tensor missing, although pytorch_model.bin.index.json lists it there");
}

static void tensors_that_the_index_forgets_are_seen(void **state)
{
    (void)state;
    WRITE("a.safetensors", "a", "b");
    WRITE("c.safetensors", "b", "c");
    write_text("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"a.safetensors\"}}");
    struct checkpoint *c = open_good(".");
    assert_true(checkpoint_has(c, "b"));
    assert_false(checkpoint_has(c, "c"));
    checkpoint_close(c);
    assert_index_refused("{\"weight_map\": {\"a\": \"a.safetensors\", \"c\": \"c.safetensors\"}}", "are the same weight");
}

static void the_single_file_goes_before_the_index(void **state)
{
    (void)state;
    WRITE("model.safetensors", "a");
    write_text("model.safetensors.index.json", "{");
    struct checkpoint *c = open_good(".");
    assert_true(checkpoint_has(c, "a"));
    checkpoint_close(c);
}

static void an_index_that_lies_is_refused(void **state)
{
    (void)state;
    WRITE("a.safetensors", "a");
    assert_index_refused("{\"weight_map\": {\"a\": \"a.safetensors\", \"b\": \"a.safetensors\"}}",
                         "./a.safetensors: has no tensor b, although model.safetensors.index.json lists it there");
    assert_index_refused("{\"weight_map\": {\"a\": \"z.safetensors\"}}", "./z.safetensors: cannot open");
    assert_index_refused("{\"weight_map\": {\"a\": \"../a.safetensors\"}}", "tensor a is not a file name in the same folder");
    assert_index_refused("{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "tensor a is not a file name");
    assert_index_refused("{\"weight_map\": {\"a\": \"..\"}}", "tensor a is not a file name");
    assert_index_refused("{\"weight_map\": {\"a\": \"\"}}", "tensor a is not a file name");
    assert_index_refused("{\"weight_map\": {\"a\": 3}}", "tensor a is not a file name");
    assert_index_refused("{\"weight_map\": {\"a\": \"a.safetensors\", \"a\": \"a.safetensors\"}}", "duplicate");
    assert_index_refused("{\"weight_map\": {}}", "weight_map is {}");
    assert_index_refused("{\"weight_map\": []}", "weight_map is []");
    assert_index_refused("{}", "weight_map is missing");
    assert_index_refused("[]", "is not a JSON object");
    assert_index_refused("{\"weight_map\": {\"a\": \"model.safetensors.index.json\"}}", "safetensors file");
}

static void an_index_of_too_many_files_is_refused(void **state)
{
    (void)state;
    FILE *file = fopen("model.safetensors.index.json", "we");
    assert_non_null(file);
    fprintf(file, "{\"weight_map\": {\"x\": \"x\"");
    for (int i = 0; i < 5000; i++)
        fprintf(file, ", \"%d\": \"%d\"", i, i);
    fprintf(file, "}}");
    assert_int_equal(fclose(file), 0);
    assert_refused("names 5001 files");
}

static void a_folder_without_weights_is_refused(void **state)
{
    (void)state;
    assert_refused(".: has neither model.safetensors nor pytorch_model.bin");
}

static void the_hash_is_of_names_shapes_and_values(void **state)
{
    (void)state;
    WRITE("model.safetensors", "a");
    struct checkpoint *c = open_good(".");
    uint64_t first, second;
    assert_int_equal(checkpoint_hash(c, &first, &error), LMVR_OK);
    checkpoint_close(c);
    WRITE("model.safetensors", "b");
    c = open_good(".");
    assert_int_equal(checkpoint_hash(c, &second, &error), LMVR_OK);
    assert_true(second != first);
    checkpoint_close(c);
}

/* ---- golden checkpoints ---- */

/* The weights outside the blocks, and one inside each stack. */
static void golden_checkpoints_are_found_under_canonical_names(void **state)
{
    (void)state;
    static const char *const folders[] = {"llava-old-f32", "llava-new-bf16", "llava-f16-tied", "llava-odd-f32", "llava-pad"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[512];
        struct model_config config;
        snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/%s", folders[i]);
        assert_int_equal(model_config_read(path, &config, &error), LMVR_OK);
        struct checkpoint *c = open_good(path);
        const int64_t from = config.vision.width, to = config.language.width, up[] = {config.language.mlp_width, to};
        const int64_t class[] = {from}, linear[] = {to, from}, embedding[] = {config.language.vocabulary, to};
        struct checkpoint_tensor tensor;
        float *out = malloc((size_t)(embedding[0] * to) * sizeof *out);
        assert_non_null(out);
        assert_int_equal(checkpoint_read(c, "vision_tower.vision_model.embeddings.class_embedding", 1, class, out, &error),
                         LMVR_OK);
        assert_int_equal(checkpoint_read(c, "multi_modal_projector.linear_1.weight", 2, linear, out, &error), LMVR_OK);
        assert_int_equal(checkpoint_read(c, "language_model.model.embed_tokens.weight", 2, embedding, out, &error), LMVR_OK);
        assert_int_equal(checkpoint_find(c, "language_model.model.layers.1.mlp.up_proj.weight", 2, up, &tensor, &error),
                         LMVR_OK);
        assert_int_equal(checkpoint_has(c, "language_model.lm_head.weight"), !config.language.tied);
        assert_int_equal(checkpoint_check_unused(c, &error), LMVR_ERROR_INVALID);
        checkpoint_mark_used(c, "vision_tower");
        checkpoint_mark_used(c, "multi_modal_projector");
        checkpoint_mark_used(c, "language_model");
        assert_int_equal(checkpoint_check_unused(c, &error), LMVR_OK);
        checkpoint_close(c);
        free(out);
    }
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(every_spelling_of_a_name_is_one_weight),
        in_folder(two_names_of_one_weight_are_refused),
        in_folder(a_weight_is_read_by_its_canonical_name),
        in_folder(a_missing_or_misshapen_weight_is_named),
        in_folder(a_weight_of_another_type_is_refused),
        in_folder(values_that_are_not_finite_are_refused_by_name),
        in_folder(tensors_that_no_model_needs_are_not_missed),
        in_folder(a_part_that_may_be_left_unused_is_used_as_a_whole),
        in_folder(tensors_that_nobody_read_are_refused_by_name),
        in_folder(shards_are_one_checkpoint),
        in_folder(the_index_decides_between_two_files_that_hold_a_tensor),
        in_folder(shards_of_pytorch_are_read_as_those_of_safetensors),
        in_folder(a_single_file_of_pytorch_is_read_where_there_are_no_safetensors),
        in_folder(an_index_of_pytorch_must_name_what_is_there),
        in_folder(tensors_that_the_index_forgets_are_seen),
        in_folder(the_single_file_goes_before_the_index),
        in_folder(an_index_that_lies_is_refused),
        in_folder(an_index_of_too_many_files_is_refused),
        in_folder(a_folder_without_weights_is_refused),
        in_folder(the_hash_is_of_names_shapes_and_values),
        in_folder(golden_checkpoints_are_found_under_canonical_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
