/* The vocabulary of one GGUF file for another, as it is. */
#include "format/gguf_write.h"
#include "language/tokenizer/kind.h"

#include <stdlib.h>
#include <string.h>

struct copying {
    const struct gguf *from;
    struct gguf_writer *to;
};

static lmvr_status copy_text(const struct copying *c, const char *key, lmvr_error *error)
{
    struct gguf_text text;
    TRY(gguf_string(c->from, key, &text, error));
    char *copy = strndup(text.bytes, text.length);
    if (!copy)
        return error_no_memory(error, "the tokenizer");
    gguf_write_string(c->to, key, copy);
    free(copy);
    return LMVR_OK;
}

static lmvr_status copy_texts(const struct copying *c, const char *key, lmvr_error *error)
{
    struct gguf_text *texts;
    size_t count;
    TRY(gguf_strings(c->from, key, &texts, &count, error));
    gguf_write_strings(c->to, key, texts, count);
    free(texts);
    return LMVR_OK;
}

static lmvr_status copy_flag(const struct copying *c, const char *key, lmvr_error *error)
{
    bool flag;
    TRY(gguf_bool(c->from, key, &flag, error));
    gguf_write_bool(c->to, key, flag);
    return LMVR_OK;
}

static lmvr_status copy_scores(const struct copying *c, const char *key, lmvr_error *error)
{
    double *values;
    size_t count;
    TRY(gguf_numbers(c->from, key, &values, &count, error));
    float *scores = calloc(count + 1, sizeof *scores);
    for (size_t i = 0; scores && i < count; i++)
        scores[i] = (float)values[i];
    if (scores)
        gguf_write_f32s(c->to, key, scores, count);
    lmvr_status status = scores ? LMVR_OK : error_no_memory(error, "the tokenizer");
    free(values);
    free(scores);
    return status;
}

/* Types are small numbers: the file has been opened as a tokenizer. */
static lmvr_status copy_types(const struct copying *c, const char *key, lmvr_error *error)
{
    double *values;
    size_t count;
    TRY(gguf_numbers(c->from, key, &values, &count, error));
    int32_t *types = calloc(count + 1, sizeof *types);
    for (size_t i = 0; types && i < count; i++)
        types[i] = values[i] >= 0 && values[i] <= INT8_MAX ? (int32_t)values[i] : 0;
    if (types)
        gguf_write_i32s(c->to, key, types, count);
    lmvr_status status = types ? LMVR_OK : error_no_memory(error, "the tokenizer");
    free(values);
    free(types);
    return status;
}

static lmvr_status copy_number(const struct copying *c, const char *key, lmvr_error *error)
{
    int64_t value;
    TRY(gguf_integer(c->from, key, 0, INT32_MAX, &value, error));
    gguf_write_u32(c->to, key, (uint32_t)value);
    return LMVR_OK;
}

static lmvr_status copy_all(const struct copying *c, lmvr_error *error)
{
    static const struct {
        const char *key;
        lmvr_status (*copy)(const struct copying *c, const char *key, lmvr_error *error);
    } keys[] = {{"tokenizer.ggml.model", copy_text},
                {"tokenizer.ggml.pre", copy_text},
                {"tokenizer.ggml.tokens", copy_texts},
                {"tokenizer.ggml.token_type", copy_types},
                {"tokenizer.ggml.scores", copy_scores},
                {"tokenizer.ggml.merges", copy_texts},
                {"tokenizer.ggml.unknown_token_id", copy_number},
                {"tokenizer.ggml.add_space_prefix", copy_flag},
                {"tokenizer.ggml.normalizer.nfc", copy_flag}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (gguf_has(c->from, keys[i].key))
            TRY(keys[i].copy(c, keys[i].key, error));
    return LMVR_OK;
}

/* A file's own rows are as many as its tokens. */
lmvr_status tokenizer_copy_gguf(const char *path, int rows, struct gguf_writer *writer, lmvr_error *error)
{
    (void)rows;
    struct gguf *file;
    TRY(gguf_open(path, &file, error));
    const struct copying copying = {file, writer};
    lmvr_status status = copy_all(&copying, error);
    gguf_close(file);
    return status;
}
