/* Vocabularies trained on small texts: their ids, what they can encode, that they are reproducible, and what is refused. */
#include "train/corpora/vocabulary.h"

#include "language/tokenizer.h"
#include "scratch.h"

/* Sentences of made-up words, with enough different pieces for a few hundred. */
static void write_sentences(const char *path, int lines)
{
    static const char *const syllables[] = {"ba", "ce", "dif", "go", "hul", "jam", "ke", "lo", "mi", "nur", "pa", "qui"};
    uint32_t state = 7;
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (int i = 0; i < lines; i++) {
        for (int word = 0; word < 8; word++) {
            for (uint32_t syllable = 0; syllable < 1 + (state >> 28) % 3; syllable++) {
                state = state * 1664525 + 1013904223;
                fputs(syllables[(state >> 16) % 12], file);
            }
            fputs(word < 7 ? " " : i % 3 ? ".\n" : " 1976.\n", file);
        }
    }
    assert_int_equal(fclose(file), 0);
}

static void train(const char *path, int size, bool unigram, uint64_t seed)
{
    const char *const texts[] = {"text.txt"};
    struct vocabulary_options options = {.texts = texts, .text_count = 1, .size = size, .unigram = unigram, .seed = seed};
    lmvr_error error;
    char *model;
    size_t bytes;
    if (vocabulary_train(&options, &model, &bytes, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    write_bytes(path, model, bytes);
    free(model);
}

static struct tokenizer *open_model(const char *path)
{
    struct tokenizer *tokenizer;
    lmvr_error error;
    if (tokenizer_open(path, &tokenizer, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return tokenizer;
}

static void assert_round_trip(const struct tokenizer *tokenizer, const char *text)
{
    int32_t *ids;
    size_t count;
    char *back;
    assert_int_equal(tokenizer_encode(tokenizer, text, &ids, &count, NULL), LMVR_OK);
    assert_int_equal(tokenizer_decode(tokenizer, ids, count, &back, NULL), LMVR_OK);
    assert_string_equal(back, text);
    free(back);
    free(ids);
}

static void bpe_is_like_llamas(void **state)
{
    (void)state;
    write_sentences("text.txt", 400);
    train("tokenizer.model", 400, false, 0);
    struct tokenizer *t = open_model("tokenizer.model");
    assert_int_equal(tokenizer_size(t), 400);

    /* <unk> 0, <s> 1, </s> 2, then the 256 bytes: "\n" is 3 + 10, and 3 + 0xE7, 3 + 0x8A, 3 + 0xAC a character never seen */
    int32_t *ids;
    size_t count;
    assert_int_equal(tokenizer_encode(t, "ba\n\xE7\x8A\xAC", &ids, &count, NULL), LMVR_OK);
    assert_true(count >= 5);
    assert_true(ids[0] >= 3 + 256);
    assert_int_equal(ids[count - 4], 3 + 10);
    assert_int_equal(ids[count - 3], 3 + 0xE7);
    assert_int_equal(ids[count - 2], 3 + 0x8A);
    assert_int_equal(ids[count - 1], 3 + 0xAC);
    free(ids);

    /* digits one by one, and the dummy prefix */
    assert_int_equal(tokenizer_encode(t, "1976", &ids, &count, NULL), LMVR_OK);
    assert_int_equal(count, 5);
    free(ids);

    assert_round_trip(t, "ba  go   dif\nkelo 1976. \xE7\x8A\xAC\n\n mi ");
    tokenizer_close(t);
}

static void unigram_is_like_t5s(void **state)
{
    (void)state;
    write_sentences("text.txt", 400);
    train("spiece.model", 120, true, 0);
    struct tokenizer *t = open_model("spiece.model");
    assert_int_equal(tokenizer_size(t), 120);
    assert_round_trip(t, "ba go dif kelo");

    /* <pad> 0, </s> 1, <unk> 2: the first two decode to nothing, a character never seen is the third */
    int32_t *ids;
    size_t count;
    char *text;
    assert_int_equal(tokenizer_encode(t, "\xE7\x8A\xAC", &ids, &count, NULL), LMVR_OK);
    assert_int_equal(ids[count - 1], 2);
    free(ids);
    assert_int_equal(tokenizer_decode(t, (const int32_t[]){0, 1}, 2, &text, NULL), LMVR_OK);
    assert_string_equal(text, "");
    free(text);
    tokenizer_close(t);
}

static void the_same_text_gives_the_same_bytes(void **state)
{
    (void)state;
    write_sentences("text.txt", 300);
    for (int unigram = 0; unigram < 2; unigram++) {
        train("one.model", unigram ? 100 : 380, unigram, 3);
        train("two.model", unigram ? 100 : 380, unigram, 3);
        assert_same_file("one.model", "two.model");
    }
}

static void assert_refused(int size, bool unigram, const char *part)
{
    const char *const texts[] = {"text.txt"};
    struct vocabulary_options options = {.texts = texts, .text_count = 1, .size = size, .unigram = unigram};
    lmvr_error error;
    char *model;
    size_t bytes;
    assert_int_equal(vocabulary_train(&options, &model, &bytes, &error), LMVR_ERROR_INVALID);
    if (!strstr(error.message, part) || strchr(error.message, '\n'))
        fail_msg("\"%s\" should be said, but: %s", part, error.message);
}

static void what_cannot_be_made_is_refused_with_a_sentence(void **state)
{
    (void)state;
    unlink("text.txt");
    assert_refused(400, false, "text.txt: cannot be read: No such file");
    write_text("text.txt", "");
    assert_refused(400, false, "no text");
    write_text("text.txt", "\n\n\r\n");
    assert_refused(400, false, "no text");
    for (int unigram = 0; unigram < 2; unigram++) {
        write_text("text.txt", "   \n\t \xE3\x80\x80\n\xE2\x80\x8B\xEF\xBB\xBF\n\xFF\xFE\n\x80\n\xCC\x81\n\xE2\x96\x81\n");
        assert_refused(400, unigram, "no text");
    }
    write_sentences("text.txt", 20);
    assert_refused(0, false, "expected 260");
    assert_refused(261, false, "text.txt: no vocabulary of 261 pieces");
    assert_refused(30000, false, "text.txt: no vocabulary of 30000 pieces");
    assert_refused(30000, true, "text.txt: no vocabulary of 30000 pieces");
    assert_refused(8, true, "text.txt: no vocabulary of 8 pieces");
    write_text("text.txt", "a\n");
    assert_refused(400, false, "text.txt: no vocabulary of 400 pieces");
    assert_refused(400, true, "text.txt: no vocabulary of 400 pieces");
    mkdir("folder", 0700);
    const char *const texts[] = {"folder"};
    struct vocabulary_options options = {.texts = texts, .text_count = 1, .size = 400};
    char *model;
    size_t bytes;
    assert_int_equal(vocabulary_train(&options, &model, &bytes, NULL), LMVR_ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bpe_is_like_llamas),
        cmocka_unit_test(unigram_is_like_t5s),
        cmocka_unit_test(the_same_text_gives_the_same_bytes),
        cmocka_unit_test(what_cannot_be_made_is_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
