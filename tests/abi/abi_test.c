/* Programs that were compiled with an older header, or with a newer one, work with this library. */
#include "abi/layout.h"
#include "cmocka_all.h"
#include "lmvr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL LMVR_TEST_DATA "/golden/llava-old-f32"
#define WIDE  LMVR_TEST_DATA "/golden/images/wide.jpg"
#define TALL  LMVR_TEST_DATA "/golden/images/tall.png"

static lmvr_error error;

static void every_member_lies_where_it_lay_and_every_constant_is_what_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < layout_count; i++) {
        const struct layout *now = &layout_today[i], *then = &layout_then[i];
        assert_string_equal(now->name, then->name);
        if (now->offset != then->offset || now->size != then->size)
            fail_msg("%s: was %zu, %zu bytes, and is %zu, %zu bytes", now->name, then->offset, then->size, now->offset,
                     now->size);
    }
    assert_int_equal(lmvr_abi_version(), LMVR_ABI_VERSION);
}

/* A program whose structs end earlier, so that what lies behind them is its own. */
static void what_lies_behind_an_older_struct_is_not_written(void **state)
{
    (void)state;
    unsigned char guard[sizeof(lmvr_model_info)];
    union {
        lmvr_session_options options;
        lmvr_model_options model_options;
        lmvr_convert_options convert_options;
        lmvr_model_info info;
        lmvr_feature_info feature;
        unsigned char bytes[sizeof(lmvr_model_info)];
    } older;
    const size_t size = sizeof(size_t) + 8;
    lmvr_model *model;
    lmvr_session *session;
    lmvr_session_options options;
    memset(guard, 0xA5, sizeof guard);
    assert_int_equal(lmvr_model_open(MODEL, LMVR_DTYPE_F32, 1, &model, &error), LMVR_OK);
    lmvr_session_options_default(&options);
    assert_int_equal(lmvr_session_create(model, &options, &session, &error), LMVR_OK);
    for (int i = 0; i < 7; i++) {
        memset(&older, 0xA5, sizeof older);
        switch (i) {
        case 0:
            lmvr_session_options_default_sized(&older.options, size);
            break;
        case 1:
            lmvr_model_options_default_sized(&older.model_options, size);
            break;
        case 2:
            lmvr_convert_options_default_sized(&older.convert_options, size);
            break;
        case 3:
            lmvr_session_get_options_sized(session, &older.options, size);
            break;
        case 4:
            lmvr_session_get_feature_sized(session, 0, &older.feature, size);
            break;
        case 5:
            lmvr_model_get_info_sized(model, &older.info, size);
            break;
        default: {
            lmvr_model_options of;
            lmvr_model_options_default(&of);
            assert_int_equal(lmvr_model_inspect_sized(MODEL, &of, &older.info, size, &error), LMVR_OK);
        }
        }
        assert_memory_not_equal(older.bytes, guard, size);
        assert_memory_equal(older.bytes + size, guard, sizeof older - size);
        if (i < 4)
            assert_int_equal(older.options.size, size);
    }
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void options_that_end_earlier_have_defaults_there(void **state)
{
    (void)state;
    lmvr_model *model;
    lmvr_session *session;
    lmvr_session_options options, used;
    lmvr_model_options opening;
    lmvr_model_options_default_sized(&opening, offsetof(lmvr_model_options, device));
    memset((char *)&opening + opening.size, 0xA5, sizeof opening - opening.size);
    opening.dtype = LMVR_DTYPE_F32;
    assert_int_equal(lmvr_model_open_with(MODEL, &opening, &model, &error), LMVR_OK);
    lmvr_session_options_default_sized(&options, offsetof(lmvr_session_options, aspect));
    memset((char *)&options + options.size, 0xA5, sizeof options - options.size);
    options.max_new_tokens = 5;
    assert_int_equal(lmvr_session_create(model, &options, &session, &error), LMVR_OK);
    lmvr_session_get_options(session, &used);
    assert_int_equal(used.max_new_tokens, 5);
    assert_true(used.dims == 0 && !used.normalize && !used.attention && !used.filter);
    assert_int_equal(used.size, sizeof used);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

/* Of a header in which structs have more. */
struct newer_options {
    lmvr_session_options known;
    int unknown;
};

struct newer_image {
    lmvr_image known;
    int unknown;
};

static void what_a_newer_program_sets_is_refused_and_else_it_works(void **state)
{
    (void)state;
    lmvr_model *model;
    lmvr_session *session;
    struct newer_options newer;
    assert_int_equal(lmvr_model_open(MODEL, LMVR_DTYPE_F32, 1, &model, &error), LMVR_OK);
    lmvr_session_options_default_sized(&newer.known, sizeof newer);
    assert_int_equal(newer.unknown, 0);
    newer.known.max_new_tokens = 2;
    assert_int_equal(lmvr_session_create(model, &newer.known, &session, &error), LMVR_OK);
    struct newer_image image = {.known = {.path = WIDE}, .unknown = 1};
    assert_int_equal(lmvr_session_submit_sized(session, &image.known, sizeof image, NULL, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "lmvr_image: sets what version " LMVR_VERSION " of the library does not know");
    image.unknown = 0;
    assert_int_equal(lmvr_session_submit_sized(session, &image.known, sizeof image, NULL, &error), LMVR_OK);
    lmvr_session_free(session);
    newer.unknown = 1;
    assert_int_equal(lmvr_session_create(model, &newer.known, &session, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "lmvr_session_options: sets what version " LMVR_VERSION " of the library does not know");
    lmvr_model_free(model);
}

static void options_that_do_not_say_their_size_are_refused(void **state)
{
    (void)state;
    lmvr_model *model, *none;
    lmvr_session *session;
    lmvr_model_options opening = {0};
    assert_int_equal(lmvr_model_open(MODEL, LMVR_DTYPE_F32, 1, &model, &error), LMVR_OK);
    assert_int_equal(lmvr_model_open_with(MODEL, &opening, &none, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "options.size is 0"));
    lmvr_session_options options = {.size = 1 << 20, .max_new_tokens = 1, .top_p = 1};
    assert_int_equal(lmvr_session_create(model, &options, &session, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "options.size is 1048576"));
    lmvr_model_free(model);
}

static int count_good(const lmvr_result *result, void *user)
{
    *(size_t *)user += result->status == LMVR_OK && result->index == *(size_t *)user;
    return 0;
}

static void lists_of_older_and_newer_images_are_lists_of_images(void **state)
{
    (void)state;
    struct {
        const char *path;
        const uint8_t *rgb;
    } older[3] = {{.path = WIDE}, {.path = TALL}, {.path = WIDE}};
    struct newer_image newer[3] = {{{.path = TALL}, 0}, {{.path = WIDE}, 0}, {{.path = TALL}, 0}};
    lmvr_model *model;
    lmvr_session *session;
    lmvr_session_options options;
    size_t good = 0;
    assert_int_equal(lmvr_model_open(MODEL, LMVR_DTYPE_F32, 1, &model, &error), LMVR_OK);
    lmvr_session_options_default(&options);
    options.max_new_tokens = 2;
    assert_int_equal(lmvr_session_create(model, &options, &session, &error), LMVR_OK);
    const lmvr_image *list = (const lmvr_image *)(const void *)older;
    assert_int_equal(lmvr_embed_sized(session, list, sizeof *older, 3, count_good, &good, &error), LMVR_OK);
    assert_int_equal(good, 3);
    good = 0;
    assert_int_equal(lmvr_embed_sized(session, &newer->known, sizeof *newer, 3, count_good, &good, &error), LMVR_OK);
    assert_int_equal(good, 3);
    newer[1].unknown = 7;
    good = 0;
    assert_int_equal(lmvr_embed_sized(session, &newer->known, sizeof *newer, 3, count_good, &good, &error), LMVR_ERROR_INVALID);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void a_program_compiled_with_the_old_header_runs(void **state)
{
    (void)state;
    FILE *program = popen(OLD_CALLER " " MODEL " " WIDE " " TALL, "r");
    char text[4096] = {0};
    assert_non_null(program);
    (void)!fread(text, 1, sizeof text - 1, program);
    assert_int_equal(pclose(program), 0);
    assert_string_equal(text, "a model of 2 parts\n0 embedded\n1 embedded\n0 fed\n1 fed\n2 full\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_lies_where_it_lay_and_every_constant_is_what_it_was),
        cmocka_unit_test(what_lies_behind_an_older_struct_is_not_written),
        cmocka_unit_test(options_that_end_earlier_have_defaults_there),
        cmocka_unit_test(what_a_newer_program_sets_is_refused_and_else_it_works),
        cmocka_unit_test(options_that_do_not_say_their_size_are_refused),
        cmocka_unit_test(lists_of_older_and_newer_images_are_lists_of_images),
        cmocka_unit_test(a_program_compiled_with_the_old_header_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
