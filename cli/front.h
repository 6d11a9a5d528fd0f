/* From main() to a command, shared by lmvr and its companion programs. */
#ifndef LMVR_CLI_FRONT_H
#define LMVR_CLI_FRONT_H

#include "cli.h"

/* Call it first: it handles closed standard streams and signals. */
void front_begin(void);

/* Runs a command; argv[0] is the last word of its name, argv[1..] its options and inputs. Returns the exit status. */
int front_run(const struct command *command, int argc, char **argv);

#endif
