/* The first SIGINT, SIGTERM or SIGHUP asks a run to stop after the current image; a second one ends the program at once. */
#ifndef LMVR_CLI_INTERRUPT_H
#define LMVR_CLI_INTERRUPT_H

#include <stdbool.h>

void interrupt_install(void);
bool interrupt_came(void);

#endif
