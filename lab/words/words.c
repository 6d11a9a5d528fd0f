#include "lab/words/words.h"

#include "lab/words/letters.h"
#include "lab/words/nouns.h"

#include <stdlib.h>
#include <string.h>

/* ---- splitting ------------------------------------------------------------------------------------------------------- */

lmvr_status words_add(struct word_list *words, struct word word, lmvr_error *error)
{
    if (words->count == words->space) {
        size_t space = words->space * 2 + 32;
        struct word *items = realloc(words->items, space * sizeof *items);
        if (!items)
            return error_no_memory(error, "a response's words");
        words->items = items;
        words->space = space;
    }
    words->items[words->count++] = word;
    return LMVR_OK;
}

void words_finish(struct word_list *words)
{
    free(words->items);
    *words = (struct word_list){.items = NULL};
}

/* The end of the word that begins at `at` with a letter of this kind. */
static size_t word_end(const char *text, size_t at, enum letter_kind kind)
{
    size_t length, end = at;
    while (text[end]) {
        uint32_t letter = letter_at(text + end, &length);
        enum letter_kind found = letter_kind(letter);
        bool joins = kind == LETTER_SPACED && end > at && letter_joins(letter) && text[end + length];
        if (joins) {
            size_t next;
            found = letter_kind(letter_at(text + end + length, &next)) == LETTER_SPACED ? kind : LETTER_NONE;
        }
        if (found != kind && found != LETTER_MARK)
            break;
        end += length;
    }
    return end;
}

lmvr_status words_split(const char *text, struct word_list *words, lmvr_error *error)
{
    *words = (struct word_list){.items = NULL};
    if (strlen(text) > UINT32_MAX)
        return error_set(error, LMVR_ERROR_INVALID, "a response of more than 4 GB");
    lmvr_status status = LMVR_OK;
    for (size_t at = 0, length; text[at] && status == LMVR_OK; at += length) {
        enum letter_kind kind = letter_kind(letter_at(text + at, &length));
        if (kind == LETTER_NONE || kind == LETTER_MARK)
            continue;
        length = word_end(text, at, kind) - at;
        status = words_add(words, (struct word){(uint32_t)at, (uint32_t)(at + length)}, error);
    }
    if (status != LMVR_OK)
        words_finish(words);
    return status;
}

/* ---- finding --------------------------------------------------------------------------------------------------------- */

/* The word that position `at` is strictly inside; NULL if it is at a border or between words. */
static const struct word *word_around(const struct word_list *words, size_t at)
{
    size_t low = 0, high = words->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct word *word = &words->items[middle];
        if (word->begin < at && at < word->end)
            return word;
        if (word->end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static enum letter_kind kind_at(const char *text, size_t at)
{
    size_t length;
    return letter_kind(letter_at(text + at, &length));
}

static bool may_begin_at(const char *text, const struct word_list *words, size_t at)
{
    if (!word_around(words, at))
        return true;
    enum letter_kind kind = kind_at(text, at);
    return kind >= LETTER_HAN && kind != LETTER_MARK;
}

static bool may_end_at(const char *text, const struct word_list *words, size_t at)
{
    const struct word *word = word_around(words, at);
    if (!word)
        return true;
    enum letter_kind kind = kind_at(text, word->begin);
    if (kind == LETTER_SPACED)
        return nouns_without_possessive(text, word) == at;
    if (kind == LETTER_HANGUL)
        return nouns_is_particle(text + at, word->end - at);
    return kind_at(text, at) != LETTER_MARK;
}

/* The length in bytes of `wanted` at the beginning of `text`, ignoring case; 0 if it is not there. */
static size_t match_length(const char *text, const char *wanted)
{
    size_t at = 0, length, wanted_length;
    for (; *wanted; wanted += wanted_length, at += length) {
        if (!text[at] || letter_fold(letter_at(text + at, &length)) != letter_fold(letter_at(wanted, &wanted_length)))
            return 0;
    }
    return at;
}

static bool find_in(const char *text, const struct word_list *words, const char *wanted, struct word *word)
{
    for (size_t at = 0, step; text[at]; at += step) {
        size_t length = match_length(text + at, wanted);
        letter_at(text + at, &step);
        if (length == 0 || !may_begin_at(text, words, at) || !may_end_at(text, words, at + length))
            continue;
        *word = (struct word){(uint32_t)at, (uint32_t)(at + length)};
        return true;
    }
    return false;
}

lmvr_status words_find(const char *text, const char *wanted, bool *found, struct word *word, lmvr_error *error)
{
    struct word_list words;
    TRY(words_split(text, &words, error));
    *found = find_in(text, &words, wanted, word);
    words_finish(&words);
    return LMVR_OK;
}

lmvr_status words_find_plural(const char *text, const char *wanted, bool *found, struct word *word, lmvr_error *error)
{
    bool found_plural;
    struct word second;
    char *plural;
    TRY(words_find(text, wanted, found, word, error));
    TRY(nouns_plural(wanted, &plural, error));
    lmvr_status status = words_find(text, plural, &found_plural, &second, error);
    free(plural);
    if (status == LMVR_OK && found_plural && (!*found || second.begin < word->begin)) {
        *found = true;
        *word = second;
    }
    return status;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------------- */

struct token_range words_tokens(const struct word *word, const uint32_t *token_ends, size_t token_count)
{
    struct token_range range = {0, 0};
    uint32_t begin = 0;
    for (size_t i = 0; i < token_count; begin = token_ends[i++]) {
        uint32_t from = begin > word->begin ? begin : word->begin, to = token_ends[i] < word->end ? token_ends[i] : word->end;
        if (from >= to)
            continue;
        if (range.count == 0)
            range.first = i;
        range.count = i - range.first + 1;
    }
    return range;
}
