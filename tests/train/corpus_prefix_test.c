/* Texts split in two. */
#include "cmocka_all.h"

#include "train/corpora/corpus.h"
#include "train/corpora/tokens.h"

#define SAMPLES 200

/* Sample i: 1 + i % 5 tokens 10, 11, ..., then the end token 1. */
static lmvr_status read_words(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error)
{
    (void)self;
    *image = NULL;
    *sequence = (struct batch_sequence){.image = -1};
    for (int i = 0; i <= index % 5; i++)
        TRY(tokens_add_one(sequence, 10 + i, false, error));
    return tokens_add_one(sequence, 1, false, error);
}

static void test_a_text_is_read_up_to_a_drawn_place_and_learned_from_there(void **state)
{
    (void)state;
    const int32_t prompt[] = {5, 6};
    struct corpus corpus, inner = {.count = SAMPLES, .read = read_words};
    struct corpus_prefix_options options = {.prompt = prompt, .prompt_count = 2, .prompted = 0.5, .end_token = 1};
    int prompted = 0, cuts[5] = {0};
    assert_int_equal(corpus_prefixes(&options, &inner, &corpus, NULL), LMVR_OK);
    for (int64_t i = 0; i < SAMPLES; i++) {
        struct batch_sequence s;
        char *image;
        int words = 1 + (int)(i % 5), at = 0;
        assert_int_equal(corpus.read(corpus.self, i, &s, &image, NULL), LMVR_OK);
        bool has_prompt = s.tokens[0] == 5;
        while (s.tokens[at] != 1)
            assert_false(s.learned[at++]);
        assert_false(s.learned[at]);
        int read = has_prompt ? 0 : at;
        assert_true(read < words);
        assert_int_equal(s.count, at + 1 + words - read + 1);
        for (int t = at + 1; t < s.count; t++) {
            assert_true(s.learned[t]);
            assert_int_equal(s.tokens[t], t + 1 == s.count ? 1 : 10 + read + t - at - 1);
        }
        prompted += has_prompt;
        if (!has_prompt && words == 5)
            cuts[read]++;
        tokens_finish(&s);
    }
    assert_in_range(prompted, 70, 130);
    assert_true(cuts[0] > 0 && cuts[4] > 0);
    corpus_finish(&corpus);
}

/* Three words and a target that begins at the second; in a truncated text, after its end. */
static lmvr_status read_pair(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error)
{
    (void)self;
    *image = NULL;
    *sequence = (struct batch_sequence){.image = -1, .target_at = index == 0 ? 1 : 3};
    for (int i = 0; i < 3; i++)
        TRY(tokens_add_one(sequence, 10 + i, false, error));
    return LMVR_OK;
}

static void test_a_pair_is_cut_between_source_and_target(void **state)
{
    (void)state;
    static const int32_t expected[] = {10, 1, 11, 12};
    struct corpus corpus, inner = {.count = 2, .read = read_pair};
    struct corpus_prefix_options options = {.prompted = 0.5, .end_token = 1};
    struct batch_sequence s;
    lmvr_error error;
    char *image;
    assert_int_equal(corpus_prefixes(&options, &inner, &corpus, NULL), LMVR_OK);
    assert_int_equal(corpus.read(corpus.self, 0, &s, &image, NULL), LMVR_OK);
    assert_int_equal(s.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(s.tokens[i], expected[i]);
        assert_int_equal(s.learned[i], i >= 2);
    }
    tokens_finish(&s);
    assert_int_equal(corpus.read(corpus.self, 1, &s, &image, &error), LMVR_ERROR_INPUT);
    assert_string_equal(error.message, "has no target token");
    corpus_finish(&corpus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_is_read_up_to_a_drawn_place_and_learned_from_there),
        cmocka_unit_test(test_a_pair_is_cut_between_source_and_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
