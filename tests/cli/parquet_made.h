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

static int parquet_main(int argc, char **argv)
{
    const char *how = getenv("PARQUET_MADE");
    bool lists = argc == 5 && strcmp(argv[3], "lines") == 0, checks = argc == 4 && strcmp(argv[3], "check") == 0,
         garbage = strcmp(how, "garbage") == 0;
    size_t size, lines = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!lists) {
        printf("begun\n");
        if (fflush(stdout) != 0)
            return 1;
    }
    if (strcmp(how, "missing") == 0 || (!checks && strcmp(how, "full") == 0)) {
        fprintf(stderr, "Traceback\n  ...\nno %s\n\n", checks ? "pyarrow" : "space");
        return 1;
    }
    if (checks) {
        printf("ready\n");
        return 0;
    }
    if (lists) /* the file has them */
        return execlp("cat", "cat", argv[4], (char *)NULL);
    char *text = argc == 6 ? read_bytes(argv[4], &size) : NULL;
    FILE *file = text ? fopen(argv[5], "we") : NULL;
    if (!file)
        return 1;
    for (char *c = text; *c; c++)
        lines += *c == '\n';
    fprintf(file, "%s\n%sPAR1", garbage ? "none" : "PAR1", text);
    fclose(file);
    free(text);
    printf("%zu rows\n", lines + (strcmp(how, "more") == 0));
    return 0;
}

#endif
