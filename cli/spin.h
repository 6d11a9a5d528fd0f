/* Limits how long OpenMP's threads busy-wait. */
#ifndef LMVR_CLI_SPIN_H
#define LMVR_CLI_SPIN_H

/* Has OpenMP's threads spin for a short time before they sleep, unless the caller's environment says how long. Its library
 * reads the environment before main(), so the program is started anew, once. Where that cannot be done, nothing changes. */
void spin_briefly(char **argv);

#endif
