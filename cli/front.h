/* The way from main() to a command, which lmvr and the programs beside it share. */
#ifndef LMVR_CLI_FRONT_H
#define LMVR_CLI_FRONT_H

#include "cli.h"

/* Call it first: it sees to closed standard streams and to signals. */
void front_begin(void);

/* Runs a command; argv[0] is its last word, argv[1..] its options and inputs. Returns the exit status. */
int front_run(const struct command *command, int argc, char **argv);

#endif
