#include "lab/dataset/listing.h"

#include "layout.h"

static void test_entries_come_in_the_order_of_their_bytes(void **state)
{
    (void)state;
    struct listing listing;
    put_images("d/b.jpg d/B.jpg d/\xff d/sub/x d/.hidden d/.git/x");
    assert_int_equal(mkfifo("d/pipe.jpg", 0666), 0);
    assert_int_equal(symlink("b.jpg", "d/link.jpg"), 0);
    assert_int_equal(symlink("sub", "d/linked"), 0);
    assert_int_equal(symlink("nowhere", "d/broken.jpg"), 0);
    assert_int_equal(listing_read("d", &listing, NULL), LMVR_OK);
    assert_int_equal(listing.files.count, 4);
    assert_string_equal(names_get(&listing.files, 0), "B.jpg");
    assert_string_equal(names_get(&listing.files, 1), "b.jpg");
    assert_string_equal(names_get(&listing.files, 2), "link.jpg");
    assert_string_equal(names_get(&listing.files, 3), "\xff");
    assert_int_equal(listing.folders.count, 2);
    assert_string_equal(names_get(&listing.folders, 0), "linked");
    assert_string_equal(names_get(&listing.folders, 1), "sub");
    listing_finish(&listing);
    lmvr_error error;
    assert_int_equal(listing_read("no", &listing, &error), LMVR_ERROR_INVALID);
    assert_words(error.message, "no: cannot read");
}

static bool is_there(struct present *present, const char *path)
{
    bool there;
    assert_int_equal(present_ask(present, path, &there, NULL), LMVR_OK);
    return there;
}

static void test_files_are_found_and_each_folder_is_read_once(void **state)
{
    (void)state;
    struct present present = {0};
    put_images("d/a.jpg d/sub/b.jpg top.jpg");
    assert_true(is_there(&present, "d/a.jpg"));
    assert_true(is_there(&present, "d/sub/b.jpg"));
    assert_true(is_there(&present, "top.jpg"));
    assert_false(is_there(&present, "d/b.jpg"));
    assert_false(is_there(&present, "d/sub"));
    assert_false(is_there(&present, "d/sub/"));
    assert_false(is_there(&present, "no/a.jpg"));
    assert_false(is_there(&present, "top.jpg/a.jpg"));
    assert_false(is_there(&present, ""));
    put_images("d/late.jpg");
    assert_false(is_there(&present, "d/late.jpg"));
    present_finish(&present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_entries_come_in_the_order_of_their_bytes),
        IN_SCRATCH(test_files_are_found_and_each_folder_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
