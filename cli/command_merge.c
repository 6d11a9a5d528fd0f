/* lmvr merge: checks that the parts of results are all there. */
#include "cli.h"
#include "error.h"
#include "store/whole.h"

#include <stdio.h>

#define MOST_SENTENCES 20

static void on_wrong(const char *sentence, void *user)
{
    size_t *count = user;
    if (++*count <= MOST_SENTENCES)
        complain("%s", sentence);
}

int command_merge(const struct options *options)
{
    lmvr_error error;
    struct whole whole;
    size_t wrong = 0;
    if (options->input_count != 1) {
        complain("one folder with results in parts is expected");
        return EXIT_CANNOT;
    }
    lmvr_status status = whole_check(options->inputs[0], on_wrong, &wrong, &whole, &error);
    if (status == LMVR_ERROR_RESOURCE) {
        complain("%s", error.message);
        return EXIT_STOPPED;
    }
    if (status != LMVR_OK)
        return cannot(status, &error);
    if (wrong > MOST_SENTENCES)
        complain("and so are %zu others", wrong - MOST_SENTENCES);
    printf("%zu of %zu parts are whole: %llu inputs, %llu rows, %llu failed\n", whole.good, whole.parts,
           (unsigned long long)whole.inputs, (unsigned long long)whole.rows, (unsigned long long)(whole.inputs - whole.rows));
    if (!flush_stdout())
        return EXIT_STOPPED;
    return wrong ? EXIT_SOME_FAILED : EXIT_DONE;
}
