/* A response and a word, both arbitrary bytes: whatever is found must be inside the text, and in order. */
#include "lab/words/words.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct word *word, uint32_t after, size_t length)
{
    if (word->begin < after || word->begin >= word->end || word->end > length)
        abort();
}

static void check_list(struct word_list *words, size_t length)
{
    for (size_t i = 0; i < words->count; i++)
        check(&words->items[i], i ? words->items[i - 1].end : 0, length);
    words_finish(words);
}

/* The word is the first line, the text the rest up to a NUL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *wanted = malloc(size + 1);
    if (!wanted)
        return 0;
    memcpy(wanted, data, size);
    wanted[size] = '\0';
    char *newline = strchr(wanted, '\n'), *text = newline ? newline + 1 : wanted;
    if (newline)
        *newline = '\0';
    struct word_list words;
    struct word word;
    bool found;
    if (words_split(text, &words, NULL) == LMVR_OK)
        check_list(&words, strlen(text));
    if (words_noun_like(text, 40, &words, NULL) == LMVR_OK)
        check_list(&words, strlen(text));
    if (words_find_plural(text, wanted, &found, &word, NULL) == LMVR_OK && found)
        check(&word, 0, strlen(text));
    free(wanted);
    return 0;
}
