#include "language/tokenizer/gguf_splitting.h"

#include "language/tokenizer/byte_level.h"

#include <string.h>

#define TODAY(NUMBERS)                                                                                                         \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" NUMBERS                                                      \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const struct gguf_splitting splittings[] = {
    {" llama-bpe llama3 llama-v3 falcon3 ", {TODAY("\\p{N}{1,3}")}, false, true, true},
    {" qwen2 deepseek-r1-qwen megrez ", {TODAY("\\p{N}")}, true, false, false},
    {" smollm starcoder refact command-r ", {"\\p{N}", BYTE_LEVEL_PATTERN}, false, false, false},
    {" gpt-2 phi-2 mpt olmo jais ", {BYTE_LEVEL_PATTERN}, false, false, false},
};

#define COUNT (sizeof splittings / sizeof *splittings)

const struct gguf_splitting *gguf_splitting_named(const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT && length > 0; i++) {
        const char *found = memmem(splittings[i].names, strlen(splittings[i].names), name, length);
        if (found && found[-1] == ' ' && found[length] == ' ')
            return &splittings[i];
    }
    return NULL;
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

const struct gguf_splitting *gguf_splitting_by(const char *const patterns[GGUF_MAX_PATTERNS], bool whole_words)
{
    for (size_t i = 0; i < COUNT; i++) {
        bool all = splittings[i].whole_words == whole_words;
        for (int p = 0; p < GGUF_MAX_PATTERNS; p++)
            all = all && same(splittings[i].patterns[p], patterns[p]);
        if (all)
            return &splittings[i];
    }
    return NULL;
}
