/* The test program in the place of Python with lmvr.parquet: it copies files, between the marks of Parquet. */
#ifndef LMVR_TESTS_CLI_PARQUET_MADE_H
#define LMVR_TESTS_CLI_PARQUET_MADE_H

#include "scratch.h"

#include <signal.h>
#include <sys/prctl.h>

/* From now on `lmvr` runs this program for Parquet, which does as `how` says; NULL: what it should. */
UNUSED static void parquet_by_test(const char *how)
{
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    setenv("LMVR_PYTHON", self, 1);
    setenv("PARQUET_MADE", how ? how : "", 1);
}

/* What main() has to return first where this is true. */
static bool parquet_is_asked(int argc, char **argv)
{
    return argc > 3 && strcmp(argv[1], "-m") == 0 && strcmp(argv[2], "lmvr.parquet") == 0;
}

/* A word of a call; false: there are no more. */
static bool parquet_word(char word[512])
{
    size_t length = 0;
    int c;
    while ((c = getchar()) > 0 && length < 511)
        word[length++] = (char)c;
    word[length] = '\0';
    return c == 0;
}

static void parquet_copy(const char *index, const char *path, const char *how)
{
    size_t lines = 0;
    char *text = read_bytes(index, NULL);
    FILE *file = text && strcmp(how, "full") != 0 ? fopen(path, "we") : NULL;
    for (char *c = text; c && *c; c++)
        lines += *c == '\n';
    if (file) {
        fprintf(file, "%s\n%sPAR1", strcmp(how, "garbage") == 0 ? "none" : "PAR1", text);
        fclose(file);
        printf("%zu rows\n", lines + (strcmp(how, "more") == 0));
    } else {
        printf("no space\n");
    }
    fflush(stdout);
    free(text);
}

static int parquet_main(int argc, char **argv)
{
    char kind[512], index[512], path[512];
    const char *how = getenv("PARQUET_MADE");
    bool lists = argc == 5 && strcmp(argv[3], "lines") == 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (strcmp(how, "missing") == 0) {
        fprintf(stderr, "Traceback\n  ...\nno pyarrow\n\n");
        return 1;
    }
    while (strcmp(how, "endless") == 0) /* until nobody reads it */
        if (printf("%01000d", 7) < 0)
            return 1;
    printf("ready\n");
    if (fflush(stdout) != 0)
        return 1;
    if (lists) /* the file has them */
        return execlp("cat", "cat", argv[4], (char *)NULL);
    if (strcmp(how, "says") == 0)
        fprintf(stderr, "out of room\n%01000d\n", 7);
    if (strcmp(how, "killed") == 0)
        raise(SIGKILL);
    while (strcmp(how, "dead") != 0 && strcmp(how, "says") != 0 && parquet_word(kind) && parquet_word(index) &&
           parquet_word(path))
        parquet_copy(index, path, how);
    return 0;
}

#endif
