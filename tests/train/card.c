/* The tests of what a GPU trains, and of sampling, on a real one: one program, so that it can be taken to another machine. */
#include "card.h"

#include <stddef.h>
#include <stdio.h>

int main(void)
{
    int (*const tests[])(void) = {run_golden,         run_tape_linear, run_tape_attention, run_tape_loss,
                                  run_tape_pointwise, run_tape_rows,   run_sample};
    int failed = 0;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        failed += tests[i]();
    printf("%d tests failed\n", failed);
    return failed > 0;
}
