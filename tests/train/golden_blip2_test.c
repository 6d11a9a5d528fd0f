/* BLIP-2's training, and its T5's, against PyTorch and transformers. */
#include "golden.h"

#include "train/t5_language.h"

static void run_language(const char *name, const char *start, bool recompute)
{
    struct golden g;
    struct t5_language t;
    lmvr_error error;
    golden_open(&g, name);
    struct net_options options = {.recompute = recompute};
    if (t5_language_init(&t, start, NULL, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    follow(&g, &t.objective);
    t5_language_finish(&t);
    golden_close(&g);
}

static void test_t5_follows_torch(void **state)
{
    (void)state;
    run_language("t5-language", ROOT "t5-language/model", false);
}

static void test_recomputed_t5_follows_torch_too(void **state)
{
    (void)state;
    run_language("t5-language", ROOT "t5-language/model", true);
}

static void test_t5_with_a_tied_head_follows_torch(void **state)
{
    (void)state;
    run_language("t5-language-tied", ROOT "t5-language-tied/model", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_t5_follows_torch),
        cmocka_unit_test(test_recomputed_t5_follows_torch_too),
        cmocka_unit_test(test_t5_with_a_tied_head_follows_torch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
