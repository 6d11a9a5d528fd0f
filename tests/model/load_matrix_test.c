/* Blocks of GGUF files that are the processor's rows in 4 bits are taken as they are, not widened and quantized again. */
#include "format/quantized_rows.h"
#include "golden.h"
#include "lmvr.h"
#include "model/load_tensor.h"
#include "model/model.h"
#include "scratch.h"

static lmvr_error error;

static void open_golden(const char *name, struct model_config *config, struct checkpoint **checkpoint)
{
    char path[512];
    snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/%s", name);
    CHECK(model_config_read_any(path, NULL, config, &error));
    CHECK(model_checkpoint_open(path, config, checkpoint, &error));
}

/* The tensors stacked, as the processor holds them in 4 bits, and as their floats. */
struct loaded {
    int64_t rows, in;
    float *held, *floats;
    const float *factors;
    int row_bits[PLAN_MOST];
    struct linear linear;
};

static void load(struct checkpoint *checkpoint, const char *const *names, const int64_t *outs, int count, int64_t in,
                 struct loaded *l)
{
    struct loader loader = {.device = device_cpu(), .checkpoint = checkpoint, .error = &error};
    struct checkpoint_tensor tensors[PLAN_MOST];
    *l = (struct loaded){.in = in};
    for (int i = 0; i < count; l->rows += outs[i++]) {
        int64_t shape[] = {outs[i], in};
        CHECK(checkpoint_find(checkpoint, names[i], 2, shape, &tensors[i], &error));
        l->row_bits[i] = tensors[i].entry->row_bits;
    }
    CHECK(load_matrix(&loader, tensors, outs, count, in, INT4, &l->linear));
    size_t size = quantized_row_bytes(4, in);
    unsigned char *rows = malloc((size_t)l->rows * size);
    l->held = malloc((size_t)(l->rows * in) * sizeof *l->held);
    l->floats = malloc((size_t)(l->rows * in) * sizeof *l->floats);
    l->factors = device_cpu()->operations->matrix_factors(l->linear.weight);
    device_cpu()->operations->matrix_export(l->linear.weight, 0, l->rows, rows);
    for (int64_t r = 0; r < l->rows; r++)
        quantized_row_widen(4, in, rows + (size_t)r * size, l->factors, l->held + r * in);
    float *to = l->floats;
    for (int i = 0; i < count; to += outs[i++] * in)
        CHECK(checkpoint_read_part(&tensors[i], 0, (uint64_t)(outs[i] * in), to, &error));
    free(rows);
}

static void unload(struct loaded *l)
{
    linear_finish(&l->linear);
    free(l->held);
    free(l->floats);
}

/* Every weight; 0 and -0 are one. */
static bool is_same(const struct loaded *l)
{
    for (int64_t i = 0; i < l->rows * l->in; i++)
        if (l->held[i] != l->floats[i])
            return false;
    return true;
}

static bool are_ones(const struct loaded *l)
{
    for (int64_t i = 0; i < l->in; i++)
        if (l->factors[i] != 1)
            return false;
    return true;
}

#define BLOCK "language_model.model.layers.0."

/* Rows of q and k are in llama.cpp's order in the file. */
static void compare_blocks(const char *model, int expected_bits)
{
    static const char *const qkv[] = {BLOCK "self_attn.q_proj.weight", BLOCK "self_attn.k_proj.weight",
                                      BLOCK "self_attn.v_proj.weight"};
    static const char *const down[] = {BLOCK "mlp.down_proj.weight"};
    struct model_config config;
    struct checkpoint *checkpoint;
    struct loaded l;
    open_golden(model, &config, &checkpoint);
    const struct language_config *c = &config.language;
    const int64_t outs[] = {c->heads * c->head_dim, c->kv_heads * c->head_dim, c->kv_heads * c->head_dim};
    load(checkpoint, qkv, outs, 3, c->width, &l);
    if (l.row_bits[0] != expected_bits)
        fail_msg("%s: %s holds rows of %d bits, expected %d", model, qkv[0], l.row_bits[0], expected_bits);
    bool held = l.row_bits[0] == 4 && l.row_bits[1] == 4 && l.row_bits[2] == 4;
    if (is_same(&l) != held || are_ones(&l) != held)
        fail_msg("%s: queries, keys and values are%s the file's blocks", model, held ? " not" : "");
    unload(&l);
    load(checkpoint, down, (int64_t[]){c->width}, 1, c->mlp_width, &l);
    if (is_same(&l) != (l.row_bits[0] == 4))
        fail_msg("%s: %s is%s the file's blocks", model, down[0], l.row_bits[0] == 4 ? " not" : "");
    unload(&l);
    checkpoint_close(checkpoint);
}

static void q4_0_and_q4_1_are_taken_as_they_are(void **state)
{
    (void)state;
    compare_blocks("gguf-llava-q4_0", 4);
    compare_blocks("gguf-qwen3vl-q4_1", 4);
    compare_blocks("gguf-llavanext-q8_0", 0);
    compare_blocks("gguf-qwen25vl-q5_1", 0);
}

/* The same 4 bits, and scales that f16 rounds by 2^-11 of themselves, at most. */
static void q4_k_is_taken_as_it_is(void **state)
{
    (void)state;
    static const char *const qkv[] = {BLOCK "self_attn.q_proj.weight", BLOCK "self_attn.k_proj.weight",
                                      BLOCK "self_attn.v_proj.weight"};
    struct model_config config;
    struct checkpoint *checkpoint;
    struct loaded l;
    open_golden("gguf-llava-q4_k_m", &config, &checkpoint);
    const struct language_config *c = &config.language;
    const int64_t outs[] = {c->heads * c->head_dim, c->kv_heads * c->head_dim, c->kv_heads * c->head_dim};
    load(checkpoint, qkv, outs, 3, c->width, &l);
    assert_true(are_ones(&l));
    for (int64_t i = 0; i < l.rows * l.in; i += 32) {
        float most = 0, off = 0;
        for (int64_t j = i; j < i + 32; j++) {
            most = fmaxf(most, fabsf(l.floats[j]));
            off = fmaxf(off, fabsf(l.held[j] - l.floats[j]));
        }
        if (off > most * 0x1p-9f)
            fail_msg("weights %d and on are up to %g off, of %g", (int)i, (double)off, (double)most);
    }
    unload(&l);
    checkpoint_close(checkpoint);
}

/* What llama-quantize leaves in 6 bits; queries and keys lie with the values, and so are in 8 bits, too. */
static void what_is_finer_than_4_bits_beside_them_stays_in_8(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int bits;
    } wanted[] = {{"0.self_attn.q_proj", 4}, {"0.self_attn.v_proj", 4}, {"0.mlp.down_proj", 4}, {"1.self_attn.q_proj", 8},
                  {"1.self_attn.v_proj", 8}, {"1.mlp.down_proj", 8},    {"1.mlp.gate_proj", 4}, {"1.self_attn.o_proj", 4}};
    const lmvr_convert_options options = {.size = sizeof options, .dtype = LMVR_DTYPE_INT4};
    struct model_config config;
    struct checkpoint *checkpoint;
    CHECK(lmvr_model_convert(LMVR_TEST_DATA "/golden/gguf-llava-q4_k_m", &options, "c", &error));
    CHECK(model_config_read_any("c", NULL, &config, &error));
    CHECK(model_checkpoint_open("c", &config, &checkpoint, &error));
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char name[128];
        struct checkpoint_tensor tensor;
        const struct language_config *c = &config.language;
        bool down = strstr(wanted[i].name, "down"), gate = strstr(wanted[i].name, "gate"), v = strstr(wanted[i].name, "v_proj");
        int64_t shape[] = {v ? c->kv_heads * c->head_dim : gate ? c->mlp_width : c->width, down ? c->mlp_width : c->width};
        snprintf(name, sizeof name, "language_model.model.layers.%s.weight", wanted[i].name);
        CHECK(checkpoint_find(checkpoint, name, 2, shape, &tensor, &error));
        if (tensor.entry->row_bits != wanted[i].bits)
            fail_msg("%s is in %d bits, expected %d", name, tensor.entry->row_bits, wanted[i].bits);
    }
    checkpoint_close(checkpoint);
}

/* The weights alone: 6 bits of blocks that have no more of them than 4. */
static void finer_weights_are_counted(void **state)
{
    (void)state;
    struct model_config config;
    struct checkpoint *checkpoint;
    open_golden("gguf-llava-q4_k_m", &config, &checkpoint);
    const struct language_config *c = &config.language;
    model_fit_checkpoint(&config, checkpoint);
    assert_int_equal(config.finer, c->kv_heads * c->head_dim * c->width + c->width * c->mlp_width);
    checkpoint_close(checkpoint);
    open_golden("gguf-llavanext-q8_0", &config, &checkpoint);
    model_fit_checkpoint(&config, checkpoint);
    assert_int_equal(config.finer, 0);
    checkpoint_close(checkpoint);
}

/* Tensors of which only some hold rows are quantized together, as ever. */
static void mixed_tensors_are_quantized_together(void **state)
{
    (void)state;
    static const char *const mixed[] = {BLOCK "self_attn.q_proj.weight", "multi_modal_projector.linear_2.weight"};
    struct model_config config;
    struct checkpoint *checkpoint;
    struct loaded l;
    open_golden("gguf-llava-q4_0", &config, &checkpoint);
    const struct language_config *c = &config.language;
    load(checkpoint, mixed, (int64_t[]){c->heads * c->head_dim, c->width}, 2, c->width, &l);
    assert_int_equal(l.row_bits[0], 4);
    assert_int_equal(l.row_bits[1], 0);
    assert_false(is_same(&l));
    assert_true(cosine(l.held, l.floats, (size_t)(l.rows * l.in)) > 0.99);
    unload(&l);
    checkpoint_close(checkpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(q4_0_and_q4_1_are_taken_as_they_are),
        cmocka_unit_test(q4_k_is_taken_as_it_is),
        cmocka_unit_test(what_is_finer_than_4_bits_beside_them_stays_in_8),
        cmocka_unit_test(finer_weights_are_counted),
        cmocka_unit_test(mixed_tensors_are_quantized_together),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
