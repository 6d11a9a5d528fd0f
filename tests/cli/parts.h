/* Results in parts, read as one. */
#ifndef LMVR_TESTS_CLI_PARTS_H
#define LMVR_TESTS_CLI_PARTS_H

#include "scratch.h"

/* The bytes of OUTPUT/FOLDER/part-NUMBER.ENDING, but for `header` of each, one part behind the other; to be freed. */
UNUSED static char *read_parts(const char *output, const char *folder, const char *ending, size_t header, size_t *size)
{
    char path[512], *all = calloc(1, 1);
    *size = 0;
    for (int i = 0;; i++) {
        size_t length;
        snprintf(path, sizeof path, "%s/%s/part-%05d.%s", output, folder, i, ending);
        char *bytes = exists(path) ? read_bytes(path, &length) : NULL;
        if (!bytes)
            return all;
        assert_true(length >= header);
        all = realloc(all, *size + length - header + 1);
        assert_non_null(all);
        memcpy(all + *size, bytes + header, length - header + 1);
        *size += length - header;
        free(bytes);
    }
}

/* The lines of all parts' indexes; to be freed. */
UNUSED static char *read_lines(const char *output)
{
    size_t size;
    return read_parts(output, "index", "jsonl", 0, &size);
}

/* Asserts that the rows of all parts are those of a run in one. */
UNUSED static void assert_rows(const char *output, const char *name, const char *whole)
{
    char path[512];
    size_t size, expected;
    snprintf(path, sizeof path, "%s/%s.npy", whole, name);
    char *one = read_bytes(path, &expected), *rows = read_parts(output, name, "npy", 128, &size);
    assert_int_equal(size, expected - 128);
    assert_memory_equal(rows, one + 128, size);
    free(one);
    free(rows);
}

static struct {
    const char *from, *to; /* NULL: files are only counted */
    size_t files;
} compared;

static int compare_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    char other[512];
    (void)st, (void)ftw;
    if (type != FTW_F)
        return 0;
    compared.files++;
    snprintf(other, sizeof other, "%s%s", compared.to ? compared.to : "", path + strlen(compared.from));
    if (compared.to)
        assert_same_file(path, other);
    return 0;
}

/* Asserts that two folders have the same files. */
UNUSED static void assert_same_tree(const char *a, const char *b)
{
    compared.from = a;
    compared.to = b;
    compared.files = 0;
    assert_int_equal(nftw(a, compare_entry, 16, FTW_PHYS), 0);
    size_t files = compared.files;
    compared.from = b;
    compared.to = NULL;
    compared.files = 0;
    assert_int_equal(nftw(b, compare_entry, 16, FTW_PHYS), 0);
    assert_int_equal(compared.files, files);
}

#endif
