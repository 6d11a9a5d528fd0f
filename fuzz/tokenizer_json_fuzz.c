/* Bytes as a tokenizer.json and, after a zero byte, a text: either refused, or the text's ids are ids of the tokenizer, and
 * they and ids drawn from the bytes decode to UTF-8 in parts that follow each other. */
#include "format/utf8.h"
#include "language/tokenizer.h"
#include "memory_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IDS 300 /* decoded: it takes quadratic time */

static void expect(bool promise)
{
    if (!promise)
        abort();
}

static void check_decoded(const struct tokenizer *tokenizer, const int32_t *ids, size_t count)
{
    char *text;
    uint32_t ends[MAX_IDS];
    lmvr_error error;
    if (count > MAX_IDS)
        count = MAX_IDS;
    if (tokenizer_decode(tokenizer, ids, count, &text, &error) != LMVR_OK)
        return; /* too long, or a pattern that takes too long */
    expect(utf8_is_valid(text));
    if (tokenizer_ends(tokenizer, ids, count, ends, &error) == LMVR_OK)
        for (size_t i = 0; i < count; i++)
            expect(ends[i] <= strlen(text) && (i == 0 || ends[i] >= ends[i - 1]));
    free(text);
}

static void check(const struct tokenizer *tokenizer, const char *text)
{
    int32_t *ids, drawn[20];
    size_t count;
    lmvr_error error;
    int size = tokenizer_size(tokenizer);
    struct tokenizer_frame frame = tokenizer_frame_of(tokenizer);
    expect(size >= 1);
    for (size_t i = 0; i < frame.before_count; i++)
        expect(frame.before[i] >= 0 && frame.before[i] < size);
    if (tokenizer_encode(tokenizer, text, &ids, &count, &error) == LMVR_OK) {
        for (size_t i = 0; i < count; i++)
            expect(ids[i] >= 0 && ids[i] < size);
        check_decoded(tokenizer, ids, count);
        free(ids);
    }
    for (int i = 0; i < 20; i++)
        drawn[i] = (int32_t)((unsigned char)text[i % (strlen(text) + 1)] * 31u + (unsigned)i) % (size + 2);
    check_decoded(tokenizer, drawn, 20);
    expect(tokenizer_find(tokenizer, text) < size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[MEMORY_FILE_PATH];
    lmvr_error error;
    struct tokenizer *tokenizer;
    const uint8_t *end = size > 0 ? memchr(bytes, 0, size) : NULL;
    size_t length = end ? (size_t)(end - bytes) : size;
    char *text = end ? strndup((const char *)end + 1, size - length - 1) : strdup("a ab\xFF  <u>1\n\xC3\xA9 \xF0\x9F\xA6\x8A");
    if (!text)
        abort();
    int fd = memory_file(bytes, length, path);
    if (length > 0 && bytes[0] == '{' && tokenizer_open(path, &tokenizer, &error) == LMVR_OK) {
        check(tokenizer, text);
        tokenizer_close(tokenizer);
    }
    close(fd);
    free(text);
    return 0;
}
