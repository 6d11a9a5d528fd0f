#include "lab/words/nouns.h"

#include "lab/words/letters.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- endings --------------------------------------------------------------------------------------------------------- */

uint32_t nouns_without_possessive(const char *text, const struct word *word)
{
    static const char *const endings[] = {"'s", "'S", "\u2019s", "\u2019S"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t length = strlen(endings[i]);
        if (word->end - word->begin > length && memcmp(text + word->end - length, endings[i], length) == 0)
            return word->end - (uint32_t)length;
    }
    return word->end;
}

/* Subject, topic, object, locative, comitative and other particles; longer ones first, so that the whole particle is
 * removed. */
static const char *const particles[] = {"에게서", "에서는", "으로는", "에서", "에는", "에게", "으로", "까지",
                                        "부터",   "처럼",   "보다",   "은",   "는",   "이",   "가",   "을",
                                        "를",     "의",     "에",     "와",   "과",   "도",   "로",   "만"};
#define PARTICLES (sizeof particles / sizeof *particles)

bool nouns_is_particle(const char *text, size_t length)
{
    for (size_t i = 0; i < PARTICLES; i++)
        if (strlen(particles[i]) == length && memcmp(text, particles[i], length) == 0)
            return true;
    return false;
}

uint32_t nouns_without_particle(const char *text, const struct word *word)
{
    size_t length = word->end - word->begin;
    for (size_t i = 0; i < PARTICLES; i++) {
        size_t particle = strlen(particles[i]);
        if (length > particle && memcmp(text + word->end - particle, particles[i], particle) == 0)
            return word->end - (uint32_t)particle;
    }
    return word->end;
}

/* ---- plurals --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *one, *many;
} irregular[] = {
    {"person", "people"},   {"man", "men"},         {"woman", "women"},   {"child", "children"}, {"foot", "feet"},
    {"tooth", "teeth"},     {"goose", "geese"},     {"mouse", "mice"},    {"ox", "oxen"},        {"sheep", "sheep"},
    {"deer", "deer"},       {"fish", "fish"},       {"moose", "moose"},   {"knife", "knives"},   {"wife", "wives"},
    {"life", "lives"},      {"leaf", "leaves"},     {"loaf", "loaves"},   {"shelf", "shelves"},  {"half", "halves"},
    {"calf", "calves"},     {"wolf", "wolves"},     {"thief", "thieves"}, {"scarf", "scarves"},  {"hoof", "hooves"},
    {"potato", "potatoes"}, {"tomato", "tomatoes"}, {"hero", "heroes"},   {"mango", "mangoes"},  {"cactus", "cacti"},
};

static bool ends_in(const char *word, size_t length, const char *ending)
{
    size_t size = strlen(ending);
    return length >= size && g_ascii_strncasecmp(word + length - size, ending, size) == 0;
}

/* How many bytes to cut from the end, and what to append. */
static size_t plural_ending(const char *word, size_t length, const char **put)
{
    static const char *const hissing[] = {"s", "x", "z", "ch", "sh"};
    for (size_t i = 0; i < sizeof hissing / sizeof *hissing; i++)
        if (ends_in(word, length, hissing[i])) {
            *put = "es";
            return 0;
        }
    bool consonant = length > 1 && !strchr("aeiouAEIOU", word[length - 2]);
    if (ends_in(word, length, "y") && consonant) {
        *put = "ies";
        return 1;
    }
    *put = "s";
    return 0;
}

lmvr_status nouns_plural(const char *noun, char **plural, lmvr_error *error)
{
    size_t length = strlen(noun);
    const char *last = strrchr(noun, ' '), *put = NULL;
    last = last ? last + 1 : noun;
    size_t cut = 0;
    for (size_t i = 0; i < sizeof irregular / sizeof *irregular && !put; i++)
        if (g_ascii_strcasecmp(last, irregular[i].one) == 0) {
            put = irregular[i].many;
            cut = strlen(last);
        }
    if (!put)
        cut = plural_ending(noun, length, &put);
    size_t kept = length - cut;
    *plural = malloc(kept + strlen(put) + 1);
    if (!*plural)
        return error_no_memory(error, "a word");
    memcpy(*plural, noun, kept);
    memcpy(*plural + kept, put, strlen(put) + 1);
    return LMVR_OK;
}

/* ---- noun-like words ------------------------------------------------------------------------------------------------- */

/* A noun-like word of an alphabetic script, in lower case. */
static bool is_alphabetic_noun(const char *word)
{
    static const char *const endings[] = {"ing", "ed", "ly"};
    size_t letters = 0, length;
    for (const char *c = word; *c; c += length) {
        uint32_t letter = letter_at(c, &length);
        if (g_unichar_isdigit(letter))
            return false;
        letters += g_unichar_isalpha(letter) != 0;
    }
    if (letters < 3 || nouns_is_stop_word(word))
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_in(word, strlen(word), endings[i]))
            return nouns_is_exception(word);
    return true;
}

static bool is_noun_like(const char *word, enum letter_kind kind)
{
    switch (kind) {
    case LETTER_SPACED:
        return is_alphabetic_noun(word);
    case LETTER_UNSPACED:
        return g_utf8_strlen(word, -1) >= 2;
    case LETTER_HANGUL:
    case LETTER_HAN:
    case LETTER_KATAKANA:
        return true;
    default:
        return false;
    }
}

/* The word without an ending that is not part of the noun. */
static struct word stem_of(const char *text, const struct word *word, enum letter_kind kind)
{
    struct word stem = *word;
    if (kind == LETTER_SPACED)
        stem.end = nouns_without_possessive(text, word);
    else if (kind == LETTER_HANGUL)
        stem.end = nouns_without_particle(text, word);
    return stem;
}

/* Adds the word unless it was already seen; `seen` is a set of lower-case words, which it owns. */
static lmvr_status consider(const char *text, const struct word *word, GHashTable *seen, struct word_list *nouns,
                            lmvr_error *error)
{
    size_t length;
    enum letter_kind kind = letter_kind(letter_at(text + word->begin, &length));
    struct word stem = stem_of(text, word, kind);
    char *lower = g_utf8_strdown(text + stem.begin, (gssize)(stem.end - stem.begin));
    if (!is_noun_like(lower, kind)) {
        g_free(lower);
        return LMVR_OK;
    }
    return g_hash_table_add(seen, lower) ? words_add(nouns, stem, error) : LMVR_OK;
}

lmvr_status words_noun_like(const char *text, size_t most, struct word_list *words, lmvr_error *error)
{
    struct word_list all;
    *words = (struct word_list){.items = NULL};
    TRY(words_split(text, &all, error));
    GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < all.count && words->count < most && status == LMVR_OK; i++)
        status = consider(text, &all.items[i], seen, words, error);
    g_hash_table_destroy(seen);
    words_finish(&all);
    if (status != LMVR_OK)
        words_finish(words);
    return status;
}
