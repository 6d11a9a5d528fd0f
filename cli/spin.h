/* Limits how long OpenMP's threads busy-wait. */
#ifndef LMVR_CLI_SPIN_H
#define LMVR_CLI_SPIN_H

#include <stdbool.h>

/* Makes OpenMP's threads spin only briefly before they sleep, unless the environment says how long; in a server, which shares
 * the processors with its clients, more briefly. OpenMP reads the environment before main(), so the program restarts itself,
 * once. If it cannot, nothing changes. */
void spin_briefly(char **argv, bool server);

#endif
