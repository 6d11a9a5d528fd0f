#include "model/gguf_export.h"

#include "format/input.h"
#include "model/gguf_keys.h"
#include "model/gguf_tensors.h"
#include "model/model.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct exporting {
    const char *path;
    const struct model_config *config;
    const struct plan *plan;
    const struct gguf_type *type;
    struct gguf_naming naming; /* of the encoder's file */
    char tokenizer[PATH_MAX];
    int32_t begin; /* of prompts; -1: none */
    char *chat_template;
    struct gguf_progress progress;
};

/* A file that is being made. */
struct making {
    char *path, *temporary;
    struct gguf_writer *writer;
    struct gguf_tensors *tensors;
};

/* ---- keys that all files have ----------------------------------------------------------------------------------------- */

/* llama.cpp's number of what most tensors are. */
static uint32_t file_type(const struct gguf_type *type)
{
    static const uint32_t numbers[] = {[GGUF_F32] = 0, [GGUF_F16] = 1, [GGUF_Q4_0] = 2, [GGUF_Q8_0] = 7, [GGUF_BF16] = 32};
    return numbers[gguf_type_number(type)];
}

/* The last part of the path. */
static void write_name(const char *path, struct gguf_writer *writer)
{
    char name[256];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    const char *begin = memrchr(path, '/', length > 1 ? length - 1 : 0);
    begin = begin ? begin + 1 : path;
    snprintf(name, sizeof name, "%.*s", (int)(length - (size_t)(begin - path)), begin);
    gguf_write_string(writer, "general.name", name);
}

static void write_general(const struct exporting *e, const char *architecture, const char *kind, const struct gguf_type *type,
                          struct gguf_writer *writer)
{
    gguf_write_string(writer, "general.architecture", architecture);
    gguf_write_string(writer, "general.type", kind);
    write_name(e->path, writer);
    gguf_write_u32(writer, "general.file_type", file_type(type));
    gguf_write_u32(writer, "general.quantization_version", 2);
}

/* ---- what is in the two files ----------------------------------------------------------------------------------------- */

static lmvr_status make_language(struct exporting *e, struct making *m, lmvr_error *error)
{
    const struct gguf_naming naming = {.content = GGUF_LANGUAGE};
    const struct gguf_parts parts = {e->config, e->plan, &naming, e->config->language.blocks, e->type, &e->progress};
    write_general(e, gguf_architecture_for(e->config), "model", e->type, m->writer);
    gguf_write_language_keys(e->config, e->begin, m->writer);
    TRY(tokenizer_write_gguf(e->tokenizer, e->config->language.vocabulary, m->writer, error));
    if (e->chat_template)
        gguf_write_string(m->writer, "tokenizer.chat_template", e->chat_template);
    return gguf_tensors_add(&parts, m->writer, &m->tensors, error);
}

static lmvr_status make_encoder(struct exporting *e, struct making *m, lmvr_error *error)
{
    const struct gguf_type *type = gguf_type(e->type == gguf_type(GGUF_F32) ? GGUF_F32 : GGUF_F16);
    const struct gguf_parts parts = {e->config, e->plan,     &e->naming, gguf_encoder_blocks(e->config, &e->naming),
                                     type,      &e->progress};
    write_general(e, "clip", "mmproj", type, m->writer);
    gguf_write_encoder_keys(e->config, &e->naming, m->writer);
    return gguf_tensors_add(&parts, m->writer, &m->tensors, error);
}

/* ---- the files -------------------------------------------------------------------------------------------------------- */

/* FOLDER/NAME.gguf, with something before the name and behind it; NULL: out of memory. */
static char *path_beside(const char *output, const char *before, const char *behind)
{
    char *path = NULL;
    const char *slash = strrchr(output, '/'), *name = slash ? slash + 1 : output;
    return asprintf(&path, "%.*s%s%s%s", (int)(name - output), output, before, name, behind) < 0 ? NULL : path;
}

static lmvr_status begin(struct making *m, const char *output, const char *before, bool replace, lmvr_error *error)
{
    m->path = path_beside(output, before, "");
    m->temporary = path_beside(output, before, ".new");
    if (!m->path || !m->temporary)
        return error_no_memory(error, output);
    if (!replace && input_exists(m->path))
        return error_set(error, LMVR_ERROR_INVALID, "%s: is there already; --force replaces it", m->path);
    return gguf_writer_create(&m->writer, error);
}

static void finish(const struct making *m)
{
    if (m->writer)
        unlink(m->temporary);
    gguf_writer_free(m->writer);
    gguf_tensors_free(m->tensors);
    free(m->path);
    free(m->temporary);
}

static lmvr_status rename_file(const struct making *m, lmvr_error *error)
{
    return rename(m->temporary, m->path) == 0 ? LMVR_OK : file_error(error, m->path, "write");
}

/* Both are whole before either appears. */
static lmvr_status write_both(const struct making *language, const struct making *encoder, lmvr_error *error)
{
    TRY(gguf_writer_finish(encoder->writer, encoder->temporary, error));
    TRY(gguf_writer_finish(language->writer, language->temporary, error));
    TRY(rename_file(encoder, error));
    return rename_file(language, error);
}

static lmvr_status write_files(struct exporting *e, const char *output, bool replace, lmvr_error *error)
{
    struct making language = {0}, encoder = {0};
    lmvr_status status = begin(&language, output, "", replace, error);
    if (status == LMVR_OK)
        status = begin(&encoder, output, "mmproj-", replace, error);
    if (status == LMVR_OK)
        status = make_language(e, &language, error);
    if (status == LMVR_OK)
        status = make_encoder(e, &encoder, error);
    if (status == LMVR_OK)
        status = write_both(&language, &encoder, error);
    finish(&language);
    finish(&encoder);
    return status;
}

/* ---- the model -------------------------------------------------------------------------------------------------------- */

/* As prompt_encode() has it: where the tokenizer knows the image's token, prompts are framed as it says. */
static lmvr_status find_begin(struct exporting *e, lmvr_error *error)
{
    struct tokenizer *tokenizer;
    const char *image = config_image_token(e->config);
    TRY(tokenizer_open(e->tokenizer, &tokenizer, error));
    bool knows = image && tokenizer_find(tokenizer, image) >= 0;
    const struct tokenizer_frame frame = tokenizer_frame_of(tokenizer);
    bool framed = frame.before_count > 1 || frame.after_count > 0;
    e->begin = !knows ? e->config->language.begin_token : frame.before_count ? frame.before[0] : -1;
    tokenizer_close(tokenizer);
    if (knows && framed)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: cannot be written as GGUF: it puts more than a begin token around texts", e->tokenizer);
    return LMVR_OK;
}

static const struct gguf_type *type_for(lmvr_dtype dtype)
{
    static const uint32_t numbers[] = {[LMVR_DTYPE_F32] = GGUF_F32,
                                       [LMVR_DTYPE_F16] = GGUF_F16,
                                       [LMVR_DTYPE_BF16] = GGUF_BF16,
                                       [LMVR_DTYPE_INT8] = GGUF_Q8_0,
                                       [LMVR_DTYPE_INT4] = GGUF_Q4_0};
    return gguf_type(numbers[dtype]);
}

static lmvr_status export_model(struct exporting *e, const char *output, bool replace, lmvr_error *error)
{
    TRY(gguf_naming_for(e->config, e->path, &e->naming, error));
    if (!model_find_tokenizer(e->path, e->config, e->tokenizer, sizeof e->tokenizer))
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no tokenizer", e->path);
    TRY(find_begin(e, error));
    TRY(config_read_chat_template(e->path, e->config, &e->chat_template, error));
    return write_files(e, output, replace, error);
}

lmvr_status gguf_export(const char *path, const struct model_config *config, const struct plan *plan,
                        const lmvr_convert_options *options, const char *output, lmvr_error *error)
{
    struct exporting e = {.path = path,
                          .config = config,
                          .plan = plan,
                          .type = type_for(options->dtype),
                          .progress = {.report = options->progress, .user = options->user}};
    lmvr_status status = export_model(&e, output, options->replace, error);
    free(e.chat_template);
    return status;
}

bool gguf_export_is_named(const char *output)
{
    const char *ending = strrchr(output, '.');
    return ending && strcmp(ending, ".gguf") == 0;
}
