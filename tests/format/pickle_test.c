#include "format/pickle.h"
#include "scratch.h"

static lmvr_error error;

static const struct pickle_global globals[] = {{"collections", "OrderedDict", 7}};

static struct pickle *read_good(const char *bytes, size_t size)
{
    struct pickle *pickle;
    size_t used;
    if (pickle_read("x", bytes, size, globals, 1, &pickle, &used, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(used, size);
    return pickle;
}

static void assert_refused(const char *bytes, size_t size, const char *part)
{
    struct pickle *pickle;
    size_t used;
    assert_int_equal(pickle_read("x", bytes, size, globals, 1, &pickle, &used, &error), LMVR_ERROR_INVALID);
    assert_null(pickle);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not contain \"%s\"", error.message, part);
}

/* Of literals, without their zero byte. */
#define GOOD(bytes)          read_good(bytes, sizeof(bytes) - 1)
#define REFUSED(bytes, part) assert_refused(bytes, sizeof(bytes) - 1, part)

static void assert_number(const char *bytes, size_t size, int64_t number)
{
    struct pickle *pickle = read_good(bytes, size);
    assert_int_equal(pickle_root(pickle)->kind, PICKLE_INT);
    assert_true(pickle_root(pickle)->number == number);
    pickle_free(pickle);
}
#define NUMBER(bytes, number) assert_number(bytes, sizeof(bytes) - 1, number)

static void numbers_have_their_sign(void **state)
{
    (void)state;
    NUMBER("\x80\2K\xff.", 255);
    NUMBER("\x80\2M\xff\xff.", 65535);
    NUMBER("\x80\2J\xff\xff\xff\xff.", -1);
    NUMBER("\x80\2\x8a\0.", 0);
    NUMBER("\x80\2\x8a\1\xfe.", -2);
    NUMBER("\x80\2\x8a\5\0\0\0\0\1.", INT64_C(1) << 32);
    NUMBER("\x80\2\x8b\x8\0\0\0\0\0\0\0\0\0\0\x80.", INT64_MIN);
}

static void a_number_beyond_64_bits_is_not_looked_at(void **state)
{
    (void)state;
    struct pickle *pickle = GOOD("\x80\2\x8a\x9\0\0\0\0\0\0\0\0\1.");
    assert_int_equal(pickle_root(pickle)->kind, PICKLE_OTHER);
    pickle_free(pickle);
}

static void containers_keep_their_elements_in_order(void **state)
{
    (void)state;
    const struct pickle_value *elements[4];
    struct pickle *pickle = GOOD("\x80\5]\x94(K\1K\2eK\3a.");
    assert_int_equal(pickle_root(pickle)->kind, PICKLE_LIST);
    assert_int_equal(pickle_elements(pickle_root(pickle), 4, elements), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(elements[i]->number, i + 1);
    assert_int_equal(pickle_elements(pickle_root(pickle), 1, elements), 2);
    assert_int_equal(pickle_elements(elements[0], 1, elements), -1);
    pickle_free(pickle);
}

static void a_dict_has_keys_and_values(void **state)
{
    (void)state;
    struct pickle *pickle = GOOD("\x80\4}(\x8c\1aK\1\x8c\2bcNu\x8c\1d\x88s.");
    const struct pickle_item *item = pickle_root(pickle)->items;
    assert_int_equal(pickle_root(pickle)->kind, PICKLE_DICT);
    assert_true(pickle_is_text(item->key, "a") && item->value->number == 1);
    item = item->next;
    assert_true(pickle_is_text(item->key, "bc") && !pickle_is_text(item->key, "b") && item->value->kind == PICKLE_NONE);
    item = item->next;
    assert_true(pickle_is_text(item->key, "d") && item->value->kind == PICKLE_BOOL && item->value->number == 1);
    assert_null(item->next);
    pickle_free(pickle);
}

static void the_memo_gives_the_same_value_again(void **state)
{
    (void)state;
    const struct pickle_value *elements[2];
    static const char *const pickles[] = {"\x80\4\x8c\1a\x94h\0\x86.", "\x80\2U\1aq\1h\1\x86.",
                                          "\x80\2U\1ar\2\0\0\0j\2\0\0\0\x86."};
    static const size_t sizes[] = {10, 11, 17};
    for (int i = 0; i < 3; i++) {
        struct pickle *pickle = read_good(pickles[i], sizes[i]);
        assert_int_equal(pickle_elements(pickle_root(pickle), 2, elements), 2);
        assert_ptr_equal(elements[0], elements[1]);
        assert_true(pickle_is_text(elements[0], "a"));
        pickle_free(pickle);
    }
}

static void a_call_is_recorded_not_made(void **state)
{
    (void)state;
    struct pickle *pickle = GOOD("\x80\2ccollections\nOrderedDict\n)R(U\1aK\1u}U\1bK\2sb.");
    const struct pickle_value *root = pickle_root(pickle);
    assert_int_equal(root->kind, PICKLE_CALL);
    assert_int_equal(root->call.callee->global->meaning, 7);
    assert_int_equal(pickle_elements(root->call.arguments, 1, NULL), 0);
    assert_true(pickle_is_text(root->items->key, "a"));
    assert_null(root->items->next); /* its state is dropped */
    pickle_free(pickle);
    pickle = GOOD("\x80\4\x8c\13collections\x8c\13OrderedDict\x93)R.");
    assert_int_equal(pickle_root(pickle)->kind, PICKLE_CALL);
    pickle_free(pickle);
}

static void objects_outside_the_pickle_are_listed(void **state)
{
    (void)state;
    struct pickle *pickle = GOOD("\x80\2K\1QK\2Q\x86.");
    const struct pickle_item *item = pickle_persistents(pickle);
    assert_int_equal(item->value->kind, PICKLE_PERSISTENT);
    assert_int_equal(item->value->value->number, 1);
    assert_int_equal(item->next->value->value->number, 2);
    pickle_free(pickle);
    pickle_free(NULL);
}

static void other_globals_are_refused_by_name(void **state)
{
    (void)state;
    REFUSED("\x80\2cos\nsystem\n.", "os.system");
    REFUSED("\x80\2ccollections\nOrderedDic\n.", "collections.OrderedDic,");
    REFUSED("\x80\2ccollections\nOrderedDictX\n.", "collections.OrderedDictX");
    REFUSED("\x80\4\x8c\2nt\x8c\6system\x93.", "nt.system");
    REFUSED("\x80\4K\1\x8c\6system\x93.", "no name");
    REFUSED("\x80\2cos\nsystem", "it ends");
}

static void calls_of_anything_but_a_global_are_refused(void **state)
{
    (void)state;
    REFUSED("\x80\2U\1a)R.", "a call");
    REFUSED("\x80\2ccollections\nOrderedDict\nNR.", "a call");
    REFUSED("\x80\2U\1a)\x81.", "opcode 0x81");      /* NEWOBJ */
    REFUSED("\x80\2(ios\nsystem\n.", "opcode 0x69"); /* INST */
    REFUSED("\x80\2\x82\1.", "opcode 0x82");         /* EXT1 */
}

static void other_protocols_are_refused(void **state)
{
    (void)state;
    REFUSED("I1\n.", "protocol");
    REFUSED("\x80\1K\1.", "protocol");
    REFUSED("\x80\6K\1.", "protocol");
    REFUSED("", "protocol");
}

static void values_that_are_missing_are_refused(void **state)
{
    (void)state;
    REFUSED("\x80\2.", "one value");
    REFUSED("\x80\2(.", "one value");
    REFUSED("\x80\2NN.", "one value");
    REFUSED("\x80\2\x85.", "a value is missing");
    REFUSED("\x80\2N(\x86.", "a value is missing");
    REFUSED("\x80\2Nt.", "a mark");
    REFUSED("\x80\2K\1a.", "a value is missing");
    REFUSED("\x80\2}K\1a.", "a list or a dict");
    REFUSED("\x80\2]K\1K\2s.", "a list or a dict");
    REFUSED("\x80\2}(K\1u.", "a key has no value");
    REFUSED("\x80\2NNb.", "a list or a dict");
    REFUSED("\x80\2q\0.", "a value is missing");
    REFUSED("\x80\2h\0.", "no such place");
    REFUSED("\x80\2Nq\1h\0.", "no such place");
    REFUSED("\x80\2Q.", "a value is missing");
}

static void a_place_far_out_in_the_memo_is_refused(void **state)
{
    (void)state;
    REFUSED("\x80\2Nr\xff\xff\xff\xff.", "no such place");
}

static void lengths_that_lie_are_refused(void **state)
{
    (void)state;
    REFUSED("\x80\2X\xff\xff\xff\xff"
            "a.",
            "it ends");
    REFUSED("\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
            "a.",
            "it ends");
    REFUSED("\x80\2\x8b\xff\xff\xff\xff.", "it ends");
    REFUSED("\x80\2G123.", "it ends");
}

/* Each call makes a larger tuple of the one before: a value that is looked at by its elements is not unfolded. */
static void values_that_hold_each_other_take_no_more_than_their_bytes(void **state)
{
    (void)state;
    char bytes[3 + 3 * 1000 + 1] = "\x80\4)";
    size_t at = 3;
    for (unsigned i = 0; i < 255; i++) {
        bytes[at++] = '\x94';
        bytes[at++] = 'h';
        bytes[at++] = (char)i;
        bytes[at++] = '\x86';
    }
    bytes[at++] = '.';
    const struct pickle_value *elements[2];
    struct pickle *pickle = read_good(bytes, at);
    assert_int_equal(pickle_elements(pickle_root(pickle), 2, elements), 2);
    assert_ptr_equal(elements[0], elements[1]);
    pickle_free(pickle);
}

static void every_beginning_of_a_pickle_is_refused(void **state)
{
    (void)state;
    static const char whole[] = "\x80\2ccollections\nOrderedDict\n)R(U\1aK\1u}U\1bK\2sb.";
    struct pickle *pickle;
    size_t used;
    for (size_t size = 0; size < sizeof whole - 1; size++)
        assert_int_equal(pickle_read("x", whole, size, globals, 1, &pickle, &used, &error), LMVR_ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_their_sign),
        cmocka_unit_test(a_number_beyond_64_bits_is_not_looked_at),
        cmocka_unit_test(containers_keep_their_elements_in_order),
        cmocka_unit_test(a_dict_has_keys_and_values),
        cmocka_unit_test(the_memo_gives_the_same_value_again),
        cmocka_unit_test(a_call_is_recorded_not_made),
        cmocka_unit_test(objects_outside_the_pickle_are_listed),
        cmocka_unit_test(other_globals_are_refused_by_name),
        cmocka_unit_test(calls_of_anything_but_a_global_are_refused),
        cmocka_unit_test(other_protocols_are_refused),
        cmocka_unit_test(values_that_are_missing_are_refused),
        cmocka_unit_test(a_place_far_out_in_the_memo_is_refused),
        cmocka_unit_test(lengths_that_lie_are_refused),
        cmocka_unit_test(values_that_hold_each_other_take_no_more_than_their_bytes),
        cmocka_unit_test(every_beginning_of_a_pickle_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
