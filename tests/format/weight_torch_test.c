/* Files of PyTorch's own (tests/golden/make_golden_torch.py), whole, changed and cut. */
#include "format/safetensors_file.h"
#include "format/weight_file.h"

#include <fcntl.h>

static lmvr_error error;

static const char *golden(const char *name)
{
    static char path[600];
    snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/torch/%s", name);
    return path;
}

static struct weight_file *open_good(const char *path)
{
    struct weight_file *file;
    if (weight_file_open(path, &file, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return file;
}

static void assert_refused(const char *path, const char *part)
{
    struct weight_file *file;
    assert_int_equal(weight_file_open(path, &file, &error), LMVR_ERROR_INVALID);
    assert_null(file);
    assert_contains(error.message, path);
    assert_contains(error.message, part);
}

static void *read_whole(const struct weight_file *file, const struct weight_entry *entry)
{
    void *bytes = malloc(entry->size + 1);
    assert_non_null(bytes);
    if (file->format->read_bytes(file, entry, 0, entry->size, bytes, &error) != LMVR_OK)
        fail_msg("%s: %s", entry->name, error.message);
    return bytes;
}

static void assert_same_parts(const struct weight_file *file, const struct weight_entry *entry,
                              const struct weight_file *wanted, const struct weight_entry *other)
{
    uint64_t count = weight_entry_elements(entry);
    float found[32], expected[32];
    for (uint64_t first = 0; first <= count; first++) {
        for (uint64_t n = 0; n <= count - first; n++) {
            if (file->format->read(file, entry, first, n, found, &error) != LMVR_OK)
                fail_msg("%s: %s", entry->name, error.message);
            assert_int_equal(wanted->format->read(wanted, other, first, n, expected, &error), LMVR_OK);
            if (n > 0)
                assert_memory_equal(found, expected, n * sizeof *found);
        }
        assert_int_equal(file->format->read(file, entry, first, count - first + 1, found, &error), LMVR_ERROR_INVALID);
    }
}

static void assert_same(const char *name)
{
    struct weight_file *file = open_good(golden(name)), *expected = open_good(golden("expected.safetensors"));
    assert_int_equal(file->count, expected->count);
    for (size_t i = 0; i < file->count; i++) {
        const struct weight_entry *entry = &file->entries[i], *other = &expected->entries[i];
        assert_string_equal(entry->name, other->name);
        assert_string_equal(entry->dtype, other->dtype);
        assert_true(entry->is_float == other->is_float && entry->dims == other->dims && entry->size == other->size &&
                    entry->unit == other->unit);
        assert_memory_equal(entry->shape, other->shape, sizeof(int64_t) * (size_t)entry->dims);
        assert_ptr_equal(weight_file_find(file, entry->name), entry);
        void *a = read_whole(file, entry), *b = read_whole(expected, other);
        if (entry->size > 0)
            assert_memory_equal(a, b, entry->size);
        free(a);
        free(b);
        if (entry->is_float)
            assert_same_parts(file, entry, expected, other);
    }
    weight_file_close(file);
    weight_file_close(expected);
}

static void the_archive_of_every_protocol_holds_the_tensors(void **state)
{
    (void)state;
    assert_same("protocol2.bin");
    assert_same("protocol4.bin");
    assert_same("protocol5.bin");
}

static void an_archive_of_another_writer_is_read(void **state)
{
    (void)state;
    assert_same("python.bin");
    assert_same("zip64.bin");
}

static void the_form_before_archives_is_read(void **state)
{
    (void)state;
    assert_same("old.bin");
}

static void a_models_part_of_a_trainings_checkpoint_is_read(void **state)
{
    (void)state;
    assert_same("nested.bin");
}

static void types_that_no_weight_has_are_named(void **state)
{
    (void)state;
    struct weight_file *file = open_good(golden("float8.bin"));
    float out[3];
    assert_string_equal(weight_file_find(file, "e4m3")->dtype, "F8_E4M3");
    assert_string_equal(weight_file_find(file, "e5m2")->dtype, "F8_E5M2");
    const struct weight_entry *entry = weight_file_find(file, "u16");
    assert_string_equal(entry->dtype, "U16");
    assert_false(entry->is_float);
    assert_int_equal(file->format->read(file, entry, 0, 1, out, &error), LMVR_ERROR_INVALID);
    weight_file_close(file);
}

static void what_a_pickle_would_run_is_refused_by_name(void **state)
{
    (void)state;
    assert_refused(golden("command.bin"), "names posix.system, which is not part of weights");
    assert_refused(golden("module.bin"), "names torch.nn.modules.linear.Linear");
}

static void what_is_no_state_dict_is_refused(void **state)
{
    (void)state;
    assert_refused(golden("list.bin"), "holds no state dict");
    assert_refused(golden("no_tensors.bin"), "holds no state dict");
}

static void tensors_that_do_not_fit_their_storage_are_refused(void **state)
{
    (void)state;
    assert_refused(golden("short_storage.bin"), "the storage of tensor w is shorter than the pickle says");
    assert_refused(golden("expanded.bin"), "tensor w repeats elements");
}

static void other_archives_are_refused(void **state)
{
    (void)state;
    assert_refused(golden("big_endian.bin"), "another order");
    assert_refused(golden("compressed.bin"), "is compressed");
    write_bytes("empty.zip", "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    struct weight_file *file;
    assert_int_equal(weight_file_open("empty.zip", &file, &error), LMVR_ERROR_INVALID); /* not even one file */
    assert_null(file);
}

/* A change may leave a file that can be read; then all of it can. */
static void read_all(const char *path)
{
    struct weight_file *file;
    if (weight_file_open(path, &file, &error) != LMVR_OK)
        return;
    for (size_t i = 0; i < file->count; i++)
        free(read_whole(file, &file->entries[i]));
    weight_file_close(file);
}

static void try_changes(const char *name)
{
    size_t size;
    char *bytes = read_bytes(golden(name), &size);
    write_bytes("changed", bytes, size);
    int fd = open("changed", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i < size; i++) {
        for (int change = 0; change < 2 && bytes[i] != 'Z'; change++) { /* which PyTorch fills with */
            char changed = change == 0 ? (char)0xff : (char)(bytes[i] ^ 1);
            assert_int_equal(pwrite(fd, &changed, 1, (off_t)i), 1);
            read_all("changed");
        }
        assert_int_equal(pwrite(fd, &bytes[i], 1, (off_t)i), 1);
    }
    close(fd);
    free(bytes);
}

static void any_byte_may_be_changed(void **state)
{
    (void)state;
    try_changes("float8.bin");
}

static void cut_files_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"float8.bin", "python.bin", "old.bin"};
    for (size_t n = 0; n < 3; n++) {
        size_t size;
        char *bytes = read_bytes(golden(names[n]), &size);
        for (size_t cut = 1; cut < size; cut += 37) {
            struct weight_file *file;
            write_bytes("cut", bytes, size - cut);
            assert_int_equal(weight_file_open("cut", &file, &error), LMVR_ERROR_INVALID);
        }
        free(bytes);
    }
}

static void a_file_that_is_cut_while_it_is_open_is_an_error(void **state)
{
    (void)state;
    size_t size;
    float out[6];
    char *bytes = read_bytes(golden("protocol2.bin"), &size);
    write_bytes("open", bytes, size);
    free(bytes);
    struct weight_file *file = open_good("open");
    assert_int_equal(truncate("open", 10), 0);
    static const char *const names[] = {"f32", "f16", "turned", "turned half"};
    for (size_t i = 0; i < 4; i++) {
        const struct weight_entry *entry = weight_file_find(file, names[i]);
        assert_int_not_equal(file->format->read(file, entry, 0, 6, out, &error), LMVR_OK);
        assert_contains(error.message, "open");
    }
    weight_file_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_archive_of_every_protocol_holds_the_tensors),
        cmocka_unit_test(an_archive_of_another_writer_is_read),
        cmocka_unit_test(the_form_before_archives_is_read),
        cmocka_unit_test(a_models_part_of_a_trainings_checkpoint_is_read),
        cmocka_unit_test(types_that_no_weight_has_are_named),
        cmocka_unit_test(what_a_pickle_would_run_is_refused_by_name),
        cmocka_unit_test(what_is_no_state_dict_is_refused),
        cmocka_unit_test(tensors_that_do_not_fit_their_storage_are_refused),
        cmocka_unit_test(other_archives_are_refused),
        cmocka_unit_test(any_byte_may_be_changed),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(a_file_that_is_cut_while_it_is_open_is_an_error),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
