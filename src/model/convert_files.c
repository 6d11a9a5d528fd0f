#include "model/convert_files.h"

#include "format/file.h"
#include "format/input.h"
#include "format/json.h"
#include "format/replace.h"
#include "language/tokenizer.h"
#include "model/gguf_config.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool ends_in(const char *name, const char *ending)
{
    size_t length = strlen(name), end = strlen(ending);
    return length > end && strcmp(name + length - end, ending) == 0;
}

/* Configurations, tokenizers, templates, and what people read. */
static bool is_copied(const char *name)
{
    static const char *const endings[] = {".json", ".jinja", ".model", ".txt", ".md"};
    static const char *const begins[] = {"LICENSE", "NOTICE"};
    if (*name == '.' || ends_in(name, ".index.json"))
        return false;
    for (size_t i = 0; i < COUNT(endings); i++)
        if (ends_in(name, endings[i]))
            return true;
    for (size_t i = 0; i < COUNT(begins); i++)
        if (strncmp(name, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

bool convert_may_hold(const char *name)
{
    return is_copied(name) || ends_in(name, ".safetensors") || ends_in(name, ".safetensors.index.json") ||
           ends_in(name, ".tmp");
}

/* ---- files that are copied -------------------------------------------------------------------------------------------- */

#define PIECE ((uint64_t)1 << 20)

struct source {
    const char *path;
    int fd;
    uint64_t size;
};

static lmvr_status write_copy(void *user, int fd, const char *path, lmvr_error *error)
{
    const struct source *from = user;
    char *bytes = malloc(PIECE);
    lmvr_status status = bytes ? LMVR_OK : error_no_memory(error, path);
    for (uint64_t at = 0, count; at < from->size && status == LMVR_OK; at += count) {
        count = from->size - at < PIECE ? from->size - at : PIECE;
        status = file_read_at(from->fd, from->path, bytes, count, (off_t)at, error);
        if (status == LMVR_OK)
            status = file_write_at(fd, path, bytes, count, (off_t)at, error);
    }
    free(bytes);
    return status;
}

static lmvr_status copy_file(const char *from, const char *to, lmvr_error *error)
{
    struct source source = {.path = from};
    TRY(input_open(from, &source.fd, &source.size, error));
    lmvr_status status = file_replace_by(to, write_copy, &source, error);
    close(source.fd);
    return status;
}

/* A module of an embedding model, such as 1_Pooling. */
static bool is_module(const char *name)
{
    return isdigit((unsigned char)*name) && strchr(name, '_');
}

static lmvr_status copy_folder(const char *from, const char *to, bool modules, lmvr_error *error);

static lmvr_status copy_entry(const char *from, const char *to, const char *name, bool modules, lmvr_error *error)
{
    struct stat about;
    char *source = input_path(from, name), *target = input_path(to, name);
    lmvr_status status = LMVR_OK;
    if (!source || !target)
        status = error_no_memory(error, name);
    else if (stat(source, &about) != 0)
        status = file_error(error, source, "be read");
    else if (S_ISREG(about.st_mode) && is_copied(name))
        status = copy_file(source, target, error);
    else if (S_ISDIR(about.st_mode) && modules && is_module(name))
        status = copy_folder(source, target, false, error);
    free(source);
    free(target);
    return status;
}

/* With its modules, which are folders. */
static lmvr_status copy_folder(const char *from, const char *to, bool modules, lmvr_error *error)
{
    if (!input_is_folder(to) && mkdir(to, 0777) != 0)
        return file_error(error, to, "make the folder");
    DIR *opened = opendir(from);
    if (!opened)
        return file_error(error, from, "be read");
    lmvr_status status = LMVR_OK;
    for (const struct dirent *entry; status == LMVR_OK && (entry = readdir(opened));)
        if (*entry->d_name != '.')
            status = copy_entry(from, to, entry->d_name, modules, error);
    closedir(opened);
    return status;
}

/* The encoder's folder becomes one in the model's, which is where it is looked for by its last name. */
static lmvr_status copy_tower(const char *tower, const char *to, lmvr_error *error)
{
    const char *slash = strrchr(tower, '/');
    char *folder = input_path(to, slash ? slash + 1 : tower);
    lmvr_status status = folder ? copy_folder(tower, folder, false, error) : error_no_memory(error, tower);
    free(folder);
    return status;
}

/* ---- files that are made ---------------------------------------------------------------------------------------------- */

static lmvr_status write_text(const char *folder, const char *name, const char *text, lmvr_error *error)
{
    char *path = input_path(folder, name);
    lmvr_status status = path && text ? file_replace(path, text, strlen(text), error) : error_no_memory(error, name);
    free(path);
    return status;
}

static lmvr_status write_json(const char *folder, const char *name, const json_t *json, lmvr_error *error)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER), *line = NULL;
    if (!text || asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    lmvr_status status = write_text(folder, name, line, error);
    free(line);
    free(text);
    return status;
}

/* The type that transformers opens the model in. */
static void name_dtype(json_t *config, const char *dtype)
{
    static const char *const keys[] = {"torch_dtype", "dtype"};
    for (size_t i = 0; i < COUNT(keys); i++)
        if (json_object_get(config, keys[i]))
            json_object_set_new(config, keys[i], json_string(dtype));
}

static void describe(json_t *config, lmvr_dtype dtype)
{
    static const char *const parts[] = {"text_config", "vision_config"};
    json_object_del(config, CONFIG_QUANTIZATION);
    if (dtype == LMVR_DTYPE_INT8 || dtype == LMVR_DTYPE_INT4) {
        json_object_set_new(config, CONFIG_QUANTIZATION,
                            json_pack("{s:s, s:s}", "quant_method", "lmvr", "weights", lmvr_dtype_name(dtype)));
        return;
    }
    const char *name = dtype == LMVR_DTYPE_BF16 ? "bfloat16" : "float32";
    name_dtype(config, name);
    for (size_t i = 0; i < COUNT(parts); i++)
        name_dtype(json_object_get(config, parts[i]), name);
}

static lmvr_status write_config(const char *from, lmvr_dtype dtype, const char *to, lmvr_error *error)
{
    json_t *config = NULL;
    char *path = input_path(from, "config.json");
    lmvr_status status = path ? json_read(path, NULL, &config, error) : error_no_memory(error, from);
    free(path);
    if (status != LMVR_OK)
        return status;
    describe(config, dtype);
    status = write_json(to, "config.json", config, error);
    json_decref(config);
    return status;
}

static lmvr_status write_texts(const struct gguf_texts *texts, const char *to, lmvr_error *error)
{
    TRY(write_json(to, "config.json", texts->config, error));
    TRY(write_json(to, "preprocessor_config.json", texts->processor, error));
    TRY(write_json(to, "generation_config.json", texts->generation, error));
    return texts->chat_template ? write_text(to, "chat_template.jinja", texts->chat_template, error) : LMVR_OK;
}

static lmvr_status write_gguf(const struct gguf_pair *pair, lmvr_dtype dtype, const char *to, lmvr_error *error)
{
    struct gguf_texts texts;
    char *tokenizer = NULL;
    lmvr_status status = gguf_texts_read(pair, &texts, error);
    if (status == LMVR_OK) {
        describe(texts.config, dtype);
        status = write_texts(&texts, to, error);
    }
    gguf_texts_finish(&texts);
    if (status == LMVR_OK)
        status = tokenizer_json_of_gguf(pair->language, &tokenizer, error);
    if (status == LMVR_OK)
        status = write_text(to, "tokenizer.json", tokenizer, error);
    free(tokenizer);
    return status;
}

lmvr_status convert_files(const char *from, const struct model_config *config, lmvr_dtype dtype, const char *to,
                          lmvr_error *error)
{
    if (*config->gguf.language)
        return write_gguf(&config->gguf, dtype, to, error);
    TRY(copy_folder(from, to, true, error));
    if (*config->tower)
        TRY(copy_tower(config->tower, to, error));
    return write_config(from, dtype, to, error);
}
