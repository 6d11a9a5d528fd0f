/* A test's own folder, and whole files read and written, for the tests that use the disk. */
#ifndef LMVR_TESTS_SCRATCH_H
#define LMVR_TESTS_SCRATCH_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define UNUSED __attribute__((unused))

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

UNUSED static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* cmocka set-up and tear-down: the test runs in a new folder, which is removed afterwards. */
UNUSED static int enter_folder(void **state)
{
    char template[] = "/tmp/lmvr-test-XXXXXX";
    if (!mkdtemp(template) || chdir(template) != 0)
        return -1;
    *state = strdup(template);
    return *state ? 0 : -1;
}

UNUSED static int leave_folder(void **state)
{
    if (chdir("/tmp") != 0)
        return -1;
    remove_tree(*state);
    free(*state);
    return 0;
}

UNUSED static void write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

UNUSED static void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

UNUSED static void append_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "ae");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The whole file, NUL-terminated, to be freed; NULL if there is none. */
UNUSED static char *read_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char *bytes = NULL;
    size_t space = 0, n = 0, got;
    do {
        space = space * 2 + 65536;
        bytes = realloc(bytes, space + 1);
        assert_non_null(bytes);
        got = fread(bytes + n, 1, space - n, file);
        n += got;
    } while (got > 0);
    fclose(file);
    bytes[n] = '\0';
    if (size)
        *size = n;
    return bytes;
}

UNUSED static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

UNUSED static long size_of_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

UNUSED static bool is_same_file(const char *a, const char *b)
{
    size_t size_a = 0, size_b = 0;
    char *bytes_a = read_bytes(a, &size_a), *bytes_b = read_bytes(b, &size_b);
    bool same = bytes_a && bytes_b && size_a == size_b && memcmp(bytes_a, bytes_b, size_a) == 0;
    free(bytes_a);
    free(bytes_b);
    return same;
}

UNUSED static void assert_same_file(const char *a, const char *b)
{
    if (!is_same_file(a, b))
        fail_msg("%s and %s differ", a, b);
}

#endif
