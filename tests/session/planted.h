/*
 * The shipped lmvr-small in memory, to be changed and saved as another model. In f32 the changes of plant_channels.h and
 * plant_massive.h leave what it computes as it was, but for rounding, so it still describes pictures.
 */
#ifndef LMVR_TESTS_SESSION_PLANTED_H
#define LMVR_TESTS_SESSION_PLANTED_H

#include "golden.h"
#include "scratch.h"

#include <stdarg.h>

#define PLANTED_BLOCKS 4
#define MOST_TENSORS   256

struct tensor {
    const char *name; /* the file's */
    int dims;
    int64_t shape[SAFETENSORS_MAX_DIMS];
    float *data;
};

struct planted {
    struct safetensors *file;
    struct tensor tensors[MOST_TENSORS];
    size_t count;
    int64_t width, mlp_width; /* of the language model */
    double eps;
};

#define BLOCK "language_model.model.layers.%d."

UNUSED static struct tensor *tensor_of(struct planted *m, const char *format, ...)
{
    char name[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->tensors[i].name, name) == 0)
            return &m->tensors[i];
    fail_msg("the model has no %s", name);
    return NULL;
}

UNUSED static void planted_open(const char *folder, struct planted *m)
{
    char path[600];
    lmvr_error error = {{0}};
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    *m = (struct planted){.width = 256, .mlp_width = 704, .eps = 1e-5};
    CHECK(safetensors_open(path, &m->file, &error));
    m->count = safetensors_count(m->file);
    assert_true(m->count <= MOST_TENSORS);
    for (size_t i = 0; i < m->count; i++) {
        const struct safetensors_entry *entry = safetensors_entry_at(m->file, i);
        uint64_t count = entry->size / safetensors_dtype_size(entry->dtype);
        struct tensor *t = &m->tensors[i];
        *t = (struct tensor){.name = entry->name, .dims = entry->dims, .data = malloc(count * sizeof(float))};
        assert_non_null(t->data);
        memcpy(t->shape, entry->shape, sizeof t->shape);
        CHECK(safetensors_read_f32(m->file, entry, 0, count, t->data, &error));
    }
}

UNUSED static void copy_into(const char *from, const char *to, const char *name)
{
    char path[600];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s", from, name);
    char *bytes = read_bytes(path, &size);
    assert_non_null(bytes);
    snprintf(path, sizeof path, "%s/%s", to, name);
    write_bytes(path, bytes, size);
    free(bytes);
}

/* Saves the model into the new folder `to`, with the rest from the folder `from`, and closes it. */
UNUSED static void planted_save(struct planted *m, const char *from, const char *to)
{
    char path[600];
    lmvr_error error = {{0}};
    struct safetensors_write all[MOST_TENSORS];
    for (size_t i = 0; i < m->count; i++) {
        const struct tensor *t = &m->tensors[i];
        all[i] = (struct safetensors_write){.name = t->name, .dtype = ST_F32, .dims = t->dims, .data = t->data};
        memcpy(all[i].shape, t->shape, sizeof t->shape);
    }
    assert_int_equal(mkdir(to, 0777), 0);
    snprintf(path, sizeof path, "%s/model.safetensors", to);
    CHECK(safetensors_write(path, all, m->count, NULL, &error));
    copy_into(from, to, "preprocessor_config.json");
    copy_into(from, to, "tokenizer.model");
    snprintf(path, sizeof path, "%s/config.json", from);
    json_t *config = json_load_file(path, 0, NULL), *text = json_object_get(config, "text_config");
    assert_int_equal(json_object_set_new(text, "hidden_size", json_integer(m->width)), 0);
    assert_int_equal(json_object_set_new(text, "intermediate_size", json_integer(m->mlp_width)), 0);
    assert_int_equal(json_object_set_new(text, "rms_norm_eps", json_real(m->eps)), 0);
    snprintf(path, sizeof path, "%s/config.json", to);
    assert_int_equal(json_dump_file(config, path, 0), 0);
    json_decref(config);
    for (size_t i = 0; i < m->count; i++)
        free(m->tensors[i].data);
    safetensors_close(m->file);
}

/* ---- rows and columns ---------------------------------------------------------------------------------------------------- */

/* A vector is a column. */
static int64_t columns_of(const struct tensor *t)
{
    return t->dims > 1 ? t->shape[1] : 1;
}

static float *at(const struct tensor *t, int64_t row, int64_t column)
{
    assert_true(row < t->shape[0] && column < columns_of(t));
    return &t->data[row * columns_of(t) + column];
}

static void scale_row(const struct tensor *t, int64_t row, float factor)
{
    for (int64_t c = 0; c < columns_of(t); c++)
        *at(t, row, c) *= factor;
}

static void scale_column(const struct tensor *t, int64_t column, float factor)
{
    for (int64_t r = 0; r < t->shape[0]; r++)
        *at(t, r, column) *= factor;
}

/* The tensors of a block that read what its norms give, and those that write into the residual stream, all blocks' and the
 * rest's; which of the two norms is read. */
static const char *const readers[][2] = {{"self_attn.q_proj", "input_layernorm"},
                                         {"self_attn.k_proj", "input_layernorm"},
                                         {"self_attn.v_proj", "input_layernorm"},
                                         {"mlp.gate_proj", "post_attention_layernorm"},
                                         {"mlp.up_proj", "post_attention_layernorm"}};
#define READERS 5
static const char *const writers[] = {"self_attn.o_proj", "mlp.down_proj"};

#define EACH_BLOCK(i) for (int i = 0; i < PLANTED_BLOCKS; i++)

#endif
