#include "language/tokenizer.h"

#include "language/tokenizer/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A kind of file. */
struct file_kind {
    lmvr_status (*open)(const char *path, struct tokenizer **tokenizer, lmvr_error *error);
    lmvr_status (*write_gguf)(const char *path, int rows, struct gguf_writer *writer, lmvr_error *error);
};

/* Its name tells, or its first bytes. */
static const struct file_kind *kind_of(const char *path)
{
    static const struct file_kind sentencepiece = {tokenizer_open_sentencepiece, tokenizer_write_sentencepiece},
                                  json = {tokenizer_open_json, tokenizer_write_json},
                                  gguf = {tokenizer_open_gguf, tokenizer_copy_gguf};
    const char *ending = strrchr(path, '.');
    if (ending && strcmp(ending, ".json") == 0)
        return &json;
    struct stat about;
    char begin[4] = {0};
    FILE *file = stat(path, &about) == 0 && S_ISREG(about.st_mode) ? fopen(path, "re") : NULL;
    size_t size = file ? fread(begin, 1, sizeof begin, file) : 0;
    if (file)
        fclose(file);
    if (size == sizeof begin && memcmp(begin, "GGUF", sizeof begin) == 0)
        return &gguf;
    return begin[0] == '{' ? &json : &sentencepiece;
}

lmvr_status tokenizer_open(const char *path, struct tokenizer **tokenizer, lmvr_error *error)
{
    return kind_of(path)->open(path, tokenizer, error);
}

lmvr_status tokenizer_write_gguf(const char *path, int rows, struct gguf_writer *writer, lmvr_error *error)
{
    return kind_of(path)->write_gguf(path, rows, writer, error);
}

void tokenizer_close(struct tokenizer *tokenizer)
{
    if (tokenizer)
        tokenizer->kind->close(tokenizer);
}

int tokenizer_size(const struct tokenizer *tokenizer)
{
    return tokenizer->kind->size(tokenizer);
}

int32_t tokenizer_find(const struct tokenizer *tokenizer, const char *piece)
{
    return tokenizer->kind->find(tokenizer, piece);
}

lmvr_status tokenizer_encode(const struct tokenizer *tokenizer, const char *text, int32_t **ids, size_t *count,
                             lmvr_error *error)
{
    *ids = NULL;
    *count = 0;
    return tokenizer->kind->encode(tokenizer, text, ids, count, error);
}

static lmvr_status decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, char **text, size_t *size,
                          lmvr_error *error)
{
    *text = NULL;
    TRY(tokenizer->kind->decode(tokenizer, ids, count, text, size, error));
    /* a C string ends at its first zero byte, which a byte piece may hold */
    for (size_t i = 0; i < *size; i++)
        if ((*text)[i] == '\0')
            (*text)[i] = ' ';
    return LMVR_OK;
}

lmvr_status tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, char **text,
                             lmvr_error *error)
{
    size_t size;
    return decode(tokenizer, ids, count, text, &size, error);
}

/* The bytes that both begin with, up to the end of a character. */
static size_t common_beginning(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t same = 0;
    while (same < a_size && same < b_size && a[same] == b[same])
        same++;
    while (same > 0 && same < b_size && ((unsigned char)b[same] & 0xC0) == 0x80)
        same--;
    return same;
}

lmvr_status tokenizer_ends(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, uint32_t *ends,
                           lmvr_error *error)
{
    char *text, *part;
    size_t text_size, part_size;
    TRY(decode(tokenizer, ids, count, &text, &text_size, error));
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        /* half a character decodes to something else, which is not a beginning of the text */
        status = decode(tokenizer, ids, i + 1, &part, &part_size, error);
        if (status != LMVR_OK)
            break;
        size_t same = common_beginning(part, part_size, text, text_size);
        ends[i] = i > 0 && same < ends[i - 1] ? ends[i - 1] : (uint32_t)same;
        free(part);
    }
    free(text);
    return status;
}

struct tokenizer_frame tokenizer_frame_of(const struct tokenizer *tokenizer)
{
    return tokenizer->kind->frame(tokenizer);
}
