/* Tars made in a test, of the form ustar, right and wrong. */
#ifndef LMVR_TESTS_TAR_MADE_H
#define LMVR_TESTS_TAR_MADE_H

#include "scratch.h"

#define TAR_BLOCK 512

/* Starts a file. */
UNUSED static FILE *tar_begin(const char *path)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    return file;
}

/* A member's header, of any size and type: '0' for a file, '5' for a folder, '2' for a link. */
UNUSED static void tar_header(FILE *file, const char *name, size_t size, char type)
{
    char block[TAR_BLOCK] = {0};
    unsigned sum = 0;
    snprintf(block, 100, "%s", name);
    snprintf(block + 100, 8, "%07o", 0644);
    snprintf(block + 108, 8, "%07o", 0);
    snprintf(block + 116, 8, "%07o", 0);
    snprintf(block + 124, 12, "%011o", (unsigned)size);
    snprintf(block + 136, 12, "%011o", 0);
    memset(block + 148, ' ', 8);
    block[156] = type;
    memcpy(block + 257, "ustar\00000", 8);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum);
    assert_int_equal(fwrite(block, 1, TAR_BLOCK, file), TAR_BLOCK);
}

UNUSED static void tar_bytes(FILE *file, const void *bytes, size_t size)
{
    static const char zeros[TAR_BLOCK];
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    size_t over = size % TAR_BLOCK;
    if (over)
        assert_int_equal(fwrite(zeros, 1, TAR_BLOCK - over, file), TAR_BLOCK - over);
}

UNUSED static void tar_add(FILE *file, const char *name, const char *text)
{
    tar_header(file, name, strlen(text), '0');
    tar_bytes(file, text, strlen(text));
}

/* Ends the archive and the file. */
UNUSED static void tar_end(FILE *file)
{
    static const char zeros[2 * TAR_BLOCK];
    tar_bytes(file, zeros, sizeof zeros);
    assert_int_equal(fclose(file), 0);
}

#endif
